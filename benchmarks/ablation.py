"""Region Normalization against other normalisations: `python -m benchmarks.ablation --out RUN`.

The ablation of Yu et al. (AAAI 2020): Region Normalization, batch normalisation, instance normalisation and none in the
same small generator, with the smooth prior and with a grey constant in the hole, some seeds each, on the same batches.
Every network is trained at a constant rate, so that one run gives both comparisons: after equal steps, and after equal
seconds. Seconds are processor seconds: the cost of a step is measured for all networks in turn, before anything is
trained, because other work on the machine would decide otherwise.

The folder of data holds `photos`. A cell is one network with one seed; a finished cell is not trained again. The table
of what is finished is written after each cell, the curves at the end, and both at any time with `--report`. One thread.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, Section
from benchmarks.training_runs import add_run, run_training
from pipeline.atomic_write import atomic_write
from pipeline.rn import fused
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.training.common import schedule
from pipeline.training.common.ema import ModelEma
from pipeline.training.common.photos import PhotoSet, load_photos, split
from pipeline.training.inpainter.batches import BatchMaker
from pipeline.training.inpainter.losses import LossWeights, reconstruction
from pipeline.training.inpainter.validation import Pictures, ValidationSet, composite_psnr, fill, fill_prior

if TYPE_CHECKING:
    import pandas as pd

NORMS = ("region", "batch", "instance", "none")
STARTS = ("prior", "grey")
NARROW = GeneratorConfig(32, (1, 2), (16, 32, 64), (1, 1), (1, 2))
"""Half of the light size's channels and half of its blocks: 24 networks are trained in an hour of one core."""
NAMES = {"region": "RN", "batch": "batch norm", "instance": "instance norm", "none": "none"}
FILLS = {"prior": "smooth prior", "grey": "grey constant"}
CURVES = "curves.png"
WARM_UP = 50
RATE = 1e-3
POINTS = 5
"""Measurements on the way to the larger of the two budgets, evenly spaced."""


@dataclass(frozen=True)
class Plan:
    """What every cell of an ablation has in common; a folder holds cells of one plan only."""

    steps: int
    seconds: float
    batch: int
    crop: int
    count: int
    photos: str


@dataclass(frozen=True)
class Cell:
    """One network and one seed."""

    start: str
    norm: str
    seed: int

    @property
    def name(self) -> str:
        """The stem of its file."""
        return f"{self.start}-{self.norm}-{self.seed}"


class Batches(BatchMaker):
    """A maker that keeps its batches, so that all networks of one seed see the same."""

    def __init__(self, photos: PhotoSet, seed: int, holes: int) -> None:
        super().__init__(photos, seed, bank_holes=holes)
        self._made: dict[int, tuple[Tensor, Tensor]] = {}

    def make(self, step: int, size: int, count: int) -> tuple[Tensor, Tensor]:
        """Return the batch of a step; see `BatchMaker`."""
        if step not in self._made:
            self._made[step] = super().make(step, size, count)
        return self._made[step]


