"""Batches of a large inbox continue the listing of the first, and lose nothing that changes meanwhile."""

from __future__ import annotations

import os
import shutil
import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from pipeline import storage
from pipeline.inbox import backlog
from pipeline.inbox.listing import Inbox
from pipeline.ledger import batches
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Claim
from pipeline.stages import manifest
from pipeline.stages.receive import _Attempt


def paths(chunks: list[str]) -> list[str]:
    return [row.path for chunk in chunks for row in manifest.read(chunk)]


@pytest.fixture
def large(project, monkeypatch):
    """Seven scans in batches of two, of which each counts as large."""
    monkeypatch.setattr(backlog, "PART", 2)
    monkeypatch.setattr(backlog, "LEAST_PARTS", 1)
    project.changes["batch_scans"] = 2
    for number in range(7):
        project.put(f"{number}.png", number)
    age(project)
    return project


@pytest.fixture
def listings(monkeypatch) -> list[str]:
    """The roots that were listed for scans, one for each time."""
    found: list[str] = []
    files = Inbox.files

    def counted(self, contents=None):
        found.append(self.root)
        return files(self, contents)

    monkeypatch.setattr(Inbox, "files", counted)
    return found


def age(project) -> None:
    """Makes all files old enough to have a fingerprint."""
    for path in project.inbox.rglob("*"):
        os.utime(path, (time.time() - 60, time.time() - 60))


def more(project) -> bool:
    with project.ledger.read() as session:
        return batches.get(session, "c", f"b{project.batches}").more


def known(project) -> int:
    with project.ledger.read() as session:
        return batches.get(session, "c", f"b{project.batches}").known


def take(project, *, restored: bool = False) -> list[str]:
    """Receives a batch, whose run goes on unless it is to be restored; returns its paths."""
    chunks = project.receive()
    if restored:
        project.restore(chunks)
    return paths(chunks)


def test_the_batches_of_a_large_inbox_list_it_at_the_beginning_and_at_the_end(large, listings) -> None:
    taken = [take(large, restored=True)]
    while more(large):
        taken.append(take(large, restored=True))
    assert taken == [["0.png", "1.png"], ["2.png", "3.png"], ["4.png", "5.png"], ["6.png"]]
    assert len(listings) == 2
    assert known(large) == 6
    assert not (large.output / ".work/listing").exists()
    assert take(large) == [] and known(large) == 7


def test_what_comes_behind_is_taken_before_the_last_batch_ends(large) -> None:
    take(large)
    os.utime(large.put("00.png", 20), (time.time() - 60, time.time() - 60))
    assert [take(large), take(large), take(large)] == [["2.png", "3.png"], ["4.png", "5.png"], ["6.png", "00.png"]]
    assert not more(large)


def test_a_file_is_taken_as_it_is_now(large) -> None:
    take(large, restored=True)
    for name in ("2.png", "2.mask.png", "5.mask.png"):
        (large.inbox / name).unlink()
    for number, content in ((3, 30), (4, 4)):
        os.utime(large.put(f"{number}.png", content), (time.time() - 30, time.time() - 30))
    assert take(large, restored=True) == ["3.png", "4.png"]
    # Without its mask it is left to the next listing, which begins when the rest is done.
    assert take(large, restored=True) == ["6.png", "5.png"]
    # All are known as they are now: none is read again.
    assert take(large) == [] and known(large) == 6


def test_masks_and_notes_are_those_of_the_listing(large) -> None:
    (large.inbox / "3.mask.png").rename(large.inbox / "3.MASK.png")
    (large.inbox / "3.xmp").write_bytes(b"<x/>")
    take(large)
    kept = [row for chunk in large.receive() for row in manifest.read(chunk)]
    with large.ledger.write() as session:
        batches.abandon(session, batches.get(session, "c", "b2").id)
    shutil.rmtree(large.output / ".work/listing")
    listed = [row for chunk in large.receive() for row in manifest.read(chunk)]
    assert kept == listed and kept[1].xmp_json


def test_a_listing_that_another_run_has_removed_is_made_again(large, listings) -> None:
    take(large)
    shutil.rmtree(large.output / ".work/listing")
    assert [take(large), take(large), take(large)] == [["2.png", "3.png"], ["4.png", "5.png"], ["6.png"]]
    assert not more(large)


def test_a_listing_that_goes_in_the_middle_of_a_batch_doubles_nothing(large, listings) -> None:
    take(large)
    (part,) = (large.output / ".work/listing").glob("*/000001.json.z")
    part.unlink()
    large.changes["batch_scans"] = 4
    assert take(large) == ["2.png", "3.png", "4.png", "5.png"]


def test_what_an_abandoned_batch_took_is_taken_next(large) -> None:
    large.receive()
    with large.ledger.write() as session:
        batches.abandon(session, batches.get(session, "c", "b1").id)
    assert take(large) == ["0.png", "1.png"]


def test_what_a_batch_lost_behind_the_position_is_found_at_the_end(large) -> None:
    large.receive()
    assert take(large, restored=True) == ["2.png", "3.png"]
    with large.ledger.write() as session:
        session.execute(update(Claim).values(expires=now() - timedelta(seconds=1)))
    assert take(large) == ["4.png", "5.png"]
    assert take(large) == ["6.png", "0.png"]
    assert take(large) == ["1.png"] and not more(large)


def test_runs_at_the_same_time_share_a_backlog(large) -> None:
    assert [take(large) for _ in range(4)] == [["0.png", "1.png"], ["2.png", "3.png"], ["4.png", "5.png"], ["6.png"]]


def test_an_attempt_that_was_killed_is_made_again(large, monkeypatch) -> None:
    take(large)
    commit = _Attempt._commit

    def killed(self, deliveries, more):
        raise KeyboardInterrupt

    monkeypatch.setattr(_Attempt, "_commit", killed)
    with pytest.raises(KeyboardInterrupt):
        large.receive("b2")
    monkeypatch.setattr(_Attempt, "_commit", commit)
    assert paths(large.receive("b2")) == ["2.png", "3.png"]


@pytest.mark.parametrize("how", ["setting", "age", "redo", "limit"])
def test_another_run_lists_for_itself(large, listings, monkeypatch, how: str) -> None:
    take(large, restored=True)
    given = {"redo": True} if how == "redo" else {"limit": 1} if how == "limit" else {}
    if how == "setting":
        large.changes["ignore"] = ["2.png"]
    if how == "age":
        monkeypatch.setattr(backlog, "MAX_AGE", 0.0)
    listings.clear()
    first = {"setting": "3.png", "redo": "0.png"}.get(how, "2.png")
    assert paths(large.receive(**given))[0] == first
    assert len(listings) == 1


def test_a_small_inbox_is_listed_for_every_batch(large, listings, monkeypatch) -> None:
    monkeypatch.setattr(backlog, "LEAST_PARTS", 4)
    assert [take(large), take(large)] == [["0.png", "1.png"], ["2.png", "3.png"]]
    assert len(listings) == 2 and not (large.output / ".work/listing").exists()


def test_the_parts_hold_what_is_left(large) -> None:
    take(large)
    parts = sorted(
        entry.path for entry in storage.list_files(next(map(str, (large.output / ".work/listing").iterdir())))
    )
    assert parts == ["000000.json.z", "000001.json.z", "000002.json.z"]
