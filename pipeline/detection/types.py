"""Define what a detector returns: two masks, and a description of every component."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from pipeline.imaging.types import Mask, Pixels

Level = Literal["repair", "suggest"]

#: What else than doubt keeps a component from being filled: it lies on a face or on text, is one of a swarm of alike
#: marks, is broad, is less sure than marks that cover as much as may be filled unseen, or is not seen by the scanner's
#: infrared plane.
Left = Literal["", "face", "text", "swarm", "broad", "coverage", "infrared"]


@dataclass(frozen=True)
class Component:
    """One connected component of a mask, with the reason why it was marked.

    Attributes:
        kind: `dust`, `hair`, `scratch`, `crack`, `loss` or `line`; `manual` in a painted mask.
        level: `repair` is filled without review, `suggest` only when a reviewer accepts it.
        box: x, y, width, height in pixels.
        area: pixels before dilation.
        probability: calibrated probability that this is damage, or None where the detector gives none.
        reason: one plain sentence for the archivist.
        left: what else than doubt keeps a suggestion from being filled; empty for a repair.
    """

    kind: str
    level: Level
    box: tuple[int, int, int, int]
    area: int
    probability: float | None
    reason: str
    left: Left = ""


@dataclass(frozen=True)
class Detection:
    """What was found on one scan.

    Attributes:
        repair: (H,W) uint8, 255 = confident damage.
        suggest: (H,W) uint8, 255 = confident or suspected damage; contains `repair`.
        components: the largest first.
        review: why a person must look before anything is filled, or None.
        note: what moved the thresholds on this scan, as a sentence without a full stop; empty where nothing was found.
    """

    repair: Mask
    suggest: Mask
    components: list[Component] = field(default_factory=list)
    review: str | None = None
    note: str = ""


class Detector(Protocol):
    """Finds damage on one scan. `digest` changes whenever the same scan could get another mask."""

    name: str
    digest: str

    def detect(
        self, pixels: Pixels, *, precision: float = 0.9, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Return the damage on a scan (H,W) or (H,W,C), uint8 or uint16.

        Args:
            pixels: the scan; an alpha channel is ignored, but what is fully transparent is never damage.
            precision: share of what is repaired that is to be damage, where the detector is calibrated for it.
            sensitivity: scales thresholds; above 1 finds more damage, and more that is not damage.
            dilate: pixels added around every component, so that no rim is left.
            max_coverage: share of the scan up to which the surest marks are repaired, where the detector can tell; one
                that needs far more goes to review.
        """
        ...
