"""How our network is trained: the best of several drawings, belief in the right one, and later a discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, Optimizer

from pipeline.engines.digits.dcgan_paper import PaperDiscriminator
from pipeline.engines.digits.region import RegionGenerator
from pipeline.training.common.ema import averaged_copy, update_average
from pipeline.training.common.schedule import ema_decay
from pipeline.training.digits.batches import Batch
from pipeline.training.digits.steps import REAL, Count, descend, packed, paste, towards

SHARPNESS = 40.0
"""How much likelier a drawing is than one whose error is larger, per unit of mean error in the hole (0..1)."""

EVERYONE = 0.05
"""Weight of the error of all drawings alike, so that none is left behind for want of a first success."""

ADVERSARIAL = 0.01
CLIP = 1.0


def hole_errors(drawn: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Mean absolute error in the hole of each drawing, (N,K), as a share of the range.

    ``drawn`` is (N,K,28,28) −1..1, ``image`` (N,1,28,28) −1..1, ``hole`` (N,1,28,28) 0/1 with at least one pixel.
    """
    summed = ((drawn - image).abs() * hole).sum(dim=(2, 3))
    return summed / (2.0 * hole.sum(dim=(2, 3)))


def mixture_loss(errors: Tensor, logits: Tensor) -> Tensor:
    """The negative log-likelihood of the original under a mixture of the drawings, per ``SHARPNESS``; a scalar.

    errors and logits are (N,K). Where the rest of a digit fits a 3 and an 8, one drawing may become the 3 and
    another the 8, and the belief says how likely each is; a single drawing would have to be the blur between them.
    """
    joint = torch.log_softmax(logits, dim=1) - SHARPNESS * errors
    return -torch.logsumexp(joint, dim=1).mean() / SHARPNESS


class RegionLesson:
    """Reconstruction by a mixture of drawings; after ``adversarial_from`` steps a discriminator has its say as well."""

    def __init__(self, adversarial_from: int = 0) -> None:
        generator = packed(RegionGenerator())
        discriminator = packed(PaperDiscriminator())
        count = Count()
        self._from = adversarial_from
        self.modules: dict[str, nn.Module] = {
            "generator": generator,
            "average": averaged_copy(generator),
            "discriminator": discriminator,
            "count": count,
        }
        self._generator = generator
        self._count = count
        self.optimizers: dict[str, Optimizer] = {
            "generator": Adam(generator.parameters(), betas=(0.9, 0.99)),
            "discriminator": Adam(discriminator.parameters(), betas=(0.5, 0.999)),
        }
        self.rates = {"generator": 1e-3, "discriminator": 2e-4}

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of the discriminator, where it takes part, then one of the generator and of its average."""
        taken = self._count.next()
        drawn, logits = self._generator.hypotheses(batch.images, batch.holes)
        errors = hole_errors(drawn, batch.images, batch.holes)
        reconstruction = mixture_loss(errors, logits) + EVERYONE * errors.mean()
        loss, losses = reconstruction, {"reconstruction": reconstruction.item(), "generator": 0.0, "discriminator": 0.0}
        if taken >= self._from:
            believed = drawn[torch.arange(len(drawn)), logits.argmax(dim=1)][:, None]
            filled = paste(believed, batch.images, batch.holes)
            fooled, judged = self._contest(batch.images, filled)
            loss = loss + ADVERSARIAL * fooled
            losses |= {"generator": fooled.item(), "discriminator": judged}
        optimizer = self.optimizers["generator"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(self._generator.parameters(), CLIP)
        optimizer.step()
        update_average(self.modules["average"], self._generator, ema_decay(taken))
        return losses

    def _contest(self, real: Tensor, filled: Tensor) -> tuple[Tensor, float]:
        """The generator's adversarial loss after the discriminator took a step, and the discriminator's."""
        discriminator = self.modules["discriminator"]
        discriminator.requires_grad_(True)
        judged = towards(discriminator(real), REAL) + towards(discriminator(filled.detach()), 0.0)
        descend(self.optimizers["discriminator"], judged)
        discriminator.requires_grad_(False)
        return towards(discriminator(filled), REAL), judged.item() / 2.0

    @property
    def result(self) -> nn.Module:
        """The generator's average."""
        return self.modules["average"]
