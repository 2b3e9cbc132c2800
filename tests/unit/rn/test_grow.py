"""A deeper generator begins exactly where the trained one stands, and every new block learns."""

from __future__ import annotations

import pytest
import torch

from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.grow import grow

SMALL = GeneratorConfig(16, (1, 2), (8, 16, 24), (1, 1), (1, 2))
LARGE = GeneratorConfig(16, (1, 2, 4), (8, 16, 24), (1, 2), (1, 2, 4))


@pytest.fixture
def trained() -> Generator:
    torch.manual_seed(3)
    generator = Generator(SMALL)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return generator.eval()


def test_the_fill_is_the_same(trained: Generator) -> None:
    image, hole = torch.rand(2, 3, 64, 48), (torch.rand(2, 1, 64, 48) > 0.8).float()
    with torch.no_grad():
        assert torch.equal(grow(trained, LARGE).eval()(image, hole), trained(image, hole))


def test_new_blocks_learn(trained: Generator) -> None:
    deep = grow(trained, LARGE)
    image, hole = torch.rand(1, 3, 48, 48), (torch.rand(1, 1, 48, 48) > 0.8).float()
    deep(image, hole).square().mean().backward()
    new = deep.refine.eighth_blocks[2].settle.hole_scale
    assert not new.detach().any()
    assert new.grad is not None
    assert new.grad.abs().sum() > 0


def test_deep_contains_light() -> None:
    assert grow(Generator(SIZES["light"]), SIZES["deep"]).config == SIZES["deep"]


@pytest.mark.parametrize(
    "config",
    [
        GeneratorConfig(16, (1,), (8, 16, 24), (1, 1), (1, 2)),
        GeneratorConfig(16, (1, 2), (8, 16, 24), (1, 1), (1, 4, 8)),
        GeneratorConfig(16, (1, 2), (8, 16, 32), (1, 1), (1, 2)),
    ],
)
def test_what_does_not_contain_it_is_refused(trained: Generator, config: GeneratorConfig) -> None:
    with pytest.raises(ValueError, match="does not contain"):
        grow(trained, config)
