"""The digits for training, validation and test: three disjoint sets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigurationError
from pipeline.training.digits.idx import REMEDY, read_idx

SIDE = 28
HELD_OUT = 5000
"""How many of the training digits are kept for validation; never more than a sixth of what there is."""

FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True)
class Digits:
    """Digits with labels: images (N,28,28) uint8, 0 paper to 255 ink; labels (N,) uint8 0..9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int) -> Digits:
        """Return the first ``count`` digits."""
        return Digits(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class DigitSets:
    """Training, validation and test digits."""

    train: Digits
    validation: Digits
    test: Digits


def load_digits(folder: Path, *, held_out: int = HELD_OUT) -> DigitSets:
    """Return the three sets of a folder with the four IDX files, each plain or with ``.gz``.

    The last ``held_out`` training digits (at most a sixth) are the validation set. Raises ``ConfigurationError`` that
    names every missing file, or the first invalid file.
    """
    paths = {name: _find(folder, stem) for name, stem in FILES.items()}
    missing = [FILES[name] for name, path in paths.items() if path is None]
    if missing:
        raise ConfigurationError(f"{folder} lacks {', '.join(missing)} (plain or .gz): {REMEDY}")
    found = {name: path for name, path in paths.items() if path is not None}
    train = _pair(found["train images"], found["train labels"])
    test = _pair(found["test images"], found["test labels"])
    kept = len(train) - min(held_out, len(train) // 6)
    return DigitSets(
        train=train.first(kept),
        validation=Digits(train.images[kept:], train.labels[kept:]),
        test=test,
    )


def _find(folder: Path, stem: str) -> Path | None:
    """Return the path of one of the four files, or None."""
    # Some mirrors write `idx3.ubyte`, as the original archive's members were named.
    for name in (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), f"{stem.replace('-idx', '.idx')}.gz"):
        if (folder / name).exists():
            return folder / name
    return None


def _pair(images: Path, labels: Path) -> Digits:
    """Return the digits of an images file and a labels file. Raises ``ConfigurationError`` when they do not match."""
    pixels, names = read_idx(images, dimensions=3), read_idx(labels, dimensions=1)
    if pixels.shape[1:] != (SIDE, SIDE):
        raise ConfigurationError(f"{images} holds images of {pixels.shape[2]}×{pixels.shape[1]}, not 28×28: {REMEDY}")
    if len(pixels) != len(names):
        raise ConfigurationError(f"{images} holds {len(pixels)} images, {labels} {len(names)} labels: {REMEDY}")
    if len(pixels) == 0:
        raise ConfigurationError(f"{images} is empty: {REMEDY}")
    if names.max() > 9:
        raise ConfigurationError(f"{labels} holds the label {names.max()}, digits go from 0 to 9: {REMEDY}")
    return Digits(pixels, names)
