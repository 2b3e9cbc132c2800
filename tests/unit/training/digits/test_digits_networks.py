"""The digit networks: shapes, ranges, and what must not influence a result."""

from __future__ import annotations

import pytest
import torch

from pipeline.engines.digits.classifier import DigitClassifier
from pipeline.engines.digits.dcgan_paper import PaperDiscriminator, PaperGenerator
from pipeline.engines.digits.region import RegionGenerator, central
from pipeline.training.digits.batches import DigitBatchMaker


@pytest.fixture(scope="module")
def batch(digits):
    return DigitBatchMaker(digits, 1, sizes=(10, 14), batch=8).make(0)


@pytest.fixture(params=[PaperGenerator, RegionGenerator])
def generator(request):
    torch.manual_seed(0)
    return request.param().eval()


def test_the_paper_s_sizes():
    generator, discriminator = PaperGenerator(), PaperDiscriminator()
    assert [layer.out_channels for layer in generator.convolutions] + [generator.head.out_channels] == [
        32, 64, 128, 128, 64, 1,
    ]  # fmt: skip
    assert [layer.out_channels for layer in discriminator.convolutions] == [64, 128, 256]
    layers = [*generator.convolutions, generator.head, *discriminator.convolutions]
    assert {layer.kernel_size for layer in layers} == {(3, 3)}


def test_a_drawing_is_a_digit_in_range(generator, batch):
    with torch.inference_mode():
        drawn = generator(batch.images, batch.holes)
    assert drawn.shape == (8, 1, 28, 28)
    assert drawn.dtype == torch.float32
    assert drawn.abs().max() <= 1


def test_pixels_in_the_hole_are_ignored(generator, batch):
    noise = torch.where(batch.holes > 0.5, torch.rand_like(batch.images), batch.images)
    with torch.inference_mode():
        assert torch.equal(generator(batch.images, batch.holes), generator(noise, batch.holes))


def test_no_digit_depends_on_its_neighbours(generator, batch):
    others = batch.images.flip(0).clone()
    others[0] = batch.images[0]
    holes = batch.holes.flip(0).clone()
    holes[0] = batch.holes[0]
    with torch.inference_mode():
        assert torch.allclose(generator(batch.images, batch.holes)[0], generator(others, holes)[0], atol=1e-5)


def test_every_drawing_and_its_probability_have_gradients(batch):
    generator = RegionGenerator(hypotheses=3)
    drawn, logits = generator.hypotheses(batch.images, batch.holes)
    assert drawn.shape == (8, 3, 28, 28)
    assert logits.shape == (8, 3)
    (drawn.square().mean() + logits.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_of_several_drawings_the_central_one_is_returned():
    hole = torch.zeros(1, 1, 28, 28)
    hole[..., 9:19, 9:19] = 1
    three, eight = torch.full((28, 28), -1.0), torch.full((28, 28), 1.0)
    drawn = torch.stack([three, three + 0.1, three + 0.2, eight])[None]
    # The eight is the most probable single drawing, but the threes together are more probable.
    shown = central(drawn, torch.tensor([[0.2, 0.2, 0.2, 0.4]]), hole)
    assert torch.equal(shown[0, 0], three + 0.2)
    shown = central(drawn, torch.tensor([[0.1, 0.1, 0.1, 0.7]]), hole)
    assert torch.equal(shown[0, 0], eight)
    # What they draw outside the hole does not count.
    drawn[0, 2, :5] = 1.0
    shown = central(drawn, torch.tensor([[0.2, 0.2, 0.2, 0.4]]), hole)
    assert torch.equal(shown[0, 0], drawn[0, 2])


def test_classifier_and_discriminator_return_logits(batch):
    assert DigitClassifier()(batch.images).shape == (8, 10)
    assert PaperDiscriminator()(batch.images).shape == (8,)
