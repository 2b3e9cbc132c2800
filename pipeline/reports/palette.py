"""The colours of report and digest: told apart by lightness alone, so that a black-and-white print loses nothing."""

from __future__ import annotations

from pipeline.ledger.outcome import Outcome

INK = "#1d1f21"
SOFT = "#5e6266"
RULE = "#c9c6bf"
PAPER = "#f6f4ef"
ACCENT = "#1f4e5f"

# From dark to light and back: restored and failed stand at the ends of every bar, so that two dark fields never touch.
COLOURS: dict[Outcome, str] = {
    Outcome.RESTORED: ACCENT,
    Outcome.UNCHANGED: "#c3d0cf",
    Outcome.REVIEW: "#e0a030",
    Outcome.QUARANTINED: "#9c3d2e",
    Outcome.FAILED: "#1d1f21",
}
