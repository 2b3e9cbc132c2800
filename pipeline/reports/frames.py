"""Complete the columns of a batch's frame, and write it as Parquet and CSV."""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.escape import without_formula
from pipeline.ledger.outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd

FrameRow = Mapping[Hashable, Any]
"""A row of a complete frame, as `DataFrame.to_dict("records")` returns it."""
TEXT = (
    *("path", "outcome", "reason", "message", "review_reason", "same_as", "again"),
    *("format", "mask_source", "mask_note", "kinds", "held", "suggested_kinds", "suggested_reasons"),
    *("engine", "notes", "metadata"),
)
NUMBERS = (
    *("bytes", "width", "height", "bit_depth", "coverage", "components", "inpaint_seconds", "seam"),
    *("psnr", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole", "baseline_psnr", "baseline_ssim"),
    *("estimate_psnr", "estimate_low", "estimate_high", "suggested", "suggested_share"),
)
TRUTH = "outside_identical"


def complete_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with every column that a report reads: text ("" where absent), numbers (NaN where absent).

    Adds `number`, the 1-based position in the batch by path, to which report and digest refer. A row without an
    outcome counts as failed: nothing that arrived may be missing from the report.
    `outside_identical` becomes an object column of True, False and None (not measured).
    """
    import pandas as pd

    wanted = (*TEXT, *NUMBERS, TRUTH)
    full = frame.reindex(columns=[*frame.columns, *(column for column in wanted if column not in frame.columns)])
    for column in TEXT:
        full[column] = full[column].astype(object).where(full[column].notna(), "").astype(str)
    for column in NUMBERS:
        full[column] = pd.to_numeric(full[column], errors="coerce").astype(float)
    for column in ("width", "height"):
        full[column] = full[column].where(full[column] > 0)
    measured = full[TRUTH].notna()
    truth = [bool(value) if known else None for value, known in zip(full[TRUTH], measured, strict=True)]
    full[TRUTH] = pd.Series(truth, index=full.index, dtype=object)
    full["outcome"] = full["outcome"].where(full["outcome"].isin([str(o) for o in Outcome]), str(Outcome.FAILED))
    full = full.sort_values("path", kind="stable").reset_index(drop=True)
    full["number"] = range(1, len(full) + 1)
    return full


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Return the frame as Parquet."""
    target = io.BytesIO()
    frame.to_parquet(target, index=False)
    return target.getvalue()


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return the frame as CSV (UTF-8 with a byte order mark, comma, header line); the Parquet file is the exact copy.

    Without the mark a spreadsheet takes the text for the system's own encoding, and breaks every umlaut.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, since file names are untrusted.
    """
    safe = frame.copy()
    for column in safe.select_dtypes(exclude="number").columns:
        safe[column] = [without_formula(value) for value in safe[column]]
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8-sig", errors="backslashreplace")
