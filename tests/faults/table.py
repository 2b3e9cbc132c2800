"""The table of faults: how often each was tested, what damage it did, and how long recovery took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.batch import Damage

HEAD = ("fault", "runs", "lost", "doubled", "torn", "seconds to recovery")


@dataclass
class Row:
    """One fault.

    Attributes:
        seconds: from each fault in a running Airflow until the work continued.
    """

    fault: str
    runs: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, damage: Damage, note: str = "", seconds: float | None = None) -> None:
        """Counts a run."""
        self.runs += 1
        self.lost += len(damage.lost)
        self.doubled += len(damage.doubled)
        self.torn += len(damage.torn)
        if seconds is not None:
            self.seconds.append(seconds)
        if damage.describe():
            self.notes.append(f"{note}: {damage.describe()}")

    def cells(self) -> tuple[str, ...]:
        """Returns the cells of its line."""
        recovery = "–"
        if self.seconds:
            low, high = min(self.seconds), max(self.seconds)
            recovery = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
        return (self.fault, str(self.runs), str(self.lost), str(self.doubled), str(self.torn), recovery)


class Table:
    """All faults of a session, in the order in which they first occurred."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def row(self, fault: str) -> Row:
        """Returns the row of a fault."""
        return self.rows.setdefault(fault, Row(fault))

    @contextmanager
    def run(self, faults: list[str], note: str) -> Iterator[Damage]:
        """Yields the damage for a run under these faults to fill in, and counts it; a run that raises is lost."""
        damage = Damage()
        try:
            yield damage
        except Exception as error:
            damage.lost.append(f"it was interrupted: {type(error).__name__}: {error}")
            raise
        finally:
            for fault in faults:
                self.row(fault).add(damage, note)

    def markdown(self) -> str:
        """Returns the table."""
        lines = [HEAD, tuple("---" for _ in HEAD), *(row.cells() for row in self.rows.values())]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)
