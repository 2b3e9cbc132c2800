"""The summary at the end of the demo: the outcome of each file, and its PSNR and SSIM where the original is known."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipeline import scans, storage
from pipeline.engines import Engine, Job, inpaint, load_engine, paste
from pipeline.escape import escape, visible
from pipeline.ledger import Outcome
from pipeline.metrics import psnr, ssim
from pipeline.reports.counts import read_counts
from pipeline.reports.language import Language
from pipeline.reports.suggestions import describe_reasons
from pipeline.stages.order import CHUNK_STAGES

# Of the column with file names.
WIDTH = 36


def summarise(report: str) -> None:
    """Print the summary of a batch.

    Args:
        report: URI of the folder of its report.
    """
    rows = pq.read_table(io.BytesIO(storage.read_bytes(storage.join(report, "report.parquet")))).to_pylist()
    rows.sort(key=lambda row: (list(Outcome).index(row["outcome"]), row["path"]))
    counts = Counter(row["outcome"] for row in rows)
    print(
        f"\n{len(rows)} {'file' if len(rows) == 1 else 'files'}: "
        + ", ".join(f"{counts[name]} {name}" for name in Outcome if counts[name])
        + "\n"
    )
    for row in rows:
        print(_outcome(row))
    spent = {stage: np.nansum([row[f"{stage}_seconds"] or 0 for row in rows]) for stage in CHUNK_STAGES}
    print("\nSeconds of work: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in spent.items()))
    known = [row for row in rows if row["outcome"] == Outcome.RESTORED and row["original_uri"]]
    if known:
        _print_quality(known)


def _outcome(row: dict[str, Any]) -> str:
    """Return a line with the outcome of a file, and a second one with the reason when it was not restored."""
    size = f"{row['width']}×{row['height']}, {row['channels']}×{row['bit_depth']} bit" if row["width"] else ""
    line = f"{row['outcome']:<12}{_name(row):<{WIDTH}} {size:<22}"
    if row["outcome"] == Outcome.RESTORED:
        by = {"manual": "painted mask", "combined": "painted mask and detector", "infrared": "infrared"}.get(
            row["mask_source"], "detector"
        )
        windows = int(row["windows"] or 0)
        plural = "" if windows == 1 else "s"
        return f"{line} {row['coverage']:6.2%} damaged ({by}), {windows} window{plural}{_not_filled(row)}"
    why = row["message"] or row["review_reason"] or _not_filled(row).removeprefix(", ")
    return line + (f"\n{'':<12}{escape(why)}" if why else "")


def _not_filled(row: dict[str, Any]) -> str:
    """Return how many marks were not filled, and why, after a comma; empty for none."""
    count = int(row["suggested"] or 0)
    why = describe_reasons(read_counts(row["suggested_reasons"] or ""), Language("en"))
    return f", {count} {'mark' if count == 1 else 'marks'} not filled{f' ({why})' if why else ''}" if count else ""


def _print_quality(rows: list[dict[str, Any]]) -> None:
    """Print PSNR and SSIM of the damaged scan, of Telea's fill and of ours, whole and in the hole only."""
    print("\nCompared with the known originals, beside Telea's method on the same masks:\n")
    print(f"{'':<{WIDTH}} {'PSNR dB, whole image':^26} {'in the hole':^17}   {'SSIM, whole':^17} {'in the hole':^17}")
    print(f"{'':<{WIDTH}} {'damaged':>8}" + 4 * f"{'Telea':>8} {'restored':>8} ")
    telea = load_engine("telea")
    figures = [_figures(row, telea) for row in rows]
    for name, line in [
        *((_name(r), f) for r, f in zip(rows, figures, strict=True)),
        ("mean", np.mean(figures, axis=0)),
    ]:
        decibels, similarity = [f"{x:8.2f}" for x in line[:5]], [f"{x:8.4f}" for x in line[5:]]
        pairs = [" ".join(pair) for pair in (decibels[1:3], decibels[3:], similarity[:2], similarity[2:])]
        print(f"{name:<{WIDTH}} {decibels[0]}{' '.join(pairs)}")


def _figures(row: dict[str, Any], telea: Engine) -> list[float]:
    """Return one line of the table; what the batch did not measure is measured here in the same way."""
    scan, original = (scans.colour(_scan(row[name])) for name in ("uri", "original_uri"))
    mask = _scan(row["mask_out_uri"]).pixels.astype(np.uint8)
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


def _scan(uri: str) -> scans.Scan:
    return scans.decode(storage.read_bytes(uri), uri, max_megapixels=1000)


def _name(row: dict[str, Any]) -> str:
    """Return the name of a file as it fits into its column."""
    name = visible(row["path"])
    return name if len(name) <= WIDTH else f"…{name[1 - WIDTH :]}"
