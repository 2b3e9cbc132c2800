"""What a large collection costs beside its pixels: `python -m benchmarks.scale --url postgresql+psycopg2://…`.

Scans of a few pixels with painted masks go from receipt to report, batch after batch, chunks by several processes at
once that all write to one ledger (part `stages`). The seconds and the memory of each batch show what grows with the
collection. Part `known` receives where nothing is new. Part `listing` counts the requests with which a bucket of many
keys is listed, on a server of its own. Part `airflow` takes scans through the components of a real Airflow and compares
the scheduler's processor time with the tasks'. Without `--url` the ledger is a SQLite file.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.inbox import RECIPE, Airflow, bucket, fill
from benchmarks.known_files import measure_known
from benchmarks.process_tree import peak_memory
from benchmarks.results_page import Results, Section, publish
from pipeline.ledger import TaskContext
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Event, OutcomeRow, Scan
from pipeline.masks.encode import encode_mask
from scripts.airflow_api import RUNNING, run_path

PARTS = ("stages", "known", "listing", "airflow")
COLLECTION = "scale"


def mask_file() -> bytes:
    """Return a mask that fits each of the small scans."""
    mask = np.zeros((24, 32), np.uint8)
    mask[8:12, 10:20] = 255
    return encode_mask(mask)


def _receive(folder: str, batch: str) -> tuple[list[str], dict[str, float]]:
    """Receive one batch; return its chunks, and what it cost."""
    from pipeline.settings import Collection
    from pipeline.stages.receive import receive

    started = time.perf_counter()
    collection = Collection.model_validate(
        # Small chunks, so that all writers have one.
        {"name": COLLECTION, "inbox": f"{folder}/in", "output": f"{folder}/out", "recipe": RECIPE, "chunk_scans": 64}
    )
    chunks = receive(collection, batch=batch)
    return chunks, _cost(started)


def _finish(folder: str, batch: str, chunks: list[str]) -> tuple[int, bool, dict[str, float]]:
    """Report and reconcile one batch; return its scans, whether more wait, and what it cost."""
    from pipeline.stages.batch import work_area
    from pipeline.stages.reconcile import reconcile
    from pipeline.stages.report import report

    started = time.perf_counter()
    area = work_area(f"{folder}/out", batch)
    report(area, chunks, TaskContext(task_id="report"))
    counts = reconcile(area, chunks, TaskContext(task_id="reconcile"))
    return counts["received"], bool(counts["more"]), _cost(started)


def _work(chunk: str) -> tuple[int, float, float]:
    """Take one chunk through its stages; return the process, its processor seconds so far, and its peak in MiB."""
    from pipeline.stages.order import CHUNK_STAGES, load_stage

    for stage in CHUNK_STAGES:
        chunk = load_stage(stage)(chunk, TaskContext(task_id=str(stage)))
    return os.getpid(), time.process_time(), peak_memory()


def _cost(started: float) -> dict[str, float]:
    """Return seconds elapsed and of the processor, and the peak memory in MiB, of this new process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.perf_counter() - started,
        "processor": used.ru_utime + used.ru_stime + below.ru_utime + below.ru_stime,
        "peak": peak_memory(),
    }


def measure_stages(folder: Path, scans: int, writers: int, url: str) -> dict[str, Any]:
    """Return what a collection costs, batch by batch, with so many processes that work on chunks at once."""
    fill(folder / "in", scans, mask_file())
    os.environ["RESTORATION_LEDGER_URL"] = url or f"sqlite:///{folder}/ledger.db"
    # As many as write at once, whatever cores there are: each works on one scan at a time.
    os.environ["RESTORATION_TASK_SLOTS"] = str(writers)
    ledger = upgrade(os.environ["RESTORATION_LEDGER_URL"])
    spawn = multiprocessing.get_context("spawn")
    rows: list[dict[str, float]] = []
    more, began = True, time.perf_counter()
    seen: Counter[int] = Counter()
    with ProcessPoolExecutor(writers, mp_context=spawn) as workers:
        while more:
            batch, started = f"b{len(rows) + 1:05d}", time.perf_counter()
            with spawn.Pool(1) as pool:
                chunks, received = pool.apply(_receive, (str(folder), batch))
            before, peak = sum(seen.values()), 0.0
            worked = time.perf_counter()
            for process, processor, size in workers.map(_work, chunks):
                seen[process] = max(seen[process], processor)  # type: ignore[assignment]
                peak = max(peak, size)
            worked = time.perf_counter() - worked
            with spawn.Pool(1) as pool:
                count, more, finished = pool.apply(_finish, (str(folder), batch, chunks))
            rows.append(
                {
                    "scans": count,
                    "chunks": len(chunks),
                    "seconds": time.perf_counter() - started,
                    "receive": received["seconds"],
                    "receive_peak": received["peak"],
                    "work": worked,
                    "work_processor": sum(seen.values()) - before,
                    "work_peak": peak,
                    "finish": finished["seconds"],
                    "finish_processor": finished["processor"],
                    "finish_peak": finished["peak"],
                    "processor": received["processor"] + sum(seen.values()) - before + finished["processor"],
                }
            )
            print(f"{batch}: {count} scans in {rows[-1]['seconds']:.0f} s", file=sys.stderr, flush=True)
    with ledger.read() as session:
        counts = {
            table.__tablename__: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (Scan, OutcomeRow, Event)
        }
    return {
        "database": ledger.engine.dialect.name,
        "writers": writers,
        "seconds": time.perf_counter() - began,
        "rows": counts,
        "batches": rows,
    }


