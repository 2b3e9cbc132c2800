"""Detection of kinds of damage left out of training: `python -m benchmarks.left_out --out RUN`.

A small detector is trained with every kind of damage, and again without each group of kinds (dust, fibres, scratches,
cracks, creases, tears with lost corners, flakes), for equal steps with equal seeds. How well each group is then found
is measured on held-out photographs that carry damage of that group alone, with held-out artefacts: average precision,
and recall at a fixed precision, with 2 px tolerance. What is kept of it without the group says how far the detector has
learned what damage is, and not only the kinds that it was shown; the groups that stayed in say how much two networks
differ anyway.

Damage of no kind (`vague`: any shape, any fill) belongs to no group and stays in training throughout, and so does what
looks like damage and is not. A kind left out is one that nobody thought of drawing, not one that nothing resembles.

The folder of data holds `photos` and, where there are any, `artefacts`. A cell is one network; a finished cell is not
trained again, and one that was interrupted continues from its checkpoint. Cells of one folder have all but group and
seed in common.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from torch import nn

from benchmarks import markdown
from benchmarks.detection.datasets import DamagedPicture, artefacts_of, damage_photograph, held_out_bank, spread_indices
from benchmarks.detection.scores import PrecisionRecallCurve
from benchmarks.results_page import Results, Section
from benchmarks.training_runs import run_training, training_parser
from pipeline.atomic_write import atomic_write
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.simulation import ArtefactBank
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.photos import PhotoSet, exclude, load_photos, split
from pipeline.training.common.schedule import Budget
from pipeline.training.detector.loop import DetectorOptions, train_detector
from pipeline.training.detector.validation import probabilities

GROUPS: dict[str, tuple[str, ...]] = {
    "dust": ("dust",), "fibres": ("hair", "lint"), "scratches": ("scratch",), "cracks": ("crack",),
    "creases": ("crease",), "tears": ("tear", "lost-corner"), "flakes": ("flake", "loss"),
}  # fmt: skip
SMALL = NetworkConfig(depth=4, width=16, widest=64)
"""Small enough that eight networks are trained in an hour or two of two busy cores."""
PRECISION = 0.8
"""At which recall is reported."""
SIDE = 448
"""Held-out photographs are cut to it, like those that training draws damage on."""


@dataclass(frozen=True)
class Plan:
    """What every cell has in common; a folder holds cells of one plan only."""

    steps: int
    batch: int
    crop: int
    count: int
    network: dict[str, str]
    photos: str
    artefacts: int


@dataclass(frozen=True)
class Cell:
    """One network: the group that it is trained without (none when empty), and its seed."""

    group: str
    seed: int

    @property
    def name(self) -> str:
        """The stem of its files."""
        return f"without-{self.group}-{self.seed}" if self.group else f"all-{self.seed}"

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that are never drawn."""
        return frozenset(GROUPS[self.group] if self.group else ())


#: How well a group is found: its name, average precision and recall.
Row = dict[str, str | float]


def held_out(photos: PhotoSet, bank: ArtefactBank | None, count: int) -> dict[str, list[DamagedPicture]]:
    """Return for each group so many held-out photographs with damage of that group alone, the same in each group."""
    pictures = [
        (photos.names[at], np.ascontiguousarray(photos.pictures[at][:SIDE, :SIDE]))
        for at in spread_indices(count, len(photos))
    ]
    return {
        group: [damage_photograph(name, picture, index, kinds, bank) for index, (name, picture) in enumerate(pictures)]
        for group, kinds in GROUPS.items()
    }


def score_groups(network: nn.Module, pictures: dict[str, list[DamagedPicture]]) -> list[Row]:
    """Return a row for each group: how well the network finds it."""
    rows: list[Row] = []
    for group, cases in pictures.items():
        curve = PrecisionRecallCurve()
        for case in cases:
            curve.add(np.round(255 * probabilities(network, case.pixels)).astype(np.uint8), case.truth)
        recalls = (point["recall"] for point in curve.points() if point["precision"] >= PRECISION)
        rows.append({"group": group, "ap": curve.average_precision(), "recall": max(recalls, default=0.0)})
    return rows


def train(cell: Cell, plan: Plan, photos: PhotoSet, arguments: argparse.Namespace) -> DetectorNet | None:
    """Return the cell's network after all steps; None when it was stopped and saved before."""
    run = DetectorOptions(
        photos=arguments.data / "photos",
        work=arguments.out / "networks" / cell.name,
        budget=Budget(steps=plan.steps),
        artefacts=artefacts_of(arguments.data),
        without=cell.kinds,
        network=NetworkConfig.from_metadata(plan.network),
        batch=plan.batch,
        side=plan.crop,
        epoch=0,
        workers=arguments.workers,
        seed=cell.seed,
    )
    with _signals_restored():
        network = train_detector(run, photos=photos)
    return network if read_state(run.work / CHECKPOINT).step >= plan.steps else None


@contextmanager
def _signals_restored() -> Iterator[None]:
    """Restore the handlers of Ctrl-C and SIGTERM after training, which takes them to save before it stops."""
    held = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)


def read_cells(out: Path) -> dict[Cell, list[Row]]:
    """Return the figures of every finished cell in a folder."""
    found = {}
    for path in sorted((out / "cells").glob("*.json")):
        *_, group, seed = f"-{path.stem}".split("-")
        found[Cell("" if group == "all" else group, int(seed))] = json.loads(path.read_text())
    return found


