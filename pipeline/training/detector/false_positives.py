"""Find a detector's false positives on the undamaged photographs that it was trained on, over whole pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.atomic_write import atomic_write
from pipeline.imaging.types import Picture
from pipeline.training.common.photos import shrink
from pipeline.training.detector.data import INTACT, Sample, make_sample

#: Probability of a false positive, in 1/255, and the marked share from which a picture is kept.
MARKED, KEPT_SHARE = 140, 2e-4
#: Longest side in pixels to which a photograph is scaled when it is not aged.
LONGEST = 500
#: Versions of each photograph: unchanged, and aged.
VERSIONS = 2
#: False positive pixels kept per picture.
PLACES = 32


@dataclass(frozen=True)
class FalsePositives:
    """The false positives on one picture.

    Attributes:
        photo: index of the training photograph.
        version: unchanged (0), or aged as `drawn` draws it.
        places: some of the marked pixels, as (row, column).
    """

    photo: int
    version: int
    places: tuple[tuple[int, int], ...]

    def drawn(self, pictures: Sequence[Picture]) -> Picture:
        """Return the picture (H,W,3) uint8, the same on every call."""
        return _version(pictures[self.photo], self.photo, self.version)

    def crop(self, picture: Picture, rng: np.random.Generator, side: int) -> Sample | None:
        """Return a crop that contains one of the places, labelled intact; None when the picture is too small."""
        rows, columns = picture.shape[:2]
        if min(rows, columns) < side:
            return None
        row, column = self.places[int(rng.integers(len(self.places)))]
        top, left = (
            int(np.clip(at - rng.integers(side), 0, length - side)) for at, length in ((row, rows), (column, columns))
        )
        return Sample(picture[top : top + side, left : left + side], np.full((side, side), INTACT, np.uint8))


def find_false_positives(
    predict: Callable[[Picture], NDArray[np.uint8]],
    pictures: Sequence[Picture],
    searched: Callable[[int, int], None] | None = None,
) -> Iterator[FalsePositives]:
    """Yield the pictures with false positives, of each photograph unchanged and aged.

    Crops of a training step seldom show them: false positives are rare, and scans are detected on whole pictures, in
    several scales.

    Args:
        predict: returns a detector's probabilities (H,W) for a picture (H,W,3).
        pictures: undamaged photographs.
        searched: called after each photograph with how many were searched, and how many there are.
    """
    for photo, picture in enumerate(pictures):
        for version in range(VERSIONS):
            shown = _version(picture, photo, version)
            marked = predict(shown) >= MARKED
            if marked.mean() > KEPT_SHARE:
                rng = np.random.default_rng((photo, version))
                where = np.argwhere(marked)
                some = where[rng.choice(len(where), min(PLACES, len(where)), replace=False)]
                yield FalsePositives(photo, version, tuple((int(row), int(column)) for row, column in some))
        if searched is not None:
            searched(photo + 1, len(pictures))


def save_false_positives(path: Path, found: Sequence[FalsePositives]) -> None:
    """Write false positives to a JSON file, atomically."""
    atomic_write(path, json.dumps([asdict(one) for one in found]).encode())


def load_false_positives(path: Path) -> list[FalsePositives]:
    """Return the false positives in a file. Raises `ValueError` when it contains something else."""
    try:
        return [
            FalsePositives(one["photo"], one["version"], tuple((row, column) for row, column in one["places"]))
            for one in json.loads(path.read_text())
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} does not contain false positives ({error}): delete it, and the next run searches again"
        ) from error


def _version(picture: Picture, photo: int, version: int) -> Picture:
    """Return a version of a photograph, the same on every call."""
    if version:
        rng = np.random.default_rng((5, photo, version))
        return make_sample(picture, rng, None, undamaged=1.0, distracted=0.0).picture
    return shrink(picture, LONGEST)
