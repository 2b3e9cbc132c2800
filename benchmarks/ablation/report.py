"""Tables and curves of an ablation's finished cells."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import markdown
from benchmarks.ablation.cells import FAMILIES, Cell, Plan, equal_seconds
from benchmarks.ablation.pictures import BAND, FIGURES, RATIOS
from benchmarks.ablation.training import RATE
from benchmarks.results_page import Results, Section

Row = dict[Any, Any]

CURVES = "curves.png"
LAST = 0.2
"""Share of the steps over which the gain at the end is told."""
DIGITS = {"psnr": 2, "rim_psnr": 2}
LABELS = {
    "ssim": "SSIM",
    "rim_psnr": f"PSNR of the rim's {BAND} px, dB",
    "rim_step": "step across the rim",
    "sharpness": "sharpness",
    "edges": "edges",
}


def read_cells(out: Path) -> dict[Cell, pd.DataFrame]:
    """Return the figures of every finished cell in a folder."""
    return {Cell.from_name(path.stem): pd.read_csv(path) for path in sorted((out / "cells").glob("*.csv"))}


def summarise(cells: dict[Cell, pd.DataFrame], plan: Plan, costs: dict[str, float]) -> pd.DataFrame:
    """Return one row per network: seeds, cost of a step, and mean and spread of each figure at the end and before.

    The spread is the standard deviation over the seeds. `seconds_` are figures of when the family's cheapest network
    has made all steps, between two measurements on a straight line. `gain` is what the hole's PSNR rose by over the
    last fifth of the steps.
    """
    rows = []
    figures = [*FIGURES, *(f"{name}@{ratio}" for name in FIGURES for ratio in RATIOS)]
    for family, description in FAMILIES.items():
        for norm in description.norms:
            network = description.network(family, norm)
            mine = {cell: frame for cell, frame in cells.items() if cell.network == network}
            if not mine:
                continue
            row: Row = {
                "family": family, "norm": norm, "seeds": len(mine), "seconds_per_step": costs[network],
            }  # fmt: skip
            ends = {"steps": plan.steps, "seconds": round(equal_seconds(plan, costs, family) / costs[network])}
            for label, end in ends.items():
                row[f"{label}_at"] = end
                for figure in figures:
                    values = [float(np.interp(end, frame["step"], frame[figure])) for frame in mine.values()]
                    row[f"{label}_{figure}"] = statistics.mean(values)
                    row[f"{label}_{figure}_spread"] = statistics.stdev(values) if len(values) > 1 else float("nan")
            row["gain"] = statistics.mean(_gain(frame, plan.steps) for frame in mine.values())
            rows.append(row)
    return pd.DataFrame(rows)


def _gain(frame: pd.DataFrame, steps: int) -> float:
    """Return what the hole's PSNR rose by over the last fifth of the steps, in dB."""
    values = np.interp([steps * (1 - LAST), steps], frame["step"], frame["psnr"])
    return float(values[1] - values[0])


def sections(frame: pd.DataFrame) -> list[Section]:
    """Return a section for each family that has finished cells, each with two tables."""
    found = []
    for family, description in FAMILIES.items():
        rows = frame[frame["family"] == family].to_dict("records") if len(frame) else []
        if not rows:
            continue
        title = description.title
        found.append(Section(title, f"{_psnr_table(family, rows)}\n\n{_quality_table(family, rows)}"))
    return found


def _label(family: str, row: Row) -> str:
    return FAMILIES[family].norms[str(row["norm"])]


def _cell(row: Row, figure: str, digits: int) -> str:
    return markdown.plus_minus(float(str(row[figure])), float(str(row[f"{figure}_spread"])), digits)


def _psnr_table(family: str, rows: list[Row]) -> str:
    """Return the PSNR of the hole after equal steps, by ratio, and after equal seconds."""
    header = [
        "PSNR of the hole, dB", "seeds", "s/step", "steps", "all", *RATIOS, "gain in the last fifth",
        "steps in equal seconds", "all",
    ]  # fmt: skip
    lines = [
        [
            _label(family, row), row["seeds"], f"{row['seconds_per_step']:.3f}", f"{row['steps_at']:,}",
            *(_cell(row, f"steps_{figure}", 2) for figure in ("psnr", *(f"psnr@{ratio}" for ratio in RATIOS))),
            f"{row['gain']:+.2f}", f"{row['seconds_at']:,}", _cell(row, "seconds_psnr", 2),
        ]
        for row in rows
    ]  # fmt: skip
    return markdown.table(header, lines)