def measure_listing(counts: list[int]) -> list[dict[str, float]]:
    """Return requests and seconds of listing a bucket, for each number of keys."""
    from moto.s3.models import s3_backends

    from pipeline import storage
    from pipeline.storage.s3 import client

    found = []
    with bucket():
        asked: Counter[str] = Counter()
        client().meta.events.register("before-call.s3.*", lambda model, **_: asked.update([model.name]))
        (store,) = (backends["aws"] for backends in s3_backends.values() if "archive" in backends["aws"].buckets)
        filled = 0
        for count in counts:
            # Straight into the server's memory: only the listing goes over HTTP.
            for number in range(filled, count):
                store.put_object("archive", f"in/box {number // 1000:05d}/{number:08d}.tif", b"scan")
            filled = count
            asked.clear()
            started = time.perf_counter()
            listed = sum(1 for _ in storage.list_files("s3://archive/in"))
            assert listed == count, f"{listed} of {count} keys listed"
            row = {"keys": count, "requests": asked.total(), "seconds": time.perf_counter() - started}
            found.append(row)
            print(f"{count} keys: {row['requests']} requests", file=sys.stderr, flush=True)
    return found


def measure_airflow(folder: Path, scans: int) -> dict[str, Any]:
    """Return the processor seconds of the scheduler and of the tasks that it started, for one collection."""
    fill(folder / "in", scans, mask_file())
    collection = {"schedule": None, "recipe": RECIPE, "inbox": f"{folder}/in", "output": f"{folder}/out"}
    with Airflow(folder / "home", {COLLECTION: collection}, {}) as airflow:
        airflow.api.unpause(f"restore_{COLLECTION}", seconds=600)
        before = _processor_seconds(airflow)
        began = time.monotonic()
        airflow.api.trigger(f"restore_{COLLECTION}", COLLECTION)
        runs: list[dict[str, Any]] = []
        while not runs or any(run["state"] in RUNNING for run in runs):
            time.sleep(1)
            runs = airflow.api.runs(f"restore_{COLLECTION}")
        spent = _processor_seconds(airflow) - before
        tasks = [len(airflow.api.tasks(run_path(f"restore_{COLLECTION}", run["dag_run_id"]))) for run in runs]
    return {
        "scans": scans,
        "runs": len(runs),
        "states": sorted({run["state"] for run in runs}),
        "tasks_of_a_run": max(tasks),
        "seconds": time.monotonic() - began,
        **dict(spent),
    }


def _processor_seconds(airflow: Airflow) -> Counter[str]:
    """Return the processor seconds so far of the scheduler, of the tasks it has run, and of the other components."""
    found: Counter[str] = Counter()
    for process in airflow.components():
        own = "scheduler" if "scheduler" in process.cmdline() else "others"
        below = "tasks" if own == "scheduler" else "others"
        times = process.cpu_times()
        found[own] += times.user + times.system  # type: ignore[assignment]
        found[below] += times.children_user + times.children_system  # type: ignore[assignment]
        for child in process.children(recursive=True):
            times = child.cpu_times()
            found[below] += times.user + times.system + times.children_user + times.children_system  # type: ignore[assignment]
    return found


