"""The last, adversarial phase: from the faithful weights to a sharper, less faithful variant, kept apart."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.discriminator import Discriminator
from pipeline.rn.generator import Generator
from pipeline.training.common import schedule
from pipeline.training.common.ema import update_average
from pipeline.training.common.photos import PhotoSet
from pipeline.training.inpainter.adversarial import discriminator_adversarial_loss, generator_adversarial_loss
from pipeline.training.inpainter.loop import InpainterOptions, InpainterTraining
from pipeline.training.inpainter.losses import reconstruction
from pipeline.training.inpainter.texture_loss import TextureDistance

TEXTURE = 40.0
"""Weight of the distance of textures beside the reconstruction. Sharpness costs PSNR; this is the rate of exchange."""
ADVERSARIAL = 0.02
"""Weight of the adversarial term, which makes the texture crisper."""
RMSE = 0.3
"""Weight of the squared error, lower than in the faithful phase: it asks for the mean of all textures."""
NOISE = 0.1
"""Standard deviation of the noise that texture is made from, as a share of the range."""
CRITIC_ALONE = 200
"""Steps in which only the discriminator learns from the fills: what one from chance asks for is noise."""


class SharpTraining(InpainterTraining):
    """Continues trained weights with noise in the hole, held to the texture that was there, and with a discriminator.

    Relativistic pairs, spectral normalisation, updates by turns.
    """

    weights_name = "rn-sharp"

    def __init__(
        self, photos: PhotoSet, options: InpainterOptions, start: Generator | None = None, *, resume: bool = False
    ) -> None:
        """A new phase from the generator ``start``, or with ``resume`` the one whose checkpoint lies in ``out``."""
        torch.manual_seed(options.seed)
        self.discriminator = Discriminator().to(torch.device(options.device))
        self.texture = TextureDistance().to(torch.device(options.device))
        self.critic_optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), 2.0 * options.peak_rate, betas=(0.0, 0.99), weight_decay=0.0
        )
        # Edges and spectrum of another texture than the lost one would count as errors twice, and be smoothed away.
        weights = replace(options.weights, rmse=RMSE, gradient=0.0, spectrum=0.0)
        super().__init__(photos, replace(options, weights=weights), start, resume=resume)

    def shape(self, size: str) -> GeneratorConfig:
        """The shape of the faithful network, with noise in the hole and a decoder that enlarges smoothly."""
        return replace(SIZES[size], noise=NOISE, smooth=True)

    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint holds, the discriminator included."""
        return {**super().modules(), "discriminator": self.discriminator}

    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers that a checkpoint holds, the discriminator's included."""
        return {**super().optimizers(), "discriminator": self.critic_optimizer}

    def update(self, target: Tensor, hole: Tensor, rate: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One update of the discriminator, then one of the generator; see :meth:`InpainterTraining.update`."""
        with torch.autocast(self.device.type, torch.bfloat16):
            stages = self.generator.forward_stages(target, hole)
            real = self.discriminator(target, hole)
            filled = self.discriminator(stages.final.detach(), hole)
        critic = discriminator_adversarial_loss(real.float(), filled.float(), hole)
        for group in self.critic_optimizer.param_groups:
            group["lr"] = 2.0 * rate
        self.critic_optimizer.zero_grad(set_to_none=True)
        critic.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()

        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.no_grad():
                real = self.discriminator(target, hole)
            judged = self.discriminator(stages.final, hole)
        deceit = generator_adversarial_loss(real.float(), judged.float(), hole)
        faithful, terms = reconstruction(stages, target, hole, self.options.weights)
        texture = self.texture(stages.final, target, hole, shift=5 * self.progress.step)
        loss = faithful + TEXTURE * texture
        if self.progress.step >= CRITIC_ALONE:
            loss = loss + ADVERSARIAL * deceit
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(True)
        norm = clip_grad_norm_(self.parameters, 1.0)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            update_average(self.average, self.generator, schedule.ema_decay(self.progress.step))
        judged_by = {"texture": texture, "critic": critic, "deceit": deceit}
        return loss.detach(), {**terms, **{name: value.detach() for name, value in judged_by.items()}}