def _quality_table(family: str, rows: list[Row]) -> str:
    """Return the other figures after equal steps: all holes, and the widest range."""
    others = [figure for figure in FIGURES if figure != "psnr"]
    wide = list(RATIOS)[-1]
    header = [
        "after equal steps",
        *(LABELS[figure] for figure in LABELS),
        *(f"{LABELS[one]}, {wide}" for one in others),
    ]
    lines = [
        [
            _label(family, row),
            *(_cell(row, f"steps_{figure}", DIGITS.get(figure, 3)) for figure in LABELS),
            *(_cell(row, f"steps_{figure}@{wide}", DIGITS.get(figure, 3)) for figure in LABELS),
        ]
        for row in rows
    ]
    return markdown.table(header, lines)


def draw_curves(
    cells: dict[Cell, pd.DataFrame], costs: dict[str, float], levels: dict[str, float], target: Path
) -> None:
    """Write the curves: the hole's PSNR against steps and against seconds, mean and range over the seeds."""
    from matplotlib.figure import Figure

    families = [family for family in FAMILIES if any(cell.family == family for cell in cells)]
    figure = Figure(figsize=(10, 3.6 * len(families)), layout="constrained")
    grid = figure.subplots(len(families), 2, sharey="row", squeeze=False)
    for line, family in enumerate(families):
        for column, against in enumerate(("steps", "seconds of one core")):
            axes = grid[line][column]
            for index, (norm, label) in enumerate(FAMILIES[family].norms.items()):
                network = FAMILIES[family].network(family, norm)
                frames = [frame for cell, frame in cells.items() if cell.network == network]
                if not frames:
                    continue
                values = np.stack([frame["psnr"].to_numpy() for frame in frames])
                at = frames[0]["step"].to_numpy() * (costs[network] if column else 1)
                axes.plot(at, values.mean(axis=0), marker=".", color=f"C{index}", label=label)
                axes.fill_between(at, values.min(axis=0), values.max(axis=0), color=f"C{index}", alpha=0.2, linewidth=0)
            if family in ("prior", "parts"):
                axes.axhline(levels["psnr"], color="black", linestyle=":", label="prior alone")
            axes.set_title(FAMILIES[family].title, fontsize=9)
            axes.set_xlabel(against)
            axes.set_ylabel("PSNR of the hole, dB")
            axes.grid(alpha=0.3)
        grid[line][0].legend(fontsize=7)
    figure.savefig(target, dpi=90)


def report(out: Path, *, curves: bool = True) -> Results:
    """Return the results of the finished cells; tables, CSV and curves are also written into the folder."""
    plan = Plan(**json.loads((out / "plan.json").read_text()))
    costs, levels = (json.loads((out / name).read_text()) for name in ("costs.json", "levels.json"))
    cells = read_cells(out)
    frame = summarise(cells, plan, costs)
    curves = curves and bool(cells)
    if curves:
        draw_curves(cells, costs, levels, out / CURVES)
    alone = ", ".join(f"{levels[f'psnr@{ratio}']:.2f} ({ratio})" for ratio in RATIOS)
    results = Results(
        title="Ablation of the normalisation",
        intro="Region Normalization (RN-B and RN-L) against batch normalisation, instance normalisation and none: in"
        " this project's two-stage generator, small, and in the paper's own form, narrower. The same batches, losses,"
        f" optimiser and constant rate of {RATE:g} for all; {plan.steps:,} steps of {plan.batch} crops of {plan.crop}²;"
        f" measured on {plan.count} held-out crops for each range of hole ratios, in the hole alone, mean ± standard"
        " deviation over the seeds.",
        sections=sections(frame),
        figures={"plan": vars(plan), "prior": levels, "rows": frame.to_dict("records")},
        notes=(
            f"The smooth prior without a network: {levels['psnr']:.2f} dB in all holes; {alone}.",
            "Step across the rim: mean difference of neighbours on both sides of the hole's border over that of the"
            " original; above 1 the border shows. Sharpness: Laplacian in the hole over the original's. Edges: gradient"
            " on the original's strongest tenth over its own.",
            "Equal seconds are processor seconds: those of all steps of the cheapest network of a table, from the cost"
            " of a step measured for all networks in turn; dearer networks have made fewer steps by then. This"
            " project's RN and instance normalisation (an RN whose hole is empty) use the compiled kernel of"
            " `pipeline/rn/fused.py` where there is a compiler; everything else is plain torch, the published RN too.",
            "The paper's form has an eighth of the published channels, trains with this project's losses"
            " and without its adversarial loss; statistics over the batch are also taken when it is measured.",
        ),
        networks="torch in float32, one thread a network",
        picture=("PSNR of the hole against steps and seconds", out / CURVES) if curves else None,
    )
    frame.to_csv(out / "table.csv", index=False)
    (out / "table.md").write_text(results.tables() + "\n")
    return results
