"""Put scales without statistics in the place of a trained generator's region normalisations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.generator import Generator
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.norms import Affine, RegionAffine


def drop_statistics(trained: Generator, norm: str, batches: Iterable[tuple[Tensor, Tensor]]) -> Generator:
    """Return a generator that normalises as ``norm`` says and fills nearly as ``trained``, for training to go on from.

    Each scale and shift that takes the place of a normalisation is the line through the values before and after it
    that fits best, by least squares, over all pixels of its region in the batches.

    Args:
        trained: normalises by region wherever the result does.
        norm: of the result, a name of ``norms``.
        batches: pictures (N,3,H,W) float32 0..1 and holes (N,1,H,W) float32 0/1.

    Raises:
        ValueError: ``trained`` lacks a normalisation that the result has.
    """
    result = Generator(replace(trained.config, norm=norm))
    norms = {
        name: one
        for name, one in result.named_modules()
        if isinstance(one, BasicRegionNorm | LearnedRegionNorm | Affine)
    }
    places = {name: one for name, one in norms.items() if type(one) is not type(trained.get_submodule(name))}
    if not all(isinstance(one, RegionAffine | Affine) for one in places.values()):
        raise ValueError(f"weights with norm {trained.config.norm!r} lack normalisations that {norm!r} has")
    lines = {name: [_Line(), _Line()] if isinstance(one, RegionAffine) else [_Line()] for name, one in places.items()}
    hooks = [trained.get_submodule(name).register_forward_hook(_watch(found)) for name, found in lines.items()]
    with torch.no_grad():
        for image, hole in batches:
            trained(image, hole)
        for hook in hooks:
            hook.remove()
        fitted = tuple(f"{name}." for name in lines)
        common = {key: value for key, value in trained.state_dict().items() if not key.startswith(fitted)}
        result.load_state_dict({**result.state_dict(), **common})
        for name, found in lines.items():
            for parameter, value in zip(
                places[name].parameters(), (v for one in found for v in one.fit()), strict=True
            ):
                parameter.copy_(value[None, :, None, None])
    return result


class _Line:
    """Sums for the best line through pairs of values, for each channel."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None

    def add(self, before: Tensor, after: Tensor, weight: Tensor) -> None:
        """Add maps (N,C,H,W) before and after a normalisation, where ``weight`` (N,1,H,W) is 1."""
        before, after, weight = before.double(), after.double(), weight.double()
        terms = (torch.ones_like(before), before, after, before * before, before * after)
        sums = torch.stack([(term * weight).sum(dim=(0, 2, 3)) for term in terms])
        self._sums = sums if self._sums is None else self._sums + sums

    def fit(self) -> tuple[Tensor, Tensor]:
        """Return scale and shift of each channel, (C,)."""
        assert self._sums is not None
        count, before, after, square, product = self._sums
        count = count.clamp_min(1.0)
        mean, target = before / count, after / count
        scale = (product / count - mean * target) / (square / count - mean * mean).clamp_min(1e-6)
        return scale.float(), (target - scale * mean).float()


def _watch(lines: list[_Line]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    """Return a hook that adds what a normalisation does to its line, or to those of hole and known region."""

    def hook(_: nn.Module, given: tuple[Tensor, ...], after: Tensor) -> None:
        before, *hole = given
        if len(lines) == 1:
            lines[0].add(before, after, torch.ones_like(before[:, :1]))
        else:
            lines[0].add(before, after, hole[0])
            lines[1].add(before, after, 1.0 - hole[0])

    return hook
