"""Distillation: targets of transformed copies, intact pixels, false positives, old photographs."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from torch import Tensor

from pipeline.detection.features import compute_features
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE
from pipeline.training.detector.distillation import INTACT_LOGIT, LOGIT_LIMIT, TeacherEnsemble, distillation_loss
from pipeline.training.detector.distillation_data import DistillationCrops
from pipeline.training.detector.false_positives import (
    FalsePositives,
    find_false_positives,
    load_false_positives,
    save_false_positives,
)


class Bright(DetectorNet):
    """Returns the brightness of each pixel as logit."""

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__(NetworkConfig(1, 4, 4))
        self.sign = sign

    def forward(self, planes: Tensor) -> Tensor:
        return self.sign * (8 * planes[:, :1] - 4)


def crops(count: int = 2, side: int = 64) -> Tensor:
    picture = skimage.data.astronaut()[:256, :256]
    starts = [(60 * index, 40 * index) for index in range(count)]
    return torch.stack(
        [
            torch.from_numpy(compute_features(np.ascontiguousarray(picture[y : y + side, x : x + side])))
            for y, x in starts
        ]
    )


def test_targets_are_aligned_with_the_pixels_whatever_the_transformation() -> None:
    shown = crops()
    teachers = TeacherEnsemble([Bright()], seed=3)
    labels = torch.full((2, 64, 64), UNSURE, dtype=torch.uint8)
    wanted = 8 * shown[:, 0].float() / 255 - 4
    for _ in range(8):  # transformations are random
        logits, _ = teachers.targets(shown, labels)
        assert float((logits - wanted).abs().mean()) < 0.25
        assert float((logits - wanted.flip(2)).abs().mean()) > 1


def test_teachers_alternate_at_random() -> None:
    shown = crops()
    labels = torch.full((2, 64, 64), UNSURE, dtype=torch.uint8)
    teachers = TeacherEnsemble([Bright(), Bright(-1.0)], seed=1)
    mean = torch.stack([teachers.targets(shown, labels)[0] for _ in range(300)]).mean(dim=0)
    assert float(mean.abs().mean()) < 0.3, "what they contradict each other in is not taught"


def test_intact_pixels_are_taught_as_intact_and_weigh_more_where_teachers_see_damage() -> None:
    shown = crops()
    teachers = TeacherEnsemble([Bright()], seed=3)
    for label, most in ((INTACT, INTACT_LOGIT), (DAMAGED, LOGIT_LIMIT), (UNSURE, LOGIT_LIMIT)):
        logits, counts = teachers.targets(shown, torch.full((2, 64, 64), label, dtype=torch.uint8))
        assert float(logits.max()) <= most
        bright = shown[:, 0] > 200
        assert (logits[bright] > 0).all() == (label != INTACT)
        assert float(counts[bright].min()) > 2 * float(counts[shown[:, 0] < 10].max())


def test_distillation_needs_a_teacher() -> None:
    with pytest.raises(ValueError, match="teacher"):
        TeacherEnsemble([], seed=1)


def test_the_distillation_loss_is_zero_where_both_agree_confidently() -> None:
    targets, counts = torch.full((1, 4, 4), INTACT_LOGIT), torch.ones(1, 4, 4)
    assert float(distillation_loss(torch.full((1, 1, 4, 4), -30.0), targets, counts)) == 0
    unsure = distillation_loss(torch.zeros(1, 1, 4, 4), targets, counts)
    wrong = distillation_loss(torch.full((1, 1, 4, 4), 6.0), targets, counts)
    assert 0 < float(unsure) < float(wrong)
    half = counts.clone()
    half[:, :2] = 0
    mixed = torch.zeros(1, 1, 4, 4)
    mixed[..., 2:, :] = -30
    assert float(distillation_loss(mixed, targets, half)) == 0, "what counts nothing is not asked"


def test_false_positives_are_found_saved_and_drawn_again(tmp_path: Path) -> None:
    pictures = (skimage.data.chelsea(), np.zeros((300, 300, 3), np.uint8))
    counts_seen: list[tuple[int, int]] = []

    seen: list[np.ndarray] = []

    def bright(picture: np.ndarray) -> np.ndarray:
        seen.append(picture)
        return np.where(picture[..., 0] > 180, 200, 20).astype(np.uint8)

    found = list(find_false_positives(bright, pictures, lambda *count: counts_seen.append(count)))
    assert counts_seen == [(1, 2), (2, 2)] and found and {one.photo for one in found} == {0}, (
        "nothing is marked on black"
    )
    save_false_positives(tmp_path / "false.json", found)
    again = load_false_positives(tmp_path / "false.json")
    assert again == found
    for one in again:
        picture = one.drawn(pictures)
        assert any(picture.shape == other.shape and (picture == other).all() for other in seen)
        marked = bright(picture) >= 140
        assert all(marked[place] for place in one.places)
        for seed in range(5):
            crop = one.crop(picture, np.random.default_rng(seed), 64)
            assert crop is not None and crop.picture.shape == (64, 64, 3) and (crop.labels == INTACT).all()
            assert (bright(crop.picture) >= 140).any(), "it contains a place"
        assert one.crop(picture, np.random.default_rng(0), 2000) is None


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "false.json").write_text('[{"photo": 1}]')
    with pytest.raises(ValueError, match="delete it"):
        load_false_positives(tmp_path / "false.json")


def test_distillation_data_label_nothing_intact_on_old_photographs() -> None:
    old = DistillationCrops(
        (skimage.data.chelsea(),), None, unlabelled=(skimage.data.coffee(),), false=(), side=64, seed=1
    )
    bank = None
    rng = np.random.default_rng(4)
    labels = [sample.labels for sample in (old.draw(rng, bank) for _ in range(40))]
    unlabelled = [one for one in labels if not (one == INTACT).any()]
    assert 4 <= len(unlabelled) <= 24
    assert any((one == DAMAGED).any() for one in unlabelled), "damage is drawn on some of them"
    assert any((one == UNSURE).all() for one in unlabelled), "and others are left as they are"


def test_distillation_data_show_false_positives_again() -> None:
    picture = skimage.data.chelsea()
    false = FalsePositives(0, 0, ((100, 200),))
    lessons = DistillationCrops((picture,), None, unlabelled=(), false=(false,), side=64, seed=1)
    lessons.first = lessons.store = 2
    batch = list(itertools.islice(lessons, 12))
    same = list(itertools.islice(lessons, 12))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(batch, same, strict=True))
    assert all(planes.shape == (9, 64, 64) and labels.shape == (64, 64) for planes, labels in batch)
