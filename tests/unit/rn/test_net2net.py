"""An enlarged generator computes exactly what the trained one does, and all that is new learns."""

from __future__ import annotations

import pytest
import torch

from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.net2net import net2net

SMALL = GeneratorConfig(16, (1, 2), (8, 16, 24), (1, 1), (1, 2))
LARGE = GeneratorConfig(16, (1, 2, 4), (8, 16, 24), (1, 2), (1, 2, 4))
BROAD = GeneratorConfig(16, (1, 2, 4), (16, 48, 24), (1, 2), (1, 2, 4))


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
        assert torch.equal(net2net(trained, LARGE).eval()(image, hole), trained(image, hole))


@pytest.mark.slow
def test_the_fill_is_the_same_with_copies_of_the_channels(trained: Generator) -> None:
    image, hole = torch.rand(2, 3, 64, 48), (torch.rand(2, 1, 64, 48) > 0.8).float()
    with torch.no_grad():
        change = (net2net(trained, BROAD).eval()(image, hole) - trained(image, hole)).abs()
    # A sum over copies rounds otherwise, and what rounds onto RN-L's threshold changes sides: seldom, never by much.
    assert change.mean() < 1e-4
    assert change.max() < 0.1


@pytest.mark.slow
def test_copies_diverge_in_training(trained: Generator) -> None:
    broad = net2net(trained, BROAD)
    image, hole = torch.rand(1, 3, 48, 48), (torch.rand(1, 1, 48, 48) > 0.8).float()
    broad(image, hole).square().mean().backward()
    weight = broad.refine.stem.weight
    assert torch.equal(weight[0], weight[1])
    assert weight.grad is not None
    assert not torch.allclose(weight.grad[0], weight.grad[1], rtol=1e-3)


def test_new_blocks_learn(trained: Generator) -> None:
    deep = net2net(trained, LARGE)
    image, hole = torch.rand(1, 3, 48, 48), (torch.rand(1, 1, 48, 48) > 0.8).float()
    deep(image, hole).square().mean().backward()
    new = deep.refine.eighth_blocks[2].settle.hole_scale
    assert not new.detach().any()
    assert new.grad is not None
    assert new.grad.abs().sum() > 0


@pytest.mark.parametrize(("small", "large"), [("light", "deep"), ("light", "wide"), ("deep", "wide")])
def test_sizes_contain_each_other(small: str, large: str) -> None:
    assert net2net(Generator(SIZES[small]), SIZES[large]).config == SIZES[large]


@pytest.mark.parametrize(
    "config",
    [
        GeneratorConfig(16, (1,), (8, 16, 24), (1, 1), (1, 2)),
        GeneratorConfig(16, (1, 2), (8, 16, 24), (1, 1), (1, 4, 8)),
        GeneratorConfig(16, (1, 2), (8, 16, 32), (1, 1), (1, 2)),
        GeneratorConfig(16, (1, 2), (12, 16, 24), (1, 1), (1, 2)),
    ],
)
def test_what_does_not_contain_it_is_refused(trained: Generator, config: GeneratorConfig) -> None:
    with pytest.raises(ValueError, match="does not contain"):
        net2net(trained, config)
