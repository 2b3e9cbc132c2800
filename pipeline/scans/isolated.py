"""Placeholder until the isolated decoder stands: decodes in this process."""

from __future__ import annotations

from pathlib import PurePosixPath

from pipeline import storage
from pipeline.scans.decode import decode
from pipeline.scans.model import Limits, Scan


def decode_isolated(uri: str, *, name: str | None = None, limits: Limits | None = None) -> Scan:
    """Returns a scan decoded in a process of its own."""
    limits = limits or Limits.from_settings()
    return decode(storage.read_bytes(uri), name or PurePosixPath(uri).name, max_megapixels=limits.max_megapixels)
