"""Find connected components of what stands out, and measure what they are classified by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.classical.local_contrast import STEP, LocalContrast

#: Scores at which the picture is cut into components. What is connected with the picture's own lines at a low cut is
#: separate at a higher one, and what breaks up at a high cut is whole at a lower one.
CUTS = (0.55, 1.1, 2.0)
#: A component ends where its contrast falls below this share of its highest: line filters also respond beside a line.
FALLOFF = 0.35
#: A component needs a pixel of this multiple of its cut, which drops what is only just above it.
RISE = 1.4
#: Components considered on one scan and polarity; the faintest beyond that are ignored.
MOST = 20_000

Column = NDArray[np.float64]


@dataclass(frozen=True)
class MeasuredComponents:
    """Components of one polarity as columns, one row a component.

    Attributes:
        labels: (H,W) int32, 0 for none, i+1 for row i.
        bright: whether they are brighter than their surroundings.
        boxes: (n,4) x, y, width, height.
        area: pixels.
        width, length: of the stroke, in pixels.
        straight: spread across the main axis over the spread along it: 0 a line, 1 a disc.
        contrast: mean grey levels from the surroundings.
        score, peak: mean and highest contrast over the threshold that holds there.
        busy: mean busyness of the neighbourhood, grey levels.
        tone: mean grey level.
        even: standard deviation of grey levels inside.
        below: the same of the background estimated below the component.
        sharp: gradient at the rim, as a share of the contrast per pixel.
        extreme: share of the picture that is brighter (or darker) than the component.
        crowd: share of the neighbourhood that other components cover.
        border: whether it touches the scan's border.
    """

    labels: NDArray[np.int32]
    bright: bool
    boxes: NDArray[np.int64]
    area: Column
    width: Column
    length: Column
    straight: Column
    contrast: Column
    score: Column
    peak: Column
    busy: Column
    tone: Column
    even: Column
    below: Column
    sharp: Column
    extreme: Column
    crowd: Column
    border: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.area)


def find_components(grey: NDArray[np.uint8], found: LocalContrast, *, bright: bool, cut: float) -> MeasuredComponents:
    """Return the components of one polarity at one cut.

    Args:
        grey: the picture.
        found: what stands out from it.
        bright: polarity of `found`.
        cut: the score from which a pixel belongs to a component.
    """
    weak = (found.score >= STEP * cut).astype(np.uint8)
    count, found_labels, stats, _ = cv2.connectedComponentsWithStats(weak, connectivity=8, ltype=cv2.CV_32S)
    labels = np.asarray(found_labels, np.int32)
    crest = _maxima(labels, found.contrast, count)
    labels[found.contrast < FALLOFF * crest.astype(np.float32)[labels]] = 0
    peaks = _maxima(labels, found.score, count)
    keep = peaks >= STEP * cut * RISE
    keep[0] = False
    if keep.sum() > MOST:
        floor = np.sort(peaks[keep])[-MOST]
        keep &= peaks > floor
    renumber = np.zeros(count, np.int32)
    renumber[keep] = np.arange(1, int(keep.sum()) + 1)
    labels = renumber[labels]
    return _measure(grey, found, labels, stats[keep].astype(np.int64), peaks[keep] / STEP, bright=bright)


def _maxima(labels: NDArray[np.int32], values: NDArray[np.uint8], count: int) -> Column:
    result = np.zeros(count)
    where = np.flatnonzero(labels)
    np.maximum.at(result, labels.ravel()[where], values.ravel()[where])
    return result


def _measure(
    grey: NDArray[np.uint8],
    found: LocalContrast,
    labels: NDArray[np.int32],
    stats: NDArray[np.int64],
    peaks: Column,
    *,
    bright: bool,
) -> MeasuredComponents:
    count = len(stats)
    rows, columns = np.nonzero(labels)
    of = labels[rows, columns] - 1
    area = np.maximum(np.bincount(of, minlength=count), 1).astype(np.float64)

    def mean(values: NDArray[np.generic]) -> Column:
        return np.bincount(of, weights=values.astype(np.float64), minlength=count) / area

    x, y = mean(columns), mean(rows)
    dx, dy = columns - x[of], rows - y[of]
    sxx, syy, sxy = mean(dx * dx) + 1 / 12, mean(dy * dy) + 1 / 12, mean(dx * dy)
    spread = np.sqrt((sxx - syy) ** 2 + 4 * sxy**2)
    major, minor = np.sqrt((sxx + syy + spread) / 2), np.sqrt(np.maximum((sxx + syy - spread) / 2, 1 / 12))

    mask = (labels > 0).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L1, 3, dstType=cv2.CV_8U)
    deepest = np.zeros(count)
    np.maximum.at(deepest, of, depth[rows, columns].astype(np.float64))
    width = np.minimum(2 * deepest - 1, np.sqrt(area))

    levels = grey[rows, columns].astype(np.float64)
    contrast = found.contrast[rows, columns].astype(np.float64)
    ground = levels - contrast if bright else levels + contrast
    tone = mean(levels)
    even = np.sqrt(mean((levels - tone[of]) ** 2))
    beneath = np.sqrt(mean((ground - mean(ground)[of]) ** 2))
    rim = depth[rows, columns] <= 1
    slope = _gradient(grey)[rows[rim], columns[rim]]
    rims = np.maximum(np.bincount(of[rim], minlength=count), 1)
    sharp = np.bincount(of[rim], weights=slope, minlength=count) / rims / np.maximum(mean(contrast), 1)
    histogram = np.bincount(
        grey[mask == 0].ravel() if mask.size < 4_000_000 else grey[::2, ::2][mask[::2, ::2] == 0], minlength=256
    )
    below = np.cumsum(histogram) / max(1, histogram.sum())
    level = np.clip(np.round(tone), 0, 255).astype(int)
    extreme = 1 - below[level] if bright else below[np.maximum(level - 1, 0)] * (level > 0)

    quarter = (max(1, mask.shape[1] // 4), max(1, mask.shape[0] // 4))
    shrunk = cv2.resize(mask * np.uint8(255), quarter, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    reach = max(9, round(0.06 * min(grey.shape) / 4)) | 1
    near = cv2.boxFilter(shrunk, -1, (reach, reach))
    cover = near[np.minimum(rows // 4, near.shape[0] - 1), np.minimum(columns // 4, near.shape[1] - 1)]
    own = np.minimum(area, (4.0 * reach) * width) / (16.0 * reach * reach)
    crowd = np.maximum(mean(cover) - own, 0)

    left, top, wide, high = (stats[:, i] for i in range(4))
    border = (left <= 1) | (top <= 1) | (left + wide >= grey.shape[1] - 1) | (top + high >= grey.shape[0] - 1)
    return MeasuredComponents(
        labels=labels, bright=bright, boxes=stats[:, :4], area=area, width=width,
        length=np.maximum(area / np.maximum(width, 1), np.sqrt(12) * major), straight=minor / np.maximum(major, 1e-6),
        contrast=mean(contrast), score=mean(found.score[rows, columns]) / STEP, peak=peaks,
        busy=mean(found.busy[rows, columns]) / 8, tone=tone, even=even, below=beneath, sharp=sharp,
        extreme=extreme, crowd=crowd, border=border,
    )  # fmt: skip


def _gradient(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the gradient in grey levels per pixel, at most 255."""
    across = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0, scale=0.125))
    down = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 0, 1, scale=0.125))
    return cv2.add(across, down).astype(np.uint8, copy=False)