def table(cells: dict[Cell, list[Row]]) -> str:
    """Return the finished cells as Markdown: a line for each group that was left out, means over the seeds."""
    found = {(cell, row["group"]): row for cell, rows in cells.items() for row in rows}
    lines = []
    for group in GROUPS:
        seeds = sorted(cell.seed for cell in cells if cell.group == group and Cell("", cell.seed) in cells)
        if not seeds:
            continue
        # By figure: with every kind, and without the group.
        means = {
            name: [mean(float(found[Cell(left, seed), group][name]) for seed in seeds) for left in ("", group)]
            for name in ("ap", "recall")
        }
        others = [
            sum(float(found[Cell(left, seed), other]["ap"]) for seed in seeds for other in GROUPS if other != group)
            for left in ("", group)
        ]
        figures = {name: [f"{value:.3f}" for value in pair] for name, pair in means.items()}
        lines.append([group, len(seeds), *figures["ap"], _kept(*means["ap"]), *figures["recall"], _kept(*others)])
    header = (
        "group", "seeds", "AP trained with", "AP without", "kept %", f"recall at precision {PRECISION:g} with",
        "without", "AP of the others kept %",
    )  # fmt: skip
    return markdown.table(header, lines)


def _kept(whole: float, part: float) -> str:
    return f"{100 * part / whole:.0f}" if whole else "–"


def report(out: Path) -> Results:
    """Return the results of the finished cells; the table is also written into the folder."""
    cells, plan = read_cells(out), Plan(**json.loads((out / "plan.json").read_text()))
    text = table(cells)
    atomic_write(out / "table.md", (text + "\n").encode())
    shape = NetworkConfig.from_metadata(plan.network)
    return Results(
        title="Kinds of damage left out of training",
        intro=f"A small detector (depth {shape.depth}, width {shape.width}, {plan.steps:,} steps of {plan.batch} crops"
        f" of {plan.crop}²) is trained with every kind of damage, and again without each group of kinds; each group is"
        f" then looked for on {plan.count} held-out photographs that carry it alone. AP is average precision, with 2 px"
        " tolerance.",
        sections=[Section("", text)],
        figures={cell.name: rows for cell, rows in cells.items()},
        notes=(
            "The last column shows how far two such networks differ anyway.",
            "Damage of no kind (`vague`: any shape, any fill) stays in training throughout.",
        ),
    )


def measure(arguments: argparse.Namespace) -> Results:
    """Return the results, after training every cell that is missing unless only a report is wanted.

    Raises:
        ValueError: the arguments do not fit, or RUN holds cells of another plan.
    """
    if arguments.report:
        return report(arguments.out)
    _check(arguments)
    out, folder = arguments.out, artefacts_of(arguments.data)
    photos = exclude(load_photos(arguments.data / "photos"), arguments.exclude)
    plan = Plan(
        steps=arguments.steps,
        batch=arguments.batch,
        crop=arguments.crop,
        count=arguments.count,
        network=SMALL.as_metadata(),
        photos=photos.digest(),
        artefacts=len(list(folder.rglob("*.png"))) if folder else 0,
    )
    stored = out / "plan.json"
    if stored.exists() and Plan(**json.loads(stored.read_text())) != plan:
        raise ValueError(f"{out} holds cells of another plan, or on other photographs")
    (out / "cells").mkdir(parents=True, exist_ok=True)
    atomic_write(stored, json.dumps(asdict(plan), indent=1).encode())
    # Seed by seed, so that a run that was stopped has compared all groups.
    cells = [Cell(group, seed) for seed in range(1, arguments.seeds + 1) for group in ("", *arguments.kinds)]
    missing = [cell for cell in cells if not _path(out, cell).exists()]
    if missing:
        pictures = held_out(split(photos)[1], held_out_bank(arguments.data), plan.count)
        _train_missing(missing, plan, photos, pictures, arguments)
    return report(out)


def _check(arguments: argparse.Namespace) -> None:
    if min(arguments.steps, arguments.count, arguments.seeds) < 1 or arguments.batch < 2:
        raise ValueError("--steps, --count and --seeds must be at least 1, --batch at least 2")
    if arguments.crop % 2**SMALL.depth:
        raise ValueError(f"--crop must be a multiple of {2**SMALL.depth}")


def _path(out: Path, cell: Cell) -> Path:
    return out / "cells" / f"{cell.name}.json"


def _train_missing(
    cells: list[Cell],
    plan: Plan,
    photos: PhotoSet,
    pictures: dict[str, list[DamagedPicture]],
    arguments: argparse.Namespace,
) -> None:
    """Train and measure cells one after another; the figures of each are kept when it is done."""
    started = time.monotonic()
    for done, cell in enumerate(cells, 1):
        began = time.monotonic()
        network = train(cell, plan, photos, arguments)
        if network is None:
            _log(f"{cell.name}: stopped and saved; the same command continues")
            return
        trained = time.monotonic()
        rows = score_groups(network, pictures)
        atomic_write(_path(arguments.out, cell), json.dumps(rows, indent=1).encode())
        report(arguments.out)
        now, left = time.monotonic(), len(cells) - done
        _log(
            f"{cell.name}: trained in {trained - began:.0f} s, measured in {now - trained:.0f} s; average precision "
            + ", ".join(f"{row['group']} {row['ap']:.3f}" for row in rows)
            + f"; {left} to go, some {(now - started) / done * left / 60:.0f} min"
        )


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0 also when stopped and saved, 2 when it cannot begin."""
    words = sys.argv[1:] if argv is None else argv
    parser = training_parser("left_out", __doc__, steps=600)
    add = parser.add_argument
    add("--kinds", nargs="+", choices=GROUPS, default=list(GROUPS), help="groups to leave out (default: each)")
    add("--seeds", type=int, default=1, help="networks of each cell, with seeds from 1 on (default 1)")
    add("--count", type=int, default=24, help="held-out photographs for each group (default 24)")
    add("--workers", type=int, default=1, help="processes that draw damage (default 1)")
    return run_training("left_out", measure, parser, words)


if __name__ == "__main__":
    sys.exit(main())
