"""What a check found wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import RestorationError
from pipeline.escape import error_line


@dataclass(frozen=True)
class Finding:
    """Something that is missing, wrong or out of reach.

    Attributes:
        subject: a collection, `ledger`, `mail`, or the collections file.
        message: one sentence, with the remedy.
        line: 1-based line of the collections file; 0 where none is meant.
    """

    subject: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        return f"{f'line {self.line}: ' if self.line else ''}{self.subject}: {self.message}"


def find_within(seconds: float, subject: str, what: str, check: Callable[[], None]) -> list[Finding]:
    """Return what a check raises as a finding; that it did not answer in time is one too.

    The check runs in a thread that nobody waits for: a mount whose server is gone answers never, and cannot be
    interrupted.

    Args:
        seconds: how long to wait.
        subject: of the finding.
        what: the thing that is checked, for the sentence that it did not answer.
        check: raises when something is wrong.
    """
    found: list[Finding] = []

    def run() -> None:
        try:
            check()
        except (RestorationError, OSError, ValueError) as error:
            found.append(Finding(subject, error_line(error, 500)))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return [Finding(subject, f"{what} did not answer within {seconds:g} s")]
    return found
