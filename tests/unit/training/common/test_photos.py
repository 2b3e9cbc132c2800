"""Photographs for training."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.imaging.photo_files import is_held_out
from pipeline.training.common.photos import PhotoSet, load_photos, split


def test_unreadable_files_are_left_out(photo_folder: Path) -> None:
    photos = load_photos(photo_folder)
    assert len(photos) == 8
    assert "broken.jpg" not in photos.names
    assert all(picture.dtype == np.uint8 and picture.shape[2] == 3 for picture in photos.pictures)


def test_a_folder_without_photographs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(tmp_path)):
        load_photos(tmp_path)


def test_large_pictures_are_scaled_down(photo_folder: Path) -> None:
    assert max(load_photos(photo_folder, longest_side=60).pictures[0].shape) == 60


def test_held_out_photographs_are_never_trained_on() -> None:
    names = tuple(f"{index}.jpg" for index in range(1000))
    share = sum(is_held_out(name) for name in names) / 1000
    assert 0.03 < share < 0.07
    assert [is_held_out(f"elsewhere/{name}") for name in names] == [is_held_out(name) for name in names]
    pictures = tuple(np.zeros((64, 64, 3), np.uint8) for _ in names)
    train, held = split(PhotoSet(names, pictures))
    assert set(train.names).isdisjoint(held.names)
    assert len(train) + len(held) == 1000


def test_a_single_photograph_is_trained_on_and_held_out() -> None:
    train, held = split(PhotoSet(("a.jpg",), (np.zeros((64, 64, 3), np.uint8),)))
    assert len(train) == len(held) == 1
