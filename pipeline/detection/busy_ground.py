"""Find marks that may be a texture of the picture: foliage and grass are doubted all over, and so are marks there.

Where the network doubts what surrounds a mark, its answer to the mark itself says little. Damage still differs from
such a ground: it covers the texture. What stands on fine texture, or is textured itself like what surrounds it, must be
surer than that; so must what differs from its ground by hardly more than the ground does from itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.marks import BACKGROUND, SQUARE, Flags, MarkedScan, average_around
from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.luminance import luminance
from pipeline.imaging.types import Mask

#: Probability in 1/255 of a mark that no ground makes doubtful, and the one below which what surrounds marks is ground.
SURE, GROUND = 245, 90
#: Share of a scan that is damaged with a probability of `HALF` in 1/255, from which on doubt is damage too: a wreck.
WRECK, HALF = 0.08, 128
#: Share of the ground around a mark that is doubted, from `BACKGROUND` on, where the ground is doubtful.
DOUBTED = 0.35
#: Mean difference of two smoothed copies in grey levels from which a ground is finely textured, and by how many times
#: more the inside of a mark differs at most that is textured like its ground. Their deviations are in units.
FINE, ALIKE, SMOOTH, SMOOTHER = 6.0, 1.6, 1.0, 3.0
#: The same of a mark up to a probability in 1/255 that is textured just like a ground of which only so much is doubted.
PARTLY, JUST_ALIKE, LIKELY = 0.25, 1.25, 200
#: Probability in 1/255 of a mark that may be as faint as its ground is uneven, and by how many times the standard
#: deviation of the ground others differ from it.
FAINT, DEVIATIONS = 180, 1.25
#: Side in units of the square over which the ground is averaged. Pixels beside a mark that are not ground: its rim.
NEAR, RIM = 25, 3
#: Steps of a grey level in which texture is counted.
STEPS = 8


def find_on_busy_ground(scan: MarkedScan, marked: Mask, marks: ConnectedComponents) -> Flags:
    """Return which marks (n,) are no surer than a doubtful ground allows.

    Args:
        scan: with its probabilities.
        marked: (H,W), 255 in marks.
        marks: its components.
    """
    peaks = marks.maxima(scan.probability)
    unsure = peaks <= SURE
    if not unsure.any() or _share_of(scan.probability, HALF) > WRECK:
        return np.zeros(len(marks), np.bool_)
    grey = luminance(scan.pixels)
    ground = _measure_ground(scan, grey, marked)
    core = np.asarray(cv2.erode(marked, SQUARE), np.uint8)
    thin = marks.sums(core) == 0
    shape, areas, inner = marked.shape[::-1], np.maximum(marks.areas, 1), np.maximum(marks.sums(core) / 255, 1)

    def mean(plane: NDArray[np.uint8]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = marks.sums(_enlarge(plane, shape)) / areas
        return result

    doubted = mean(ground.doubt) / 255
    around = mean(ground.texture)
    within = marks.sums(cv2.min(core, _enlarge(ground.everywhere, shape))) / inner
    busy = (doubted >= DOUBTED) & ((around >= STEPS * FINE) | (within < ALIKE * around))
    busy |= (doubted >= PARTLY) & (within < JUST_ALIKE * around) & (peaks <= LIKELY)
    level = np.where(thin, marks.sums(grey) / areas, marks.sums(cv2.min(core, grey)) / inner)
    faint = np.abs(level - mean(ground.level)) < DEVIATIONS * mean(ground.deviation)
    return np.asarray(unsure & (busy | faint & (peaks <= FAINT)))


@dataclass(frozen=True)
class _Ground:
    """What is around each place, on a copy of about 512 × 512, uint8.

    Attributes:
        doubt: share of the ground that is doubted, in 1/255.
        texture, everywhere: texture of the ground, and of all, in 1/`STEPS` grey levels.
        level, deviation: mean and standard deviation of the ground in grey levels.
    """

    doubt: NDArray[np.uint8]
    texture: NDArray[np.uint8]
    everywhere: NDArray[np.uint8]
    level: NDArray[np.uint8]
    deviation: NDArray[np.uint8]


def _measure_ground(scan: MarkedScan, grey: NDArray[np.uint8], marked: Mask) -> _Ground:
    size = tuple(max(1, round(side / int(scan.unit))) for side in marked.shape[::-1])
    probability, near, small = (
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA)) for plane in (scan.probability, marked, grey)
    )
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1))
    free = ((cv2.dilate(near, rim) == 0) & (probability < GROUND)).astype(np.float32)
    levels = small.astype(np.float32)
    smooth, smoother = (cv2.GaussianBlur(levels, (0, 0), deviation) for deviation in (SMOOTH, SMOOTHER))
    everywhere = np.abs(smooth - smoother)
    doubted = (probability >= BACKGROUND).astype(np.float32)
    planes = (doubted, everywhere, levels, np.square(levels))
    means = [np.zeros_like(free) for _ in planes]
    average_around([plane * free for plane in planes], free, scan.unit, NEAR, means)
    doubt, texture, level, squares = means
    deviation = np.sqrt(np.maximum(squares - np.square(level), 0))
    scaled = (255 * doubt, STEPS * texture, STEPS * everywhere, level, deviation)
    return _Ground(*(np.asarray(np.rint(plane).clip(0, 255), np.uint8) for plane in scaled))


def _share_of(probability: NDArray[np.uint8], least: int) -> float:
    """Return the share of pixels that reach a probability in 1/255."""
    return cv2.countNonZero(cv2.threshold(probability, least - 1, 255, cv2.THRESH_BINARY)[1]) / probability.size


def _enlarge(plane: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(plane, shape, interpolation=cv2.INTER_LINEAR), np.uint8)
