"""Read cases for an evaluation from a folder of clean pictures and a folder of masks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.evaluate import EvaluationCase
from pipeline.imaging.photo_files import list_photos


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return a picture of any depth as (H,W,3) uint8 RGB.

    Raises:
        ValueError: the file cannot be read; it is named.
    """
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path} cannot be read as a picture")
    return np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8, copy=False)


def read_hole(path: Path) -> NDArray[np.bool_]:
    """Return a mask (H,W) bool: true where it is 128 or more of 255.

    Raises:
        ValueError: the file cannot be read; it is named.
    """
    mask = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f"{path} cannot be read as a mask")
    return mask > 127


def fit_hole(hole: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Return the hole at another size: a pixel is missing when at least half of its area was."""
    if hole.shape == (height, width):
        return hole
    area = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return area >= 0.5


def centre_square(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the middle of the picture as a square (side,side,3), its short side scaled to ``side``."""
    scale = side / min(picture.shape[:2])
    width, height = (max(side, round(value * scale)) for value in (picture.shape[1], picture.shape[0]))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(picture, (width, height), interpolation=method)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(small[top : top + side, left : left + side]).astype(np.uint8, copy=False)


def pair_cases(clean: Path, masks: Path) -> Iterator[EvaluationCase]:
    """Yield every picture with its mask, in sorted order.

    When masks have the pictures' names (same path below the folder and same stem, also ``STEM.mask``), each picture
    gets its own mask and pictures without one are left out; otherwise pictures and masks are paired in turn. A mask of
    another size is scaled.

    Raises:
        ValueError: a folder contains no picture, or a file cannot be read.
    """
    pictures, mask_names = list_photos(clean), list_photos(masks)
    for folder, names in ((clean, pictures), (masks, mask_names)):
        if not names:
            raise ValueError(f"there is no picture below {folder}")
    by_stem = {Path(name).with_suffix("").as_posix().removesuffix(".mask"): name for name in mask_names}
    pairs = [(name, by_stem.get(Path(name).with_suffix("").as_posix())) for name in pictures]
    if not any(mask for _, mask in pairs):
        pairs = [(name, mask_names[index % len(mask_names)]) for index, name in enumerate(pictures)]
    for name, mask in pairs:
        if mask is None:
            continue
        picture = read_picture(clean / name)
        yield EvaluationCase(name, mask, picture, fit_hole(read_hole(masks / mask), *picture.shape[:2]))
