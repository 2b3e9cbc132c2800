"""What one step of training is, for each of the networks; the loop around it is the same for all."""

from __future__ import annotations

from typing import Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from pipeline.digits.batches import Batch
from pipeline.digits.judge import Judge
from pipeline.digits.paper import PaperDiscriminator, PaperGenerator

Module = TypeVar("Module", bound=nn.Module)

REAL = 0.9
"""The label of a real digit, smoothed as the paper has it; a filled one is 0."""


class Lesson(Protocol):
    """A network in training: its state, its optimisers with their peak rates, and one step."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]
    rates: dict[str, float]

    def step(self, batch: Batch) -> dict[str, float]:
        """Train on one batch; returns the losses."""
        ...

    @property
    def result(self) -> nn.Module:
        """The network that is shipped."""
        ...


def paste(drawn: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """The drawing inside the hole, the image's own pixels everywhere else."""
    return torch.where(hole > 0.5, drawn, image)


def towards(logits: Tensor, label: float) -> Tensor:
    """Binary cross-entropy of the logits (N,) against one label, scalar."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


class JudgeLesson:
    """Cross-entropy on whole digits; no hole is ever shown."""

    def __init__(self) -> None:
        judge = packed(Judge())
        self.modules: dict[str, nn.Module] = {"judge": judge}
        self.optimizers: dict[str, Optimizer] = {"judge": Adam(judge.parameters())}
        self.rates = {"judge": 1e-3}

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of Adam."""
        loss = F.cross_entropy(self.modules["judge"](batch.images), batch.labels)
        descend(self.optimizers["judge"], loss)
        return {"judge": loss.item()}

    @property
    def result(self) -> nn.Module:
        """The judge."""
        return self.modules["judge"]


class PaperLesson:
    """The paper's way: binary cross-entropy only, discriminator first, then generator, never both at once.

    The discriminator sees the digit with the drawing pasted into the hole: its known pixels are those of a real
    digit, so all that can give it away is the fill and how it joins. Nothing compares the fill with the original.
    """

    def __init__(self) -> None:
        generator = packed(PaperGenerator())
        discriminator = packed(PaperDiscriminator())
        self.modules: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
        self.optimizers: dict[str, Optimizer] = {
            name: Adam(module.parameters(), betas=(0.5, 0.999)) for name, module in self.modules.items()
        }
        self.rates = {"generator": 2e-4, "discriminator": 2e-4}

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of the discriminator with the generator at rest, then one the other way round."""
        generator, discriminator = self.modules["generator"], self.modules["discriminator"]
        filled = paste(generator(batch.images, batch.holes), batch.images, batch.holes)
        discriminator.requires_grad_(True)
        judged = towards(discriminator(batch.images), REAL) + towards(discriminator(filled.detach()), 0.0)
        descend(self.optimizers["discriminator"], judged)
        discriminator.requires_grad_(False)
        fooled = towards(discriminator(filled), REAL)
        descend(self.optimizers["generator"], fooled)
        return {"generator": fooled.item(), "discriminator": judged.item() / 2.0}

    @property
    def result(self) -> nn.Module:
        """The generator as the last step left it."""
        return self.modules["generator"]


def packed(module: Module) -> Module:
    """The module with its weights channels-last, which halves a step on a CPU."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """One step of the optimiser down the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
