"""Loss and PSNR per epoch of a run, as a table and a plot, from its logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.csv_log import read_rows
from pipeline.training.inpainter.validation import read_baseline_psnr

if TYPE_CHECKING:
    import pandas as pd

ROWS = 24
"""Most rows of the Markdown table; the epochs of a longer run are grouped."""


def per_epoch(out: Path, photographs: int, crop: int) -> pd.DataFrame:
    """Return one row per epoch of the run in a folder: ``epoch``, ``step``, ``seconds``, loss and terms, held-out PSNR.

    An epoch is one pass over as many crops as there are photographs; a larger crop at the end of a run
    counts by its area as several crops of side ``crop``. ``step`` and ``seconds`` are those at the end of the epoch,
    the losses are means over it, and PSNR is that of the last validation in it, absent when there was none. Raises
    ``OSError`` when the run has no logs.
    """
    progress = read_rows(out / "progress.csv")
    size = float(photographs * crop * crop)
    # Pixels are counted at the end of a row: one that ends exactly on the border belongs to the epoch before it.
    progress["epoch"] = np.ceil(progress["pixels"] / size).astype(int)
    groups = progress.groupby("epoch")
    frame = groups[["step", "seconds"]].last()
    losses = [name for name in progress.columns if name not in ("step", "seconds", "pixels", "rate", "epoch")]
    frame = frame.join(groups[losses].mean())
    if (out / "validation.csv").exists():
        scores = read_rows(out / "validation.csv")
        pixels = np.interp(scores["step"], progress["step"], progress["pixels"])
        scores["epoch"] = np.maximum(1, np.ceil(pixels / size)).astype(int)
        frame = frame.join(scores.groupby("epoch").last().drop(columns=["step", "seconds"]))
    return frame.reset_index()


def as_markdown(frame: pd.DataFrame, baselines: dict[str, float]) -> str:
    """Return the epochs as a Markdown table of at most ``ROWS`` rows: mean losses and last PSNR of each row."""
    group = -(-len(frame) // ROWS)
    columns = [name for name in ("loss", "hole", "coarse", "prior", "psnr") if name in frame]
    titles = {"hole": "L1 in the hole", "coarse": "the coarse stage's", "prior": "the prior's", "psnr": "PSNR, dB"}
    lines = [
        "| epoch | step | hours | " + " | ".join(titles.get(name, name) for name in columns) + " |",
        "|" + "---|" * (3 + len(columns)),
    ]
    for start in range(0, len(frame), group):
        part = frame.iloc[start : start + group]
        first, last = int(part["epoch"].iloc[0]), int(part["epoch"].iloc[-1])
        cells = [str(last) if first == last else f"{first}–{last}", f"{int(part['step'].iloc[-1]):,}"]
        cells.append(f"{part['seconds'].iloc[-1] / 3600:.2f}")
        for name in columns:
            values = part[name].dropna()
            if not len(values):
                cells.append("")
            elif name == "psnr":
                cells.append(f"{values.iloc[-1]:.2f}")
            else:
                cells.append(f"{values.mean():.4f}")
        lines.append("| " + " | ".join(cells) + " |")
    if baselines:
        lines += [
            "",
            "On the same holes: " + ", ".join(f"{name} {value:.2f}" for name, value in baselines.items()) + ".",
        ]
    return "\n".join(lines)


def draw(frame: pd.DataFrame, baselines: dict[str, float], target: Path) -> None:
    """Write a PNG: loss per epoch on the left, held-out PSNR and that of other fills on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(frame["epoch"], frame["loss"], marker=".")
    left.set_ylabel("training loss, mean of the epoch")
    if "psnr" in frame:
        measured = frame.dropna(subset=["psnr"])
        right.plot(measured["epoch"], measured["psnr"], marker="o", label="rn (averaged weights)")
    for index, (name, value) in enumerate(baselines.items()):
        right.axhline(value, linestyle=(0, (4, 1 + index)), color=f"C{index + 1}", label=f"{name} {value:.2f}")
    right.set_ylabel("PSNR of held-out pictures, dB")
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
    figure.savefig(target, dpi=90)


def write_epochs(out: Path) -> str:
    """Write ``epochs.md``, ``epochs.csv`` and ``epochs.png`` of the run in a folder and return the Markdown table.

    The number of photographs and the side of the crops are read from its checkpoint. Raises ``WeightsError`` without a
    complete one, ``OSError`` when the run has no logs yet.
    """
    facts = read_state(out / CHECKPOINT).facts
    frame = per_epoch(out, int(facts["count"]), int(facts["crop"]))
    baselines = read_baseline_psnr(out / "baselines.json")
    text = as_markdown(frame, baselines)
    frame.to_csv(out / "epochs.csv", index=False)
    (out / "epochs.md").write_text(text + "\n", encoding="utf-8")
    draw(frame, baselines, out / "epochs.png")
    return text
