"""What a person accepted and painted on one picture, and the mask that follows from it."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.imaging.connected_components import connected_components
from pipeline.review.marks import draw_runs
from pipeline.review.snap import draw_stroke
from pipeline.review.sources import Source

MOST_POINTS = 20_000
Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate]


class Stroke(BaseModel):
    """A line drawn by hand; coordinates in pixels of the upright picture."""

    model_config = ConfigDict(extra="forbid")

    points: list[Point] = Field(min_length=1, max_length=MOST_POINTS)
    width: float = Field(gt=0, le=2000)


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
    mask = source.filled() if painting.keep_filled and source.restored_uri else np.zeros_like(source.suggested())
    if painting.accepted:
        found = connected_components(source.suggested() > 0)
        for number in painting.accepted:
            if not 0 <= number < len(found):
                raise ValueError(f"there is no mark {number}")
            rows, first, last = found.runs(number)
            draw_runs(mask, np.stack([rows, first, last], axis=1).ravel().tolist(), 255)
    protected = np.zeros(mask.shape, np.bool_)
    for edit in painting.edits:
        if edit.tool == "paint" and edit.runs is not None:
            draw_runs(mask, edit.runs, 255)
        elif edit.stroke is not None:
            where = draw_stroke(mask.shape, np.array(edit.stroke.points, np.float64), edit.stroke.width) > 0
            mask[where] = 255 if edit.tool == "paint" else 0
            if edit.tool == "protect":
                protected |= where
        else:
            raise ValueError(f"{edit.tool} without a stroke")
    mask[protected] = 0
    return mask
