"""Build a deeper or wider generator that computes what a trained one does (Net2Net)."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator

BOUNDS = (".settle.hole_scale", ".settle.known_scale")
"""The scales of a residual block's second normalisation: at zero the block adds nothing, and still learns."""

UNEVEN = 0.3
"""How far from equal the shares of a channel's copies are: equal copies would learn the same forever."""


def net2net(trained: Generator, config: GeneratorConfig, seed: int = 0) -> Generator:
    """Return a generator of shape ``config`` that fills every hole as ``trained`` does.

    Net2Net, Chen et al., ICLR 2016. *Deeper*: blocks that ``trained`` lacks are appended to its own and add nothing at
    first (a residual block's scale at zero in the place of an identity layer). *Wider*: a level with a multiple of the
    channels holds copies of each, and what reads them weighs the copies unevenly, by a choice that ``seed`` makes, so
    that they part in training. All channels of a level are copied equally often, or the mean over channels in RN-L
    would change. Without more channels the fill is the same to the bit, else up to rounding.

    Raises:
        ValueError: ``config`` has fewer blocks, widths that are not multiples, another norm, or other dilations in the
            blocks that both have.
    """
    ours, theirs = config, trained.config
    shared = zip(
        (ours.coarse_dilations, ours.dilations), (theirs.coarse_dilations, theirs.dilations), strict=True
    )  # fmt: skip
    if any(long[: len(short)] != short for long, short in shared) or (ours.start, ours.norm) != (
        theirs.start,
        theirs.norm,
    ):
        raise ValueError(f"{ours} does not contain {theirs}")
    grown = Generator(config)
    source, state = trained.state_dict(), grown.state_dict()
    if any(name not in state or not _multiple(state[name], value) for name, value in source.items()):
        raise ValueError(f"{ours} does not contain {theirs}")
    choice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in state.items():
            if name in source:
                value.copy_(_copied(source[name], value.shape, choice))
            elif name.endswith(BOUNDS):
                value.zero_()
    return grown


def _multiple(wide: Tensor, narrow: Tensor) -> bool:
    """Return whether a parameter has room for equally many copies of each channel of another."""
    return wide.dim() == narrow.dim() and all(
        more % less == 0 and (dim < 2 or more == less)
        for dim, (more, less) in enumerate(zip(wide.shape, narrow.shape, strict=True))
    )


def _copied(narrow: Tensor, shape: torch.Size, choice: torch.Generator) -> Tensor:
    """Return the parameter with its channels repeated, and the weights that read copies split among them."""
    if narrow.shape == shape:
        return narrow
    if narrow.shape[0] == 1 and narrow.dim() == 4:  # a scale or shift of RN-B: (1,C,1,1), written and not read
        return narrow.repeat_interleave(shape[1] // narrow.shape[1], 1)
    wide = narrow.repeat_interleave(shape[0] // narrow.shape[0], 0)
    if narrow.dim() == 1 or shape[1] == narrow.shape[1]:
        return wide
    copies = shape[1] // narrow.shape[1]
    share = torch.rand(*wide.shape[:2], copies, 1, 1, generator=choice) * 2 * UNEVEN + 1 / copies - UNEVEN
    share += (1 - share.sum(dim=2, keepdim=True)) / copies
    return (wide[:, :, None] * share).flatten(1, 2)
