"""Hard examples: crops with false positives are shown again, others are dropped."""

import torch

from pipeline.training.detector.data import DAMAGED, INTACT, UNSURE
from pipeline.training.detector.hard_examples import HardExamples


def batch(chances: list[float], label: int = INTACT) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    planes = torch.stack([torch.full((9, 8, 8), index, dtype=torch.uint8) for index in range(len(chances))])
    labels = torch.full((len(chances), 8, 8), label, dtype=torch.uint8)
    logits = torch.stack([torch.full((1, 8, 8), chance).logit() for chance in chances])
    return planes, labels, logits


def test_only_crops_with_false_positives_are_kept() -> None:
    hard = HardExamples()
    hard.remember(*batch([0.1, 0.9, 0.49]))
    assert len(hard) == 1
    [(planes, labels)] = hard.take(5)
    assert int(planes[0, 0, 0]) == 1
    assert (labels == INTACT).all()
    assert len(hard) == 0


def test_marks_on_damage_or_on_unsure_pixels_are_not_hard_examples() -> None:
    hard = HardExamples()
    hard.remember(*batch([0.9], DAMAGED))
    hard.remember(*batch([0.9], UNSURE))
    assert len(hard) == 0


def test_the_least_hard_example_is_replaced_when_the_store_is_full() -> None:
    hard = HardExamples(size=2)
    hard.remember(*batch([0.6, 0.8, 0.7, 0.55]))
    assert sorted(int(planes[0, 0, 0]) for planes, _ in hard.take(2)) == [1, 2]
