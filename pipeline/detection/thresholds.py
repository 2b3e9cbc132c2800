"""Define thresholds: what marks must reach to be repaired without review, or to be suggested."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.resolution import unit_of

Probabilities = NDArray[np.uint8]

#: Pixels, at a side of 512 px, below which a component is a speck: texture has hundreds of doubtful ones.
SPECK = 16.0
#: Share of a picture that suggestions may cover: a picture that is suspected all over does not help a reviewer, so its
#: suggestions begin at a higher probability.
MOST_SUGGESTED = 0.25
#: Rows counted at a time: OpenCV counts in float32, which is exact for 16 million pixels.
ROWS = 128


@dataclass(frozen=True)
class RepairThreshold:
    """What a component must reach to be repaired without review.

    The names are those in a weights file's header.

    Attributes:
        precision: share of the repaired pixels that is to be damage.
        chance: probability of its most certain pixel in a picture of the reference wear, see `pipeline.detection.wear`.
        smallest: fewest pixels of the component; fewer are enough in a worn picture.
    """

    precision: float
    chance: float
    smallest: int


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from which pixels and components count, calibrated on held-out pictures.

    The names are those in a weights file's header.

    Attributes:
        repairs: thresholds for each precision, in rising order; never empty.
        suggest: probability from which pixels are suggested in a picture of the reference wear.
        suggest_speck: what the most certain pixel of a speck must reach to be suggested, see `SPECK`.
    """

    repairs: tuple[RepairThreshold, ...] = (RepairThreshold(0.95, 0.9, 1),)
    suggest: float = 0.4
    suggest_speck: float = 0.0

    def of_precision(self, precision: float) -> RepairThreshold:
        """Return the least strict thresholds calibrated for at least this precision, or else the strictest."""
        return next((one for one in self.repairs if one.precision >= precision - 1e-6), self.repairs[-1])

    def as_json(self) -> str:
        """Return everything as one JSON object, for the header of a weights file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Thresholds:
        """Return what a header holds.

        Raises:
            KeyError, ValueError, TypeError: it holds something else.
        """
        document = json.loads(text)
        try:
            repairs = tuple(RepairThreshold(**one) for one in document.pop("repairs"))
        except TypeError as error:
            raise ValueError(
                "its thresholds have another form than this version's; `train detector --resume` calibrates it again"
            ) from error
        if not repairs or list(repairs) != sorted(repairs, key=lambda one: one.precision):
            raise ValueError("thresholds of repairs must be in order of rising precision")
        return cls(repairs, **document)


def limit_coverage(probability: Probabilities, cut: int) -> int:
    """Return `cut`, or the lowest value above it that at most `MOST_SUGGESTED` of a picture reaches, up to 255."""
    strips = (probability[top : top + ROWS] for top in range(0, len(probability), ROWS))
    counts = [cv2.calcHist([strip], [0], None, [256], (0, 256)).ravel().astype(np.int64) for strip in strips]
    reaching = np.cumsum(np.sum(counts, axis=0)[::-1])  # pixels of 255, of 254 and more, and so on
    return max(cut, min(255, int(np.count_nonzero(reaching > MOST_SUGGESTED * probability.size))))


def adjust_threshold(threshold: float, sensitivity: float) -> int:
    """Return a threshold in 1/255, divided on the scale of odds: twice the sensitivity accepts at half the odds."""
    odds = threshold / (1 - threshold) / sensitivity
    return min(255, max(1, round(255 * odds / (1 + odds))))


def find_specks(components: ConnectedComponents, probability: Probabilities) -> NDArray[np.bool_]:
    """Return (n,) which components of a scan's probabilities (H,W) are specks, see `SPECK`."""
    result: NDArray[np.bool_] = components.areas < SPECK * unit_of(probability) ** 2
    return result
