"""What a detector falsely marks on the undamaged photographs that it was trained on, found over whole pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Picture
from pipeline.runtime.atomic_write import write_whole
from pipeline.training.common.photos import shrink
from pipeline.training.detector.data import INTACT, Sample, make_sample

#: Chance of a false mark, in 1/255, and the share of a picture from which on it counts as one that fools the detector.
MARKED, FOOLED = 140, 2e-4
#: Longest side in pixels of a photograph that is looked at as it is.
LONGEST = 500
#: How often each photograph is looked at: as it is, and aged.
VERSIONS = 2
#: Places kept of each picture's false marks.
PLACES = 32


@dataclass(frozen=True)
class FalsePositives:
    """One picture that fools the detector.

    Attributes:
        photo: which of the training photographs.
        version: as it is (0), or aged as `drawn` draws it again.
        places: some of the pixels that were marked, as rows and columns.
    """

    photo: int
    version: int
    places: tuple[tuple[int, int], ...]

    def drawn(self, pictures: Sequence[Picture]) -> Picture:
        """Return the picture (H,W,3) uint8, the same each time."""
        return _version(pictures[self.photo], self.photo, self.version)

    def crop(self, picture: Picture, rng: np.random.Generator, side: int) -> Sample | None:
        """Return a crop with one of the places somewhere in it, undamaged as it is; None of too small a picture."""
        rows, columns = picture.shape[:2]
        if min(rows, columns) < side:
            return None
        row, column = self.places[int(rng.integers(len(self.places)))]
        top, left = (
            int(np.clip(at - rng.integers(side), 0, length - side)) for at, length in ((row, rows), (column, columns))
        )
        return Sample(picture[top : top + side, left : left + side], np.full((side, side), INTACT, np.uint8))


def find_false_positives(
    chances: Callable[[Picture], NDArray[np.uint8]],
    pictures: Sequence[Picture],
    searched: Callable[[int, int], None] | None = None,
) -> Iterator[FalsePositives]:
    """Yield the pictures that fool a detector, each photograph as it is and aged.

    Crops of a training step seldom show what fools it: false marks are rare, and the way that scans take looks more
    than once at whole pictures.

    Args:
        chances: a detector's chances (H,W) for a picture (H,W,3).
        pictures: undamaged photographs.
        searched: called after each photograph with how many were searched, and how many there are.
    """
    for photo, picture in enumerate(pictures):
        for version in range(VERSIONS):
            shown = _version(picture, photo, version)
            marked = chances(shown) >= MARKED
            if marked.mean() > FOOLED:
                rng = np.random.default_rng((photo, version))
                where = np.argwhere(marked)
                some = where[rng.choice(len(where), min(PLACES, len(where)), replace=False)]
                yield FalsePositives(photo, version, tuple((int(row), int(column)) for row, column in some))
        if searched is not None:
            searched(photo + 1, len(pictures))


def save_false_positives(path: Path, found: Sequence[FalsePositives]) -> None:
    """Write what was found, in place of what was there."""
    write_whole(path, json.dumps([asdict(one) for one in found]).encode())


def load_false_positives(path: Path) -> list[FalsePositives]:
    """Return what was written. Raises `ValueError` when the file holds something else."""
    try:
        return [
            FalsePositives(one["photo"], one["version"], tuple((row, column) for row, column in one["places"]))
            for one in json.loads(path.read_text())
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} does not hold false marks: {error}; delete it to have them found anew") from error


def _version(picture: Picture, photo: int, version: int) -> Picture:
    if version:
        rng = np.random.default_rng((5, photo, version))
        return make_sample(picture, rng, None, undamaged=1.0, distracted=0.0).picture
    return shrink(picture, LONGEST)
