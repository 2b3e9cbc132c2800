"""Training of the inpainter: the faithful phase."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.drop_statistics import drop_statistics
from pipeline.rn.generator import Generator
from pipeline.rn.net2net import net2net
from pipeline.rn.weights import load_generator, save_generator
from pipeline.runtime.precision import autocast_training
from pipeline.training.common import schedule
from pipeline.training.common.checkpoint import CHECKPOINT, RunState, load_checkpoint
from pipeline.training.common.csv_log import append_row
from pipeline.training.common.ema import ModelEma
from pipeline.training.common.loop import LoopOptions, Report, StepResult, TrainingHooks, TrainingLoop
from pipeline.training.common.photos import PhotoSet, split
from pipeline.training.inpainter.batches import BatchMaker, Prefetcher
from pipeline.training.inpainter.generator_interpolation import interpolate_generators
from pipeline.training.inpainter.gradient_workers import GradientWorkers
from pipeline.training.inpainter.losses import LossWeights, reconstruction
from pipeline.training.inpainter.validation import ValidationSet, by_kind, composite_psnr, fill

log = logging.getLogger(__name__)

FITTING_BATCHES = 12
"""Batches on which scales are fitted; a dozen of eight crops have some million pixels at half the side."""

Batch = tuple[Tensor, Tensor]
"""Pictures (N,3,S,S) uint8 and holes (N,1,S,S) uint8 0/1."""


@dataclass(frozen=True)
class InpainterOptions:
    """The options of a training run.

    Attributes:
        out: folder of the run.
        budget: how long it trains.
        size: name of the network's size.
        norm: where it normalises by region, see `GeneratorConfig`.
        crop, batch: side of a crop in pixels and crops in a step, until the last fifth; see `schedule.crop_plan`.
        peak_rate, warm_up: highest learning rate and steps until it is reached.
        seed: of first weights, crops and holes.
        device: torch's name of it.
        artefacts: folder of scanned film artefacts, or None.
        weights: of the loss terms.
        checkpoint_seconds, validation_seconds: time between two checkpoints and between two validations.
        validation_size, validation_count: side in pixels and number of the validation crops.
        bank_holes: holes drawn in advance, of each size.
        threads, micro_batch: threads that compute gradients on a CPU, and pictures that one of them takes at a time
            at most.
        init: sha256 of the weights that a new run starts from, for its card; empty for random weights.
        mean_with: weights of the same size that those of the run are averaged with before they are measured and
            written, or None.
        mean_share: share of the run's own weights in that mean, 0 to 1.
    """

    out: Path
    budget: schedule.Budget
    size: str = "medium"
    norm: str = "coarse"
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
    micro_batch: int = 4
    warm_up: int = schedule.WARM_UP_STEPS
    init: str = ""
    mean_with: Path | None = None
    mean_share: float = 0.5

    def facts(self, photos: PhotoSet) -> dict[str, object]:
        """Return what must be the same when a run is resumed."""
        return {
            "size": self.size, "norm": self.norm, "crop": self.crop, "batch": self.batch, "seed": self.seed,
            "photos": photos.digest(), "count": len(photos),
        }  # fmt: skip


class InpainterTraining(TrainingHooks[Batch]):
    """One run: its network, average, optimiser and files. :meth:`run` trains until the budget is used."""

    weights_name = "rn-faithful"

    def __init__(
        self, photos: PhotoSet, options: InpainterOptions, start: Generator | None = None, *, resume: bool = False
    ) -> None:
        """Prepare a new run from the weights ``start`` or random ones, or with ``resume`` load the one in ``out``.

        Where the options ask for fewer normalisations than ``start`` has, scales are fitted in their place.

        Raises ``ValueError`` when the size in the options neither is nor contains that of ``start``, when ``start``
        lacks a normalisation, or when size or norm is not that of the weights ``mean_with``; ``WeightsError`` when
        those cannot be read.
        """
        self.options = options
        self.device = torch.device(options.device)
        train, held_out = split(photos)
        torch.manual_seed(options.seed)
        config = self.config(options.size)
        self.generator = Generator(config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.maker = BatchMaker(train, options.seed, artefacts=options.artefacts, bank_holes=options.bank_holes)
        if start is not None and not resume:
            if start.config.norm != config.norm:
                start = drop_statistics(start, config.norm, self._fitting())
            self.generator.load_state_dict(net2net(start, config).state_dict())
        self.ema: ModelEma[Generator] = ModelEma(self.generator)
        self.other: Generator | None = None
        self.other_digest = ""
        if options.mean_with is not None:
            other, self.other_digest = load_generator(options.mean_with)
            self.other = other.to(self.device)
            self.result()  # weights that do not fit are reported now, not after hours of training
        kernels = [one for one in self.generator.parameters() if one.shape[0] > 1 and one.dim() > 1]
        others = [one for one in self.generator.parameters() if one.shape[0] == 1 or one.dim() == 1]
        # Weights before a normalisation only ever grow, and the larger they are the slower they turn: they must decay.
        self.optimizer = torch.optim.AdamW(
            [{"params": kernels, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
            options.peak_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.scores: dict[str, float] = {}
        self.parameters = list(self.generator.parameters())
        self.workers = GradientWorkers(options.threads if self.device.type == "cpu" else 1)
        self.validation = ValidationSet(held_out, size=options.validation_size, count=options.validation_count)
        self.state = RunState(facts={**options.facts(photos), "init": options.init})
        self._validated: Callable[[dict[str, float]], None] | None = None
        options.out.mkdir(parents=True, exist_ok=True)
        if resume:
            self._resume()
        else:  # logs of an abandoned run must not be taken for this one's
            for name in ("progress.csv", "validation.csv", "baselines.json"):
                (options.out / name).unlink(missing_ok=True)

    def config(self, size: str) -> GeneratorConfig:
        """Return the shape of the network of a named size."""
        return replace(SIZES[size], norm=self.options.norm)

    def _fitting(self) -> Iterator[Batch]:
        """Yield the batches on which scales are fitted in the place of normalisations."""
        for step in range(FITTING_BATCHES):
            pictures, holes = self.maker.make(step, self.options.crop, self.options.batch)
            yield pictures.float() / 255.0, holes.float()

    def _resume(self) -> None:
        found = load_checkpoint(self.options.out / CHECKPOINT, self.modules, self.optimizers)
        facts = {**self.state.facts, "init": found.facts.get("init", "")}  # where a run started cannot change any more
        changed = [key for key, value in facts.items() if found.facts.get(key, "") != value]
        if changed:
            log.warning(
                "resuming with other %s than the run was started with: results will differ from a run without a break",
                ", ".join(changed),
            )
        self.state = replace(found, facts=facts)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules in a checkpoint."""
        return {"generator": self.generator, "average": self.ema.module}

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        """The optimisers in a checkpoint."""
        return {"generator": self.optimizer}

    @property
    def peak_rates(self) -> Mapping[str, float]:
        """The peak learning rate of each optimiser."""
        return {"generator": self.options.peak_rate}

    def result(self) -> Generator:
        """Return the network as it would be shipped: the averaged weights, interpolated with ``mean_with`` if given."""
        if self.other is None:
            return self.ema.module
        return interpolate_generators(self.ema.module, self.other, self.options.mean_share)

    def run(
        self,
        report: Callable[[Report], None] | None = None,
        validated: Callable[[dict[str, float]], None] | None = None,
        *,
        every: int = 50,
    ) -> None:
        """Train until the budget is used or a signal stops the run; save and validate on the way and at the end.

        ``report`` is called every ``every`` steps, ``validated`` after each validation.
        """
        options, self._validated = self.options, validated
        self.generator.train()
        loop = TrainingLoop(
            self,
            LoopOptions(
                options.budget,
                options.out / CHECKPOINT,
                warm_up=options.warm_up,
                report_steps=every,
                checkpoint_seconds=options.checkpoint_seconds,
                validation_seconds=min(options.validation_seconds, self._tenth_of_budget()),
            ),
        )
        if self.state.step == 0:
            # Where the run starts from, so that its curve shows what training has brought.
            self.validate()
        loop.run(report)
        self.validate()

    def _tenth_of_budget(self) -> float:
        """Return a tenth of the run's time in seconds, at least a minute; infinite when steps are counted."""
        return max(60.0, self.options.budget.seconds_left(0.0) / 10)

    @contextmanager
    def batches(self) -> Iterator[Iterator[Batch]]:
        """Open the stream of batches, and the threads that draw them and compute gradients."""
        self.maker.prepare(self._plan(self.state.step)[0])
        with Prefetcher(self.maker, self._plan, self.state.step) as batches, self.workers:
            yield batches

    def _plan(self, step: int) -> tuple[int, int]:
        share = self.options.budget.progress(step, self.state.seconds)
        return schedule.crop_plan(step, share, self.options.crop, self.options.batch)

    def step(self, batch: Batch) -> StepResult:
        """Train on one batch; ``loss`` is the first of the losses, the others are its terms."""
        pictures, holes = batch
        target = pictures.to(self.device).float() / 255.0
        hole = holes.to(self.device).float()
        loss, terms = self.update(target, hole)
        return StepResult({"loss": loss, **terms}, holes.numel())

    def update(self, target: Tensor, hole: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Train on targets (N,3,S,S) float32 0..1 and holes (N,1,S,S) float32 0/1; return the loss and its terms."""
        # Equal shares: a step ends with its slowest thread.
        threads = self.options.threads if self.device.type == "cpu" else 1
        parts = max(math.ceil(len(target) / self.options.micro_batch), min(threads, len(target)))
        micro_batches = list(zip(target.tensor_split(parts), hole.tensor_split(parts), strict=True))
        loss, terms = self.workers.run(self.parameters, micro_batches, self._loss)
        self.descend()
        return loss, terms

    def descend(self) -> None:
        """Update generator and average from the gradients; skip the step when they are not finite."""
        norm = clip_grad_norm_(self.parameters, 1.0)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self.ema.update(self.generator, schedule.ema_decay(self.state.step))
        else:
            log.warning("step %d: the gradient is not finite; the step was skipped", self.state.step)

    def _loss(self, micro_batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        target, hole = micro_batch
        with autocast_training(self.device):
            stages = self.generator.forward_stages(target, hole)
        return reconstruction(stages, target, hole, self.options.weights)

    def log(self, report: Report) -> None:
        """Append a report to ``progress.csv``."""
        append_row(
            self.options.out / "progress.csv",
            {
                "step": report.step, "seconds": round(self.state.seconds, 1), "pixels": self.state.pixels,
                "rate": report.rate, **report.losses,
            },
        )  # fmt: skip

    def validate(self) -> dict[str, float]:
        """Return the PSNR in dB of the result on the held-out crops: ``psnr`` and one entry per kind of hole.

        The figures are appended to ``validation.csv``.
        """
        filled = fill(self.result(), self.validation, self.device)
        scores = composite_psnr(filled, self.validation.pictures, self.validation.holes)
        self.scores = {"psnr": float(scores.mean()), **by_kind(scores, self.validation.kinds)}
        row = {"step": self.state.step, "seconds": round(self.state.seconds), **self.scores}
        append_row(self.options.out / "validation.csv", row)
        if self._validated is not None:
            self._validated(self.scores)
        return self.scores

    def save_result(self) -> None:
        """Write the result's weights as they would be shipped."""
        facts = {
            "steps": str(self.state.step),
            "pixels": str(self.state.pixels),
            "seconds": str(round(self.state.seconds)),
            "seed": str(self.options.seed),
            "size": self.options.size,
            "init": str(self.state.facts["init"]),
        }
        save_generator(self.options.out / f"{self.weights_name}.safetensors", self.result(), facts)
