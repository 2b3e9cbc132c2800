"""Queries: scans, claims, outcomes, names, events, histories."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from pipeline.ledger import (
    Outcome,
    TaskContext,
    batches,
    claims,
    decisions,
    events,
    history,
    outcomes,
    publications,
    scans,
)
from pipeline.ledger.database import Ledger
from pipeline.ledger.processes import has_ended, process_name
from pipeline.ledger.rows import json_values, now
from pipeline.ledger.tables import Claim, OutcomeRow, Scan


def test_a_replaced_file_is_a_new_scan_and_the_old_fingerprint_no_longer_counts(ledger: Ledger, make_scan) -> None:
    with ledger.write() as session:
        first = make_scan(session, sha256="1" * 64, fingerprint="old")
        second = make_scan(session, sha256="2" * 64, fingerprint="new")
        assert first != second
        assert make_scan(session, sha256="2" * 64, fingerprint="new") == second
        seen = scans.find_matches(session, "c", ["a.png", "unknown.png"], "r")
        assert [(one.scan_id, one.fingerprint, one.outcome) for one in seen["a.png"]] == [
            (first, "", None),
            (second, "new", None),
        ]
        assert "unknown.png" not in seen


def test_an_outcome_counts_while_it_is_what_is_published(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch, first = make_batch(session), make_scan(session, sha256="1" * 64)

        def state(recipe: str) -> list[str | None]:
            return [one.outcome for one in scans.find_matches(session, "c", ["a.png"], recipe)["a.png"]]

        outcomes.record(session, scan_id=first, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED)
        assert (state("r"), state("s")) == (["restored"], [None])
        outcomes.record(session, scan_id=first, recipe_digest="s", batch_id=batch, outcome=Outcome.UNCHANGED)
        assert (state("r"), state("s")) == ([None], ["unchanged"])
        second = make_scan(session, sha256="2" * 64)
        outcomes.record(session, scan_id=second, recipe_digest="s", batch_id=batch, outcome=Outcome.REVIEW)
        assert (state("r"), state("s")) == ([None, None], [None, "review"])


def test_a_batch_is_opened_once_and_received_once(ledger: Ledger, make_batch) -> None:
    with ledger.write() as session:
        batch = make_batch(session)
        assert make_batch(session) == batch
        assert batches.commit_received(session, batch, {"attempt": "t1", "chunks": 2, "received": 5})
        assert not batches.commit_received(session, batch, {"attempt": "t2", "chunks": 3, "received": 6})
        assert batches.get(session, "c", "b1").attempt == "t1"
        with pytest.raises(LookupError):
            batches.get(session, "c", "other")


def test_claims_are_exclusive_renewable_and_expire(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        one, two = make_batch(session, "b1"), make_batch(session, "b2")
        ids = [make_scan(session, f"{n}.png") for n in range(3)]
        assert claims.take(session, one, "r", ids[:2]) == set(ids[:2])
        assert claims.take(session, one, "r", ids[:2]) == set(ids[:2])
        assert claims.take(session, two, "r", ids) == {ids[2]}
        assert claims.take(session, two, "other recipe", ids) == set(ids)
        assert [claim.batch_id for claim in session.scalars(select(Claim).where(Claim.recipe_digest == "r"))].count(
            one
        ) == 2
        session.execute(update(Claim).where(Claim.scan_id == ids[0]).values(expires=now() - timedelta(seconds=1)))
        assert claims.take(session, two, "r", ids) == {ids[0], ids[2]}
        claims.renew(session, one)
        claims.release(session, one)
        assert claims.take(session, two, "r", ids) == set(ids)


def test_processes_share_scans_without_overlap(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        ids = [make_scan(session, f"{n}.png") for n in range(60)]
        numbers = [make_batch(session, f"b{n}") for n in range(3)]
    code = """
