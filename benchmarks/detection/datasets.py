"""The pictures that detectors are measured on; none of them may have been used for training or tuning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.detection.scores import Plane
from pipeline.evaluation.evaluation_cases import read_picture
from pipeline.imaging.luminance import luminance
from pipeline.imaging.photo_files import is_held_out, list_photos
from pipeline.imaging.suffixes import PHOTO_SUFFIXES
from pipeline.simulation import KINDS, ArtefactBank, simulate

SUFFIXES = PHOTO_SUFFIXES - {".bmp"}
SEED = 20260601


@dataclass(frozen=True)
class DamagedPicture:
    """A damaged picture and its truth.

    Attributes:
        name: of the picture.
        pixels: (H,W) or (H,W,3) uint8.
        truth: (H,W), 255 where damage can be seen.
        kinds: the same by kind, where known.
        original: the picture without its damage, where known.
    """

    name: str
    pixels: Plane
    truth: Plane
    kinds: dict[str, Plane] = field(default_factory=dict)
    original: Plane | None = None

    @property
    def grey(self) -> Plane:
        """The luminance (H,W)."""
        return luminance(self.pixels)


def pictures(folder: Path) -> list[Path]:
    """Return every picture below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def evenly_spaced(paths: Sequence[Path], limit: int | None) -> list[Path]:
    """Return at most so many, spread over all."""
    if not limit or len(paths) <= limit:
        return list(paths)
    return [paths[index * len(paths) // limit] for index in range(limit)]


def load(path: Path) -> NDArray[np.uint8]:
    """Return a picture as it is stored, grey or RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L" if image.mode in ("L", "1", "I;16") else "RGB"))


def load_truth(path: Path) -> Plane:
    """Return a mask of visible damage (H,W), 255 where it is at least half as bright as can be, else 0."""
    stored = load(path)
    return np.where((stored if stored.ndim == 2 else stored.max(axis=2)) >= 128, 255, 0).astype(np.uint8)


def foreign_damage(folder: Path, limit: int | None = None, without: Sequence[str] = ()) -> Iterator[DamagedPicture]:
    """Yield pictures damaged by another simulator: `damaged` and `masks` below the folder, paired by stem.

    Args:
        folder: holds both.
        limit: at most so many pictures, of those that are left.
        without: stems of pictures to leave out, such as those that were looked at with their errors.

    Raises:
        ValueError: no picture has such a stem, probably a typing error.
    """
    masks = {path.stem: path for path in pictures(folder / "masks")}
    damaged = pictures(folder / "damaged")
    unknown = set(without) - {path.stem for path in damaged}
    if unknown:
        raise ValueError(f"no picture below {folder / 'damaged'} has the stem {', '.join(sorted(unknown))}")
    for path in evenly_spaced([path for path in damaged if path.stem not in without], limit):
        yield DamagedPicture(path.name, load(path), load_truth(masks[path.stem]))


def own_damage(data: Path, limit: int, kinds: Sequence[str] | None) -> Iterator[DamagedPicture]:
    """Yield photographs held out of training, damaged by the project's simulator with held-out artefacts.

    Args:
        data: holds `photos` and, if there are any, `artefacts`.
        limit: how many pictures.
        kinds: drawn one to a picture, in turn; None draws several to each, as they are met.

    Raises:
        ValueError: there is no held-out photograph.
    """
    names = [name for name in list_photos(data / "photos") if is_held_out(name)]
    if not names:
        raise ValueError(f"no photograph below {data / 'photos'} is held out of training")
    bank = held_out_bank(data)
    for index, at in enumerate(spread_indices(limit, len(names))):
        yield damage_photograph(names[at], read_picture(data / "photos" / names[at]), index, kinds, bank)


def spread_indices(count: int, of: int) -> list[int]:
    """Return so many places in a list of `of`: by a prime step, so that few pictures still come from all folders."""
    return [index * 37 % of for index in range(count)]


def artefacts_of(data: Path) -> Path | None:
    """Return the folder of scanned artefacts, or None where there is none."""
    return data / "artefacts" if (data / "artefacts").is_dir() else None


def held_out_bank(data: Path) -> ArtefactBank | None:
    """Return the artefacts that training holds out, or None where there are none."""
    folder = artefacts_of(data)
    return ArtefactBank.load(folder, held_out=True) if folder else None


def damage_photograph(
    name: str, picture: Plane, index: int, kinds: Sequence[str] | None, bank: ArtefactBank | None
) -> DamagedPicture:
    """Return a photograph damaged by the project's simulator, the same for the same index and kinds each time."""
    rng = np.random.default_rng((SEED, index, kinds is None))
    chosen = None if kinds is None else [kinds[index % len(kinds)]]
    made = simulate(picture, rng, chosen, ageing=float(rng.uniform(0, 1)), bank=bank)
    pixels, original = np.asarray(made.pixels, np.uint8), np.asarray(made.original, np.uint8)
    return DamagedPicture(name, pixels, made.mask, made.kinds, original)


ALL_KINDS = tuple(KINDS)
