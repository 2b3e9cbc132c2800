"""Find dust and scratches in a scanner's infrared plane: dyes transmit infrared, dirt and bare scratches block it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.components import classify_shape
from pipeline.detection.postprocess import postprocess
from pipeline.detection.registration import find_shift
from pipeline.detection.types import Component, Detection, Level
from pipeline.imaging.connected_components import connected_components
from pipeline.imaging.resolution import unit_of
from pipeline.imaging.types import Mask, Pixels

Density = NDArray[np.float32]

#: Increased when what is marked changes: it is part of every result's key.
VERSION = 1
#: Long side in pixels of the copy that dyes and lamp are fitted on, and rows processed at a time on the scan itself.
SIDE, ROWS = 900, 512
#: Densities (natural logarithm of the light taken away) in thousandths from which a component is repaired or suggested,
#: and down to which it extends. They are absolute, because something is always the darkest; noise can only raise them.
REPAIR, SUGGEST, REACH = 220, 140, 110
#: The same as multiples of the plane's own noise.
REPAIR_NOISE, SUGGEST_NOISE, REACH_NOISE = 8.0, 5.5, 4.0
#: Above this share of one single value the plane is drawn, not scanned: an alpha channel, a selection.
FLAT = 0.5
#: Infrared density that goes with a unit of visible density: silver has about 1, the cyan of Kodachrome a third and
#: more, other dyes under a tenth.
SILVER, SPREAD = 0.3, 0.05
#: Highest correlation of the residual with the picture, and largest share of the picture that may be dark.
CORRELATION, MOST = 0.35, 0.25
#: Strokes wider than this many units are only suggested; at the border they are the film holder.
WIDEST = 24.0


@dataclass(frozen=True)
class InfraredResult:
    """What an infrared plane shows.

    Attributes:
        detection: what was found; None where the plane is unusable.
        note: how it was used, or why not, in a sentence without a full stop.
    """

    detection: Detection | None
    note: str


def find_in_infrared(pixels: Pixels, plane: Pixels, *, dilate: int = 2, max_coverage: float = 0.15) -> InfraredResult:
    """Return the dust and scratches that an infrared plane shows.

    The plane's density is the sum of what a linear fit to the densities of the colours explains (the dyes' cross-talk,
    fitted without outliers), a smooth part (lamp and fog), and the residual: dirt. Refused is a plane of another size,
    one that was drawn, one that follows the picture as silver and Kodachrome do, and one whose dark parts do not show
    in the picture, because it was cleaned already or is not aligned. Memory: some 16 bytes a pixel beside the scan.

    Args:
        pixels: (H,W) or (H,W,3), uint8 or uint16; the visible channels.
        plane: (H,W) of the same size, uint8 or uint16; dark where infrared was blocked.
        dilate, max_coverage: as for a detector.
    """
    if plane.shape != pixels.shape[:2]:
        sizes = " and ".join(f"{shape[1]} × {shape[0]}" for shape in (plane.shape, pixels.shape[:2]))
        return _unusable(f"it has another size than the scan ({sizes} pixels)")
    if _is_flat(plane):
        return _unusable("it holds one value nearly everywhere, as a selection or an alpha channel does")
    residual = _residual(pixels, plane)
    if isinstance(residual, str):
        return _unusable(residual)
    reach = max(REACH, REACH_NOISE * _noise(residual))
    if np.count_nonzero(residual >= reach) > MOST * residual.size:
        return _unusable("too much of the picture is dark in it")
    shift, note = find_shift(pixels, residual, reach)
    if shift is None:
        return _unusable(note)
    if shift != (0, 0):
        # The dyes' share was fitted to shifted pixels, which leaves an edge beside every edge.
        del residual
        residual = _residual(pixels, _shift(plane, shift))
        if isinstance(residual, str):
            return _unusable(residual)
    found = _find_components(residual, _noise(residual))
    del residual
    detection = postprocess(*found, dilate=dilate, max_coverage=max_coverage)
    return InfraredResult(detection, f"the scanner's infrared plane was used{note}")


def _residual(pixels: Pixels, plane: Pixels) -> NDArray[np.int16] | str:
    """Return the density (H,W) in thousandths that dyes and lamp do not explain; or why the plane is unusable."""
    model = _fit(pixels, plane)
    if isinstance(model, str):
        return model
    residual = np.zeros(plane.shape, np.int16)
    for rows in _strips(plane.shape[0]):
        residual[rows] = model.residual(pixels[rows], plane[rows], rows, plane.shape)
    return residual


def _shift(plane: Pixels, shift: tuple[int, int]) -> Pixels:
    """Return the plane moved by rows and columns, its borders replicated."""
    where = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    moved = cv2.warpAffine(
        plane, where, plane.shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )  # fmt: skip
    return np.asarray(moved, np.uint16) if plane.dtype == np.uint16 else np.asarray(moved, np.uint8)


def _unusable(why: str) -> InfraredResult:
    return InfraredResult(None, f"the infrared plane was not used: {why}")


def _is_flat(plane: Pixels) -> bool:
    step = max(1, int(np.sqrt(plane.size / 250_000)))
    values = plane[::step, ::step]
    return bool(np.bincount(values.ravel()).max() > FLAT * values.size)


def _strips(rows: int) -> Iterator[slice]:
    for top in range(0, rows, ROWS):
        yield slice(top, min(rows, top + ROWS))


def _density(values: NDArray[np.generic], full: float) -> Density:
    """Return the density 0..5.5 of light values, natural logarithm."""
    light = np.asarray(values, np.float32) * np.float32(1 / full)
    return np.asarray(-np.log(np.maximum(light, np.float32(1 / 256))), np.float32)


@dataclass(frozen=True)
class _Model:
    """Predict the plane from the colours: weights (1 or 3,) and a smooth ground on a small copy."""

    weights: NDArray[np.float32]
    ground: Density
    full: tuple[float, float]

    def residual(self, pixels: Pixels, plane: Pixels, rows: slice, shape: tuple[int, ...]) -> NDArray[np.int16]:
        """Return the density of some rows that the model does not explain, in thousandths."""
        colours = _density(pixels if pixels.ndim == 3 else pixels[:, :, None], self.full[0])
        # The ground of these rows, interpolated as the whole of it would be.
        scale = self.ground.shape[0] / shape[0], self.ground.shape[1] / shape[1]
        where = np.array([[scale[1], 0, 0.5 * scale[1] - 0.5], [0, scale[0], (rows.start + 0.5) * scale[0] - 0.5]])
        ground = cv2.warpAffine(
            self.ground, where, (shape[1], plane.shape[0]), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        left = _density(plane, self.full[1]) - colours @ self.weights - ground
        return np.asarray(np.clip(left * 1000, -2000, 6000), np.int16)


def _fit(pixels: Pixels, plane: Pixels) -> _Model | str:
    """Return the dyes' cross-talk and the smooth ground, fitted on a small copy; or why the plane is unusable."""
    scale = min(1.0, SIDE / max(plane.shape))
    full = float(np.iinfo(pixels.dtype).max), float(np.iinfo(plane.dtype).max)
    # Channel by channel: OpenCV would copy a selection of channels.
    channels = [pixels] if pixels.ndim == 2 else [pixels[:, :, number] for number in range(pixels.shape[2])]
    small = [cv2.resize(one, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for one in (*channels, plane)]
    colours = _density(np.stack(small[:-1], axis=2), full[0])
    target = _density(small[-1], full[1])
    table = colours.reshape(-1, colours.shape[2]).astype(np.float64)
    design, wanted = np.column_stack([table, np.ones(len(table))]), target.ravel().astype(np.float64)
    kept = np.ones(len(wanted), bool)
    solution: NDArray[np.floating[Any]] = np.zeros(design.shape[1])
    for _ in range(6):
        solution = np.linalg.lstsq(design[kept], wanted[kept], rcond=None)[0]
        left = wanted - design @ solution
        centre = float(np.median(left[kept]))
        spread = 1.4826 * float(np.median(np.abs(left[kept] - centre))) + 1e-4
        kept = np.abs(left - centre) < 2.5 * spread
        if np.count_nonzero(kept) < 100:
            return "nothing in it follows from the picture"
    weights = solution[:-1]
    explained = table @ weights
    if weights.sum() > SILVER and float(explained[kept].std()) > SPREAD:
        return "it shows the picture itself, as with black-and-white silver film and Kodachrome"
    left = (target - (explained + solution[-1]).reshape(target.shape)).astype(np.float32)
    inside = kept.reshape(target.shape).astype(np.float32)
    sigma = max(target.shape) / 30
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)
    smooth = cv2.GaussianBlur(left * inside, (0, 0), sigma) / np.maximum(weight, 1e-3)
    if _correlates(left - smooth, colours.mean(axis=2), inside > 0):
        return "too much of the picture is left in it after the dyes were taken out"
    return _Model(weights.astype(np.float32), np.asarray(smooth + solution[-1], np.float32), full)


