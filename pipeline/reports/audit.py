"""Say in sentences how many of the repairs that nobody had seen were false."""

from __future__ import annotations

from pipeline.ledger.samples import AuditFigures
from pipeline.metrics.proportion_interval import proportion_interval
from pipeline.reports.language import Language

FEW = 30
"""Decisions below which the sentence says that they are few: the interval is then wider than ten points."""


def describe_audit(found: AuditFigures, t: Language) -> str:
    """Return the share of false repairs with its 95 % interval, or that nothing is known; "" where none was drawn."""
    if not found.drawn:
        return ""
    if not found.decided:
        return t.count("audit.undecided", found.drawn)
    low, high = proportion_interval(found.false, found.decided)
    sentence = t.count(
        "audit.share",
        found.decided,
        drawn=t.number(found.drawn),
        false=t.count("audit.false", found.false),
        share=t.percent(found.false / found.decided),
        low=t.percent(low),
        high=t.percent(high),
    )
    return f"{sentence} {t('audit.few')}" if found.decided < FEW else sentence
