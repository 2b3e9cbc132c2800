"""Count what a round of checks has read, and what was wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.preservation.fixity import Finding, Problem
from pipeline.preservation.master_places import MASTER

# Findings that a round names; all are counted, and all are events of their scans.
NAMED = 100


@dataclass
class Found:
    """What a round has read, and what was wrong.

    Attributes:
        busy: scans left out because a run worked on them.
        differs, missing, unreadable: files.
        new: of these, files that were not known to be so.
        failing: files that are wrong now; a master that is known to be missing or unreadable does not count.
        named: the first of the new ones, and of those that count.
    """

    scans: int = 0
    files: int = 0
    bytes: int = 0
    busy: int = 0
    differs: int = 0
    missing: int = 0
    unreadable: int = 0
    new: int = 0
    failing: int = 0
    named: list[dict[str, Any]] = field(default_factory=list)

    def add(self, finding: Finding, *, new: bool) -> None:
        """Count one file that is wrong."""
        setattr(self, finding.problem, getattr(self, finding.problem) + 1)
        counts = new or finding.role != MASTER or finding.problem is Problem.DIFFERS
        self.new += new
        self.failing += counts
        if counts and len(self.named) < NAMED:
            self.named.append({**asdict(finding), "problem": str(finding.problem), "new": new})
