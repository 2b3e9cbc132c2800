"""Find scans in a large ledger, and prove it: `python -m benchmarks.trace`.

Fills a ledger with restorations, each with ten chained events, and measures what `trace` asks of it: the median of many
questions about different scans, each in a connection of its own, the first 200 scans of an answer. Then one collection
is verified, and the cost of chaining is measured by writing events with and without it. `--url` takes an empty
database, or one that `--fill` has filled before; without it a SQLite file is filled in a temporary folder and removed.
A million scans need 25 GB of disk on the way, and ten minutes of processor to fill.
"""

from __future__ import annotations

import csv
import io
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import psutil
from sqlalchemy import func, insert, select, text
from sqlalchemy.schema import CreateIndex, DropIndex

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, Section, publish
from pipeline.ledger import TaskContext, chain, events
from pipeline.ledger.database import Ledger
from pipeline.ledger.history import histories, latest_outcomes
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.paths import INDEX
from pipeline.ledger.rows import insert as ledger_insert
from pipeline.ledger.search import ScanFilter, find_scans
from pipeline.ledger.tables import Base, Batch, Chain, Decision, Event, OutcomeRow, Publication, Scan
from pipeline.ledger.verify import verify
from pipeline.provenance.premis_history import write_premis

START = datetime(2020, 1, 1, tzinfo=UTC)
# Scans of a batch, and batches of a collection.
BATCH, BATCHES = 1000, 50
FIRST = 200
# Id of a chain beside those of the collections.
UNCHAINED = 10**6
KINDS = ("glass plates", "Negative", "prints", "Diapositive", "postcards")
STAGES = (
    ("receive", "message digest calculation", "taken"), ("mask", "metadata extraction", "fill"),
    ("inpaint", "modification", "fill"), ("measure", "quality review", "fill"),
    ("publish", "fixity check", "master intact"), ("publish", "creation", "restored"),
    ("review", "quality review", "accept"), ("fixity", "fixity check", "intact"),
    ("fixity", "fixity check", "intact"), ("fixity", "fixity check", "intact"),
)  # fmt: skip
USERS = [f"user-{number}" for number in range(40)]
Rows = dict[type[Base], list[dict[str, Any]]]


def path_of(number: int) -> str:
    """Return the path of a scan in its inbox."""
    return f"{KINDS[number % 5]}/box {number // 500:05d}/{1850 + number % 90}_{number * 7919 % 10**8:08d}.tif"


def hex_of(*parts: object) -> str:
    """Return a sha256 that looks like any other."""
    return sha256(repr(parts).encode()).hexdigest()


def collection_of(number: int) -> str:
    """Return the collection of a scan."""
    return f"collection-{number // (BATCH * BATCHES)}"


