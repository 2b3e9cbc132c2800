"""Train classifier, paper's network and region network, measure them on the test digits, write cards and report."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from pipeline import storage
from pipeline.engines.digits.weights import FILLERS, file_name, load_network, read_facts, save_network
from pipeline.rn import fused
from pipeline.training.common.loop import Report
from pipeline.training.common.schedule import Budget
from pipeline.training.digits.datasets import Digits, DigitSets, load_digits
from pipeline.training.digits.evaluate import Evaluation, evaluate, fillers
from pipeline.training.digits.loop import RunFiles, read_curves, train
from pipeline.training.digits.model_card import write_digit_card
from pipeline.training.digits.plans import PLANS, prepare
from pipeline.training.digits.report import DigitReportFiles, write_report
from pipeline.training.digits.training_record import TrainingRecord
from pipeline.weights import SHIPPED

log = logging.getLogger(__name__)

WORTH_COMPILING = 500
"""Steps from which half a minute of compilation pays off."""

Watch = Callable[[str, float, dict[str, float]], None]
"""Called with the name of the task, its progress (0..1) and figures."""


@dataclass(frozen=True)
class DigitsOptions:
    """The options of a run.

    Attributes:
        seed: of first weights, order of digits, holes and dropout.
        epochs: by network, in place of those of the plans.
        threads: of torch. One is best on a machine with other work: a step waits for its slowest thread.
        limit: use only so many digits of each set, for a trial.
        resume: continue from the checkpoints.
        compiled: use the compiled normalisation where a compiler is available (see ``pipeline.rn.fused``).
        command: for report and cards.
        batch: names the report's folder.
    """

    seed: int = 1
    epochs: Mapping[str, float] | None = None
    threads: int = 1
    limit: int | None = None
    resume: bool = False
    compiled: bool = True
    command: str = "python -m pipeline train digits"
    batch: str = "digits"


@dataclass(frozen=True)
class DigitsResult:
    """The evaluation, the record of each network's training, and the paths of report and weights."""

    evaluation: Evaluation
    records: dict[str, TrainingRecord]
    files: DigitReportFiles
    weights: Path


def train_digits(data: Path, output: Path, options: DigitsOptions, watch: Watch | None = None) -> DigitsResult:
    """Train all three networks on the digits of a folder and measure them.

    Below ``output``: ``weights/`` with cards, ``reports/<batch>/`` with PDF, CSV and Parquet, and ``.work/digits/``
    with the checkpoints, from which a stopped run resumes bit for bit.

    Raises:
        ConfigurationError: the data are incomplete or damaged, the output overlaps with them, or Pango is missing.
        WeightsError: a checkpoint is damaged.
    """
    for name in PLANS:
        train_network(name, data, output, options, watch)
    return measure_digits(data, output, options, watch, output / "weights")


def train_network(name: str, data: Path, output: Path, options: DigitsOptions, watch: Watch | None = None) -> Path:
    """Train one network (a name of ``PLANS``) and return the path of its weights; the losses are beside it as CSV.

    Raises as :func:`train_digits`, and ``KeyboardInterrupt`` when Ctrl-C or SIGTERM stopped it, after saving.
    """
    storage.refuse_overlap(str(output), str(data))
    digits = _limited(load_digits(data), options.limit).train
    folder = output / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    plan = PLANS[name]
    ready = prepare(replace(plan, epochs=(options.epochs or {}).get(name, plan.epochs)), digits, options.seed)
    files = RunFiles(output / ".work" / "digits", name)

    def show(report: Report) -> None:
        if watch is not None:
            watch(f"train {name}", report.progress, report.losses)

    with _threads(options.threads):
        if options.compiled and name == "region" and ready.steps >= WORTH_COMPILING:
            fused.enable()
        budget = Budget(steps=ready.steps)
        state = train(ready.network, ready.maker, budget, files, seed=options.seed, resume=options.resume, report=show)
    facts = {
        "seed": str(options.seed),
        "steps": str(state.step),
        "seconds": f"{state.seconds:.1f}",
        "digits": str(len(digits)),
    }
    path = folder / file_name(name)
    save_network(path, name, ready.network.result, facts)
    if files.curves.exists():
        shutil.copyfile(files.curves, curves_path(path))
    return path


def measure_digits(
    data: Path, output: Path, options: DigitsOptions, watch: Watch | None = None, weights: Path = SHIPPED
) -> DigitsResult:
    """Measure existing weights, by default the shipped ones, without training.

    Raises:
        ConfigurationError: as :func:`train_digits`.
        WeightsError: a weights file is missing or damaged.
    """
    storage.refuse_overlap(str(output), str(data))
    sets = _limited(load_digits(data), options.limit)
    with _threads(options.threads):
        return _measure(sets.test, weights, output, options, watch)


def _measure(test: Digits, folder: Path, output: Path, options: DigitsOptions, watch: Watch | None) -> DigitsResult:
    """Measure, write the report and, except for shipped weights, the cards."""
    networks: dict[str, nn.Module] = {}
    records: dict[str, TrainingRecord] = {}
    for name in PLANS:
        path = folder / file_name(name)
        _, networks[name], digest = load_network(path, name)
        facts = read_facts(path)
        records[name] = TrainingRecord(
            network=name,
            seed=int(facts.get("seed", 0)),
            steps=int(facts.get("steps", 0)),
            digits=int(facts.get("digits", 0)),
            seconds=float(facts.get("seconds", 0)),
            parameters=sum(parameter.numel() for parameter in networks[name].parameters()),
            digest=digest,
            curves=read_curves(curves_path(path)),
        )
    ways = fillers({name: networks[name] for name in FILLERS})
    done = 0

    def show(line: str) -> None:
        nonlocal done
        done += 1
        log.info("%s", line)
        if watch is not None:
            watch(f"measure {line}", done / (2 * len(ways)), {})

    evaluation = evaluate(test, networks["judge"], ways, progress=show)
    # The shipped cards describe the run that made the weights, not every later measurement.
    if folder.resolve() != SHIPPED:
        for name, record in records.items():
            write_digit_card(folder / file_name(name), record, evaluation, command=options.command)
    files = write_report(
        test,
        evaluation,
        records,
        output / "reports" / options.batch,
        title=options.batch,
        command=options.command,
        seed=options.seed,
    )
    return DigitsResult(evaluation, records, files, folder)


def curves_path(weights: Path) -> Path:
    """Return the path of the losses beside a network's weights."""
    return weights.with_suffix(".curves.csv")


def _limited(sets: DigitSets, limit: int | None) -> DigitSets:
    """Return the first digits of each set."""
    if limit is None:
        return sets
    return DigitSets(sets.train.first(limit), sets.validation.first(limit), sets.test.first(limit))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Set torch's number of threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
