"""Sizes as commands print them."""

from __future__ import annotations


def format_bytes(size: float) -> str:
    """Return a size in units of 1000 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
