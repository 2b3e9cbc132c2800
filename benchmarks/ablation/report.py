"""Tables and curves of an ablation's finished cells."""

from __future__ import annotations

import json
import math
import statistics
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import markdown
from benchmarks.ablation.cells import FAMILIES, Cell, Plan, equal_seconds
from benchmarks.ablation.pictures import BAND, FIGURES, RATIOS
from benchmarks.ablation.training import RATE
from benchmarks.results_page import WIDTH, Results, Section

Row = dict[Any, Any]

CURVES = "curves.png"
REFERENCE = "region"
"""What the others are compared with, in every family."""
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
    last fifth of the steps. `_over` are differences from the family's Region Normalization with the same seeds, which
    stand for the same batches.
    """
    rows = []
    figures = [*FIGURES, *(f"{name}@{ratio}" for name in FIGURES for ratio in RATIOS)]
    for family, description in FAMILIES.items():
        reference = description.network(family, REFERENCE)
        for norm in description.norms:
            network = description.network(family, norm)
            seeds = sorted(cell.seed for cell in cells if cell.network == network)
            if not seeds:
                continue
            row: Row = {
                "family": family, "norm": norm, "seeds": len(seeds), "seconds_per_step": costs[network],
            }  # fmt: skip
            seconds = equal_seconds(plan, costs, family)
            for label in ("steps", "seconds"):
                end, other_end = (
                    plan.steps if label == "steps" else round(seconds / costs[one]) for one in (network, reference)
                )
                row[f"{label}_at"] = end
                mine, others = _at(cells, network, end, figures), _at(cells, reference, other_end, figures)
                _add(row, label, mine, "")
                _add(row, label, mine - others, "_over")
            row["gain"] = statistics.mean(
                _gain(frame, plan.steps) for cell, frame in cells.items() if cell.network == network
            )
            rows.append(row)
    return pd.DataFrame(rows)


def _at(cells: dict[Cell, pd.DataFrame], network: str, step: float, figures: list[str]) -> pd.DataFrame:
    """Return a network's figures at a step, one row per seed, between two measurements on a straight line."""
    found = {
        cell.seed: [float(np.interp(step, frame["step"], frame[figure])) for figure in figures]
        for cell, frame in cells.items()
        if cell.network == network
    }
    return pd.DataFrame.from_dict(found, orient="index", columns=figures)


def _add(row: Row, label: str, values: pd.DataFrame, suffix: str) -> None:
    """Add mean and standard deviation over the seeds that have a value."""
    for figure in values:
        known = values[figure].dropna()
        row[f"{label}_{figure}{suffix}"] = float(known.mean())
        row[f"{label}_{figure}{suffix}_spread"] = float(known.std())


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
        tables = [_psnr_table(family, rows), _quality_table(family, rows), _paired_table(family, rows)]
        found.append(Section(title, "\n\n".join(filter(None, tables))))
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


def _paired_table(family: str, rows: list[Row]) -> str:
    """Return what the others differ by from Region Normalization on the same batches; nothing without pairs."""
    others = [row for row in rows if _paired(row)]
    if not others:
        return ""
    wide = list(RATIOS)[-1]
    figures = {"psnr": "PSNR of the hole, dB", f"psnr@{wide}": f"PSNR of the hole, dB, {wide}", **LABELS}
    header = [f"less {FAMILIES[family].norms[REFERENCE]}", *figures.values(), "PSNR after equal seconds, dB"]
    lines = [
        [
            _label(family, row),
            *(_difference(row, f"steps_{figure}", DIGITS.get(figure.split("@")[0], 3)) for figure in figures),
            _difference(row, "seconds_psnr", 2),
        ]
        for row in others
    ]
    return markdown.table(header, lines)


def _difference(row: Row, figure: str, digits: int) -> str:
    """Return a difference with its spread, bold where it is more than twice the spread of at least two pairs."""
    value, spread = float(row[f"{figure}_over"]), float(row[f"{figure}_over_spread"])
    text = markdown.plus_minus(value, spread, digits, "+")
    return f"**{text}**" if abs(value) > 2 * spread else text


CLAIMS = {"PSNR of the hole": "psnr", "Step across the rim": "rim_step", "Edges": "edges"}
"""Figures of what the paper claims for Region Normalization."""


