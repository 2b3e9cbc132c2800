"""The training loop of the inpainter."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.net2net import grow
from pipeline.rn.weights import load_generator, save_generator
from pipeline.training.common import schedule
from pipeline.training.common.checkpoint import CHECKPOINT, RunState, load_checkpoint, save_checkpoint
from pipeline.training.common.csv_log import append_row
from pipeline.training.common.ema import averaged_copy, interpolate_generators, update_average
from pipeline.training.common.photos import PhotoSet, split
from pipeline.training.common.progress import Report
from pipeline.training.common.signals import stop_on_signal
from pipeline.training.inpainter.batches import BatchMaker, Prefetcher
from pipeline.training.inpainter.gradient_workers import GradientWorkers
from pipeline.training.inpainter.losses import LossWeights, reconstruction
from pipeline.training.inpainter.validation import ValidationSet, by_kind, composite_psnr, fill

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InpainterOptions:
    """Everything a run of the inpainter's training is told."""

    out: Path
    budget: schedule.Budget
    size: str = "medium"
    crop: int = 128
    batch: int = 8
    peak_rate: float = 1e-3
    seed: int = 1
    device: str = "cpu"
    artefacts: Path | None = None
    weights: LossWeights = field(default_factory=LossWeights)
    checkpoint_seconds: float = 240.0
    validation_seconds: float = 900.0
    validation_size: int = 256
    validation_count: int = 60
    bank_holes: int = 3000
    threads: int = 2
    piece: int = 4
    warm_up: int = schedule.WARM_UP_STEPS
    init: str = ""
    """The sha256 of the weights that a new run begins from, for its card."""
    mean_with: Path | None = None
    """Weights of the same size with which those of the run are averaged before they are measured and written."""
    mean_share: float = 0.5
    """What the run's own weights count in that mean, 0 to 1."""

    def facts(self, photos: PhotoSet) -> dict[str, object]:
        """What must be the same when a run is resumed."""
        return {
            "size": self.size, "crop": self.crop, "batch": self.batch, "seed": self.seed,
            "photos": photos.digest(), "count": len(photos),
        }  # fmt: skip


