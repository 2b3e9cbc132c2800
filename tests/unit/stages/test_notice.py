"""Notices go out once, through a real mail server, and say what somebody has to mend."""

from __future__ import annotations

import pytest

from pipeline.errors import StoreUnavailable
from pipeline.stages import gather
from pipeline.stages import work as works
from pipeline.stages.notice import note, standing, tell

WHY = "/out: cannot be written: the disk is full; free some space, then run again"


@pytest.mark.parametrize(
    ("language", "subject", "then"),
    [
        ("en", "Glass <plates>: the restoration waits", "goes on by itself as soon as this is mended"),
        ("de", "Glass <plates>: die Restaurierung wartet", "geht von selbst weiter, sobald dies behoben ist"),
    ],
)
def test_a_notice_is_sent_once(house, post, language: str, subject: str, then: str) -> None:
    postbox, channel = post
    house.changes |= {"title": "Glass <plates>", "recipients": ("a@example.org", "b@example.org"), "language": language}
    assert tell(house.collection, "waiting", "b1", WHY, channel=channel)
    assert not tell(house.collection, "waiting", "b1", WHY, channel=channel)
    assert tell(house.collection, "waiting", "b2", WHY, channel=channel)
    first, second = postbox.arrived
    assert first["Subject"] == subject
    assert first["To"] == "a@example.org, b@example.org"
    assert first["Message-ID"] != second["Message-ID"]
    body = " ".join(first.get_content().split())
    assert WHY in body and then in body and "b1" in body


def test_a_notice_that_was_refused_is_tried_again(house, post) -> None:
    postbox, channel = post
    house.changes["recipients"] = ("a@example.org",)
    postbox.answer = "451 later"
    with pytest.raises(StoreUnavailable):
        tell(house.collection, "late", "b1", WHY, channel=channel)
    postbox.answer = "250 OK"
    assert tell(house.collection, "late", "b1", WHY, channel=channel)
    assert [message["Subject"].split(":")[0] for message in postbox.arrived] == ["c"]


def test_without_a_mail_server_it_is_kept_and_sent_when_there_is_one(house, post) -> None:
    postbox, channel = post
    house.changes["recipients"] = ("a@example.org",)
    assert not tell(house.collection, "late", "b1", WHY, channel=None)
    assert tell(house.collection, "late", "b1", WHY, channel=channel)
    assert len(postbox.arrived) == 1


def test_a_late_notice_goes_out_although_the_ledger_is_away(house, post, monkeypatch) -> None:
    postbox, channel = post
    house.changes["recipients"] = ("a@example.org",)

    def away() -> None:
        raise StoreUnavailable("the ledger did not answer")

    monkeypatch.setattr(works, "ledger", away)
    with pytest.raises(StoreUnavailable):
        tell(house.collection, "waiting", "b1", WHY, channel=channel)
    assert tell(house.collection, "late", "b1", WHY, channel=channel, ledger_or_not=True)
    assert len(postbox.arrived) == 1


def test_how_far_a_batch_is(house) -> None:
    from pipeline.stages.reconcile import reconcile

    assert "has not begun" in (standing(house.collection, "b1") or "")
    house.put("a.png")
    house.put("b.png", 1)
    chunks = house.receive("b1")
    note(house.collection, "waiting", "b1", WHY)
    assert standing(house.collection, "b1") == f"0 of 2 scans are done. {WHY}"
    house.restore(chunks)
    assert (standing(house.collection, "b1") or "").startswith("2 of 2 scans are done.")
    reconcile(house.work("b1"), chunks)
    assert standing(house.collection, "b1") is None


def test_the_digest_says_why_scans_are_unfinished(house) -> None:
    house.put("a.png")
    chunks = house.receive("b1")
    note(house.collection, "stopped", "b1", WHY)
    [message] = gather.frame(works.load(chunks[0]), chunks)["message"]
    assert message.startswith(gather.UNFINISHED) and WHY in message