def measure(given: Any) -> Results:
    """Return the figures of the parts that are wanted."""
    started = time.monotonic()
    figures: dict[str, Any] = {}
    sections = []
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        if "stages" in given.parts:
            figures["stages"] = measure_stages(Path(name, "stages"), given.scans, given.writers, given.url or "")
            sections += _stages_sections(figures["stages"])
        if "known" in given.parts:
            figures["known"] = rows = measure_known(Path(name, "known"), given.known, given.url or "")
            sections.append(Section("An inbox in which every file is known", _known_table(rows)))
        if "listing" in given.parts:
            figures["listing"] = rows = measure_listing(given.keys)
            lines = [(f"{row['keys']:,}", row["requests"], f"{row['seconds']:.1f}") for row in rows]
            sections.append(Section("Listing a bucket", markdown.table(("keys", "requests", "seconds"), lines)))
        if "airflow" in given.parts:
            Path(name, "airflow").mkdir()
            figures["airflow"] = found = measure_airflow(Path(name, "airflow"), given.airflow_scans)
            header = ("scans", "runs", "tasks of a run", "tasks, processor s", "scheduler, processor s", "share")
            share = found["scheduler"] / found["tasks"]
            line = (
                f"{found['scans']:,}", found["runs"], found["tasks_of_a_run"], f"{found['tasks']:.0f}",
                f"{found['scheduler']:.0f}", f"{share:.1%}",
            )  # fmt: skip
            sections.append(Section("The scheduler beside its tasks", markdown.table(header, [line])))
    return Results(
        title="What a large collection costs beside its pixels",
        intro="Scans of 32 × 24 pixels with painted masks, filled by Telea: nearly all of their cost is what every scan"
        " costs, whatever its size: listing, hashing, ledger, files, sidecar, report.",
        sections=sections,
        figures=figures,
        notes=(
            "Peaks are of the largest process of a kind; processes that work on chunks live through all batches, as a"
            " Celery worker's do.",
            "The first batch lists the whole inbox, and so does the last; those between them examine what the first has"
            " listed, where that is more than some thousand files.",
            "A run that finds nothing new lists the inbox twice, once for the masks and other companions, and asks the"
            " ledger about every file.",
        ),
        seconds=time.monotonic() - started,
    )


def _stages_sections(found: dict[str, Any]) -> Iterator[Section]:
    """Yield the tables of part `stages`."""
    rows = found["batches"]
    lines = [
        (
            number, f"{row['scans']:,.0f}", row["chunks"], f"{row['receive']:.1f}", f"{row['work']:.1f}",
            f"{row['finish']:.1f}", f"{row['processor'] / row['scans'] * 1000:.0f}",
            f"{row['finish_processor'] / row['scans'] * 1000:.0f}", f"{row['receive_peak']:.0f}",
            f"{row['work_peak']:.0f}", f"{row['finish_peak']:.0f}",
        )
        for number, row in enumerate(rows, 1) if row["scans"]
    ]  # fmt: skip
    header = (
        "batch", "scans", "chunks", "receipt, s", "chunks, s", "report, s", "processor ms a scan",
        "of it report", "receipt, MiB",
        "worker, MiB", "report, MiB",
    )  # fmt: skip
    total = sum(row["scans"] for row in rows)
    title = f"{total:,.0f} scans on {found['database']}, {found['writers']} processes writing at once"
    yield Section(title, markdown.table(header, lines))
    written = [
        (name.removeprefix("ledger_"), f"{count:,}", f"{count / total:.2f}") for name, count in found["rows"].items()
    ]
    yield Section("Rows", markdown.table(("table", "rows", "a scan"), written))


def _known_table(rows: list[dict[str, float]]) -> str:
    """Return the table of part `known`."""
    lines = [
        (
            f"{row['files']:,}", f"{row['seconds']:.1f}", f"{row['processor'] / row['files'] * 1e6:.0f}",
            f"{row['listing'] / row['files'] * 1e6:.0f}", f"{row['peak']:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    header = ("files", "seconds", "processor µs a file", "of one listing alone", "peak, MiB")
    return markdown.table(header, lines)


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("scale", __doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["stages", "listing"], help="what to measure")
    parser.add_argument("--scans", type=int, default=10_000, help="scans of the collection (default 10,000)")
    parser.add_argument("--writers", type=int, default=16, help="processes that write at once (default 16)")
    parser.add_argument("--url", help="an empty PostgreSQL database for the ledger (default: a SQLite file)")
    parser.add_argument("--known", type=int, nargs="+", default=[10_000, 40_000], help="files of part `known`, growing")
    parser.add_argument(
        "--keys", type=int, nargs="+", default=[1000, 10_000, 100_000], help="keys of the bucket, growing"
    )
    parser.add_argument("--airflow-scans", type=int, default=4000, help="scans through Airflow (default 4,000)")
    given = parser.parse_args(words)
    publish("scale", measure(given), given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
