"""Curves of precision over recall as a picture and as a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

FIELDS = ("set", "detector", "threshold", "precision", "recall", "f1")


def write_curves(folder: Path, sets: dict[str, dict[str, dict[str, Any]]]) -> list[Path]:
    """Return the paths of `curves.csv` and `curves.png` below the folder; levels are dots beside the curves.

    Args:
        folder: made when absent.
        sets: one or more; by set of pictures and detector, what `damaged.on_damaged` returned.
    """
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    table, picture = folder / "curves.csv", folder / "curves.png"
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        writer.writeheader()
        for name, detectors in sets.items():
            for detector, found in detectors.items():
                writer.writerows({"set": name, "detector": detector, **point} for point in found.get("curve", ()))
    figure = Figure(figsize=(5.5 * max(1, len(sets)), 5), layout="constrained")
    for axes, (name, detectors) in zip(
        figure.subplots(1, max(1, len(sets)), squeeze=False)[0], sets.items(), strict=False
    ):
        for index, (detector, found) in enumerate(detectors.items()):
            colour = f"C{index}"
            points = found.get("curve", ())
            axes.plot([p["recall"] for p in points], [p["precision"] for p in points], colour, label=detector)
            for level, mark in (("repair", "o"), ("suggest", "s"), ("filled", "^")):
                axes.plot(
                    found[level]["recall"], found[level]["precision"], colour + mark, label=f"{detector}: {level}"
                )
        axes.set(title=name, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(fontsize="small")
    figure.savefig(picture, dpi=110)
    return [table, picture]