def rows_of(first: int, last: int, chains: dict[str, chain.Head]) -> Rows:
    """Return the rows of one batch, its events chained behind the heads, which are moved on."""
    batch_id, collection = first // BATCH + 1, collection_of(first)
    weights = f"{hex_of('weights', batch_id % 7)} {hex_of('detector', batch_id % 3)} rules-1"
    recipe = hex_of("recipe", weights)
    begun = START + timedelta(hours=batch_id)
    batch = {
        "id": batch_id, "collection": collection, "name": f"{begun:%Y-%m-%dT%H%M%SZ}-{batch_id:x}", "state": "done",
        "inbox": "/inbox", "output": "/output", "recipe": {"weights": f"w{batch_id % 7}"}, "settings": {},
        "recipe_digest": recipe, "engine": "rn", "engine_digest": weights, "code_version": "1", "host": "h",
        "counts": {}, "started": begun, "finished": begun, "received": last - first, "dag_id": "", "run_id": "",
        "owner": "", "attempt": "", "chunks": 1, "known": 0, "claimed_elsewhere": 0, "more": False,
        "work_seconds": 0.0,
    }  # fmt: skip
    rows: Rows = {Batch: [batch], Scan: [], OutcomeRow: [], Publication: [], Decision: [], Event: []}
    head = chains.setdefault(collection, chain.Head(collection, 0, chain.GENESIS))
    position, previous, key = head.position, head.sha256, list(chains).index(collection) + 1
    for number in range(first, last):
        scan_id, path, digest, made = number + 1, path_of(number), hex_of("scan", number), hex_of("made", number)
        at = begun + timedelta(seconds=number - first)
        rows[Scan].append({
            "id": scan_id, "collection": collection, "path": path, "sha256": digest, "bytes": 60_000_000,
            "format": "TIFF", "width": 6000, "height": 4000, "channels": 3, "bit_depth": 16, "fingerprint": "",
            "first_seen": at,
        })  # fmt: skip
        stem = path.removesuffix(".tif")
        rows[OutcomeRow].append({
            "id": scan_id, "scan_id": scan_id, "recipe_digest": recipe, "batch_id": batch_id, "outcome": "restored",
            "reason": "", "message": "", "figures": {"coverage": 0.01}, "mask_given": "",
            "restored_uri": f"/output/restored/{path}", "restored_sha256": made, "restored_bytes": 60_000_000,
            "mask_uri": "", "mask_sha256": "", "suggested_uri": "", "suggested_sha256": "",
            "access_uri": "", "access_sha256": "", "credentials_uri": "", "credentials_sha256": "",
            "sidecar_uri": f"/output/sidecars/{stem}.json", "sidecar_sha256": digest, "code_version": "1",
            "recorded": at,
        })  # fmt: skip
        rows[Publication].append(
            {
                "id": scan_id,
                "collection": collection,
                "key": stem.casefold(),
                "stem": stem,
                "path": path,
                "scan_id": scan_id,
            }
        )
        user = USERS[number // 10 % len(USERS)]
        rows[Decision].append({
            "id": scan_id, "scan_id": scan_id, "recipe_digest": recipe, "decision": "accept", "by": user,
            "by_name": user.title(), "note": "", "mask_uri": "", "seen": made, "previous": "open", "at": at,
        })  # fmt: skip
        for stage, kind, decision in STAGES:
            position += 1
            figures: dict[str, Any] = {"coverage": 0.01, "windows": 3}
            if kind == "creation":
                figures = {"restored_sha256": made}
            elif stage == "review":
                figures = {"user": user, "name": user.title(), "seen": made}
            event = {
                "scan_id": scan_id, "batch_id": batch_id, "stage": stage, "kind": kind, "decision": decision,
                "message": "", "figures": figures, "seconds": 0.5, "dag_id": "", "run_id": "", "task_id": "",
                "map_index": -1, "try_number": 0, "host": "h", "at": at, "chain_id": key, "position": position,
                "previous": previous,
            }  # fmt: skip
            previous = chain.digest(event, str(batch["name"]), (path, digest))
            rows[Event].append(event)
    chains[collection] = chain.Head(collection, position, previous)
    return rows


def fill(ledger: Ledger, scans: int) -> float:
    """Fill an empty ledger and return the seconds; indexes are built when all rows are there."""
    begun = time.perf_counter()
    tables = (Batch, Scan, OutcomeRow, Publication, Decision, Event)
    indexes = [index for table in tables for index in table.__table__.indexes]  # type: ignore[attr-defined]
    sqlite = ledger.engine.dialect.name == "sqlite"
    chains: dict[str, chain.Head] = {}
    with ledger.connection(writes=True) as connection:
        if sqlite:
            connection.exec_driver_sql("COMMIT")
            # What is lost in a crash is filled again.
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql(
            "DROP TRIGGER ledger_scan_paths_added" if sqlite else "DROP INDEX ix_ledger_scans_path_part"
        )
        for index in indexes:
            connection.execute(DropIndex(index))
        connection.commit()
        for first in range(0, scans, BATCH):
            for table, rows in rows_of(first, min(first + BATCH, scans), chains).items():
                (_insert if sqlite else _copy)(connection, table, rows)
            connection.commit()
            if first % (50 * BATCH) == 0:
                print(f"{first:,} scans, {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        heads = [
            {"id": key, "collection": one.collection, "length": one.position, "head": one.sha256}
            for key, one in enumerate(chains.values(), 1)
        ]
        connection.execute(insert(Chain), heads)
        for index in indexes:
            connection.execute(CreateIndex(index))
        if sqlite:
            connection.exec_driver_sql(f"INSERT INTO {INDEX} ({INDEX}) VALUES ('rebuild')")
        else:
            connection.exec_driver_sql(
                "CREATE INDEX ix_ledger_scans_path_part ON ledger_scans USING gin (path gin_trgm_ops)"
            )
            for table in ("ledger_scans", "ledger_chains"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
        connection.commit()
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    return time.perf_counter() - begun


def _insert(connection: Any, table: type[Base], rows: list[dict[str, Any]]) -> None:
    """Write rows by the driver itself: SQLAlchemy takes several times as long."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        statement = f"INSERT INTO {table.__tablename__} ({_names(table, rows)}) VALUES ({marks})"
        connection.connection.cursor().executemany(
            statement, ([_plain(value) for value in row.values()] for row in rows)
        )


def _copy(connection: Any, table: type[Base], rows: list[dict[str, Any]]) -> None:
    """Write rows by PostgreSQL's COPY."""
    if rows:
        target = io.StringIO()
        csv.writer(target).writerows([_plain(value) for value in row.values()] for row in rows)
        target.seek(0)
        statement = (
            f"COPY {table.__tablename__} ({_names(table, rows)}) FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL ({{}}))"
        )
        texts = [
            name for name, value in zip(_names(table, rows).split(", "), rows[0].values(), strict=True) if value == ""
        ]
        statement = statement.format(", ".join(texts)) if texts else statement.replace(", FORCE_NOT_NULL ({})", "")
        connection.connection.cursor().copy_expert(statement, target)


def _names(table: type[Base], rows: list[dict[str, Any]]) -> str:
    columns = {column.key: column.columns[0].name for column in table.__mapper__.column_attrs}
    return ", ".join(f'"{columns[key]}"' for key in rows[0])


def _plain(value: Any) -> Any:
    """Return a value as both drivers take it."""
    if isinstance(value, dict):
        return json.dumps(value)
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def questions(scans: int, pick: random.Random) -> Iterator[tuple[str, Callable[[], ScanFilter], bool]]:
    """Yield what is asked, a function that asks it of another scan each time, and whether histories are read."""

    def one() -> int:
        return pick.randrange(scans)

    def batch_of(number: int) -> str:
        batch_id = number // BATCH + 1
        return f"{START + timedelta(hours=batch_id):%Y-%m-%dT%H%M%SZ}-{batch_id:x}"

    def recipe_of(number: int) -> str:
        batch_id = number // BATCH + 1
        return hex_of("recipe", f"{hex_of('weights', batch_id % 7)} {hex_of('detector', batch_id % 3)} rules-1")

    def day() -> ScanFilter:
        since = START + timedelta(hours=one() // BATCH + 1)
        return ScanFilter(since=since, until=since + timedelta(days=1))

    yield "path, with its history", lambda: ScanFilter(name=path_of(one())), True
    yield "file name, with its history", lambda: ScanFilter(name=path_of(one()).rpartition("/")[2]), True
    yield "sha256 of the master, 16 digits, with its history", lambda: ScanFilter(name=hex_of("scan", one())[:16]), True
    yield "sha256 of the derivative, with its history", lambda: ScanFilter(name=hex_of("made", one())), True
    yield "part of a name, rare (6 digits)", lambda: ScanFilter(part=path_of(one())[-12:-6]), False
    yield "part of a name, common (.tif)", lambda: ScanFilter(part=".tif"), False
    yield "part of a name, not there", lambda: ScanFilter(part=f"{one():08d}.png"), False
    yield "batch", lambda: ScanFilter(batch=batch_of(one())), False
    yield "recipe", lambda: ScanFilter(recipe=recipe_of(one())[:12]), False
    yield "weights of an inpainter", lambda: ScanFilter(weights=[hex_of("weights", one() % 7)]), False
    yield "weights of a detector", lambda: ScanFilter(weights=[hex_of("detector", one() % 3)]), False
    yield "user", lambda: ScanFilter(user=pick.choice(USERS)), False
    yield "a day", day, False
    yield "collection", lambda: ScanFilter(collection=collection_of(one())), False
    yield (
        "user, in a collection, part of a name",
        lambda: ScanFilter(user=pick.choice(USERS), collection=collection_of(one()), part="Negative"),
        False,
    )


def ask(ledger: Ledger, wanted: ScanFilter, whole: bool) -> tuple[float, float, int]:
    """Return the milliseconds of one question, connection included, by the clock and of processor; and how many scans.

    Processor time is that of this process and, of a PostgreSQL server on this machine, of the connection's process.
    """
    begun, spent = time.perf_counter(), time.process_time()
    with ledger.read() as session:
        found = list(islice(find_scans(session, wanted), FIRST))
        if whole:
            write_premis(io.BytesIO(), histories(session, found))
        else:
            latest_outcomes(session, [scan.id for scan in found])
        clock, own = time.perf_counter() - begun, time.process_time() - spent
        if ledger.engine.dialect.name == "postgresql":
            server = psutil.Process(session.execute(text("SELECT pg_backend_pid()")).scalar_one()).cpu_times()
            own += server.user + server.system
    return clock * 1000, own * 1000, len(found)


def measure(ledger: Ledger, scans: int, repeat: int) -> list[tuple[str, float, float, float, int]]:
    """Return of each question the medians of processor time and clock, the clock's 95th percentile, and of scans."""
    pick, measured = random.Random(1), []
    for name, wanted, whole in questions(scans, pick):
        ask(ledger, wanted(), whole)
        answers = [ask(ledger, wanted(), whole) for _ in range(repeat)]
        times = sorted(clock for clock, _, _ in answers)
        spent, counts = (statistics.median(answer[at] for answer in answers) for at in (1, 2))
        measured.append((name, spent, statistics.median(times), times[int(0.95 * (repeat - 1))], int(counts)))
        print(f"{name}: {spent:.1f} ms of processor, {measured[-1][2]:.1f} ms", file=sys.stderr, flush=True)
    return measured


def chaining_cost(ledger: Ledger, turns: int = 100) -> dict[str, tuple[float, float]]:
    """Return the milliseconds of writing events, chained and not, by the clock and of this process."""
    record = events.EventRecord(1, "mask", figures={"coverage": 0.01, "windows": 3})
    found = {}
    position = _open_unchained(ledger)
    for count in (2, 500):
        number = turns if count < 100 else turns // 10
        plain = [{**row, "chain_id": UNCHAINED, "previous": chain.GENESIS} for row in _plain_rows(record, count)]
        for chained in (True, False):
            begun, spent = time.perf_counter(), time.process_time()
            for _ in range(number):
                with ledger.write() as session:
                    if chained:
                        events.append(session, None, TaskContext(), [record] * count)
                    else:
                        rows = [{**row, "position": at} for at, row in enumerate(plain, position)]
                        session.execute(insert(Event), rows)
                        position += count
            what = f"transaction of {count} events{'' if chained else ', unchained'}"
            found[what] = ((time.perf_counter() - begun) / number * 1000, (time.process_time() - spent) / number * 1000)
    return found


def _open_unchained(ledger: Ledger) -> int:
    """Add a chain whose events are not chained, so that those of collections stay whole; return its next position."""
    with ledger.write() as session:
        row = {"id": UNCHAINED, "collection": "unchained", "length": 0, "head": chain.GENESIS}
        session.execute(ledger_insert(session, Chain).values(row).on_conflict_do_nothing())
        last = session.scalar(select(func.max(Event.position)).where(Event.chain_id == UNCHAINED))
    return (last or 0) + 1


def _plain_rows(record: events.EventRecord, count: int) -> list[dict[str, Any]]:
    row = {
        name: getattr(record, name)
        for name in ("scan_id", "stage", "kind", "decision", "message", "figures", "seconds", "at")
    }
    return [row | {"batch_id": None, "host": "h"}] * count


def benchmark(ledger: Ledger, scans: int, repeat: int) -> Results:
    """Return what a filled ledger needs."""
    started = time.monotonic()
    measured = measure(ledger, scans, repeat)
    begun, spent = time.perf_counter(), time.process_time()
    with ledger.read() as session:
        found = verify(session, collection_of(0))
    verified = {"events": found.head.position, "seconds": time.perf_counter() - begun}
    verified["processor_seconds"] = time.process_time() - spent
    assert found.is_whole, found.findings[:3]
    database = ledger.engine.dialect.name
    size = _size(ledger)
    cost = chaining_cost(ledger)
    rows = [(name, *(f"{figure:.1f}" for figure in figures), f"{count:,}") for name, *figures, count in measured]
    written = [(name, f"{own:.2f}", f"{clock:.2f}") for name, (clock, own) in cost.items()]
    proven = [(f"{verified['events']:,}", f"{verified['processor_seconds']:.1f}", f"{verified['seconds']:.1f}")]
    header = ("question", "processor, ms", "clock, ms", "clock 95 %, ms", "scans")
    return Results(
        title="Finding scans in a large ledger, and proving it",
        intro=f"A ledger on {database} with {scans:,} restorations and {scans * len(STAGES):,} chained events,"
        f" {size / 1e9:.2f} GB. Each question is asked {repeat} times about different scans,"
        f" in a connection of its own, and the first {FIRST} scans are read. Medians; processor time is the"
        " client's and that of the connection's process on the server, whatever else the machine does.",
        sections=[
            Section("Questions", markdown.table(header, rows)),
            Section("Proof of one collection", markdown.table(("events", "processor, s", "clock, s"), proven)),
            Section("Cost of the chain", markdown.table(("written", "client's processor, ms", "clock, ms"), written)),
        ],
        figures={
            "database": database, "scans": scans, "events": scans * len(STAGES), "bytes": size,
            "medians_ms": {name: {"processor": spent, "clock": clock} for name, spent, clock, _, _ in measured},
            "verified": verified, "chaining_ms": cost,
        },
        seconds=time.monotonic() - started,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = benchmark_parser("trace", __doc__)
    parser.add_argument("--scans", type=int, default=20_000, help="restorations (default 20,000), with ten events each")
    parser.add_argument("--repeat", type=int, default=21, help="questions of each kind (default 21)")
    parser.add_argument(
        "--url",
        help="database, as sqlite:///… or postgresql+psycopg2://…: empty, or filled before by --fill with as many scans"
        " (default: a SQLite file in a temporary folder)",
    )
    parser.add_argument("--fill", action="store_true", help="only fill the database of --url, to be measured later")
    given = parser.parse_args(words)
    if given.fill and not given.url:
        parser.error("--fill needs --url")
    with tempfile.TemporaryDirectory() as folder:
        ledger = upgrade(given.url or f"sqlite:///{folder}/ledger.db")
        with ledger.read() as session:
            there = session.execute(text("SELECT count(*) FROM ledger_scans")).scalar_one()
        if there not in (0, given.scans) or (there and given.fill):
            parser.error(f"the database is not empty: it has {there:,} scans")
        if not there:
            print(f"filled in {fill(ledger, given.scans):.0f} s", file=sys.stderr, flush=True)
        if not given.fill:
            publish("trace", benchmark(ledger, given.scans, given.repeat), given, words)
    return 0


def _size(ledger: Ledger) -> int:
    sqlite = ledger.engine.dialect.name == "sqlite"
    pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with ledger.read() as session:
        return int(
            session.execute(text(pages if sqlite else "SELECT pg_database_size(current_database())")).scalar_one()
        )


if __name__ == "__main__":
    sys.exit(main())