def _correlates(left: Density, visible: Density, inside: NDArray[np.bool_]) -> bool:
    """Return whether the residual still follows the picture, by more than would be marked as dirt here and there."""
    fine = visible - cv2.GaussianBlur(visible, (0, 0), max(visible.shape) / 30)
    one, other = left[inside], fine[inside]
    if one.std() * 1000 < REACH / 4 or other.std() < 0.02:
        return False
    return abs(float(np.corrcoef(one, other)[0, 1])) > CORRELATION


def _noise(residual: NDArray[np.int16]) -> float:
    """Return the standard deviation of the plane's noise in thousandths, from the median deviation."""
    step = max(1, int(np.sqrt(residual.size / 250_000)))
    values = residual[::step, ::step].astype(np.float64)
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _find_components(residual: NDArray[np.int16], noise: float) -> tuple[Mask, Mask, list[Component]]:
    """Return the masks of both levels before dilation, and the components."""
    unit = unit_of(residual)
    components = connected_components(residual, max(REACH, REACH_NOISE * noise))
    peak = components.maxima(residual)
    levels = np.zeros(len(components), np.uint8)
    levels[peak >= max(SUGGEST, SUGGEST_NOISE * noise)] = 1
    levels[peak >= max(REPAIR, REPAIR_NOISE * noise)] = 2
    described = []
    for index in np.flatnonzero(levels).tolist():
        x, y, width, height = (int(n) for n in components.boxes[index])
        kind, shape, stroke = classify_shape(components, index, unit)
        at_border = x == 0 or y == 0 or x + width == residual.shape[1] or y + height == residual.shape[0]
        if stroke > WIDEST * unit:
            levels[index] = 0 if at_border else 1
        if levels[index]:
            level: Level = "repair" if levels[index] == 2 else "suggest"
            taken = 1 - float(np.exp(-peak[index] / 1000))
            reason = f"a {shape}, dark in infrared: it blocks up to {taken:.0%} of the light that dyes transmit"
            area = int(components.areas[index])
            described.append(Component(kind, level, (x, y, width, height), area, None, reason))
    marks = (np.where(levels >= least, np.uint8(255), np.uint8(0)) for least in (2, 1))
    repair, suggest = (components.paint(mark) for mark in marks)
    return repair, suggest, described
