"""Measure each way of filling: what the classifier reads, and how close the fill is to the original."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import nn

from pipeline.engines import load_engine
from pipeline.engines.digits.fill import fill, read
from pipeline.metrics import psnr, ssim
from pipeline.training.digits.datasets import Digits
from pipeline.training.digits.holes import SIZES, centred_hole

if TYPE_CHECKING:
    import pandas as pd

Filler = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
"""Digits (N,28,28) uint8 and holes (N,28,28) to filled digits (N,28,28) uint8; known pixels must not change."""

CLASSICAL = ("telea", "navier-stokes", "biharmonic")
CHUNK = 500


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        method, hole: name of the way of filling, and side of the hole in pixels.
        digits: number of digits.
        accuracy: share of them that the classifier reads correctly.
        psnr_hole: PSNR in dB over the holes of all digits together.
        ssim_hole: mean SSIM over the holes' pixels.
        seconds: time to fill all digits.
    """

    method: str
    hole: int
    digits: int
    accuracy: float
    psnr_hole: float
    ssim_hole: float
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """The measurements.

    Attributes:
        rows: one per way of filling and size of hole.
        whole: the classifier's accuracy on the same digits without a hole.
        filled: the filled digits (N,28,28) uint8 by method and size.
        predictions: the classifier's classes for them, (N,) by method and size.
    """

    rows: tuple[Row, ...]
    whole: float
    filled: dict[tuple[str, int], NDArray[np.uint8]]
    predictions: dict[tuple[str, int], NDArray[np.int64]]

    def of(self, method: str) -> tuple[Row, ...]:
        """Return the rows of one way of filling, by size."""
        return tuple(sorted((row for row in self.rows if row.method == method), key=lambda row: row.hole))

    def table(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])


def fillers(networks: Mapping[str, nn.Module]) -> dict[str, Filler]:
    """Return every way of filling by name: none (holes stay black), the classical engines, and the networks given."""

    def unfilled(images: NDArray[np.uint8], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
        return np.where(holes, 0, images).astype(np.uint8)

    def classical(name: str) -> Filler:
        engine = load_engine(name)

        def apply(images: NDArray[np.uint8], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
            colour = np.repeat((images.astype(np.float32) / np.float32(255))[..., np.newaxis], 3, axis=3)
            colour[holes] = 0
            drawn = engine.fill(colour, holes)[..., 0]
            return np.where(holes, np.rint(np.clip(drawn, 0, 1) * 255), images).astype(np.uint8)

        return apply

    def trained(network: nn.Module) -> Filler:
        return lambda images, holes: fill(network, images, holes)

    ways: dict[str, Filler] = {"masked": unfilled}
    ways |= {name: classical(name) for name in CLASSICAL}
    ways |= {name: trained(network) for name, network in networks.items()}
    return ways


def evaluate(
    digits: Digits,
    classifier: nn.Module,
    ways: Mapping[str, Filler],
    *,
    sizes: tuple[int, ...] = SIZES,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure accuracy, PSNR and SSIM of every way of filling, for centred holes of every size.

    ``progress`` is called with a line of text after each row. Raises ``RuntimeError`` naming a way of filling that
    changed known pixels.
    """
    filled: dict[tuple[str, int], NDArray[np.uint8]] = {}
    predictions: dict[tuple[str, int], NDArray[np.int64]] = {}
    rows: list[Row] = []
    for size in sizes:
        hole = centred_hole(size)
        for name, way in ways.items():
            started = time.perf_counter()
            result = _apply(way, digits.images, hole)
            seconds = time.perf_counter() - started
            if not np.array_equal(result[:, ~hole], digits.images[:, ~hole]):
                raise RuntimeError(f"{name} changed known pixels")
            predicted = read(classifier, result)
            filled[name, size], predictions[name, size] = result, predicted
            row = Row(
                method=name,
                hole=size,
                digits=len(digits),
                accuracy=float((predicted == digits.labels).mean()),
                psnr_hole=_psnr(result, digits.images, hole),
                ssim_hole=_ssim(result, digits.images, hole),
                seconds=seconds,
            )
            rows.append(row)
            if progress is not None:
                progress(f"{name} {size}×{size}: {100 * row.accuracy:.2f} %, {row.psnr_hole:.2f} dB")
    whole = float((read(classifier, digits.images) == digits.labels).mean())
    return Evaluation(tuple(rows), whole, filled, predictions)


def _apply(way: Filler, images: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the digits with the same hole filled, some hundred at a time."""
    parts = [
        way(images[start : start + CHUNK], np.repeat(hole[np.newaxis], len(images[start : start + CHUNK]), axis=0))
        for start in range(0, len(images), CHUNK)
    ]
    return np.concatenate(parts)


def _psnr(filled: NDArray[np.uint8], original: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Return the PSNR in dB over the holes of all digits together.

    It is not the mean of each digit's PSNR, which is infinite for a black hole that is filled black.
    """
    return psnr(filled[:, hole], original[:, hole], data_range=255)


def _ssim(filled: NDArray[np.uint8], original: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Return the SSIM over the pixels of the hole, mean over digits."""
    values = [ssim(one, other, data_range=255, mask=hole) for one, other in zip(filled, original, strict=True)]
    return float(np.mean(values))
