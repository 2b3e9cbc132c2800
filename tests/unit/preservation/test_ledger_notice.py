"""A ledger that was changed is found on a schedule and said once, in the collection's language."""

from __future__ import annotations

import pytest
from small_project import post
from sqlalchemy import text

from pipeline.ledger import TaskContext
from pipeline.preservation.ledger_notice import LedgerChanged, verify_collection

__all__ = ["post"]


def test_a_whole_ledger_is_proved_and_nothing_is_mailed(finished, post) -> None:
    postbox, channel = post
    finished.changes |= {"recipients": ("a@example.org",)}
    said = verify_collection(finished.collection, channel=channel, context=TaskContext())
    assert said.startswith("events proved: ") and postbox.arrived == []


def test_a_collection_without_events_has_nothing_to_prove(project, post) -> None:
    _, channel = post
    assert verify_collection(project.collection, channel=channel, context=TaskContext()) == "nothing was recorded yet"


def test_what_was_changed_is_said_once_and_stays_an_error(finished, post) -> None:
    postbox, channel = post
    finished.changes |= {"recipients": ("a@example.org",), "language": "de"}
    with finished.ledger.write() as session:
        session.execute(text("UPDATE ledger_outcomes SET restored_sha256 = 'f' WHERE restored_sha256 != ''"))
    for _ in range(2):
        with pytest.raises(LedgerChanged, match="no event recorded the sha256 f that the ledger has for restored"):
            verify_collection(finished.collection, channel=channel, context=TaskContext())
    [mail] = postbox.arrived
    assert mail["Subject"] == "c: das Verzeichnis wurde verändert"
    said = " ".join(mail.get_content().split())
    assert "a.png: kein Ereignis hat den sha256 f festgehalten, den das Verzeichnis für" in said
    assert "wurden nicht verändert" not in said
    with finished.ledger.write() as session:
        session.execute(text("UPDATE ledger_outcomes SET sidecar_sha256 = 'e'"))
    with pytest.raises(LedgerChanged, match="sidecar"):
        verify_collection(finished.collection, channel=channel, context=TaskContext())
    assert len(postbox.arrived) == 2
