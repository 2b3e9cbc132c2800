"""What reports say of the audit: a share with its interval, and that little or nothing is known."""

from __future__ import annotations

import pytest

from pipeline.ledger.samples import AuditFigures
from pipeline.reports.audit import describe_audit
from pipeline.reports.language import Language


@pytest.mark.parametrize(
    ("code", "figures", "parts"),
    [
        ("en", AuditFigures(12), ["12 repairs were drawn", "not known"]),
        ("en", AuditFigures(12, 1), ["1 was looked at", "0 were false", "between 0.0% and 79.3%", "So few say little"]),
        ("en", AuditFigures(400, 300, 6), ["300 were looked at", "6 were false", "2.0%", "0.9% and 4.3%"]),
        ("de", AuditFigures(1), ["wurde 1 zufällig gezogen", "nicht bekannt"]),
        ("de", AuditFigures(40, 20, 1), ["20 angesehen", "1 war falsch", "zwischen 0,9", "So wenige sagen wenig"]),
    ],
)
def test_the_share_of_false_repairs(code: str, figures: AuditFigures, parts: list[str]) -> None:
    told = describe_audit(figures, Language(code))
    assert not [part for part in parts if part not in told], told
    assert ("So few" in told or "So wenige" in told) == (0 < figures.decided < 30)


def test_without_a_sample_nothing_is_said() -> None:
    assert describe_audit(AuditFigures(), Language("en")) == ""
