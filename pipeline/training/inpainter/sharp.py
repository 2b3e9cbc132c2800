"""Training of the inpainter: the adversarial phase, from the faithful weights to a sharper, less faithful variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.rn.config import GeneratorConfig
from pipeline.rn.discriminator import Discriminator
from pipeline.rn.generator import Generator
from pipeline.runtime.precision import autocast_training
from pipeline.training.common.photos import PhotoSet
from pipeline.training.inpainter.adversarial import discriminator_adversarial_loss, generator_adversarial_loss
from pipeline.training.inpainter.loop import InpainterOptions, InpainterTraining
from pipeline.training.inpainter.losses import reconstruction
from pipeline.training.inpainter.texture_loss import TextureDistance

TEXTURE = 40.0
"""Weight of the texture distance beside the reconstruction: how much PSNR is given up for sharpness."""
ADVERSARIAL = 0.02
"""Weight of the adversarial term, which makes the texture crisper."""
RMSE = 0.3
"""Weight of the squared error, lower than in the faithful phase: its optimum is the mean of all possible textures."""
NOISE = 0.1
"""Standard deviation of the noise that texture is made from, as a share of the range."""
DISCRIMINATOR_STEPS = 200
"""First steps, in which only the discriminator learns from the fills: the gradients of an untrained one are noise."""


class SharpTraining(InpainterTraining):
    """Continues trained weights with noise in the hole, a texture loss and a discriminator.

    The discriminator is relativistic on pairs, with spectral normalisation, and is updated alternately with the
    generator.
    """

    weights_name = "rn-sharp"

    def __init__(
        self, photos: PhotoSet, options: InpainterOptions, start: Generator | None = None, *, resume: bool = False
    ) -> None:
        """Prepare a new phase from the generator ``start``, or with ``resume`` load the checkpoint in ``out``."""
        torch.manual_seed(options.seed)
        self.discriminator = Discriminator().to(torch.device(options.device))
        self.texture = TextureDistance().to(torch.device(options.device))
        self.discriminator_optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), 2.0 * options.peak_rate, betas=(0.0, 0.99), weight_decay=0.0
        )
        # Edges and spectrum of a texture other than the lost one would count as errors and be smoothed away.
        weights = replace(options.weights, rmse=RMSE, gradient=0.0, spectrum=0.0)
        super().__init__(photos, replace(options, weights=weights), start, resume=resume)

    def config(self, size: str) -> GeneratorConfig:
        """Return the shape of the faithful network, with noise in the hole and smooth upsampling."""
        return replace(super().config(size), noise=NOISE, smooth=True)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules in a checkpoint, with the discriminator."""
        return {**super().modules, "discriminator": self.discriminator}

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        """The optimisers in a checkpoint, with the discriminator's."""
        return {**super().optimizers, "discriminator": self.discriminator_optimizer}

    @property
    def peak_rates(self) -> Mapping[str, float]:
        """The peak learning rate of each optimiser; the discriminator's is twice the generator's."""
        return {**super().peak_rates, "discriminator": 2.0 * self.options.peak_rate}

    def update(self, target: Tensor, hole: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Update the discriminator, then the generator; see :meth:`InpainterTraining.update`."""
        with autocast_training(self.device):
            stages = self.generator.forward_stages(target, hole)
            real = self.discriminator(target, hole)
            filled = self.discriminator(stages.final.detach(), hole)
        discriminator = discriminator_adversarial_loss(real.float(), filled.float(), hole)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        discriminator.backward()  # type: ignore[no-untyped-call]
        self.discriminator_optimizer.step()

        self.discriminator.requires_grad_(False)
        with autocast_training(self.device):
            with torch.no_grad():
                real = self.discriminator(target, hole)
            filled = self.discriminator(stages.final, hole)
        adversarial = generator_adversarial_loss(real.float(), filled.float(), hole)
        faithful, terms = reconstruction(stages, target, hole, self.options.weights)
        texture = self.texture(stages.final, target, hole, shift=5 * self.state.step)
        loss = faithful + TEXTURE * texture
        if self.state.step >= DISCRIMINATOR_STEPS:
            loss = loss + ADVERSARIAL * adversarial
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator.requires_grad_(True)
        self.descend()
        # The names are columns of progress.csv.
        sharp = {"texture": texture, "critic": discriminator, "deceit": adversarial}
        return loss.detach(), {**terms, **{name: value.detach() for name, value in sharp.items()}}
