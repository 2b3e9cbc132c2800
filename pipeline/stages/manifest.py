"""Chunk manifests: Parquet with one row per scan, to which each stage adds its columns."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import storage
from pipeline.ledger.rows import plain

Row = dict[str, Any]

TEXT, WHOLE, NUMBER, TRUTH = pa.string(), pa.int64(), pa.float64(), pa.bool_()

COLUMNS: dict[str, dict[str, Any]] = {
    "received": {
        "scan_id": WHOLE,
        "path": TEXT,
        "uri": TEXT,
        "sha256": TEXT,
        "bytes": WHOLE,
        "format": TEXT,
        "width": WHOLE,
        "height": WHOLE,
        "channels": WHOLE,
        "bit_depth": WHOLE,
        "orientation": WHOLE,
        "mask_given_uri": TEXT,
        "mask_given": TEXT,
        "protect_uri": TEXT,
        "infrared_uri": TEXT,
        "original_uri": TEXT,
        "output_path": TEXT,
        "reason": TEXT,
        "message": TEXT,
        "same_as": TEXT,
    },
    "masked": {
        "mask_uri": TEXT,
        "mask_source": TEXT,
        "mask_note": TEXT,
        "coverage": NUMBER,
        "components": WHOLE,
        "components_json": TEXT,
        "levels_uri": TEXT,
        "kinds": TEXT,
        "held": TEXT,
        "suggested": WHOLE,
        "suggested_share": NUMBER,
        "suggested_kinds": TEXT,
        "suggested_uri": TEXT,
        "decision": TEXT,
        "review_reason": TEXT,
        "mask_seconds": NUMBER,
    },
    "inpainted": {
        "filled_uri": TEXT,
        "engine": TEXT,
        "engine_digest": TEXT,
        "windows": WHOLE,
        "inpaint_seconds": NUMBER,
        "notes": TEXT,
    },
    "measured": {
        "psnr": NUMBER,
        "ssim": NUMBER,
        "l1": NUMBER,
        "psnr_hole": NUMBER,
        "ssim_hole": NUMBER,
        "l1_hole": NUMBER,
        "estimate_psnr": NUMBER,
        "estimate_low": NUMBER,
        "estimate_high": NUMBER,
        "estimate_samples": WHOLE,
        "seam": NUMBER,
        "changed_share": NUMBER,
        "outside_identical": TRUTH,
        "baseline_psnr": NUMBER,
        "baseline_ssim": NUMBER,
        "measure_seconds": NUMBER,
    },
    "published": {
        "outcome": TEXT,
        "restored_uri": TEXT,
        "restored_sha256": TEXT,
        "restored_bytes": WHOLE,
        "mask_out_uri": TEXT,
        "suggested_out_uri": TEXT,
        "sidecar_uri": TEXT,
        "publish_seconds": NUMBER,
    },
}
STEPS = tuple(COLUMNS)
EMPTY: dict[Any, Any] = {TEXT: "", WHOLE: None, NUMBER: float("nan"), TRUTH: None}


def columns(step: str) -> dict[str, Any]:
    """Return name and Arrow type of all columns that a manifest of that step has."""
    last = STEPS.index(step)
    return {name: kind for earlier in STEPS[: last + 1] for name, kind in COLUMNS[earlier].items()}


def blank(step: str) -> Row:
    """Return the columns that a step adds, as they are where there is nothing to say."""
    return {name: EMPTY[kind] for name, kind in COLUMNS[step].items()}


def sibling(chunk: str, step: str) -> str:
    """Return the URI of a chunk's manifest of another step."""
    stem = chunk.removesuffix(".parquet").rpartition(".")[0]
    return f"{stem}.{step}.parquet"


def step_of(chunk: str) -> str:
    """Return which step's manifest a URI names."""
    return chunk.removesuffix(".parquet").rpartition(".")[2]


def read(chunk: str) -> list[Row]:
    """Return a manifest's rows.

    Raises:
        FileNotFoundError: there is none.
        StoreUnavailable: the store did not answer.
    """
    rows: list[Row] = pq.read_table(io.BytesIO(storage.read_bytes(chunk))).to_pylist()
    return rows


def write(chunk: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a manifest whole; columns of later steps in the rows are left out."""
    kinds = columns(step_of(chunk))
    table = pa.Table.from_pylist([{name: row.get(name) for name in kinds} for row in rows], pa.schema(kinds.items()))
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    storage.write_bytes(chunk, target.getvalue())


def figures(row: Mapping[str, Any], *steps: str) -> Row:
    """Return what steps found out about a scan, as JSON can hold it: without what is absent, pictures and places."""
    names = (name for step in steps for name in COLUMNS[step] if not name.endswith(("_uri", "_json")))
    found = plain({name: row.get(name) for name in names})
    return {name: value for name, value in found.items() if value not in (None, "")}