class Trainee:
    """A network, its averaged copy and its optimiser."""

    def __init__(self, start: str, norm: str, seed: int, config: GeneratorConfig = NARROW) -> None:
        torch.manual_seed(seed)
        self.network = Generator(replace(config, norm=norm, start=start)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = ModelEma(self.network)
        kernels = [one for one in self.network.parameters() if one.shape[0] > 1 and one.dim() > 1]
        others = [one for one in self.network.parameters() if one.shape[0] == 1 or one.dim() == 1]
        self._optimizer = torch.optim.AdamW(
            [{"params": kernels, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
            RATE,
            betas=(0.9, 0.99),
            fused=True,
        )
        self._step = 0

    def train_step(self, pictures: Tensor, holes: Tensor) -> tuple[float, float]:
        """Update on a batch; return the loss and the processor seconds that it took."""
        began = time.thread_time()
        target, hole = pictures.float() / 255.0, holes.float()
        for group in self._optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (self._step + 1) / WARM_UP)
        self._optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            stages = self.network.forward_stages(target, hole)
        loss, _ = reconstruction(stages, target, hole, LossWeights())
        loss.backward()  # type: ignore[no-untyped-call]
        if bool(torch.isfinite(clip_grad_norm_(self.network.parameters(), 1.0))):
            self._optimizer.step()
        self.ema.update(self.network, schedule.ema_decay(self._step))
        self._step += 1
        return float(loss.detach()), time.thread_time() - began

    def averaged(self) -> Generator:
        """Return a copy of the averaged network, with the latest running statistics of batch normalisation."""
        return copy.deepcopy(self.ema.module)


def hole_psnr(filled: Pictures, data: ValidationSet) -> NDArray[np.float64]:
    """Return PSNR in dB of each picture's hole alone, peak 1."""
    errors = [
        np.square(np.clip(one[hole], 0, 1).astype(np.float64) - clean[hole]).mean()
        for one, clean, hole in zip(filled, data.pictures, data.holes, strict=True)
    ]
    result: NDArray[np.float64] = -10.0 * np.log10(np.maximum(errors, 1e-10))
    return result


def scores(filled: Pictures, data: ValidationSet) -> dict[str, float]:
    """Return mean PSNR over the pictures in dB, whole and of the hole alone."""
    whole = composite_psnr(filled, data.pictures, data.holes)
    return {"psnr": float(whole.mean()), "psnr_hole": float(hole_psnr(filled, data).mean())}


def measure_costs(maker: BatchMaker, plan: Plan, *, rounds: int = 11) -> dict[str, float]:
    """Return processor seconds for a step of each network (`START-NORM`): the median of steps taken in turn."""
    trainees = {f"{start}-{norm}": Trainee(start, norm, 0) for start, norm in product(STARTS, NORMS)}
    taken: dict[str, list[float]] = {name: [] for name in trainees}
    for turn in range(rounds + 2):
        batch = maker.make(turn, plan.crop, plan.batch)
        for name, trainee in trainees.items():
            _, seconds = trainee.train_step(*batch)
            if turn >= 2:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def budgets(plan: Plan, costs: dict[str, float], cell: Cell) -> tuple[int, int]:
    """Return after how many steps a cell is compared by steps, and by seconds.

    Without seconds in the plan they are what Region Normalization takes for the plan's steps.
    """
    allowed = plan.seconds or plan.steps * costs[f"{cell.start}-region"]
    return plan.steps, max(1, round(allowed / costs[f"{cell.start}-{cell.norm}"]))


def train(cell: Cell, plan: Plan, costs: dict[str, float], batches: Batches, data: ValidationSet) -> pd.DataFrame:
    """Return the figures of one cell on the way and at both budgets: step, processor seconds, loss and PSNR."""
    import pandas as pd

    trainee = Trainee(cell.start, cell.norm, cell.seed)
    ends = budgets(plan, costs, cell)
    last = max(ends)
    stops = {round(last * (index + 1) / POINTS) for index in range(POINTS)} | set(ends)
    rows, losses, spent = [], [], 0.0
    for step in range(1, last + 1):
        loss, seconds = trainee.train_step(*batches.make(step, plan.crop, plan.batch))
        losses.append(loss)
        spent += seconds
        if step in stops:
            figures = scores(fill(trainee.averaged(), data, torch.device("cpu"), batch=10), data)
            row = {"step": step, "seconds": step * costs[f"{cell.start}-{cell.norm}"], "spent": spent}
            rows.append({**row, "loss": float(np.mean(losses)), **figures})
            losses = []
    return pd.DataFrame(rows)


def read_cells(out: Path) -> dict[Cell, pd.DataFrame]:
    """Return the figures of every finished cell in a folder."""
    import pandas as pd

    found = {}
    for path in sorted((out / "cells").glob("*.csv")):
        start, norm, seed = path.stem.split("-")
        found[Cell(start, norm, int(seed))] = pd.read_csv(path)
    return found


def summarise(cells: dict[Cell, pd.DataFrame], plan: Plan, costs: dict[str, float]) -> pd.DataFrame:
    """Return one row per start and norm: seeds, cost of a step, and mean and spread of PSNR after both budgets.

    PSNR is that of the whole picture and of the hole, the spread the standard deviation over the seeds.
    """
    import pandas as pd

    rows = []
    for start, norm in product(STARTS, NORMS):
        mine = {cell: frame for cell, frame in cells.items() if (cell.start, cell.norm) == (start, norm)}
        if not mine:
            continue
        row: dict[str, object] = {
            "start": start, "norm": norm, "seeds": len(mine), "seconds_per_step": costs[f"{start}-{norm}"],
        }  # fmt: skip
        for label, position in (("steps", 0), ("seconds", 1)):
            ends = {cell: budgets(plan, costs, cell)[position] for cell in mine}
            row[f"{label}_at"] = next(iter(ends.values()))
            reached = [frame.set_index("step").loc[ends[cell]] for cell, frame in mine.items()]
            for figure in ("psnr", "psnr_hole"):
                values = [float(line[figure]) for line in reached]
                row[f"{label}_{figure}"] = statistics.mean(values)
                row[f"{label}_{figure}_spread"] = statistics.stdev(values) if len(values) > 1 else float("nan")
        rows.append(row)
    return pd.DataFrame(rows)


def table(frame: pd.DataFrame, levels: dict[str, float]) -> str:
    """Return the summary as Markdown, with the PSNR of the smooth prior alone below it."""
    header = (
        "hole begins as", "normalisation", "seeds", "s/step", "steps", "whole, dB", "hole, dB",
        "steps in equal seconds", "whole, dB", "hole, dB",
    )  # fmt: skip
    lines = []
    for row in frame.to_dict("records"):
        cells = [FILLS[row["start"]], NAMES[row["norm"]], row["seeds"], f"{row['seconds_per_step']:.3f}"]
        for label in ("steps", "seconds"):
            cells.append(f"{row[f'{label}_at']:,}")
            figures = (f"{label}_psnr", f"{label}_psnr_hole")
            cells += [markdown.plus_minus(row[figure], row[f"{figure}_spread"]) for figure in figures]
        lines.append(cells)
    alone = f"The smooth prior without a network: {levels['psnr']:.2f} whole, {levels['psnr_hole']:.2f} hole."
    return f"{markdown.table(header, lines)}\n\n{alone}"


def draw_curves(cells: dict[Cell, pd.DataFrame], levels: dict[str, float], target: Path) -> None:
    """Write the curves: the hole's PSNR against steps and against seconds, mean and range over the seeds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    grid = figure.subplots(2, 2, sharey="row", squeeze=False)
    for line, start in enumerate(STARTS):
        for column, against in enumerate(("step", "seconds")):
            axes = grid[line][column]
            for index, norm in enumerate(NORMS):
                frames = [frame for cell, frame in cells.items() if (cell.start, cell.norm) == (start, norm)]
                if not frames:
                    continue
                values = np.stack([frame["psnr_hole"].to_numpy() for frame in frames])
                at = frames[0][against].to_numpy()
                axes.plot(at, values.mean(axis=0), marker=".", color=f"C{index}", label=NAMES[norm])
                axes.fill_between(at, values.min(axis=0), values.max(axis=0), color=f"C{index}", alpha=0.2, linewidth=0)
            if start == "prior":
                axes.axhline(levels["psnr_hole"], color="black", linestyle=":", label="prior alone")
            axes.set_title(f"hole begins as {FILLS[start]}")
            axes.set_xlabel("steps" if against == "step" else "seconds of one core")
            axes.set_ylabel("PSNR of the hole, dB")
            axes.grid(alpha=0.3)
    grid[0][0].legend(fontsize=8)
    figure.savefig(target, dpi=90)


def report(out: Path, *, curves: bool = True) -> Results:
    """Return the results of the finished cells; table, CSV and curves are also written into the folder."""
    plan = Plan(**json.loads((out / "plan.json").read_text()))
    costs, levels = (json.loads((out / name).read_text()) for name in ("costs.json", "levels.json"))
    cells = read_cells(out)
    frame = summarise(cells, plan, costs)
    text = table(frame, levels)
    frame.to_csv(out / "table.csv", index=False)
    (out / "table.md").write_text(text + "\n")
    if curves:
        draw_curves(cells, levels, out / CURVES)
    return Results(
        title="Ablation of the normalisation",
        intro="Region Normalization (RN-B and RN-L) against batch normalisation, instance normalisation and none in the"
        " same small generator, with the smooth prior and with a grey constant in the hole at first; the same batches,"
        f" losses, optimiser and constant rate of {RATE:g}. {plan.steps:,} steps of {plan.batch} crops of {plan.crop}²;"
        f" PSNR of {plan.count} held-out crops, mean ± standard deviation over the seeds.",
        sections=[Section("", text)],
        figures={"plan": vars(plan), "prior": levels, "rows": frame.to_dict("records")},
        notes=(
            "Equal seconds are processor seconds, from the cost of a step measured for all networks in turn. RN"
            " and instance normalisation (an RN whose hole is empty) use the compiled kernel of `pipeline/rn/fused.py`"
            " where there is a compiler; RN-L's response, scale and shift are plain torch, as is batch normalisation.",
        ),
        networks="torch bfloat16 on cpu, one thread",
        picture=("PSNR of the hole against steps and seconds, for both fills and four normalisations", out / CURVES)
        if curves
        else None,
    )


def measure(arguments: argparse.Namespace) -> Results:
    """Return the results, after training every cell that is missing unless only a report is wanted.

    Raises:
        ValueError: the folder holds an ablation of another plan, or on other photographs.
    """
    out: Path = arguments.out
    if arguments.report:
        return report(out)
    print("compiled kernel" if fused.enable() else "no compiled kernel", file=sys.stderr)
    (out / "cells").mkdir(parents=True, exist_ok=True)
    photos = load_photos(arguments.data / "photos")
    plan = Plan(
        arguments.steps, arguments.seconds or 0.0, arguments.batch, arguments.crop, arguments.count, photos.digest()
    )
    stored = out / "plan.json"
    if stored.exists() and Plan(**json.loads(stored.read_text())) != plan:
        raise ValueError(f"{out} holds an ablation by another plan, or on other photographs")
    atomic_write(stored, json.dumps(vars(plan), indent=1).encode())
    learned, held = split(photos)
    data = ValidationSet(held, size=plan.crop, count=plan.count)
    atomic_write(out / "levels.json", json.dumps(scores(fill_prior(data), data)).encode())
    if not (out / "costs.json").exists():
        costs = measure_costs(BatchMaker(learned, 0, bank_holes=200), plan)
        atomic_write(out / "costs.json", json.dumps(costs, indent=1).encode())
    costs = json.loads((out / "costs.json").read_text())
    # Seed by seed, so that an ablation that was stopped has compared all of them.
    for seed in range(1, arguments.seeds + 1):
        batches: Batches | None = None
        for start, norm in product(STARTS, NORMS):
            cell = Cell(start, norm, seed)
            path = out / "cells" / f"{cell.name}.csv"
            if path.exists():
                continue
            batches = batches or Batches(learned, seed, arguments.holes)
            began = time.monotonic()
            frame = train(cell, plan, costs, batches, data)
            atomic_write(path, frame.to_csv(index=False).encode())
            ending = frame.iloc[-1]
            print(
                f"{cell.name}: hole {ending['psnr_hole']:.2f} dB, {ending['spent']:.0f} s of one core,"
                f" {time.monotonic() - began:.0f} s elapsed",
                file=sys.stderr,
                flush=True,
            )
            report(out, curves=False)
    return report(out)


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 2 when it cannot begin."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("ablation", __doc__, data="photos", needs_data=False)
    add_run(parser)
    parser.add_argument("--steps", type=int, default=400, help="of the comparison by steps (default 400)")
    parser.add_argument("--seconds", type=float, help="of the comparison by seconds (default: as RN takes)")
    parser.add_argument("--seeds", type=int, default=3, help="default 3")
    parser.add_argument("--batch", type=int, default=8, help="crops a step (default 8)")
    parser.add_argument("--crop", type=int, default=128, help="side of a crop (default 128)")
    parser.add_argument("--count", type=int, default=60, help="held-out crops to measure on (default 60)")
    parser.add_argument("--holes", type=int, default=1500, help="holes in the bank (default 1500)")
    return run_training("ablation", measure, parser, words)


if __name__ == "__main__":
    sys.exit(main())
