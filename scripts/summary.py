"""The summary at the end of the demo: what became of each image, and how good that is where the truth is known."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pipeline import scans, storage
from pipeline.engines import Engine, Job, inpaint, load_engine, paste
from pipeline.metrics import psnr, ssim
from rich.console import Console
from rich.table import Table
from rich.text import Text

OUTCOMES = ("restored", "unchanged", "review", "quarantined", "failed")


def summarise(report: str) -> None:
    """Prints the summary of a batch.

    Args:
        report: URI of the folder of its report.
    """
    rows = pq.read_table(io.BytesIO(storage.read_bytes(storage.join(report, "report.parquet")))).to_pylist()
    console = Console(highlight=False, soft_wrap=True)
    counts = Counter(row["outcome"] or "failed" for row in rows)
    console.print(f"\n{len(rows)} scans: " + ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if counts[name]))
    known = [row for row in rows if row["outcome"] == "restored" and row["original_uri"]]
    console.print(_outcomes(rows))
    if known:
        console.print(_truth(known))


def _outcomes(rows: list[dict[str, Any]]) -> Table:
    table = Table("scan", "", "damage found", "outcome", "why")
    for row in sorted(rows, key=lambda row: (OUTCOMES.index(row["outcome"] or "failed"), row["path"])):
        depth = f"{row['width']}×{row['height']} {row['channels']}×{row['bit_depth']} bit" if row["width"] else ""
        found = f"{row['coverage']:.2%} {row['mask_source']}" if row["mask_source"] not in (None, "", "none") else ""
        why = row["message"] or row["review_reason"] or ""
        table.add_row(*(Text(cell) for cell in (row["path"], depth, found, row["outcome"] or "failed", why)))
    return table


def _truth(rows: list[dict[str, Any]]) -> Table:
    """Returns PSNR and SSIM against the known originals: of the damaged scan, of Telea's fill, of ours, same masks."""
    table = Table(
        *("against the original", "PSNR: damaged", "Telea", "ours", "in the hole: Telea", "ours"),
        *("SSIM: Telea", "ours", "in the hole: Telea", "ours"),
    )
    telea = load_engine("telea")
    figures = [_figures(row, telea) for row in rows]
    for row, line in zip(rows, figures, strict=True):
        table.add_row(Text(row["path"]), *_formatted(line))
    table.add_section()
    table.add_row("mean", *_formatted(list(np.mean(figures, axis=0))))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _figures(row: dict[str, Any], telea: Engine) -> list[float]:
    """Returns one line of the table; what the batch did not measure itself is measured here in the same way."""
    scan, original = (scans.colour(_scan(row[name])) for name in ("uri", "original_uri"))
    mask = _scan(row["mask_out_uri"]).pixels
    [filled] = inpaint([Job("", scan, mask)], telea)
    baseline = paste(scan, mask, filled)
    return [
        psnr(scan, original, data_range=1.0),
        row["baseline_psnr"],
        row["psnr"],
        psnr(baseline, original, data_range=1.0, mask=mask),
        row["psnr_hole"],
        row["baseline_ssim"],
        row["ssim"],
        ssim(baseline, original, data_range=1.0, mask=mask),
        row["ssim_hole"],
    ]


def _formatted(figures: list[float]) -> list[str]:
    return [f"{figure:.2f}" for figure in figures[:5]] + [f"{figure:.4f}" for figure in figures[5:]]


def _scan(uri: str) -> scans.Scan:
    return scans.decode(storage.read_bytes(uri), uri, max_megapixels=1000)
