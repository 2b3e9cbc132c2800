"""Training of the learned detector: loop, checkpoints with resume, curves of loss and Dice per epoch."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from pipeline.detection.learned import LearnedDetector
from pipeline.detection.network import DetectorNet, NetworkConfig, predict_logits
from pipeline.detection.weights import load_weights
from pipeline.training.common.checkpoint import CHECKPOINT, RunState, load_checkpoint, save_checkpoint
from pipeline.training.common.ema import averaged_copy, interpolate_weights, update_average
from pipeline.training.common.photos import PhotoSet, exclude, excluded, load_photos, split
from pipeline.training.common.progress import Report
from pipeline.training.common.schedule import Budget, ema_decay, learning_rate
from pipeline.training.common.signals import stop_on_signal
from pipeline.training.detector.data import DAMAGED, UNSURE, Crops
from pipeline.training.detector.distillation import TeacherEnsemble, distillation_loss
from pipeline.training.detector.distillation_data import DistillationCrops
from pipeline.training.detector.false_positives import find_false_positives, load_false_positives, save_false_positives
from pipeline.training.detector.hard_examples import HardExamples
from pipeline.training.detector.validation import Score, held_out_samples, score

log = logging.getLogger(__name__)

CURVES, FALSE_POSITIVES = "curves.jsonl", "false_marks.json"


@dataclass(frozen=True)
class DetectorOptions:
    """What a training run is made of.

    Attributes:
        photos: folder of clean photographs; about a twentieth is held out.
        work: folder for checkpoint and curves; a run is resumed from what lies there.
        budget: steps or hours.
        artefacts: folder of scanned artefacts, or None; every fifth file is held out.
        exclude: shell patterns of names below `photos` to leave out: pictures that carry dust of their own teach
            that dust is none.
        without: kinds of damage that are never drawn, to measure what they are found by when they were never shown.
        network: shape of the network.
        init: weights that a new run begins from, whose shape is then taken; None begins from chance.
        mean_with: weights of the same shape that the network is averaged with before it is calibrated, or None.
        mean_share: what the trained network counts in that mean, 0 to 1.
        teachers: weights whose answers are learned instead of labels of damage, see `teachers`; with none, labels are.
            Photographs that `exclude` leaves out are then learned from too, without labels, and what `init` falsely
            marks on the others is found first and shown again and again.
        batch, side: crops in a step and their size.
        hard: how many of them are crops that fooled the network before.
        peak: highest learning rate.
        epoch: steps between two looks at the held-out pictures; 0 never looks.
        workers: processes that draw damage.
        seed: of the first weights and the data.
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


#: Side in pixels of the square in which damage is counted to weigh it, and what is added to its share there.
NEIGHBOURHOOD, SPARSE = 15, 0.2