import sys
from pipeline.ledger import claims
from pipeline.ledger.database import Ledger
ledger, batch, taken = Ledger(sys.argv[1]), int(sys.argv[2]), 0
for scan in range(1, 61):
    with ledger.write() as session:
        taken += len(claims.take(session, batch, "r", [scan]))
print(taken)
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, ledger.url, str(batch)], stdout=subprocess.PIPE, text=True)
        for batch in numbers
    ]
    assert sum(int(process.communicate(timeout=120)[0]) for process in running) == len(ids)


def test_an_outcome_is_exactly_one_and_a_new_one_keeps_nothing_of_the_old(
    ledger: Ledger, make_batch, make_scan
) -> None:
    with ledger.write() as session:
        batch, scan = make_batch(session), make_scan(session)
        about = {"scan_id": scan, "recipe_digest": "r", "batch_id": batch}
        outcomes.record(session, **about, outcome=Outcome.RESTORED, restored_uri="x", figures={"psnr": 1.5})
        outcomes.record(session, **about, outcome=Outcome.UNCHANGED)
        assert session.scalars(select(OutcomeRow.outcome)).all() == ["unchanged"]
        found = outcomes.of_scans(session, "r", [scan])[scan]
        assert (found.restored_uri, found.figures, found.reason) == ("", {}, "")
        assert outcomes.of_scans(session, "other", [scan]) == {}
        assert found.recorded.tzinfo is not None


