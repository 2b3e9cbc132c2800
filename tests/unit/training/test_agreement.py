"""Agreement: copies come back as they were, and what all say alike costs least."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.training.agreement import disagreement, opinion, symmetry
from pipeline.training.photos import PhotoSet, only


def test_the_eight_copies_are_eight_and_each_comes_back() -> None:
    planes = torch.rand(2, 3, 8, 8)
    copies = [symmetry(index)[0](planes) for index in range(8)]
    for index, copy in enumerate(copies):
        assert torch.equal(symmetry(index)[1](copy), planes)
        assert not any(torch.equal(copy, other) for other in copies[:index])


def test_a_teacher_that_turns_with_the_picture_is_believed() -> None:
    planes = torch.randn(2, 1, 8, 8)
    chance = opinion(lambda seen: seen, planes, np.random.default_rng(1))
    torch.testing.assert_close(chance, torch.sigmoid(planes))


def test_a_teacher_that_sees_one_side_is_averaged() -> None:
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 4.0
    for seed in range(5):
        chance = opinion(lambda seen: left, torch.zeros(1, 1, 8, 8), np.random.default_rng(seed))
        assert chance.max() < torch.sigmoid(torch.tensor(4.0)), "no four copies have the same side everywhere"


def test_disagreement_is_least_where_both_say_the_same() -> None:
    chance = torch.tensor([0.1, 0.5, 0.9]).reshape(1, 1, 1, 3)
    agreed = torch.logit(chance).requires_grad_()
    disagreement(agreed, chance).backward()  # type: ignore[no-untyped-call]
    assert agreed.grad is not None
    assert agreed.grad.abs().max() < 1e-6
    assert disagreement(torch.logit(chance) + 1, chance) > disagreement(torch.logit(chance), chance)


@pytest.mark.parametrize(("patterns", "kept"), [((), ()), (("a*",), ("a1", "a2")), (("b*", "*2"), ("a2", "b1"))])
def test_only_what_is_named(patterns: tuple[str, ...], kept: tuple[str, ...]) -> None:
    photos = PhotoSet(("a1", "a2", "b1"), tuple(np.zeros((2, 2, 3), np.uint8) for _ in range(3)))
    assert only(photos, patterns).names == kept