def detector_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return binary cross-entropy plus half a soft Dice loss over what is labelled, both weighted.

    A hair is a hundredth of the pixels of a flaked patch and as much damage to whoever looks at it: a damaged pixel
    counts the inverse of the share of damage around it, 0.8 inside a patch, 2 in a hair, 4 in a speck of dust.

    Args:
        logits: (N,1,H,W).
        labels: (N,H,W) uint8; see `detector_data`. Unsure pixels count nothing.
    """
    sure = (labels != UNSURE).float()
    truth = (labels == DAMAGED).float()
    side, reach = NEIGHBOURHOOD, NEIGHBOURHOOD // 2
    across = F.avg_pool2d(truth[:, None], (1, side), 1, (0, reach))
    density = F.avg_pool2d(across, (side, 1), 1, (reach, 0))[:, 0]
    weight = torch.where(truth > 0, 1 / (SPARSE + density), sure)
    values = logits[:, 0].float()
    cross = (F.binary_cross_entropy_with_logits(values, truth, reduction="none") * weight).sum() / sure.sum().clamp(
        min=1
    )
    chance = torch.sigmoid(values)
    dice = 1 - (2 * (chance * truth * weight).sum() + 1) / ((chance + truth) * weight).sum().add(1)
    return cross * 4 + dice * 0.5


def train_detector(
    run: DetectorOptions,
    scored: Callable[[Score], None] | None = None,
    report: Callable[[Report], None] | None = None,
    *,
    photos: PhotoSet | None = None,
    every: int = 50,
    looked: Callable[[int, int], None] | None = None,
) -> DetectorNet:
    """Return the averaged network after training; its checkpoint and curves lie in `run.work`.

    Args:
        run: what to train, on what, for how long.
        scored: called after each epoch.
        report: called every `every` steps.
        photos: what is to be read below `run.photos` and not excluded, where it was read already.
        looked: called with the number of photographs that were searched for false marks, and how many there are.

    Raises:
        WeightsError: the checkpoint, or the weights to begin from, are damaged or of another shape.
        ValueError: `mean_with` is of another shape.
    """
    torch.manual_seed(run.seed)
    network, begun = _begin(run)
    if run.mean_with is not None:
        interpolate_weights(network, load_weights(run.mean_with)[0])  # what cannot be used is told now, not after hours
    run.work.mkdir(parents=True, exist_ok=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = averaged_copy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=run.peak, betas=(0.9, 0.99), weight_decay=0.01)
    checkpoint = run.work / CHECKPOINT
    progress = RunState()
    if checkpoint.exists():
        progress = load_checkpoint(checkpoint, {"network": network, "average": average}, {"optimiser": optimiser})
        log.info("resumed at step %d after %.0f s", progress.step, progress.seconds)
    loaded = photos or load_photos(run.photos)
    used = photos or exclude(loaded, run.exclude)
    training, held = split(used)
    begun = str(progress.facts.get("init", begun))  # where a run began cannot change any more
    progress.facts = {"photos": training.digest(), "network": network.config.as_metadata(), "init": begun}
    samples = held_out_samples(held, run.artefacts) if run.epoch else []
    crops, teachers = _lessons(run, training, excluded(loaded, used), looked, seed=run.seed + progress.step)
    hard = HardExamples(seed=run.seed)
    loader = DataLoader(
        crops,
        max(1, run.batch - run.hard),
        num_workers=run.workers,
        prefetch_factor=4 if run.workers else None,
        worker_init_fn=_leave_signals,
    )
    batches = iter(loader)
    started, before, losses, saved = time.monotonic(), progress.seconds, list[float](), time.monotonic()
    lately, window, waited = list[float](), 0.0, 0.0  # since the last report; a look is no step
    with stop_on_signal() as stop:
        while (share := run.budget.progress(progress.step, progress.seconds)) < 1 and not stop.asked:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(run.peak, progress.step, share, warm_up=200)
            asked = time.monotonic()
            picture, labels = _with(hard.take(run.hard), *next(batches))
            waited += time.monotonic() - asked
            loss, logits = _step(network, optimiser, picture, labels, teachers)
            losses.append(loss)
            lately.append(loss)
            hard.remember(picture, labels, logits)
            update_average(average, network, min(0.998, ema_decay(progress.step)))
            for mean, buffer in zip(average.buffers(), network.buffers(), strict=True):
                mean.copy_(buffer)
            progress.step += 1
            progress.pixels += labels.numel()
            now = time.monotonic()
            progress.seconds = before + now - started
            window += now - asked
            if report is not None and progress.step % every == 0:
                speed, rate = len(lately) / max(window, 1e-9), optimiser.param_groups[0]["lr"]
                left = run.budget.time_left(progress.step, progress.seconds, speed)
                waiting = waited / max(window, 1e-9)
                report(Report(progress.step, share, float(np.mean(lately)), {}, rate, speed, waiting, left))
                lately, window, waited = [], 0.0, 0.0
            due = run.epoch > 0 and progress.step % run.epoch == 0
            if due:
                result = score(
                    average, samples, step=progress.step, loss=float(np.mean(losses)), seconds=progress.seconds
                )
                losses.clear()
                with (run.work / CURVES).open("a") as curves:
                    curves.write(json.dumps(result.as_dict()) + "\n")
                if scored is not None:
                    scored(result)
            if due or time.monotonic() - saved > 120:
                save_checkpoint(
                    checkpoint, {"network": network, "average": average}, {"optimiser": optimiser}, progress
                )
                saved = time.monotonic()
        save_checkpoint(checkpoint, {"network": network, "average": average}, {"optimiser": optimiser}, progress)
    return average


def _begin(run: DetectorOptions) -> tuple[DetectorNet, str]:
    """The network that a run begins with, and the sha256 of the weights that it comes from, or nothing."""
    if run.init is None:
        return DetectorNet(run.network), ""
    network, _, digest = load_weights(run.init)
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    return network, digest


def _leave_signals(_worker: int) -> None:
    """Ctrl-C and a service manager signal the whole group; a worker that died of it would break the step in hand."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _with(more: list[tuple[Tensor, Tensor]], picture: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """A batch with some crops more."""
    if not more:
        return picture, labels
    return torch.cat([picture, *(p[None] for p, _ in more)]), torch.cat([labels, *(n[None] for _, n in more)])


def _step(
    network: DetectorNet,
    optimiser: torch.optim.Optimizer,
    picture: Tensor,
    labels: Tensor,
    teachers: TeacherEnsemble | None,
) -> tuple[float, Tensor]:
    """One update; the loss, and the logits (N,1,S,S) that it was computed from."""
    # Teachers correct a trained network. Its statistics stay those of all that it was trained on.
    network.train(teachers is None)
    logits = predict_logits(network, picture)
    if teachers is None:
        loss = detector_loss(logits, labels)
    else:
        loss = distillation_loss(logits, *teachers.targets(picture, labels))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach()), logits.detach()


def _lessons(
    run: DetectorOptions,
    training: PhotoSet,
    unlabelled: PhotoSet,
    looked: Callable[[int, int], None] | None,
    seed: int,
) -> tuple[Crops, TeacherEnsemble | None]:
    """What a run learns from: a stream of crops, and who says what they show where labels do not."""
    if not run.teachers:
        return Crops(training.pictures, run.artefacts, side=run.side, seed=seed, without=run.without), None
    found = run.work / FALSE_POSITIVES
    if not found.exists():
        detector = LearnedDetector(run.init or run.teachers[0])
        save_false_positives(found, list(find_false_positives(detector.probabilities, training.pictures, looked)))
    crops = DistillationCrops(
        training.pictures, run.artefacts, unlabelled=unlabelled.pictures, false=load_false_positives(found),
        side=run.side, seed=seed, without=run.without,
    )  # fmt: skip
    return crops, TeacherEnsemble([load_weights(path)[0] for path in run.teachers], seed)
