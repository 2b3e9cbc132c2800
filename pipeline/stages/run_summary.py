"""The figures of one run without Airflow."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class RunSummary:
    """The figures of a run, printed with `--json`."""

    output: str
    ledger: str
    received: int = 0
    known: int = 0
    outdated: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    unused_masks: list[dict[str, str]] = field(default_factory=list)
    elsewhere: int = 0
    more: bool = False
    outcomes: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    suggested: dict[str, int] = field(default_factory=lambda: {"scans": 0, "marks": 0})
    left: dict[str, int] = field(default_factory=dict)
    attention: list[dict[str, str]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    report: str = ""
    seconds: float = 0.0
    seconds_by_stage: dict[str, float] = field(default_factory=dict)
