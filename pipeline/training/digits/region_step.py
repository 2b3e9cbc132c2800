"""One training step of the region network: the best of several drawings, the probability of each, a discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, Optimizer

from pipeline.engines.digits.dcgan_paper import PaperDiscriminator
from pipeline.engines.digits.region import RegionGenerator
from pipeline.training.common.ema import ModelEma
from pipeline.training.common.schedule import ema_decay
from pipeline.training.digits.batches import DigitBatch
from pipeline.training.digits.steps import REAL, channels_last, descend, label_loss, paste

SHARPNESS = 40.0
"""How much the log-likelihood of a drawing falls per unit of mean error in the hole (0..1)."""

ALL_DRAWINGS = 0.05
"""Weight of the mean error of all drawings, so that each of them learns from the start."""

ADVERSARIAL = 0.01
CLIP = 1.0


def hole_errors(drawn: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Return the mean absolute error in the hole of each drawing, (N,K), as a share of the range.

    ``drawn`` is (N,K,28,28) −1..1, ``image`` (N,1,28,28) −1..1, ``hole`` (N,1,28,28) 0/1 with at least one pixel.
    """
    summed = ((drawn - image).abs() * hole).sum(dim=(2, 3))
    return summed / (2.0 * hole.sum(dim=(2, 3)))


def mixture_loss(errors: Tensor, logits: Tensor) -> Tensor:
    """Return the negative log-likelihood of the original under a mixture of the drawings, per ``SHARPNESS``; a scalar.

    errors and logits are (N,K). Where the rest of a digit fits a 3 and an 8, one drawing may become the 3 and
    another the 8, and the logits say how likely each is; a single drawing would be a blur of both.
    """
    joint = torch.log_softmax(logits, dim=1) - SHARPNESS * errors
    return -torch.logsumexp(joint, dim=1).mean() / SHARPNESS


class RegionStep:
    """Reconstruction by a mixture of drawings; after ``adversarial_from`` steps with a discriminator as well."""

    def __init__(self, adversarial_from: int = 0) -> None:
        generator = channels_last(RegionGenerator())
        discriminator = channels_last(PaperDiscriminator())
        self._adversarial_from = adversarial_from
        self._generator = generator
        self._ema = ModelEma(generator)
        self.modules: dict[str, nn.Module] = {
            "generator": generator,
            "average": self._ema.module,
            "discriminator": discriminator,
        }
        self.optimizers: dict[str, Optimizer] = {
            "generator": Adam(generator.parameters(), betas=(0.9, 0.99)),
            "discriminator": Adam(discriminator.parameters(), betas=(0.5, 0.999)),
        }
        self.peak_rates = {"generator": 1e-3, "discriminator": 2e-4}

    def step(self, batch: DigitBatch, taken: int) -> dict[str, float]:
        """Update the discriminator, once it takes part, then the generator and its average; return the losses."""
        drawn, logits = self._generator.hypotheses(batch.images, batch.holes)
        errors = hole_errors(drawn, batch.images, batch.holes)
        reconstruction = mixture_loss(errors, logits) + ALL_DRAWINGS * errors.mean()
        loss, losses = reconstruction, {"reconstruction": reconstruction.item(), "generator": 0.0, "discriminator": 0.0}
        if taken >= self._adversarial_from:
            believed = drawn[torch.arange(len(drawn)), logits.argmax(dim=1)][:, None]
            filled = paste(believed, batch.images, batch.holes)
            adversarial, discrimination = self._adversarial_losses(batch.images, filled)
            loss = loss + ADVERSARIAL * adversarial
            losses |= {"generator": adversarial.item(), "discriminator": discrimination}
        optimizer = self.optimizers["generator"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(self._generator.parameters(), CLIP)
        optimizer.step()
        self._ema.update(self._generator, ema_decay(taken))
        return losses

    def _adversarial_losses(self, real: Tensor, filled: Tensor) -> tuple[Tensor, float]:
        """Update the discriminator; return the generator's adversarial loss after that, and the discriminator's."""
        discriminator = self.modules["discriminator"]
        discriminator.requires_grad_(True)
        discrimination = label_loss(discriminator(real), REAL) + label_loss(discriminator(filled.detach()), 0.0)
        descend(self.optimizers["discriminator"], discrimination)
        discriminator.requires_grad_(False)
        return label_loss(discriminator(filled), REAL), discrimination.item() / 2.0

    @property
    def result(self) -> nn.Module:
        """The generator's average."""
        return self._ema.module
