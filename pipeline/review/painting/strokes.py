"""What a person accepted and painted on one picture, and the mask that follows from it."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.review.painting.snap import draw_stroke
from pipeline.review.pictures.marks import draw_runs
from pipeline.review.pictures.sources import Source

MOST_POINTS = 20_000
Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate]


class Stroke(BaseModel):
    """A line drawn by hand; coordinates in pixels of the upright picture."""

    model_config = ConfigDict(extra="forbid")

    points: list[Point] = Field(min_length=1, max_length=MOST_POINTS)
    width: float = Field(gt=0, le=2000)

    def centres(self) -> NDArray[np.float64]:
        """Return x and y (n,2) as arrays count: the middle of the first pixel is 0, where a viewer says 0.5."""
        return np.array(self.points, np.float64) - 0.5


class Edit(BaseModel):
    """One thing that was done to the mask, in the order in which it was done.

    Attributes:
        tool: `paint` adds runs or a raw stroke, `erase` takes a stroke out, `protect` takes it out for good.
        runs: rows, first columns and ends, of what a snapped stroke became.
    """

    model_config = ConfigDict(extra="forbid")

    tool: Literal["paint", "erase", "protect"]
    stroke: Stroke | None = None
    runs: list[int] | None = Field(None, max_length=3_000_000)


class Painting(BaseModel):
    """Everything that a person decided about the mask of one picture.

    Attributes:
        accepted: ids of open marks that are damage.
        keep_filled: what was filled before is filled again.
    """

    model_config = ConfigDict(extra="forbid")

    accepted: list[int] = Field([], max_length=100_000)
    edits: list[Edit] = Field([], max_length=10_000)
    keep_filled: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not self.accepted and not self.edits


def compose_painting(source: Source, painting: Painting) -> NDArray[np.uint8]:
    """Return the mask (H,W) uint8 0 or 255, upright.

    Raises:
        ValueError: an edit is malformed.
    """
    filled, found = source.filled(), source.open()
    mask = (
        filled.window((0, 0, source.width, source.height)) if painting.keep_filled else np.zeros(found.shape, np.uint8)
    )
    for number in painting.accepted:
        if not 0 <= number < len(found):
            raise ValueError(f"there is no mark {number}")
        rows, first, last = found.runs(number)
        draw_runs(mask, np.stack([rows, first, last], axis=1).ravel().tolist(), 255)
    for edit in painting.edits:
        if edit.tool == "paint" and edit.runs is not None:
            draw_runs(mask, edit.runs, 255)
        elif edit.stroke is not None:
            _draw(mask, edit.stroke, 255 if edit.tool == "paint" else 0)
        else:
            raise ValueError(f"{edit.tool} without a stroke")
    # Last, so that no later stroke reaches what is protected.
    for edit in painting.edits:
        if edit.tool == "protect" and edit.stroke is not None:
            _draw(mask, edit.stroke, 0)
    return mask


def _draw(mask: NDArray[np.uint8], stroke: Stroke, value: int) -> None:
    """Set what lies under a stroke; only the part of the plane around it is touched."""
    points = stroke.centres()
    margin = int(stroke.width / 2) + 2
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - margin, 0).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0)).astype(int) + margin + 1, mask.shape[::-1]).tolist()
    if right <= left or bottom <= top:
        return
    part = mask[top:bottom, left:right]
    part[draw_stroke(part.shape, points - (left, top), stroke.width) > 0] = value
