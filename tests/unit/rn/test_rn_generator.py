"""The generator and the discriminator."""

import json
from dataclasses import replace

import pytest
import torch

from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.discriminator import Discriminator
from pipeline.rn.generator import Generator
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.rn.norms import InstanceNorm
from pipeline.rn.prior import biharmonic_refine, push_pull

TINY = GeneratorConfig(8, (1, 2), (8, 8, 8), (1, 1), (1, 2))


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(TINY).eval()


@pytest.fixture
def trained(generator: Generator) -> Generator:
    """A generator whose output is far from the prior, as if it had been trained."""
    for head in (generator.coarse.head, generator.refine.head):
        torch.nn.init.normal_(head.weight, std=0.05)
    return generator


def pair(count: int = 2, height: int = 48, width: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(5)
    image = torch.rand(count, 3, height, width, generator=random)
    return image, (torch.rand(count, 1, height, width, generator=random) > 0.8).float()


@torch.no_grad()
def test_step_zero_is_the_prior(generator: Generator) -> None:
    image, hole = pair()
    prior = biharmonic_refine(push_pull(image, hole), hole, TINY.bends).clamp(0, 1)
    assert (generator(image, hole) - prior).abs().max() < 2e-3


@torch.no_grad()
def test_known_pixels_come_back_exactly(trained: Generator) -> None:
    image, hole = pair()
    output = trained(image, hole)
    known = (hole == 0).expand_as(image)
    assert torch.equal(output[known], image[known])
    assert (output - push_pull(image, hole)).abs().max() > 0.01
    assert 0 <= output.min() <= output.max() <= 1


@torch.no_grad()
def test_a_result_does_not_depend_on_others_in_its_batch(trained: Generator) -> None:
    image, hole = pair(3)
    together = trained(image, hole)
    for index in range(3):
        alone = trained(image[index : index + 1], hole[index : index + 1])
        assert torch.allclose(together[index], alone[0], atol=1e-5)


@torch.no_grad()
def test_pixels_inside_the_hole_never_matter(trained: Generator) -> None:
    image, hole = pair()
    spoiled = torch.where(hole > 0.5, torch.full_like(image, float("nan")), image)
    assert torch.equal(trained(image, hole), trained(spoiled, hole))


@torch.no_grad()
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_hole_and_no_hole(trained: Generator, value: float) -> None:
    image, hole = pair(1)
    output = trained(image, torch.full_like(hole, value))
    assert torch.isfinite(output).all()
    if value == 0.0:
        assert torch.equal(output, image)


def test_sides_that_do_not_fit_are_refused(generator: Generator) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        generator(torch.zeros(1, 3, 40, 48), torch.zeros(1, 1, 40, 48))


def test_every_size_fits_into_a_shipped_file() -> None:
    for config in SIZES.values():
        with torch.device("meta"):
            count = sum(parameter.numel() for parameter in Generator(config).parameters())
        assert count * 2 < 16 * 2**20


def test_gradients_reach_every_parameter(trained: Generator) -> None:
    image, hole = pair()
    stages = trained.forward_stages(image, hole)
    (stages.final.square().mean() + stages.coarse.square().mean()).backward()
    missing = [name for name, parameter in trained.named_parameters() if parameter.grad is None]
    assert missing == []


@pytest.mark.slow
@torch.no_grad()
def test_it_can_be_exported_for_a_fixed_window(trained: Generator) -> None:
    image, hole = pair(1, 32, 32)
    exported = torch.export.export(trained, (image, hole))
    assert torch.allclose(exported.module()(image, hole), trained(image, hole), atol=1e-6)


def test_a_configuration_survives_json() -> None:
    for config in SIZES.values():
        assert GeneratorConfig.from_json(config.to_json()) == config
    coarse = replace(SIZES["light"], norm="coarse")
    assert GeneratorConfig.from_json(coarse.to_json()) == coarse
    old = json.loads(SIZES["light"].to_json())
    del old["bends"], old["norm"]  # written before priors were bent, and when all networks normalised everywhere
    assert GeneratorConfig.from_json(json.dumps(old)) == replace(SIZES["light"], bends=0)
    for text in ("", "[]", '{"widths": [1, 2, 3]}', coarse.to_json().replace('"coarse"', '"batch"')):
        with pytest.raises(ValueError, match="not a generator configuration"):
            GeneratorConfig.from_json(text)


def test_the_discriminator_scores_patches() -> None:
    image, hole = pair(1)
    assert Discriminator(8)(image, hole).shape == (1, 1, 6, 8)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_a_baseline_replaces_every_normalisation(norm: str) -> None:
    rival = Generator(replace(TINY, norm=norm))
    assert not any(isinstance(module, BasicRegionNorm | LearnedRegionNorm) for module in rival.modules())
    image, hole = pair()
    assert rival(image, hole).isfinite().all()
    with pytest.raises(ValueError, match="measuring only"):
        rival.config.to_json()


def test_the_coarse_net_alone_may_normalise() -> None:
    generator = Generator(replace(TINY, norm="coarse"))
    normalising = [name for name, one in generator.named_modules() if type(one) in (BasicRegionNorm, LearnedRegionNorm)]
    assert normalising and all(name.startswith("coarse.") for name in normalising)
    stages = generator.forward_stages(*pair())
    (stages.final.square().mean() + stages.coarse.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_an_instance_is_a_region_without_a_hole() -> None:
    values = torch.randn(2, 4, 9, 7)
    expected = torch.nn.functional.instance_norm(values, eps=1e-4)
    assert torch.allclose(InstanceNorm(4)(values), expected, atol=1e-5)


@torch.no_grad()
def test_the_ablation_may_start_from_grey() -> None:
    image, hole = pair()
    output = Generator(replace(TINY, start="grey")).eval()(image, hole)
    assert (output[(hole > 0.5).expand_as(image)] - 0.5).abs().max() < 2e-3
