"""The whole way: train judge, paper's network and ours, measure on the test digits, write weights, cards and report."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from pipeline.engines.digits.weights import FILLERS, file_name, load_network, read_facts, save_network
from pipeline.rn import fused
from pipeline.training.common.loop import Report
from pipeline.training.common.schedule import Budget
from pipeline.training.digits.datasets import Digits, DigitSets, load_digits
from pipeline.training.digits.evaluate import Evaluation, evaluate, fillers
from pipeline.training.digits.loop import RunFiles, read_curves, train
from pipeline.training.digits.model_card import write_digit_card
from pipeline.training.digits.plans import PLANS, prepare
from pipeline.training.digits.report import ReportFiles, write_report
from pipeline.training.digits.training_record import TrainingRecord
from pipeline.weights import SHIPPED

log = logging.getLogger(__name__)

WORTH_COMPILING = 500
"""Steps from which on half a minute of compiling is made up for."""

Watch = Callable[[str, float, dict[str, float]], None]
"""Called with what is being done, how far it is (0..1), and figures."""


@dataclass(frozen=True)
class DigitsOptions:
    """What a run is told.

    Attributes:
        seed: of first weights, order of digits, holes and dropout.
        epochs: by network, instead of those of the plans.
        threads: of torch. One is best where others work on the machine: a step waits for its slowest thread.
        limit: that many digits of each set only, for a trial.
        resume: go on from the checkpoints.
        compiled: use the compiled normalisation where a compiler is at hand (see ``pipeline.rn.fused``).
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
    """What came out: the evaluation, what was done for each network, and where report and weights lie."""

    evaluation: Evaluation
    accounts: dict[str, TrainingRecord]
    files: ReportFiles
    weights: Path


def train_digits(data: Path, output: Path, options: DigitsOptions, watch: Watch | None = None) -> DigitsResult:
    """Train all three networks on the digits of a folder, and measures them.

    Below ``output``: ``weights/`` with cards, ``reports/<batch>/`` with PDF, CSV and Parquet, and ``.work/digits/``
    with the checkpoints, from which a run that was broken off goes on to the bit.

    Raises:
        ConfigurationError: the data are incomplete or damaged, or Pango is missing.
        WeightsError: a checkpoint is damaged.
    """
    for name in PLANS:
        train_network(name, data, output, options, watch)
    return measure_digits(data, output, options, watch, output / "weights")


def train_network(name: str, data: Path, output: Path, options: DigitsOptions, watch: Watch | None = None) -> Path:
    """The weights file of one network (a name of ``PLANS``), trained; beside it the losses as CSV.

    Raises as :func:`train_digits`.
    """
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
    """The evaluation of weights that there are, the shipped ones unless another folder is given; trains nothing.

    Raises:
        ConfigurationError: as :func:`train_digits`.
        WeightsError: a weights file is missing or damaged.
    """
    sets = _limited(load_digits(data), options.limit)
    with _threads(options.threads):
        return _measure(sets.test, weights, output, options, watch)


def _measure(test: Digits, folder: Path, output: Path, options: DigitsOptions, watch: Watch | None) -> DigitsResult:
    """Evaluation, report and, for weights below the output, cards."""
    networks: dict[str, nn.Module] = {}
    accounts: dict[str, TrainingRecord] = {}
    for name in PLANS:
        path = folder / file_name(name)
        _, networks[name], digest = load_network(path, name)
        facts = read_facts(path)
        accounts[name] = TrainingRecord(
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

    def tell(line: str) -> None:
        nonlocal done
        done += 1
        log.info("%s", line)
        if watch is not None:
            watch(f"measure {line}", done / (2 * len(ways)), {})

    evaluation = evaluate(test, networks["judge"], ways, progress=tell)
    # The cards that are shipped tell of the run that made the weights, not of every later measurement.
    if folder.resolve() != SHIPPED:
        for name, account in accounts.items():
            write_digit_card(folder / file_name(name), account, evaluation, command=options.command)
    files = write_report(
        test,
        evaluation,
        accounts,
        output / "reports" / options.batch,
        title=options.batch,
        command=options.command,
        seed=options.seed,
    )
    return DigitsResult(evaluation, accounts, files, folder)


def curves_path(weights: Path) -> Path:
    """Where the losses of a network's training lie, beside its weights."""
    return weights.with_suffix(".curves.csv")


def _limited(sets: DigitSets, limit: int | None) -> DigitSets:
    """The first digits of each set."""
    if limit is None:
        return sets
    return DigitSets(sets.train.first(limit), sets.validation.first(limit), sets.test.first(limit))


class _threads:  # noqa: N801 - used like a function
    """Torch computes with that many threads inside the block."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._before = torch.get_num_threads()

    def __enter__(self) -> None:
        torch.set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)
