"""The colours of report and digest, which differ in lightness, so that a black-and-white print can be read."""

from __future__ import annotations

from pipeline.ledger.outcome import Outcome

INK = "#1d1f21"
SOFT = "#5e6266"
RULE = "#c9c6bf"
PAPER = "#f6f4ef"
ACCENT = "#1f4e5f"

# Restored and failed, the darkest, are at the two ends of every bar, so that they never touch.
COLOURS: dict[Outcome, str] = {
    Outcome.RESTORED: ACCENT,
    Outcome.UNCHANGED: "#c3d0cf",
    Outcome.REVIEW: "#e0a030",
    Outcome.QUARANTINED: "#9c3d2e",
    Outcome.FAILED: "#1d1f21",
}
