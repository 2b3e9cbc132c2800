"""From the drop of files to the start of their run, and a drop of thousands: `python -m benchmarks.inbox`.

Starts the components as `make up` does, in a separate home, with one collection on a folder and one on a bucket of a
moto server, and drops files into both. Measures the seconds from the last file's drop to the creation of the run and to
the start of its first task, which include the settle time. Then a drop of many files is received batch by batch, each
batch in its own process as a task is, with the seconds and the peak memory of each. `--whole` takes that drop
through Airflow instead, with the peak of the largest process.
"""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import psutil
import yaml
from moto.server import ThreadedMotoServer
from PIL import Image

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.process_tree import peak_memory
from benchmarks.results_page import Results, Section, publish
from scripts.airflow_api import RUNNING, AirflowApi, run_path, wait_until

ROOT = Path(__file__).parents[1]
RECIPE = {"engine": "telea", "detector": "none"}


def picture(number: int) -> bytes:
    """Return a small PNG, a different one for each number."""
    target = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)).save(target, "PNG")
    return target.getvalue()


class Airflow:
    """The components in a home of their own.

    Args:
        home: an empty folder.
        collections: by name.
        extra: variables of the environment.
    """

    def __init__(self, home: Path, collections: dict[str, Any], extra: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        home.mkdir()
        (home / "collections.yaml").write_text(yaml.safe_dump({"collections": collections}), encoding="utf-8")
        self.home, self.api = home, AirflowApi(port, home)
        self.environment = os.environ | extra | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.api.url,
            "RESTORATION_COLLECTIONS": str(home / "collections.yaml"),
            "RESTORATION_LEDGER_URL": f"sqlite:///{home}/ledger.db",
        }  # fmt: skip

    def script(self, *command: str) -> None:
        """Run one of the scripts of `make`."""
        line = [str(ROOT / "scripts" / "with-airflow"), sys.executable, "-W", "ignore", *command]
        subprocess.run(line, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def __enter__(self) -> Airflow:
        self.script(str(ROOT / "scripts" / "prepare.py"))
        self.script(str(ROOT / "scripts" / "server.py"), "up")
        self.api.login()
        return self

    def __exit__(self, *error: object) -> None:
        self.script(str(ROOT / "scripts" / "server.py"), "down")

    def wait(self, dag_id: str, earlier: int) -> dict[str, Any]:
        """Return the run after so many earlier ones, when its first task has started."""

        def started() -> dict[str, Any]:
            for run in self.api.runs(dag_id)[earlier:]:
                for task in self.api.tasks(run_path(dag_id, run["dag_run_id"])):
                    if task["task_id"] == "receive" and task["start_date"]:
                        return run | {"first_task": task["start_date"]}
            return {}

        return wait_until(started, f"{dag_id}: no run has started", seconds=3600, interval=0.3)

    def components(self) -> list[psutil.Process]:
        """Return the processes of the components that run."""
        state = json.loads((self.home / "run" / "components.json").read_text())
        return [psutil.Process(pid) for pid, _ in state["processes"] if psutil.pid_exists(pid)]

    def largest(self) -> float:
        """Return the megabytes of the largest process among all components and tasks now."""
        sizes = [0.0]
        for root in self.components():
            try:
                sizes += [one.memory_info().rss / 1e6 for one in (root, *root.children(recursive=True))]
            except psutil.NoSuchProcess:
                continue
        return max(sizes)


@contextmanager
def bucket() -> Iterator[tuple[Any, dict[str, str]]]:
    """Provide a bucket `archive` on a server of its own, and the environment variables that lead to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    extra = keys | {"AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port())}
    os.environ.update(extra)
    client = boto3.client("s3")
    client.create_bucket(Bucket="archive")
    yield client, extra
    server.stop()


def measure_starts(folder: Path, counts: list[int], settle: float, interval: float) -> list[dict[str, Any]]:
    """Return the seconds from a drop to the run's creation and to its first task, for each count and inbox."""
    rows: list[dict[str, Any]] = []
    with bucket() as (client, extra):
        watch = {"settle": settle, "interval": interval}
        shared = {"schedule": None, "watch": watch, "recipe": RECIPE}
        (folder / "in").mkdir()
        collections = {
            "folder": shared | {"inbox": f"{folder}/in", "output": f"{folder}/out"},
            "bucket": shared | {"inbox": "s3://archive/in", "output": "s3://archive/out"},
        }
        with Airflow(folder / "home", collections, extra) as airflow:
            for name in collections:
                airflow.api.unpause(f"restore_{name}", seconds=600)
            # The first drop is not counted: switching a DAG on takes the triggerer a while.
            for count in (0, *counts):
                for name in collections:
                    earlier = len(airflow.api.runs(f"restore_{name}"))
                    for number in range(max(count, 1)):
                        key = f"box {count}/{number:05d}.png"
                        if name == "bucket":
                            client.put_object(Bucket="archive", Key=f"in/{key}", Body=picture(count + number))
                        else:
                            (folder / "in" / f"box {count}").mkdir(exist_ok=True)
                            (folder / "in" / key).write_bytes(picture(count + number))
                    dropped = time.time()
                    run = airflow.wait(f"restore_{name}", earlier)
                    created, first = (
                        datetime.fromisoformat(run[key]).timestamp() - dropped for key in ("queued_at", "first_task")
                    )
                    if count:
                        row = {"inbox": name, "files": count, "created": created, "first_task": first}
                        rows.append({**row, "load": os.getloadavg()[0]})
                        print(f"{name}, {count} files: run created after {created:.1f} s", file=sys.stderr, flush=True)
    return rows


def _receive(folder: str, number: int) -> tuple[int, bool, float, float]:
    """Receive one batch; return scans, whether more waits, seconds, and the peak of this process in MiB."""
    os.environ["RESTORATION_LEDGER_URL"] = f"sqlite:///{folder}/ledger.db"
    from pipeline.ledger import batches
    from pipeline.settings import Collection
    from pipeline.stages.batch import open_ledger
    from pipeline.stages.receive import receive

    places = {"inbox": f"{folder}/in", "output": f"{folder}/out"}
    collection = Collection.model_validate({"name": "drop", "recipe": RECIPE, **places})
    began = time.perf_counter()
    receive(collection, batch=f"b{number}")
    seconds = time.perf_counter() - began
    with open_ledger().read() as session:
        row = batches.get(session, "drop", f"b{number}")
    return row.received, row.more, seconds, peak_memory()


def measure_drop(folder: Path, count: int) -> list[dict[str, Any]]:
    """Return what receiving a large drop costs, batch by batch: scans, seconds and peak memory in MiB."""
    fill(folder / "in", count)
    rows: list[dict[str, Any]] = []
    more = True
    while more:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            scans, more, seconds, peak = pool.apply(_receive, (str(folder), len(rows) + 1))
        rows.append({"batch": len(rows) + 1, "scans": scans, "seconds": seconds, "peak_mb": peak})
        print(f"batch {len(rows)}: {scans} scans in {seconds:.1f} s", file=sys.stderr, flush=True)
    return rows


def measure_whole(folder: Path, count: int) -> dict[str, Any]:
    """Return what a large drop costs through Airflow: batches, their states, seconds, MB of the largest process."""
    fill(folder / "in", count)
    collections = {"drop": {"schedule": None, "recipe": RECIPE, "inbox": f"{folder}/in", "output": f"{folder}/out"}}
    with Airflow(folder / "home", collections, {}) as airflow:
        airflow.api.unpause("restore_drop", seconds=600)
        began, peak = time.monotonic(), 0.0
        airflow.api.trigger("restore_drop", "drop")
        done: list[dict[str, Any]] = []
        while not done or any(run["state"] in RUNNING for run in done):
            peak = max(peak, airflow.largest())
            time.sleep(1)
            done = airflow.api.runs("restore_drop")
        states = sorted({run["state"] for run in done})
        return {"files": count, "batches": len(done), "states": states, "seconds": time.monotonic() - began,
                "peak_mb": peak}  # fmt: skip


def fill(folder: Path, count: int, mask: bytes = b"") -> None:
    """Write small scans, all different, in boxes of a thousand.

    Args:
        mask: a file to lie beside each of them; empty for none.
    """
    for number in range(count):
        place = folder / f"box {number // 1000}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05d}.png").write_bytes(picture(number))
        if mask:
            (place / f"{number:05d}.mask.png").write_bytes(mask)


