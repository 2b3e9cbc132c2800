"""Finding scans: every condition by itself and with others, on each database, with and without its index of parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from postgres_server import PostgresServer
from sqlalchemy import text

from pipeline.ledger import Outcome, TaskContext, batches, events, outcomes, paths, publications, scans, search
from pipeline.ledger.database import Ledger
from pipeline.ledger.history import histories
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.search import ScanFilter, find_scans
from pipeline.ledger.tables import Decision, Scan

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [
    "box/Ärzte 100%_1.tif",
    "box/a.tif",
    "other/a.tif",
    "x/Straße\u0301.png",
    "x/\U0001d11e.png",
    "zz",
    "box/b.TIF",
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "sqlite plain", "postgresql plain"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger on each database, with its index of parts of paths, and without it, as where there is none."""
    name, _, plain = request.param.partition(" ")
    if name == "sqlite":
        ledger = upgrade(f"sqlite:///{tmp_path_factory.mktemp('search')}/ledger.db")
    else:
        server: PostgresServer = request.getfixturevalue("server")
        server.create(database := f"search_{plain}")
        ledger = upgrade(server.url(database))
    if plain:
        with ledger.write() as session:
            if name == "sqlite":
                session.execute(text("DROP TRIGGER ledger_scan_paths_added"))
                session.execute(text(f"DROP TABLE {paths.INDEX}"))
            else:
                session.execute(text("DROP INDEX ix_ledger_scans_path_part"))
    return fill(ledger)


def fill(either: Ledger) -> Ledger:
    """Record scans of two collections, done by three batches with two recipes, decided about by two people."""
    fixed = dict.fromkeys(("inbox", "output", "engine", "code_version"), "x")
    with either.write() as session:
        ids = {}
        for number, (name, recipe) in enumerate((("b1", "a" * 64), ("b2", "a" * 64), ("b3", "b" * 64))):
            digests = f"{recipe[0] * 40} {'d' * 40} rules"
            values = {"recipe": {}, "recipe_digest": recipe, "engine_digest": digests}
            collection = "c" if number < 2 else "d"
            ids[name] = batches.open_batch(session, collection, name, fixed | values).id
        for number, path in enumerate(NAMES):
            name = ("b1", "b2", "b3")[number % 3]
            scan = Scan(
                collection="d" if name == "b3" else "c", path=path, sha256=f"{number + 1:064x}", bytes=1, fingerprint=""
            )
            scan_id = scans.record(session, scan)
            recipe = "b" * 64 if name == "b3" else "a" * 64
            outcome = Outcome.UNCHANGED if path == "zz" else Outcome.RESTORED
            recorded = START + timedelta(days=number)
            key = {"scan_id": scan_id, "recipe_digest": recipe, "batch_id": ids[name]}
            outcomes.record(session, **key, outcome=outcome, recorded=recorded, restored_sha256=f"{number:x}" * 64)
            events.append(session, ids[name], TaskContext(), [events.EventRecord(scan_id, "publish")] * 2)
            publications.reserve(session, scan.collection, path, scan_id)
            if number in (0, 3):
                by, by_name = ("7", "anna") if number else ("anna", "Anna Ä.")
                session.add(
                    Decision(scan_id=scan_id, recipe_digest=recipe, decision="accept", by=by, by_name=by_name, at=START)
                )
        # One scan has a second result, of the other recipe.
        key = {"scan_id": 1, "recipe_digest": "b" * 64, "batch_id": ids["b2"]}
        outcomes.record(session, **key, outcome=Outcome.RESTORED, recorded=START + timedelta(days=30))
        events.append(session, ids["b2"], TaskContext(), [events.EventRecord(1, "publish")])
    return either


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"part": ".tif"}, [1, 2, 3, 7]),
        ({"part": "BOX/"}, [1, 2, 7]),
        ({"part": "100%_"}, [1]),
        ({"part": "100__"}, []),
        ({"part": "a"}, [2, 3, 4]),
        ({"part": "straße\u0301"}, [4]),
        ({"part": "\U0001d11e.p"}, [5]),
        ({"part": 'x"y'}, []),
        ({"part": ".tif", "batch": "b1"}, [1, 7]),
        ({"batch": "b2"}, [1, 2, 5]),
        ({"batch": "b2", "collection": "d"}, []),
        ({"batch": "unknown"}, []),
        ({"recipe": "a" * 64}, [1, 2, 4, 5, 7]),
        ({"recipe": "AAAAAAAA"}, [1, 2, 4, 5, 7]),
        ({"recipe": "bbbbbbbb"}, [1, 3, 6]),
        ({"recipe": "c" * 64}, []),
        ({"weights": ["bbbbbbbb"]}, [1, 3]),
        ({"weights": ["d" * 40]}, [1, 2, 3, 4, 5, 6, 7]),
        ({"weights": ["e" * 40]}, []),
        ({"user": "anna"}, [1, 4]),
        ({"user": "7"}, [4]),
        ({"user": "anna", "part": "box"}, [1]),
        ({"since": START + timedelta(days=5)}, [6, 7, 1]),
        ({"until": START + timedelta(days=2)}, [1, 2]),
        ({"since": START, "until": START + timedelta(days=100)}, [1, 2, 3, 4, 5, 6, 7]),
        ({"since": START + timedelta(days=20), "recipe": "a" * 64}, []),
        ({"collection": "d"}, [3, 6]),
        ({"name": "a.tif"}, [2, 3]),
        ({"name": "a.tif", "collection": "d"}, [3]),
        ({"name": "box/Ärzte 100%_1"}, [1]),
        ({"name": f"{3:064x}"[:63]}, [1, 2, 3, 4, 5, 6, 7]),
        ({"name": f"{3:064x}"}, [3]),
        ({"name": "3" * 8}, [4]),
        ({"name": "A.TIF"}, []),
        ({}, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_conditions_find_what_fits_all_of_them(filled: Ledger, wanted: dict[str, Any], expected: list[int]) -> None:
    with filled.read() as session:
        assert [scan.id for scan in find_scans(session, ScanFilter(**wanted))] == expected


def test_sqlite_knows_upper_and_lower_case_of_every_alphabet(ledger: Ledger, make_scan) -> None:
    with ledger.write() as session:
        scan = make_scan(session, "box/Ärzte.tif")
    with ledger.read() as session:
        for part in ("äRZTE", "ä"):
            assert [one.id for one in find_scans(session, ScanFilter(part=part))] == [scan]


def test_results_come_in_pages_without_gaps_or_repetitions(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 2)
    with filled.read() as session:
        for wanted in (
            {"part": "."},
            {"collection": "c"},
            {"since": START},
            {"weights": ["d" * 40]},
            {},
            {"batch": "b1"},
        ):
            ids = [scan.id for scan in find_scans(session, ScanFilter(**wanted))]
            assert len(ids) == len(set(ids)) > 2


def test_histories_are_those_of_each_scan(filled: Ledger) -> None:
    with filled.read() as session:
        wanted = [(one.id, one.path) for one in find_scans(session, ScanFilter())]
        told = list(histories(session, find_scans(session, ScanFilter())))
    assert [(one.scan.id, one.scan.path) for one in told] == wanted
    assert [len(one.outcomes) for one in told] == [2, 1, 1, 1, 1, 1, 1]
    assert all(one.publication and one.publication.path == one.scan.path for one in told)
    assert [len(one.decisions) for one in told] == [1, 0, 0, 1, 0, 0, 0]
    assert [len(one.events) for one in told] == [3, 2, 2, 2, 2, 2, 2]
    assert list(told[0].batches) == [1, 2] and list(told[1].batches) == [2]
