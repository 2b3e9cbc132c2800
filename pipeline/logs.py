"""Write one log line per scan and stage, which no file name can forge."""

from __future__ import annotations

import logging
import math
from typing import Any

from pipeline.escape import quoted

# Digits of a sha256 that are enough to find a scan with `trace`, and leave room for the rest of the line.
DIGITS = 12


def scan_line(
    path: str,
    sha256: str,
    stage: str,
    decision: str,
    figures: dict[str, Any],
    seconds: float,
    *,
    reason: str = "",
    message: str = "",
) -> str:
    """Return the log line of one scan and stage: decision, reason and scan first, since narrow windows cut lines off.

    Args:
        sha256: of the scan; its first digits are written, all are in the ledger.
        figures: those that were not measured are left out.
        reason: code of the reason, or the reason itself; empty without one.
        message: the reason in a sentence, empty without one.
    """
    why = f" reason={quoted(reason)}" if reason else ""
    said = f" message={quoted(message)}" if message else ""
    measured = "".join(f" {name}={_format(value)}" for name, value in figures.items() if _is_measured(value))
    found = f"{said} sha256={sha256[:DIGITS] or '-'}{measured}"
    return f"stage={stage} decision={decision}{why} scan={quoted(path)}{found} seconds={seconds:.3f}"


def _is_measured(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))


def _format(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return quoted(value) if isinstance(value, str) else str(value)


def stage_logger(stage: str) -> logging.Logger:
    """Return the logger of a stage."""
    return logging.getLogger(f"pipeline.stages.{stage}")
