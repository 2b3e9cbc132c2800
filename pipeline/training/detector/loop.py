"""Training of the learned detector."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from pipeline.detection.learned import LearnedDetector
from pipeline.detection.network import DetectorNet, NetworkConfig, predict_logits
from pipeline.detection.weights import load_weights
from pipeline.training.common.checkpoint import CHECKPOINT, RunState, load_checkpoint
from pipeline.training.common.ema import ModelEma
from pipeline.training.common.loop import LoopOptions, Report, StepResult, TrainingHooks, TrainingLoop
from pipeline.training.common.photos import PhotoSet, exclude, excluded, load_photos, split
from pipeline.training.common.schedule import Budget, ema_decay
from pipeline.training.common.weight_interpolation import interpolate_weights
from pipeline.training.detector.data import Crops
from pipeline.training.detector.distillation import TeacherEnsemble, distillation_loss
from pipeline.training.detector.distillation_data import DistillationCrops
from pipeline.training.detector.false_positives import (
    find_false_positives,
    load_false_positives,
    save_false_positives,
)
from pipeline.training.detector.hard_examples import HardExamples
from pipeline.training.detector.losses import detector_loss
from pipeline.training.detector.validation import Score, held_out_samples, score

log = logging.getLogger(__name__)

CURVES, FALSE_POSITIVES = "curves.jsonl", "false_marks.json"
WARM_UP_STEPS = 200
LONGEST_DECAY = 0.998
CHECKPOINT_SECONDS = 120.0

Batch = tuple[Tensor, Tensor]
"""Planes (N,9,S,S) uint8 and labels (N,S,S) uint8."""


@dataclass(frozen=True)
class DetectorOptions:
    """The options of a training run.

    Attributes:
        photos: folder of clean photographs; about a twentieth is held out.
        work: folder for checkpoint and curves; a run is resumed from the checkpoint in it.
        budget: how long it trains.
        artefacts: folder of scanned artefacts, or None; every fifth file is held out.
        exclude: shell patterns of names below `photos` to leave out, e.g. of pictures that have real dust: they would
            teach that dust is intact.
        without: kinds of damage that are never drawn, to measure how well unseen kinds are found.
        network: shape of the network.
        init: weights that a new run starts from, with their shape; None starts from random weights.
        mean_with: weights of the same shape that the network is averaged with before it is calibrated, or None.
        mean_share: share of the trained network in that mean, 0 to 1.
        teachers: weights to distil from, see `pipeline.training.detector.distillation`; with none, labels of damage
            are learned. With teachers, photographs that `exclude` leaves out are used too, without labels, and the
            false positives of `init` on the others are collected first and shown repeatedly.
        batch, side: crops in a step and their size in pixels.
        hard: how many of them are hard examples.
        peak: highest learning rate.
        epoch: steps between two validations; 0 never validates.
        workers: processes that draw damage.
        seed: of first weights and data.
    """

    photos: Path
    work: Path
    budget: Budget
    artefacts: Path | None = None
    exclude: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    network: NetworkConfig = field(default_factory=NetworkConfig)
    init: Path | None = None
    mean_with: Path | None = None
    mean_share: float = 0.5
    teachers: tuple[Path, ...] = ()
    batch: int = 8
    side: int = 256
    hard: int = 1
    peak: float = 2e-3
    epoch: int = 400
    workers: int = 1
    seed: int = 7


class DetectorTraining(TrainingHooks[Batch]):
    """One run: its network, average, optimiser and data."""

    def __init__(
        self,
        options: DetectorOptions,
        scored: Callable[[Score], None] | None = None,
        *,
        photos: PhotoSet | None = None,
        searched: Callable[[int, int], None] | None = None,
    ) -> None:
        """Prepare a new run or load the checkpoint in `options.work`; see `train_detector`."""
        self.options = options
        self._scored = scored
        torch.manual_seed(options.seed)
        self.network, init = _first_network(options)
        if options.mean_with is not None:
            # Weights that do not fit are reported now, not after hours of training.
            interpolate_weights(self.network, load_weights(options.mean_with)[0])
        options.work.mkdir(parents=True, exist_ok=True)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema: ModelEma[DetectorNet] = ModelEma(self.network)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=options.peak, betas=(0.9, 0.99), weight_decay=0.01
        )
        self.state = RunState()
        if self.checkpoint.exists():
            self.state = load_checkpoint(self.checkpoint, self.modules, self.optimizers)
            log.info("resumed at step %d after %.0f s", self.state.step, self.state.seconds)
        loaded = photos or load_photos(options.photos)
        used = exclude(loaded, options.exclude)
        training, held_out = split(used)
        init = str(self.state.facts.get("init", init))  # where a run started cannot change any more
        self.state.facts = {"photos": training.digest(), "network": self.network.config.as_metadata(), "init": init}
        self._samples = held_out_samples(held_out, options.artefacts) if options.epoch else []
        seed = options.seed + self.state.step
        self._crops, self._teachers = _training_data(options, training, excluded(loaded, used), searched, seed)
        self._hard = HardExamples(seed=options.seed)
        self._losses: list[float] = []  # since the last validation

    @property
    def checkpoint(self) -> Path:
        """The path of the checkpoint."""
        return self.options.work / CHECKPOINT

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules in a checkpoint."""
        return {"network": self.network, "average": self.ema.module}

    @property
    def optimizers(self) -> Mapping[str, Optimizer]:
        """The optimisers in a checkpoint."""
        return {"optimiser": self.optimizer}

    @property
    def peak_rates(self) -> Mapping[str, float]:
        """The peak learning rate of each optimiser."""
        return {"optimiser": self.options.peak}

    @contextmanager
    def batches(self) -> Iterator[Iterator[Batch]]:
        """Open the stream of batches and the processes that draw them."""
        options = self.options
        loader = DataLoader(
            self._crops,
            max(1, options.batch - options.hard),
            num_workers=options.workers,
            prefetch_factor=4 if options.workers else None,
            worker_init_fn=_ignore_signals,
        )
        yield iter(loader)

    def step(self, batch: Batch) -> StepResult:
        """Train on one batch and some hard examples, and keep those crops that the network marks wrongly."""
        planes, labels = _append(batch, self._hard.take(self.options.hard))
        # Distillation corrects a trained network, whose statistics stay those of the data that it was trained on.
        self.network.train(self._teachers is None)
        logits = predict_logits(self.network, planes)
        if self._teachers is None:
            loss = detector_loss(logits, labels)
        else:
            loss = distillation_loss(logits, *self._teachers.targets(planes, labels))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self._hard.remember(planes, labels, logits.detach())
        self.ema.update(self.network, min(LONGEST_DECAY, ema_decay(self.state.step)))
        value = float(loss.detach())
        self._losses.append(value)
        return StepResult({"loss": value}, labels.numel())

    @property
    def unmeasured(self) -> int:
        """How many steps were trained since the last validation."""
        return len(self._losses)

    def validate(self) -> Score:
        """Return how the average does on the held-out samples; appended to the curves."""
        state = self.state
        result = score(
            self.ema.module, self._samples, step=state.step, loss=float(np.mean(self._losses)), seconds=state.seconds
        )
        self._losses.clear()
        with (self.options.work / CURVES).open("a") as curves:
            curves.write(json.dumps(result.as_dict()) + "\n")
        if self._scored is not None:
            self._scored(result)
        return result


