"""`make demo`: restore an inbox of damaged scans by a DAG run in real Airflow, and print a summary.

Without INBOX the inbox holds damaged copies of photographs that ship with scikit-image. Airflow is started for the run
and stopped afterwards, unless it is running already.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

import components
import runs
import server
from airflow_api import AirflowApi
from pipeline import storage
from pipeline.atomic_write import atomic_write
from summary import summarise

ROOT = Path(__file__).resolve().parent.parent
INPUT, OUTPUT = ROOT / "demo-input", ROOT / "demo-output"
COLLECTIONS = components.HOME / "demo" / "collections.yaml"


def main() -> int:
    """Run the demo and return the exit code."""
    began = time.monotonic()
    prepare = subprocess.Popen([sys.executable, "-W", "ignore", ROOT / "scripts" / "prepare.py"])
    name, entry = _own_collection() if os.environ.get("INBOX") else _sample_collection()
    known = _save_collection(name, entry)
    if prepare.wait() != 0:
        raise server.CommandError("Airflow's database could not be prepared: see the lines above")
    started = not components.running()
    try:
        if started:
            print("Starting Airflow …", flush=True)
            server.start(_port())
        api = AirflowApi(components.port(), components.HOME)
        api.login()
        # When somebody removed the results, restore the scans again although the ledger knows them as done.
        restored_before = known or name == "demo"
        removed = restored_before and "://" not in entry["output"] and not Path(entry["output"], "reports").exists()
        dag_id = f"restore_{name}"
        run_id: str | None = runs.start(api, dag_id, {"redo": removed or bool(os.environ.get("REDO"))})
        done = []
        while run_id:
            done.append(runs.follow(api, dag_id, run_id))
            run_id = done[-1].following
    finally:
        if started:
            server.stop()
    for run in done:
        _print_result(run, entry["output"])
    print(f"{time.monotonic() - began:.0f} s in total. To see the run and its task logs in Airflow: make up, then open")
    print(f"  {os.environ['RESTORATION_PUBLIC_URL']}{done[0].page}")
    return 0 if all(run.succeeded for run in done) else 1


def _print_result(run: runs.Run, output: str) -> None:
    """Print the summary of a batch, and where its files are."""
    report = run.report
    if report is None and run.succeeded:
        print("Nothing new: every scan in the inbox already has its outcome (REDO=1 restores them again).")
        earlier = sorted(Path(output, "reports").glob("*/report.parquet")) if "://" not in output else []
        report = str(earlier[-1].parent) if earlier else None
    if report is None:
        return
    report = report.rstrip("/")
    summarise(report)
    print(f"\nrestored images  {output}/restored")
    print(f"report           {report}/report.pdf")
    print(f"digest           {report}/digest.eml")
    print(
        f"decide in doubt  .venv/bin/python -m pipeline review {output} --ledger {os.environ['RESTORATION_LEDGER_URL']}"
    )
    print(f"history of one   .venv/bin/python -m pipeline trace NAME --ledger {os.environ['RESTORATION_LEDGER_URL']}")


def _sample_collection() -> tuple[str, dict[str, Any]]:
    """Write the sample inbox unless it exists, and return name and entry of its collection."""
    inbox, originals = INPUT / "inbox", INPUT / "originals"
    if not inbox.exists():
        from samples import make

        unfinished = INPUT / "inbox.unfinished"
        made = make(unfinished, originals)
        unfinished.rename(inbox)
        print(f"Created a sample inbox of {len(made)} files: {inbox}", flush=True)
    return "demo", {
        "title": "Sample photographs",
        "inbox": str(inbox),
        "output": str(OUTPUT),
        "originals": str(originals),
        "schedule": None,
        # Small, so that several tasks work at the same time.
        "chunk_megapixels": 1.5,
    }


def _own_collection() -> tuple[str, dict[str, Any]]:
    """Return name and entry of the collection of the folder given as INBOX.

    Raises:
        CommandError: there is no such folder.
    """
    given = os.environ["INBOX"]
    inbox = given if "://" in given else str(Path(given).expanduser().resolve())
    if "://" not in inbox and not Path(inbox).is_dir():
        raise server.CommandError(f"INBOX={given}: there is no such folder")
    name = re.sub(r"[^a-z0-9]+", "-", inbox.rstrip("/").rpartition("/")[2].lower()).strip("-")[:40] or "inbox"
    output = os.environ.get("OUTPUT") or str(OUTPUT / f"own-{name}")
    output = output if "://" in output else str(Path(output).expanduser().resolve())
    if storage.overlap(output, inbox):
        raise server.CommandError(f"OUTPUT={output} and INBOX={inbox} overlap; choose an output outside of the inbox")
    # Two folders of the same name become two collections.
    name = f"own-{name}-{hashlib.sha256(f'{inbox} {output}'.encode()).hexdigest()[:4]}"
    return name, {"title": inbox.rstrip("/").rpartition("/")[2], "inbox": inbox, "output": output, "schedule": None}


def _save_collection(name: str, entry: dict[str, Any]) -> bool:
    """Write one collection to the demo's own collections file, and return whether an earlier run did so already."""
    COLLECTIONS.parent.mkdir(parents=True, exist_ok=True)
    document = yaml.safe_load(COLLECTIONS.read_text(encoding="utf-8")) if COLLECTIONS.exists() else {"collections": {}}
    again = name in document["collections"]
    # An output belongs to one collection: the last one that named it.
    others = {n: e for n, e in document["collections"].items() if e["output"] != entry["output"]}
    document["collections"] = others | {name: entry}
    atomic_write(COLLECTIONS, yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode())
    return again


def _port() -> int:
    """Return the port that `make up` would take, or any free one when another program uses it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", components.port()))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    # On SIGTERM too, Airflow is stopped if it was started here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: a thread of a library's pool that still runs would abort this process, whose work is done.
        os._exit(code)
    except server.CommandError as error:
        sys.exit(f"make demo: {error}")
    except httpx.HTTPError as error:
        sys.exit(f"make demo: Airflow's API did not answer ({error}); its logs: {components.LOGS}")
    except KeyboardInterrupt:
        sys.exit(130)