def outcome(frame: pd.DataFrame) -> Section | None:
    """Return in words how Region Normalization did on each claim in each family; None before there is a pair."""
    lines = []
    for family, description in FAMILIES.items():
        rows = frame[frame["family"] == family].to_dict("records")
        if not any(_paired(row) for row in rows):
            continue
        # Of networks with one thing changed only which to take is asked.
        claims = CLAIMS if family != "parts" else {"PSNR of the hole": "psnr"}
        words = " ".join(f"{title}: {_standing(family, rows, figure)}." for title, figure in claims.items())
        line = f"- **{description.title}**, {description.norms[REFERENCE]} against the others. {words}"
        lines.append(textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    return Section("What came out", "\n".join(lines)) if lines else None


def _paired(row: Row) -> bool:
    return row["norm"] != REFERENCE and math.isfinite(row["steps_psnr_over"])


def _standing(family: str, rows: list[Row], figure: str) -> str:
    """Return which networks Region Normalization is ahead of, level with and behind, after equal steps."""
    own = next(row[f"steps_{figure}"] for row in rows if row["norm"] == REFERENCE)
    # A border shows where the step across it is larger than the original's, and is washed out where it is smaller.
    sign = -1 if figure == "rim_step" and own > 1 else 1
    found: dict[str, list[str]] = {"ahead of": [], "level with": [], "behind": []}
    for row in filter(_paired, rows):
        value, spread = row[f"steps_{figure}_over"], row[f"steps_{figure}_over_spread"]
        level = abs(value) <= 2 * spread if math.isfinite(spread) else value == 0
        name = "level with" if level else "behind" if value * sign > 0 else "ahead of"
        found[name].append(_label(family, row))
    return "; ".join(f"{name} {_listed(labels)}" for name, labels in found.items() if labels)


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def draw_curves(
    cells: dict[Cell, pd.DataFrame], costs: dict[str, float], levels: dict[str, float], target: Path
) -> None:
    """Write the curves: the hole's PSNR against steps and against seconds, mean and range over the seeds."""
    from matplotlib.figure import Figure

    families = [family for family in FAMILIES if any(cell.family == family for cell in cells)]
    figure = Figure(figsize=(12, 3.6 * len(families)), layout="constrained")
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
                style = "-" if index < 10 else "--"  # there are ten colours
                axes.plot(at, values.mean(axis=0), style, marker=".", color=f"C{index}", label=label)
                axes.fill_between(at, values.min(axis=0), values.max(axis=0), color=f"C{index}", alpha=0.2, linewidth=0)
            if family in ("prior", "parts"):
                axes.axhline(levels["psnr"], color="black", linestyle=":", label="prior alone")
            axes.set_title(FAMILIES[family].title, fontsize=9)
            axes.set_xlabel(against)
            axes.set_ylabel("PSNR of the hole, dB")
            axes.grid(alpha=0.3)
        grid[line][1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0))
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
        intro="Yu et al. (AAAI 2020) claim that Region Normalization (RN-B and RN-L) fills holes better than batch and"
        " instance normalisation, with sharper edges and fewer artefacts at the border. Tested here against both and"
        " against none: in this project's two-stage generator, small, with a constant and with the smooth prior in the"
        " hole, and in the paper's own form, narrower. The same batches, losses,"
        f" optimiser and constant rate of {RATE:g} for all; {plan.steps:,} steps of {plan.batch} crops of {plan.crop}²;"
        f" measured on {plan.count} held-out crops for each range of hole ratios, in the hole alone, mean ± standard"
        " deviation over the seeds.",
        sections=[*filter(None, [outcome(frame)]), *sections(frame)],
        figures={"plan": vars(plan), "prior": levels, "rows": frame.to_dict("records")},
        notes=(
            f"The smooth prior without a network: {levels['psnr']:.2f} dB in all holes; {alone}.",
            "Step across the rim: mean difference of neighbours on both sides of the hole's border over that of the"
            " original; above 1 the border shows, below it is washed out. Sharpness: Laplacian in the hole over the"
            " original's. Edges: gradient on the original's strongest tenth over its own.",
            "Differences from RN are those of networks with the same seed, which means on the same batches; mean ±"
            " standard deviation of the pairs, bold where it is more than twice that. The step across"
            " the rim is better the nearer it is to 1, the other figures the higher they are.",
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
