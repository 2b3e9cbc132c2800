"""Write one log line per scan and stage, which no file name can forge."""

from __future__ import annotations

import logging
import math
from typing import Any

from pipeline.escape import quoted


def scan_line(path: str, sha256: str, stage: str, decision: str, figures: dict[str, Any], seconds: float) -> str:
    """Return the log line of one scan and stage; figures that were not measured are left out."""
    measured = "".join(f" {name}={_format(value)}" for name, value in figures.items() if _is_measured(value))
    return (
        f"scan={quoted(path)} sha256={sha256 or '-'} stage={stage} decision={decision}{measured} seconds={seconds:.3f}"
    )


def _is_measured(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))


def _format(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return quoted(value) if isinstance(value, str) else str(value)


def stage_logger(stage: str) -> logging.Logger:
    """Return the logger of a stage."""
    return logging.getLogger(f"pipeline.stages.{stage}")
