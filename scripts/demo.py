"""`make demo`: an inbox of damaged scans goes through the collection's DAG in real Airflow, and a summary is printed.

Without INBOX the inbox is made of photographs that ship with scikit-image. Airflow is started for the run and stopped
after it, unless it runs already.
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
import urllib.error
from pathlib import Path
from typing import Any

import yaml

import components
import runs
import server
from airflow_api import Api
from pipeline.atomic_write import atomic_write
from summary import summarise

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "demo-output"
COLLECTIONS = components.HOME / "demo" / "collections.yaml"


def main() -> int:
    """Run the demo and return the exit code."""
    began = time.monotonic()
    prepare = subprocess.Popen([sys.executable, "-W", "ignore", ROOT / "scripts" / "prepare.py"])
    name, entry = _own() if os.environ.get("INBOX") else _samples()
    known = _remember(name, entry)
    if prepare.wait() != 0:
        raise server.Trouble("Airflow's database could not be prepared; the lines above say why")
    started = not components.running()
    try:
        if started:
            print("Starting Airflow …", flush=True)
            server.start(_port())
        api = Api(components.port())
        api.login()
        # Results that were thrown away are made again, although the ledger knows the scans as done.
        made = known or name == "demo"
        gone = made and "://" not in entry["output"] and not Path(entry["output"], "reports").exists()
        dag_id = f"restore_{name}"
        run_id: str | None = runs.trigger(api, dag_id, {"redo": gone or bool(os.environ.get("REDO"))})
        done = []
        while run_id:
            done.append(runs.follow(api, dag_id, run_id))
            run_id = done[-1].following
    finally:
        if started:
            server.stop()
    for run in done:
        _show(run, entry["output"])
    print(f"{time.monotonic() - began:.0f} s in all. The run with its task logs in Airflow: make up, then open")
    print(f"  {os.environ['RESTORATION_PUBLIC_URL']}{done[0].page}")
    return 0 if all(run.succeeded for run in done) else 1


def _show(run: runs.Run, output: str) -> None:
    """Print what became of a batch, and where everything lies."""
    report = run.report
    if report is None and run.succeeded:
        print("Nothing new: every scan in the inbox has its outcome already (REDO=1 restores them again).")
        earlier = sorted(Path(output, "reports").glob("*/report.parquet")) if "://" not in output else []
        report = str(earlier[-1].parent) if earlier else None
    if report is None:
        return
    report = report.rstrip("/")
    summarise(report)
    print(f"\nrestored images  {output}/restored")
    print(f"report           {report}/report.pdf")
    print(f"digest           {report}/digest.eml")
    print(f"history of one   .venv/bin/python -m pipeline trace NAME --ledger {os.environ['RESTORATION_LEDGER_URL']}")


def _samples() -> tuple[str, dict[str, Any]]:
    """Make the sample inbox where it is not there yet, and return its collection."""
    inbox, originals = OUTPUT / "inbox", OUTPUT / "originals"
    if not inbox.exists():
        from samples import make

        unfinished = OUTPUT / "inbox.unfinished"
        made = make(unfinished, originals)
        unfinished.rename(inbox)
        print(f"Made a sample inbox of {len(made)} files: {inbox}", flush=True)
    return "demo", {
        "title": "Sample photographs",
        "inbox": str(inbox),
        "output": str(OUTPUT),
        "originals": str(originals),
        "schedule": None,
        # Small, so that several tasks have work at the same time.
        "chunk_megapixels": 1.5,
    }


def _own() -> tuple[str, dict[str, Any]]:
    """Return the collection of the folder given as INBOX.

    Raises:
        Trouble: there is no such folder.
    """
    given = os.environ["INBOX"]
    inbox = given if "://" in given else str(Path(given).expanduser().resolve())
    if "://" not in inbox and not Path(inbox).is_dir():
        raise server.Trouble(f"INBOX={given}: there is no such folder")
    name = re.sub(r"[^a-z0-9]+", "-", inbox.rstrip("/").rpartition("/")[2].lower()).strip("-")[:40] or "inbox"
    output = os.environ.get("OUTPUT") or str(OUTPUT / f"own-{name}")
    output = output if "://" in output else str(Path(output).expanduser().resolve())
    if "://" not in output and Path(output).is_relative_to(inbox):
        raise server.Trouble(f"OUTPUT={output} lies inside the inbox, where results would be taken for scans")
    # Two folders of the same name are two collections.
    name = f"own-{name}-{hashlib.sha256(f'{inbox} {output}'.encode()).hexdigest()[:4]}"
    return name, {"title": inbox.rstrip("/").rpartition("/")[2], "inbox": inbox, "output": output, "schedule": None}


def _remember(name: str, entry: dict[str, Any]) -> bool:
    """Write one collection to the demo's own collections file, and return whether an earlier run did so too."""
    COLLECTIONS.parent.mkdir(parents=True, exist_ok=True)
    document = yaml.safe_load(COLLECTIONS.read_text(encoding="utf-8")) if COLLECTIONS.exists() else {"collections": {}}
    again = name in document["collections"]
    # An output belongs to one collection: the last that was given it.
    others = {n: e for n, e in document["collections"].items() if e["output"] != entry["output"]}
    document["collections"] = others | {name: entry}
    atomic_write(COLLECTIONS, yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode())
    return again


def _port() -> int:
    """Return the port that `make up` would take, or any free one while another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", components.port()))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    # Asked to end, it still stops the Airflow that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except server.Trouble as trouble:
        sys.exit(f"make demo: {trouble}")
    except urllib.error.URLError as error:
        sys.exit(f"make demo: Airflow's API did not answer ({error}); its logs: {components.LOGS}")
    except KeyboardInterrupt:
        sys.exit(130)
