"""Sheet of `python -m benchmarks.quality --sheet`: the worst cases of each set, the median and the best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engines import Engine
from pipeline.evaluation.evaluate import EvaluationCase, restore
from pipeline.imaging.contact_sheet import highlight_hole, write_sheet

if TYPE_CHECKING:
    import pandas as pd

SETS = ("irregular, all", "damage", "blocks")
WORST, OTHERS = 2, (0.5, 1.0)
"""How many of the smallest leads of a set are shown, and which quantiles of the lead beside them."""
COLUMNS = ("telea", "biharmonic", "rn")


def choose_cases(frame: pd.DataFrame, others: Sequence[str]) -> list[tuple[str, str]]:
    """Return picture and mask of the cases to show, set by set, by rising lead of `rn` over the best other engine.

    The best engine is that of the case, which is harder to beat than the best of the set in the benchmark's table.
    """
    shown: list[tuple[str, str]] = []
    for label in SETS:
        part = frame[frame["set"] == label].pivot_table(index=["picture", "mask"], columns="engine", values="psnr")
        if part.empty:
            continue
        order = list((part["rn"] - part[list(others)].max(axis=1)).sort_values().index)
        places = [*range(min(WORST, len(order))), *(round(quantile * (len(order) - 1)) for quantile in OTHERS)]
        shown += [order[place] for place in dict.fromkeys(places)]
    return shown


def draw_sheet(
    frame: pd.DataFrame, cases: Iterator[tuple[str, EvaluationCase]], engines: Mapping[str, Engine], target: Path
) -> Path:
    """Write the sheet (damaged, Telea, biharmonic, `rn` and the original, with PSNR in dB) and return its path."""
    others = [name for name in engines if name not in ("rn", "prior")]
    columns = [name for name in COLUMNS if name in engines]
    wanted = choose_cases(frame, others)
    found = {(case.picture, case.mask): (label, case) for label, case in cases if (case.picture, case.mask) in wanted}
    psnr = frame.drop_duplicates(["picture", "mask", "engine"]).set_index(["picture", "mask", "engine"])["psnr"]
    rows, words = [], []
    for key in wanted:
        label, case = found[key]
        fills = [restore(engines[name], case) for name in columns]
        rows.append([highlight_hole(case.clean, case.hole), *fills, case.clean])
        figures = [f"{psnr[(*key, name)]:.2f} dB" for name in columns]
        words.append([f"{label}, {case.hole.mean():.0%} hole", *figures, case.picture[:32]])
    return write_sheet(target, ["damaged", *columns, "original"], rows, words)
