"""What one step of training is, for each of the networks; the loop around it is the same for all."""

from __future__ import annotations

from typing import Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from pipeline.engines.digits.classifier import DigitClassifier
from pipeline.engines.digits.dcgan_paper import PaperDiscriminator, PaperGenerator
from pipeline.training.common.ema import averaged_copy, update_average
from pipeline.training.common.schedule import ema_decay
from pipeline.training.digits.batches import Batch

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


class Count(nn.Module):
    """Counts the steps taken, kept in the checkpoint like everything else."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros((), dtype=torch.int64))

    def next(self) -> int:
        """How many steps were taken before this one."""
        taken = int(self.value)
        self.value += 1
        return taken


def paste(drawn: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """The drawing inside the hole, the image's own pixels everywhere else."""
    return torch.where(hole > 0.5, drawn, image)


def towards(logits: Tensor, label: float) -> Tensor:
    """Binary cross-entropy of the logits (N,) against one label, scalar."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


class JudgeLesson:
    """Cross-entropy on whole digits; no hole is ever shown."""

    def __init__(self) -> None:
        judge = packed(DigitClassifier())
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

    The two chase each other in circles as they learn, so the average over the generator's last steps is shipped.
    """

    def __init__(self) -> None:
        generator = packed(PaperGenerator())
        discriminator = packed(PaperDiscriminator())
        self._count = Count()
        self.modules: dict[str, nn.Module] = {
            "generator": generator,
            "average": averaged_copy(generator),
            "discriminator": discriminator,
            "count": self._count,
        }
        self.optimizers: dict[str, Optimizer] = {
            name: Adam(self.modules[name].parameters(), betas=(0.5, 0.999)) for name in ("generator", "discriminator")
        }
        # A generator that learns as fast as its discriminator outruns it, and then nobody tells it where to go.
        self.rates = {"generator": 4e-4, "discriminator": 8e-4}

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
        average(self.modules["average"], generator, ema_decay(self._count.next()))
        return {"generator": fooled.item(), "discriminator": judged.item() / 2.0}

    @property
    def result(self) -> nn.Module:
        """The generator's average."""
        return self.modules["average"]


def average(held: nn.Module, module: nn.Module, decay: float) -> None:
    """Move an average towards a module, its running statistics too: a batch normalisation is nothing without them."""
    update_average(held, module, decay)
    with torch.no_grad():
        for old, new in zip(held.buffers(), module.buffers(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1.0 - decay)


def packed(module: Module) -> Module:
    """The module with its weights channels-last, which halves a step on a CPU."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """One step of the optimiser down the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