def train_detector(
    options: DetectorOptions,
    scored: Callable[[Score], None] | None = None,
    report: Callable[[Report], None] | None = None,
    *,
    photos: PhotoSet | None = None,
    every: int = 50,
    searched: Callable[[int, int], None] | None = None,
) -> DetectorNet:
    """Return the averaged network after training; checkpoint and curves are in `options.work`.

    Args:
        options: of the run.
        scored: called after each validation.
        report: called every `every` steps.
        photos: the photographs below `options.photos`, where the caller has read them already.
        searched: called with the number of photographs that were searched for false positives, and how many there are.

    Raises:
        WeightsError: the checkpoint or the weights to start from are damaged or of another shape.
        ValueError: `mean_with` is of another shape.
    """
    training = DetectorTraining(options, scored, photos=photos, searched=searched)
    loop = TrainingLoop(
        training,
        LoopOptions(
            options.budget,
            training.checkpoint,
            warm_up=WARM_UP_STEPS,
            report_steps=every,
            checkpoint_seconds=CHECKPOINT_SECONDS,
            validation_steps=options.epoch,
        ),
    )
    loop.run(report)
    if options.epoch and training.unmeasured:
        training.validate()
    return training.ema.module


def _first_network(options: DetectorOptions) -> tuple[DetectorNet, str]:
    """Return the network that a run starts with, and the sha256 of the weights it comes from, empty without any."""
    if options.init is None:
        return DetectorNet(options.network), ""
    network, _, digest = load_weights(options.init)
    return network.requires_grad_(True), digest


def _ignore_signals(_worker: int) -> None:
    """Leave Ctrl-C and SIGTERM, which reach the whole process group, to the main process.

    A worker killed by them would break the current step.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _append(batch: Batch, more: list[Batch]) -> Batch:
    """Return the batch with further crops (planes (9,S,S) and labels (S,S)) at its end."""
    if not more:
        return batch
    planes, labels = batch
    return torch.cat([planes, *(p[None] for p, _ in more)]), torch.cat([labels, *(n[None] for _, n in more)])


def _training_data(
    options: DetectorOptions,
    training: PhotoSet,
    unlabelled: PhotoSet,
    searched: Callable[[int, int], None] | None,
    seed: int,
) -> tuple[Crops, TeacherEnsemble | None]:
    """Return the stream of crops, and the teachers where there are any."""
    if not options.teachers:
        return Crops(training.pictures, options.artefacts, side=options.side, seed=seed, without=options.without), None
    path = options.work / FALSE_POSITIVES
    if not path.exists():
        detector = LearnedDetector(options.init or options.teachers[0])
        save_false_positives(path, list(find_false_positives(detector.probabilities, training.pictures, searched)))
    crops = DistillationCrops(
        training.pictures, options.artefacts, unlabelled=unlabelled.pictures, false=load_false_positives(path),
        side=options.side, seed=seed, without=options.without,
    )  # fmt: skip
    return crops, TeacherEnsemble([load_weights(path)[0] for path in options.teachers], seed)