def measure(files: list[int], settle: float, interval: float, large: int, *, through_airflow: bool) -> Results:
    """Return the figures of starts and of one large drop.

    Args:
        files: in one drop, for each start.
        settle, interval: of the watched collections, in seconds.
        large: files in the large drop; 0 for none.
        through_airflow: whether the large drop goes through Airflow instead of being received batch by batch.
    """
    started, load = time.monotonic(), os.getloadavg()[0]
    figures: dict[str, Any] = {"settle": settle, "interval": interval, "load": load}
    sections = []
    with tempfile.TemporaryDirectory(prefix="starts-") as folder:
        if files:
            figures["starts"] = rows = measure_starts(Path(folder), files, settle, interval)
            lines = [
                (row["inbox"], row["files"], *(f"{row[key]:.1f}" for key in ("created", "first_task", "load")))
                for row in rows
            ]
            header = ("inbox", "files", "run created, s", "first task started, s", "load")
            sections.append(Section("Start of a run", markdown.table(header, lines)))
    with tempfile.TemporaryDirectory(prefix="drop-") as folder:
        if large and through_airflow:
            figures["whole"] = found = measure_whole(Path(folder), large)
            line = (found["batches"], ", ".join(found["states"]), f"{found['seconds']:.0f}", f"{found['peak_mb']:.0f}")
            header = ("batches", "states", "seconds", "largest process, MB")
            sections.append(Section(f"{large:,} files through Airflow", markdown.table(header, [line])))
        elif large:
            figures["drop"] = rows = measure_drop(Path(folder), large)
            lines = [(row["batch"], row["scans"], f"{row['seconds']:.1f}", f"{row['peak_mb']:.0f}") for row in rows]
            table = markdown.table(("batch", "scans", "seconds", "peak MiB"), lines)
            sections.append(Section(f"{large:,} files at once, received batch by batch", table))
    return Results(
        title="From the drop of files to the start of their run",
        intro="Files are dropped into a watched folder and a watched bucket of running Airflow components. Seconds are"
        f" counted after the last file was written and include the settle time of {settle:g} s; the inbox is checked"
        f" every {interval:g} s. The load of the machine was {load:.1f} before the run.",
        sections=sections,
        figures=figures,
        notes=(
            "Time after the settle time is the scheduler's and the executor's: it depends on what else the machine does"
            " and on free slots.",
        ),
        seconds=time.monotonic() - started,
    )


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("inbox", __doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[1, 500], help="files in one drop, for each start")
    parser.add_argument("--settle", type=float, default=30.0, help="settle time in seconds (default 30)")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two checks (default 10)")
    parser.add_argument("--drop", type=int, default=10_000, help="files in the large drop, 0 for none")
    parser.add_argument("--whole", action="store_true", help="take the large drop through Airflow")
    given = parser.parse_args(words)
    results = measure(given.files, given.settle, given.interval, given.drop, through_airflow=given.whole)
    publish("inbox", results, given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
