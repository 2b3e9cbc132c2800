"""One training step of the classifier and of the paper's networks."""

from __future__ import annotations

from typing import Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from pipeline.engines.digits.classifier import DigitClassifier
from pipeline.engines.digits.dcgan_paper import PaperDiscriminator, PaperGenerator
from pipeline.training.common.ema import ModelEma
from pipeline.training.common.schedule import ema_decay
from pipeline.training.digits.batches import DigitBatch

Module = TypeVar("Module", bound=nn.Module)

REAL = 0.9
"""The label of a real digit, smoothed as in the paper; that of a filled one is 0."""


class NetworkStep(Protocol):
    """A network in training: its modules, their optimisers with peak learning rates, and one step."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]
    peak_rates: dict[str, float]

    def step(self, batch: DigitBatch, taken: int) -> dict[str, float]:
        """Train on one batch after ``taken`` steps; return the losses."""
        ...

    @property
    def result(self) -> nn.Module:
        """The network that is shipped."""
        ...


def paste(drawn: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Return the drawing inside the hole and the image's own pixels everywhere else, (N,1,28,28)."""
    return torch.where(hole > 0.5, drawn, image)


def label_loss(logits: Tensor, label: float) -> Tensor:
    """Return the binary cross-entropy of the logits (N,) against one label, scalar."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


class ClassifierStep:
    """Cross-entropy on whole digits; no hole is ever shown."""

    def __init__(self) -> None:
        classifier = channels_last(DigitClassifier())
        # The names of module and loss are keys of the checkpoint and a column of the curves.
        self.modules: dict[str, nn.Module] = {"judge": classifier}
        self.optimizers: dict[str, Optimizer] = {"judge": Adam(classifier.parameters())}
        self.peak_rates = {"judge": 1e-3}

    def step(self, batch: DigitBatch, _taken: int) -> dict[str, float]:
        """Train on one batch; return the losses."""
        loss = F.cross_entropy(self.modules["judge"](batch.images), batch.labels)
        descend(self.optimizers["judge"], loss)
        return {"judge": loss.item()}

    @property
    def result(self) -> nn.Module:
        """The classifier."""
        return self.modules["judge"]


class PaperStep:
    """The paper's method: binary cross-entropy only; discriminator first, then generator, never both together.

    The discriminator sees the digit with the drawing pasted into the hole. Its known pixels are those of a real digit,
    so only the fill and its border can be told from a real one. Nothing compares the fill with the original.

    The two networks oscillate as they learn, so the moving average of the generator is shipped.
    """

    def __init__(self) -> None:
        generator = channels_last(PaperGenerator())
        discriminator = channels_last(PaperDiscriminator())
        # Its running statistics are averaged too: batch normalisation needs those that fit the weights.
        self._ema: ModelEma[nn.Module] = ModelEma(generator, use_buffers=True)
        self.modules: dict[str, nn.Module] = {
            "generator": generator,
            "average": self._ema.module,
            "discriminator": discriminator,
        }
        self.optimizers: dict[str, Optimizer] = {
            name: Adam(self.modules[name].parameters(), betas=(0.5, 0.999)) for name in ("generator", "discriminator")
        }
        # A generator that learns as fast as its discriminator overtakes it, and then gets no useful gradient.
        self.peak_rates = {"generator": 4e-4, "discriminator": 8e-4}

    def step(self, batch: DigitBatch, taken: int) -> dict[str, float]:
        """Update the discriminator with the generator fixed, then the other way round; return the losses."""
        generator, discriminator = self.modules["generator"], self.modules["discriminator"]
        filled = paste(generator(batch.images, batch.holes), batch.images, batch.holes)
        discriminator.requires_grad_(True)
        discrimination = label_loss(discriminator(batch.images), REAL) + label_loss(discriminator(filled.detach()), 0.0)
        descend(self.optimizers["discriminator"], discrimination)
        discriminator.requires_grad_(False)
        adversarial = label_loss(discriminator(filled), REAL)
        descend(self.optimizers["generator"], adversarial)
        self._ema.update(generator, ema_decay(taken))
        return {"generator": adversarial.item(), "discriminator": discrimination.item() / 2.0}

    @property
    def result(self) -> nn.Module:
        """The generator's average."""
        return self._ema.module


def channels_last(module: Module) -> Module:
    """Return the module with its weights channels-last, which halves the time of a step on a CPU."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """Take one step of the optimiser along the gradient of the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