def test_what_a_path_had_and_has_no_more_is_known_with_its_last_digest(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        old, new, other = make_scan(session), make_scan(session, sha256="2" * 64), make_scan(session, path="b.png")
        batch = make_batch(session)

        def record(scan: int, recipe: str, **files: str) -> None:
            about = {"batch_id": batch, "outcome": Outcome.RESTORED}
            outcomes.record(session, scan_id=scan, recipe_digest=recipe, **about, **files)

        record(old, "r", restored_uri="/r/a.tif", restored_sha256="1", mask_uri="/m/a.png", mask_sha256="2")
        record(new, "s", mask_uri="/m/a.png", mask_sha256="3", suggested_uri="/s/a.png", suggested_sha256="4")
        record(other, "r", restored_uri="/r/b.png", restored_sha256="5")
        found = outcomes.superseded(session, "c", "a.png", ("/s/a.png", "", ""))
        assert found == {"/r/a.tif": "1", "/m/a.png": "3"}
        assert outcomes.superseded(session, "other", "a.png", ()) == {}


def test_a_twin_has_the_same_bytes_and_a_usable_result(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch = make_batch(session)
        a, b = make_scan(session, "a.png"), make_scan(session, "b.png", sha256="2" * 64)
        assert scans.find_duplicate(session, "c", "1" * 64, "r") is None
        outcomes.record(session, scan_id=a, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED)
        outcomes.record(session, scan_id=b, recipe_digest="r", batch_id=batch, outcome=Outcome.QUARANTINED)
        found = scans.find_duplicate(session, "c", "1" * 64, "r")
        assert found is not None and found[0].path == "a.png"
        assert scans.find_duplicate(session, "c", "2" * 64, "r") is None


@pytest.mark.parametrize(
    ("paths", "stems"),
    [
        (["box/a.jpg", "box/a.png", "b.tif"], ["box/a", "box/a.png", "b"]),
        (["a.jpg", "a.png.tif", "a.png"], ["a", "a.png", "a~5b87e6d9"]),
        (["A.jpg", "a.jpg"], ["A", "a.jpg"]),
        (["Ä.jpg", "A\u0308.jpg"], ["Ä", "A\u0308.jpg"]),
        ([".hidden", "no extension"], [".hidden", "no extension"]),
    ],
)
def test_every_path_has_a_name_of_its_own(ledger: Ledger, make_scan, paths: list[str], stems: list[str]) -> None:
    with ledger.write() as session:
        got = [publications.reserve(session, "c", path, make_scan(session, path)) for path in paths]
        again = [publications.reserve(session, "c", path, make_scan(session, path)) for path in reversed(paths)]
    assert got == again[::-1]
    assert len({publications.key(stem) for stem in got}) == len(got)
    assert [stem.split("~")[0] for stem in got] == [stem.split("~")[0] for stem in stems]


def test_a_name_stays_with_its_path_when_the_file_is_replaced(ledger: Ledger, make_scan) -> None:
    with ledger.write() as session:
        assert publications.reserve(session, "c", "a.png", make_scan(session, sha256="1" * 64)) == "a"
        assert publications.reserve(session, "c", "a.png", make_scan(session, sha256="2" * 64)) == "a"


def test_history_is_found_by_name_digest_and_derivative(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        batch = make_batch(session)
        scan = make_scan(session, "box/a 100%_x.png", sha256="abc" + "0" * 61)
        other = make_scan(session, "other/a 100%_x.png", sha256="abd" + "0" * 61)
        publications.reserve(session, "c", "box/a 100%_x.png", scan)
        outcomes.record(
            session, scan_id=scan, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED, restored_sha256="f" * 64
        )
        context = TaskContext("dag", "run", "task", 3, 2)
        events.append(session, batch, context, [events.EventRecord(scan, "mask", figures={"coverage": math.nan})])
        decisions.decide(session, scan_id=scan, recipe_digest="r", verdict=decisions.Verdict.ACCEPT, by="me")

        def found(term: str) -> list[int]:
            return [one.id for one in history.find(session, term)]

        assert found("box/a 100%_x.png") == found("abc00000") == found("ABC00000") == found("ffffffff") == [scan]
        assert found("box/a 100%_x") == found("box/a 100%_x.tif") == [scan]
        assert found("a 100%_x.png") == [scan, other]
        assert found("a 100__x.png") == found("x.png") == found("abc") == []
        story = history.history(session, history.find(session, "abc00000")[0])
        assert story.events[0].figures == {"coverage": None}
        assert (story.events[0].map_index, story.events[0].try_number) == (3, 2)
        assert list(story.batches) == [batch] and len(story.decisions) == len(story.outcomes) == 1


def test_review_waits_until_somebody_decides(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        scan = make_scan(session)
        outcomes.record(session, scan_id=scan, recipe_digest="r", batch_id=make_batch(session), outcome=Outcome.REVIEW)
        assert [one.id for one, _ in decisions.waiting(session, "c")] == [scan]
        decisions.decide(session, scan_id=scan, recipe_digest="r", verdict=decisions.Verdict.REJECT, by="me")
        assert decisions.waiting(session, "c") == []


def test_a_batch_of_an_ended_process_is_adopted_by_one(ledger: Ledger, make_batch) -> None:
    code = "from pipeline.ledger.processes import process_name; print(process_name(), end='')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert has_ended(ended)
    assert not has_ended(process_name()) and not has_ended("") and not has_ended("elsewhere 1 2")
    with ledger.write() as session:
        make_batch(session, "alive", owner=process_name())
        make_batch(session, "of a scheduler")
        dead = make_batch(session, "dead", owner=ended)
        assert [batch.id for batch in batches.orphaned(session, "c")] == [dead]
        assert batches.adopt(session, dead, ended, process_name())
        assert not batches.adopt(session, dead, ended, process_name())
        batches.abandon(session, dead)
        assert len(batches.unfinished(session, "c")) == 2


def test_names_of_any_kind_are_kept_as_they_are(ledger: Ledger, make_scan) -> None:
    path = "Größe <b>&'\"\n\r;DROP TABLE.png"
    with ledger.write() as session:
        make_scan(session, path)
    with ledger.read() as session:
        assert session.scalars(select(Scan.path)).one() == path


def test_figures_become_plain_json() -> None:
    given = {"a": np.float32(1.5), "b": math.inf, "c": [math.nan, np.int64(2)], "d": {"e": True}, "f": None}
    assert json_values(given) == {"a": 1.5, "b": None, "c": [None, 2], "d": {"e": True}, "f": None}
