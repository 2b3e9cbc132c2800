"""Tables of real scans labelled by hand, beside undamaged photographs and simulated damage."""

from __future__ import annotations

from typing import Any

from benchmarks.detection.labelled import LEVELS
from benchmarks.markdown import table
from benchmarks.results_page import Section

Report = dict[str, Any]


def labelled_sections(report: Report) -> list[Section]:
    """Return the table of all sets beside each other, and the scans one by one."""
    part = report["labelled"]
    return [
        Section("Real scans labelled by hand, undamaged photographs and foreign damage", _together(report)),
        Section("Real scans labelled by hand, one by one", _one_by_one(part)),
    ]


def _together(report: Report) -> str:
    header = ("detector", "level", "labelled: precision", "recall", "half filled", "recall of broad losses",
              "intact scans: false area, mean", "worst", "foreign: precision", "recall",
              "undamaged: area, mean", "worst", "nothing on")  # fmt: skip
    lines = []
    for detector, found in report["labelled"].items():
        clean, foreign = (report.get(part, {}).get(detector) for part in ("clean", "foreign"))
        for level in LEVELS:
            scores = [_with_interval(found[level], score) for score in ("precision", "recall")]
            half = found["half_filled"]
            cells = [f"{half['half']} of {half['pieces']}" if level == "filled" else ""]
            cells.append(f"{found['broad_recall'][level]:.2f}")
            cells += [f"{found['intact'][level][key]:.4f} %" for key in ("mean", "worst")]
            cells += [f"{foreign[level][score]:.3f}" if foreign else "" for score in ("precision", "recall")]
            cells += ["", "", ""] if clean is None else [
                f"{clean[f'{level}_percent_mean']:.4f} %", f"{clean[f'{level}_percent_worst']:.3f} %",
                f"{clean[f'{level}_empty_share']:.1%}",
            ]  # fmt: skip
            lines.append([detector, level, *scores, *cells])
    counts = ", ".join(
        f"{found['scans']} scans, {found['intact']['scans']} of them intact; {found['review']} go to review"
        for found in list(report["labelled"].values())[:1]
    )
    intro = (
        f"{counts}. In brackets: 95 % of a bootstrap over scans. Half filled: pieces of damage longer than 20 px of"
        " which between 20 and 80 % are filled. Broad losses: pieces wider than 10 px."
    )
    return f"{intro}\n\n{table(header, lines)}"


def _with_interval(found: dict[str, Any], score: str) -> str:
    low, high = found[f"{score}_interval"]
    return f"{found[score]:.3f} ({low:.2f}–{high:.2f})"


def _one_by_one(part: Report) -> str:
    header = ("scan", "damaged, %", "detector", *(f"{level}: {score}" for level in LEVELS for score in
              ("precision", "recall")), "filled falsely, % of the scan", "half filled", "review")  # fmt: skip
    lines = []
    for detector, found in part.items():
        for row in found["rows"]:
            figures = [
                "" if (value := row[f"{level}_{score}"]) is None else f"{value:.2f}"
                for level in LEVELS
                for score in ("precision", "recall")
            ]
            half = f"{row['half']} of {row['long']}" if row["long"] else ""
            ends = [f"{row['filled_false_percent']:.4f}", half, "yes" if row["review"] else ""]
            lines.append([row["scan"], f"{row['damaged_percent']:.2f}", detector, *figures, *ends])
    return table(header, sorted(lines, key=lambda line: line[0]))


def left_out_section(part: Report) -> Section:
    """Return the figures with each scan left out of the choice of constants, beside those as shipped."""
    lines, changes = [], []
    for detector, found in part.items():
        for level in ("repair", "suggest"):
            pairs = [found[level][name] for name in ("shipped", "left_out")]
            cells = [f"{pair[score]:.3f}" for score in ("precision", "recall") for pair in pairs]
            lines.append([detector, level, *cells])
        moved = [f"`{name}` {count}" for name, count in found["changed"].items() if count]
        changes.append(f"Of {found['scans']} times, other values were chosen: {', '.join(moved) or 'never'}.")
    header = ("detector", "level", "precision: shipped", "left out", "recall: shipped", "left out")
    intro = (
        "The constants of the judgement are chosen anew without one scan, one after the other, each among the shipped"
        " value and a smaller and a greater one, by the labelled scans alone: the highest recall at the wanted"
        " precision. They are measured on the scan that was left out, before the guards."
    )
    return Section("Constants chosen without the scan that they are measured on", "\n\n".join(
        [intro, table(header, lines), *changes]
    ))  # fmt: skip
