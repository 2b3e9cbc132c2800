"""Notices are sent once, through a real mail server, and say what must be fixed."""

from __future__ import annotations

import smtplib

import pytest

from pipeline.errors import StoreUnavailable
from pipeline.stages import alerts, batch_frame
from pipeline.stages.alerts import describe_progress, notify, record_unsent
from pipeline.stages.batch import load_batch

WHY = "/out: cannot be written: the disk is full; free some space, then run again"


@pytest.mark.parametrize(
    ("language", "subject", "then"),
    [
        ("en", "Glass <plates>: the restoration waits", "continues by itself as soon as this is fixed"),
        ("de", "Glass <plates>: die Restaurierung wartet", "von selbst fortgesetzt, sobald die Ursache behoben ist"),
    ],
)
def test_a_notice_is_sent_once(project, post, language: str, subject: str, then: str) -> None:
    postbox, channel = post
    project.changes |= {
        "title": "Glass <plates>",
        "recipients": ("a@example.org", "b@example.org"),
        "language": language,
    }
    assert notify(project.collection, "waiting", "b1", WHY, channel=channel)
    assert not notify(project.collection, "waiting", "b1", WHY, channel=channel)
    assert notify(project.collection, "waiting", "b2", WHY, channel=channel)
    first, second = postbox.arrived
    assert first["Subject"] == subject
    assert first["To"] == "a@example.org, b@example.org"
    assert first["Message-ID"] != second["Message-ID"]
    body = " ".join(first.get_content().split())
    assert WHY in body and then in body and "b1" in body


def test_a_refused_notice_is_sent_again(project, post) -> None:
    postbox, channel = post
    project.changes["recipients"] = ("a@example.org",)
    postbox.answer = "451 later"
    with pytest.raises(smtplib.SMTPDataError):
        notify(project.collection, "late", "b1", WHY, channel=channel)
    postbox.answer = "250 OK"
    assert notify(project.collection, "late", "b1", WHY, channel=channel)
    assert [message["Subject"].split(":")[0] for message in postbox.arrived] == ["c"]


def test_without_a_mail_server_a_notice_is_sent_once_there_is_one(project, post) -> None:
    postbox, channel = post
    project.changes["recipients"] = ("a@example.org",)
    assert not notify(project.collection, "late", "b1", WHY, channel=None)
    assert notify(project.collection, "late", "b1", WHY, channel=channel)
    assert len(postbox.arrived) == 1


def test_a_late_notice_is_sent_although_the_ledger_does_not_answer(project, post, monkeypatch) -> None:
    postbox, channel = post
    project.changes["recipients"] = ("a@example.org",)

    def away() -> None:
        raise StoreUnavailable("the ledger did not answer")

    monkeypatch.setattr(alerts, "open_ledger", away)
    with pytest.raises(StoreUnavailable):
        notify(project.collection, "waiting", "b1", WHY, channel=channel)
    assert notify(project.collection, "late", "b1", WHY, channel=channel, even_without_ledger=True)
    assert len(postbox.arrived) == 1


def test_the_progress_of_a_batch_is_one_sentence(project) -> None:
    from pipeline.stages.reconcile import reconcile

    assert "has not started" in (describe_progress(project.collection, "b1") or "")
    project.put("a.png")
    project.put("b.png", 1)
    chunks = project.receive("b1")
    record_unsent(project.collection, "waiting", "b1", WHY)
    assert describe_progress(project.collection, "b1") == f"0 of 2 scans are done. {WHY}"
    project.restore(chunks)
    assert (describe_progress(project.collection, "b1") or "").startswith("2 of 2 scans are done.")
    reconcile(project.work_area("b1"), chunks)
    assert describe_progress(project.collection, "b1") is None


def test_the_digest_says_why_scans_are_unfinished(project) -> None:
    project.put("a.png")
    chunks = project.receive("b1")
    record_unsent(project.collection, "stopped", "b1", WHY)
    [message] = batch_frame.load_frame(load_batch(chunks[0]), chunks)["message"]
    assert message.startswith(batch_frame.UNFINISHED) and WHY in message
