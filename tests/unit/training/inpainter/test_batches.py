"""Crops, artefact holes and batches of the inpainter."""

from pathlib import Path

import numpy as np
import torch

from pipeline.training.common.photos import load_photos
from pipeline.training.inpainter.artefact_holes import compose_hole, load_artefacts
from pipeline.training.inpainter.augment import draw_crop
from pipeline.training.inpainter.batches import BatchMaker, Prefetcher


def test_a_crop_fits_pictures_of_any_size() -> None:
    rng = np.random.default_rng(1)
    for shape in ((64, 64, 3), (400, 70, 3), (130, 500, 3)):
        for _ in range(20):
            crop = draw_crop(rng.integers(0, 256, shape, dtype=np.uint8), 128, rng)
            assert crop.shape == (128, 128, 3)
            assert crop.dtype == np.uint8


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


def test_batches_follow_from_seed_and_step(photo_folder: Path) -> None:
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
