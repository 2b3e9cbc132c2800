"""Photographs, crops, holes, batches."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.imaging.photo_files import is_held_out
from pipeline.simulation.holes import KINDS, HoleBank, draw_hole
from pipeline.training.common.photos import PhotoSet, load_photos, split
from pipeline.training.inpainter.artefact_holes import compose_hole, load_artefacts
from pipeline.training.inpainter.augment import draw_crop
from pipeline.training.inpainter.batches import BatchMaker, Prefetcher


def test_what_cannot_be_read_is_left_out(photo_folder: Path) -> None:
    photos = load_photos(photo_folder)
    assert len(photos) == 8
    assert "broken.jpg" not in photos.names
    assert all(picture.dtype == np.uint8 and picture.shape[2] == 3 for picture in photos.pictures)


def test_a_folder_without_photographs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=str(tmp_path)):
        load_photos(tmp_path)


def test_large_pictures_are_shrunk(photo_folder: Path) -> None:
    assert max(load_photos(photo_folder, longest_side=60).pictures[0].shape) == 60


def test_the_held_out_never_change_sides() -> None:
    names = tuple(f"{index}.jpg" for index in range(1000))
    share = sum(is_held_out(name) for name in names) / 1000
    assert 0.03 < share < 0.07
    assert [is_held_out(f"elsewhere/{name}") for name in names] == [is_held_out(name) for name in names]
    pictures = tuple(np.zeros((64, 64, 3), np.uint8) for _ in names)
    train, held = split(PhotoSet(names, pictures))
    assert set(train.names).isdisjoint(held.names)
    assert len(train) + len(held) == 1000


def test_a_single_photograph_is_both() -> None:
    train, held = split(PhotoSet(("a.jpg",), (np.zeros((64, 64, 3), np.uint8),)))
    assert len(train) == len(held) == 1


def test_a_crop_fits_pictures_of_any_size() -> None:
    rng = np.random.default_rng(1)
    for shape in ((64, 64, 3), (400, 70, 3), (130, 500, 3)):
        for _ in range(20):
            crop = draw_crop(rng.integers(0, 256, shape, dtype=np.uint8), 128, rng)
            assert crop.shape == (128, 128, 3)
            assert crop.dtype == np.uint8


@pytest.mark.parametrize("kind", [None, *KINDS])
@pytest.mark.parametrize("size", [32, 128])
def test_holes_are_neither_empty_nor_everything(kind: str | None, size: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(15):
        hole = draw_hole(rng, size, kind)
        assert hole.shape == (size, size)
        assert hole.dtype == np.bool_
        assert 0 < hole.mean() <= 0.7


def test_holes_follow_from_the_seed() -> None:
    first, second = (draw_hole(np.random.default_rng(7), 64) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("size", "kind"), [(8, None), (64, "moth")])
def test_holes_that_cannot_be_drawn_are_refused(size: int, kind: str | None) -> None:
    with pytest.raises(ValueError, match="hole"):
        draw_hole(np.random.default_rng(0), size, kind)


def test_a_bank_hands_out_symmetries_and_extras() -> None:
    corner = np.zeros((32, 32), np.bool_)
    corner[:4, :9] = True
    bank = HoleBank(np.random.default_rng(0), 32, 2, [corner], extra_share=1.0)
    rng = np.random.default_rng(1)
    seen = {bank.pick(rng).tobytes() for _ in range(100)}
    assert len(seen) == 8
    assert all(np.frombuffer(hole, np.bool_).sum() == 36 for hole in seen)


def test_artefacts_held_out_for_measuring_are_not_read_for_training(tmp_path: Path) -> None:
    import cv2

    (tmp_path / "hair").mkdir()
    for index in range(11):
        plane = np.zeros((40, 60), np.uint8)
        plane[20, 5:55] = 100 + index
        cv2.imwrite(str(tmp_path / "hair" / f"{index:02}.png"), plane)
    train, held = load_artefacts(tmp_path), load_artefacts(tmp_path, held_out=True)
    assert [plane.max() for plane in held["hair"]] == [100, 105, 110]
    assert len(train["hair"]) == 8
    hole = compose_hole(train, np.random.default_rng(0), 64)
    assert hole.shape == (64, 64)
    assert hole.any()


def test_batches_follow_from_seed_and_step_alone(photo_folder: Path) -> None:
    photos = load_photos(photo_folder)
    plan = {0: (32, 2), 1: (32, 2), 2: (48, 1), 3: (32, 2)}
    with Prefetcher(BatchMaker(photos, 3, bank_holes=5), lambda step: plan.get(step, (32, 1)), 0, depth=3) as ahead:
        taken = [next(ahead) for _ in range(4)]
    later = BatchMaker(photos, 3, bank_holes=5)
    for step in (3, 2):
        pictures, holes = later.make(step, *plan[step])
        assert torch.equal(pictures, taken[step][0])
        assert torch.equal(holes, taken[step][1])
    assert taken[0][0].shape == (2, 3, 32, 32)
    assert taken[0][1].unique().tolist() == [0, 1]
    other = BatchMaker(photos, 4, bank_holes=5).make(0, 32, 2)[0]
    assert not torch.equal(other, taken[0][0])
