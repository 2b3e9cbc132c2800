"""Scales that take the place of region normalisations fill nearly as these did."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pipeline.rn.config import GeneratorConfig
from pipeline.rn.drop_statistics import drop_statistics
from pipeline.rn.generator import Generator
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.norms import Affine, RegionAffine

SMALL = GeneratorConfig(16, (1, 2), (8, 16, 24), (1, 1), (1, 2))


@pytest.fixture
def trained() -> Generator:
    torch.manual_seed(3)
    generator = Generator(SMALL).eval()
    for head in (generator.coarse.head, generator.refine.head):
        torch.nn.init.normal_(head.weight, std=0.05)
    return generator


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    image = torch.rand(1, 3, 12, 16, generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    hole = torch.zeros(1, 1, 48, 64)
    hole[:, :, 8:32, 16:40] = 1
    return image, hole


@torch.no_grad()
def test_the_fill_stays_nearly_the_same(trained: Generator, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    result = drop_statistics(trained, "coarse", [batch]).eval()
    before = trained(*batch)
    assert (result(*batch) - before).abs().mean() < 0.2 * (Generator(SMALL)(*batch) - before).abs().mean()
    # Of one picture the statistics are constants, so that RN-B is such a line exactly.
    hole = torch.nn.functional.max_pool2d(batch[1], 2)
    assert isinstance(result.refine.stem_norm, RegionAffine)
    seen: list[torch.Tensor] = []
    trained.refine.stem_norm.register_forward_hook(lambda _, given, after: seen.extend((given[0], after)))
    trained(*batch)
    assert torch.allclose(result.refine.stem_norm(seen[0], hole), seen[1], atol=1e-3)


def test_the_coarse_net_keeps_its_normalisations(trained: Generator, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    result = drop_statistics(trained, "coarse", [batch])
    assert result.config == replace(SMALL, norm="coarse")
    old, new = trained.coarse.state_dict(), result.coarse.state_dict()
    assert old.keys() == new.keys() and all(torch.equal(old[name], new[name]) for name in old)
    kinds = {type(one) for one in result.refine.modules()}
    assert RegionAffine in kinds and Affine in kinds and LearnedRegionNorm not in kinds
    assert all(parameter.requires_grad for parameter in result.parameters())


def test_what_weights_lack_cannot_be_fitted(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="lack normalisations"):
        drop_statistics(Generator(replace(SMALL, norm="coarse")), "region", [batch])
