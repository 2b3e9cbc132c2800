"""History: found by name, digest and derivative."""

from __future__ import annotations

import io
import math

from lxml import etree

from pipeline.ledger import Outcome, TaskContext, decisions, events, history, outcomes, publications, reviews, search
from pipeline.ledger.database import Ledger
from pipeline.provenance.premis_history import write_premis


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
        asked = {"scan_id": scan, "recipe_digest": "r", "batch_id": batch, "collection": "c"}
        reviews.enqueue(session, **asked, outcome=Outcome.RESTORED, marks=1, estimate=None)
        (entry,) = reviews.page(session, reviews.QueueFilter("c"), after=None, limit=1)
        decisions.record(
            session, entry.review, decisions.Verdict.ACCEPT, by="1", by_name="me", seen="s", previous="open"
        )

        def found(term: str) -> list[int]:
            return [one.id for one in search.find_named(session, term)]

        assert found("box/a 100%_x.png") == found("abc00000") == found("ABC00000") == found("ffffffff") == [scan]
        assert found("box/a 100%_x") == found("box/a 100%_x.tif") == [scan]
        assert found("a 100%_x.png") == [scan, other]
        assert found("a 100__x.png") == found("x.png") == found("abc") == []
        story = history.history(session, search.find_named(session, "abc00000")[0])
        assert story.events[0].figures == {"coverage": None}
        assert (story.events[0].map_index, story.events[0].try_number) == (3, 2)
        assert list(story.batches) == [batch] and len(story.decisions) == len(story.outcomes) == 1


def test_the_upload_of_a_scan_is_part_of_its_history(either: Ledger, make_batch, make_scan) -> None:
    def uploaded(path: str, name: str, collection: str = "c") -> events.EventRecord:
        figures = {"collection": collection, "path": path, "sha256": "1" * 64, "user": f"id-{name}", "name": name}
        return events.EventRecord(None, "upload", "transfer", "received", figures=figures)

    with either.write() as session:
        told = [uploaded("box/a.png", "anna"), uploaded("box/b.png", "bert"), uploaded("box/a.png", "carl", "d")]
        events.append(session, None, TaskContext(), told)
    with either.write() as session:
        batch, scan = make_batch(session), make_scan(session, "box/a.png")
        received = events.EventRecord(scan, "receive", "message digest calculation", "taken")
        events.append(session, batch, TaskContext(), [received])
    with either.read() as session:
        [found] = search.find_named(session, "box/a.png")
        story = history.history(session, found)
        assert [(one.stage, one.figures.get("name")) for one in story.events] == [("upload", "anna"), ("receive", None)]
        document = io.BytesIO()
        write_premis(document, [story])
    root = etree.fromstring(document.getvalue())
    assert root.findtext("{*}agent/{*}agentName") == "anna"
    transfer = next(one for one in root.findall("{*}event") if one.findtext("{*}eventType") == "transfer")
    assert [one.text for one in transfer.iter("{*}linkingAgentRole")] == ["implementer"]
