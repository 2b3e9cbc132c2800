"""Chunk manifests: Parquet with one row per scan, rewritten by each stage with its columns added."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import storage
from pipeline.stages.scan_row import ScanRow, schema


def sibling(chunk: str, step: str) -> str:
    """Return the URI of a chunk's manifest of another step."""
    stem = chunk.removesuffix(".parquet").rpartition(".")[0]
    return f"{stem}.{step}.parquet"


def step_of(chunk: str) -> str:
    """Return the step of the manifest that a URI names."""
    return chunk.removesuffix(".parquet").rpartition(".")[2]


def read(chunk: str) -> list[ScanRow]:
    """Return a manifest's rows; columns of later steps are blank.

    Raises:
        FileNotFoundError: there is none.
        StoreUnavailable: the store did not answer.
    """
    table = pq.read_table(io.BytesIO(storage.read_bytes(chunk)))
    return [ScanRow(**columns) for columns in table.to_pylist()]


def write(chunk: str, rows: Sequence[ScanRow]) -> None:
    """Write a manifest whole; columns of later steps are left out."""
    columns = schema(step_of(chunk))
    values = [vars(row) for row in rows]
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(values, columns), target, compression="zstd")
    storage.write_bytes(chunk, target.getvalue())