class InpainterTraining:
    """One run: its network, average, optimiser and place on disk. :meth:`run` goes on until the budget is used.

    Ctrl-C or SIGTERM ends it after the current step, with a checkpoint.
    """

    weights_name = "rn-faithful"

    def __init__(
        self, photos: PhotoSet, options: InpainterOptions, start: Generator | None = None, *, resume: bool = False
    ) -> None:
        """A new run, from the weights ``start`` or from chance; with ``resume`` the run whose checkpoint is in ``out``.

        Raises ``ValueError`` when the size that the options ask for neither is nor contains that of ``start``, or is
        not that of the weights ``mean_with``; ``WeightsError`` when those cannot be read.
        """
        self.options = options
        self.device = torch.device(options.device)
        train, held = split(photos)
        torch.manual_seed(options.seed)
        shape = self.shape(options.size)
        self.generator = Generator(shape).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if start is not None and not resume:
            self.generator.load_state_dict(grow(start, shape).state_dict())
        self.average: Generator = averaged_copy(self.generator)
        self.other: Generator | None = None
        self.other_digest = ""
        if options.mean_with is not None:
            other, self.other_digest = load_generator(options.mean_with)
            self.other = other.to(self.device)
            self.result()  # what cannot be averaged is told now, not after hours
        kernels = [one for one in self.generator.parameters() if one.shape[0] > 1 and one.dim() > 1]
        others = [one for one in self.generator.parameters() if one.shape[0] == 1 or one.dim() == 1]
        # A weight before a normalisation only ever grows, and the larger it is the slower it turns: it must decay.
        self.optimizer = torch.optim.AdamW(
            [{"params": kernels, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
            options.peak_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.scores: dict[str, float] = {}
        self.parameters = list(self.generator.parameters())
        self.workers = GradientWorkers(options.threads if self.device.type == "cpu" else 1)
        self.maker = BatchMaker(train, options.seed, artefacts=options.artefacts, bank_holes=options.bank_holes)
        self.validation = ValidationSet(held, size=options.validation_size, count=options.validation_count)
        self.progress = RunState(facts={**options.facts(photos), "init": options.init})
        options.out.mkdir(parents=True, exist_ok=True)
        if resume:
            self._resume()
        else:  # figures of an abandoned run must not pass for this one's
            for name in ("progress.csv", "validation.csv", "baselines.json"):
                (options.out / name).unlink(missing_ok=True)

    def shape(self, size: str) -> GeneratorConfig:
        """The shape of the network of a named size."""
        return SIZES[size]

    def _resume(self) -> None:
        found = load_checkpoint(self.options.out / CHECKPOINT, self.modules(), self.optimizers())
        self.progress.facts["init"] = found.facts.get("init", "")  # where a run began cannot change any more
        changed = [key for key, value in self.progress.facts.items() if found.facts.get(key, "") != value]
        if changed:
            log.warning("resuming with other %s than the run began with: not to the bit", ", ".join(changed))
        self.progress.step, self.progress.seconds, self.progress.pixels = found.step, found.seconds, found.pixels

    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint holds."""
        return {"generator": self.generator, "average": self.average}

    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers that a checkpoint holds."""
        return {"generator": self.optimizer}

    def result(self) -> Generator:
        """What the run has come to: its averaged weights, or their mean with the other ones that it was given."""
        if self.other is None:
            return self.average
        return interpolate_generators(self.average, self.other, self.options.mean_share)

    def _share(self) -> float:
        return self.options.budget.progress(self.progress.step, self.progress.seconds)

    def _plan(self, step: int) -> tuple[int, int]:
        share = self.options.budget.progress(step, self.progress.seconds)
        return schedule.crop_plan(step, share, self.options.crop, self.options.batch)

    def step(self, pictures: Tensor, holes: Tensor, rate: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One update from pictures (N,3,S,S) uint8 and holes (N,1,S,S) uint8; the loss and its terms."""
        target = pictures.to(self.device).float() / 255.0
        hole = holes.to(self.device).float()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return self.update(target, hole, rate)

    def update(self, target: Tensor, hole: Tensor, rate: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One update from targets (N,3,S,S) float32 0..1 and holes (N,1,S,S) float32 0/1; the loss and its terms."""
        size = self.options.piece
        pieces = [(target[at : at + size], hole[at : at + size]) for at in range(0, len(target), size)]
        loss, terms = self.workers.run(self.parameters, pieces, self._loss)
        norm = clip_grad_norm_(self.parameters, 1.0)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            update_average(self.average, self.generator, schedule.ema_decay(self.progress.step))
        else:
            log.warning("step %d: the gradient is not finite; left out", self.progress.step)
        return loss, terms

    def _loss(self, piece: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        target, hole = piece
        with torch.autocast(self.device.type, torch.bfloat16):
            stages = self.generator.forward_stages(target, hole)
        return reconstruction(stages, target, hole, self.options.weights)

    def save(self) -> None:
        """Write the checkpoint and, beside it, the result as it would be shipped."""
        save_checkpoint(self.options.out / CHECKPOINT, self.modules(), self.optimizers(), self.progress)
        facts = {
            "steps": str(self.progress.step),
            "pixels": str(self.progress.pixels),
            "seconds": str(round(self.progress.seconds)),
            "seed": str(self.options.seed),
            "size": self.options.size,
            "init": str(self.progress.facts["init"]),
        }
        save_generator(self.options.out / f"{self.weights_name}.safetensors", self.result(), facts)

    def validate(self) -> dict[str, float]:
        """PSNR in dB of the run's result on the held-out crops: ``psnr`` and one entry per kind of hole.

        Appended to ``validation.csv`` beside the checkpoint.
        """
        filled = fill(self.result(), self.validation, self.device)
        scores = composite_psnr(filled, self.validation.pictures, self.validation.holes)
        result = {"psnr": float(scores.mean()), **by_kind(scores, self.validation.kinds)}
        row = {"step": self.progress.step, "seconds": round(self.progress.seconds), **result}
        append_row(self.options.out / "validation.csv", row)
        self.scores = result
        return result

    def run(
        self,
        report: Callable[[Report], None] | None = None,
        validated: Callable[[dict[str, float]], None] | None = None,
        *,
        every: int = 50,
    ) -> None:
        """Train until the budget is used, saving and validating on the way and at the end.

        ``report`` is called every ``every`` steps, ``validated`` after each validation.
        """
        self.generator.train()
        progress, options = self.progress, self.options
        last_save = last_validation = time.monotonic()
        losses: list[Tensor] = []
        sums: dict[str, Tensor] = {}
        waited = window = 0.0
        self.maker.prepare(self._plan(progress.step)[0])
        with Prefetcher(self.maker, self._plan, progress.step) as batches, self.workers, stop_on_signal() as stop:
            while self._share() < 1.0 and not stop.asked:
                started = time.monotonic()
                pictures, holes = batches.take()
                waited += time.monotonic() - started
                rate = schedule.learning_rate(options.peak_rate, progress.step, self._share(), warm_up=options.warm_up)
                loss, terms = self.step(pictures, holes, rate)
                losses.append(loss)
                for name, value in terms.items():
                    sums[name] = sums.get(name, torch.zeros((), device=self.device)) + value
                progress.step += 1
                progress.pixels += holes.numel()
                spent = time.monotonic() - started
                progress.seconds += spent
                window += spent
                if progress.step % every == 0:
                    line = self._report(losses, sums, rate, window, waited)
                    losses, sums, waited, window = [], {}, 0.0, 0.0
                    if report is not None:
                        report(line)
                now = time.monotonic()
                if now - last_validation > options.validation_seconds:
                    scores = self.validate()
                    last_validation = time.monotonic()
                    if validated is not None:
                        validated(scores)
                if now - last_save > options.checkpoint_seconds:
                    self.save()
                    last_save = time.monotonic()
            self.save()
        scores = self.validate()
        if validated is not None:
            validated(scores)

    def _report(
        self, losses: list[Tensor], sums: dict[str, Tensor], rate: float, window: float, waited: float
    ) -> Report:
        share = self._share()
        count = len(losses)
        speed = count / max(window, 1e-9)
        budget = self.options.budget
        left = budget.time_left(self.progress.step, self.progress.seconds, speed)
        line = Report(
            self.progress.step,
            share,
            float(torch.stack(losses).mean()),
            {name: float(value) / count for name, value in sums.items()},
            rate,
            speed,
            waited / max(window, 1e-9),
            left,
        )
        append_row(
            self.options.out / "progress.csv",
            {
                "step": line.step, "seconds": round(self.progress.seconds, 1), "pixels": self.progress.pixels,
                "rate": rate, "loss": line.loss, **line.terms,
            },
        )  # fmt: skip
        return line
