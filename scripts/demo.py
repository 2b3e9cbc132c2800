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
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

import server
from summary import summarise

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "demo-output"
COLLECTIONS = server.HOME / "demo" / "collections.yaml"
# Well over what a cold machine with one core needs for the samples; one's own folder has all the time it takes.
PATIENCE_SECONDS = 120.0


def main() -> int:
    """Runs the demo and returns the exit code."""
    began = time.monotonic()
    prepare = subprocess.Popen([sys.executable, "-W", "ignore", ROOT / "scripts" / "prepare.py"])
    name, entry = _own() if os.environ.get("INBOX") else _samples()
    _remember(name, entry)
    if prepare.wait() != 0:
        raise server.Trouble("Airflow's database could not be prepared; the lines above say why")
    started = not server.running()
    try:
        if started:
            print("Starting Airflow …", flush=True)
            server.start(_port())
        api = server.Api(server.port())
        api.login()
        # Results that were thrown away are made again, although the ledger knows the scans as done.
        redo = bool(os.environ.get("REDO")) or (
            "://" not in entry["output"] and not Path(entry["output"], "reports").exists()
        )
        run = _run(api, f"restore_{name}", {"redo": redo})
    finally:
        if started:
            server.stop()
    _show(run, entry["output"])
    print(f"{time.monotonic() - began:.0f} s in all. The run with its task logs in Airflow: make up, then open")
    print(f"  {run['url']}")
    return 0 if run["state"] == "success" else 1


def _show(run: dict[str, Any], output: str) -> None:
    """Prints what became of the batch, and where everything lies."""
    report = run["report"]
    if report is None and run["state"] == "success":
        print("Nothing new: every scan in the inbox has its outcome already (REDO=1 restores them again).")
        earlier = sorted(Path(output, "reports").glob("*/report.parquet")) if "://" not in output else []
        report = str(earlier[-1].parent) if earlier else None
    if report is None:
        return
    summarise(report)
    report = report.rstrip("/")
    print(f"\nrestored images  {output}/restored")
    print(f"report           {report}/report.pdf")
    print(f"digest           {report}/digest.eml")
    print(f"history of one   .venv/bin/python -m pipeline trace NAME --ledger {os.environ['RESTORATION_LEDGER_URL']}")


def _samples() -> tuple[str, dict[str, Any]]:
    """Makes the sample inbox where it is not there yet, and returns its collection."""
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
    """Returns the collection of the folder given as INBOX.

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


def _remember(name: str, entry: dict[str, Any]) -> None:
    """Writes one collection to the demo's own collections file, beside those of earlier runs."""
    COLLECTIONS.parent.mkdir(parents=True, exist_ok=True)
    known = yaml.safe_load(COLLECTIONS.read_text(encoding="utf-8")) if COLLECTIONS.exists() else {"collections": {}}
    known["collections"][name] = entry
    temporary = COLLECTIONS.with_suffix(".tmp")
    temporary.write_text(yaml.safe_dump(known, allow_unicode=True, sort_keys=False), encoding="utf-8")
    temporary.replace(COLLECTIONS)


def _port() -> int:
    """Returns the port that `make up` would take, or any free one while another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", server.port()))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(api: server.Api, dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
    """Triggers the DAG, prints its progress, and returns the finished run.

    Raises:
        Trouble: the DAG did not appear.
    """
    dag = f"/api/v2/dags/{dag_id}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            api.request("PATCH", f"{dag}?update_mask=is_paused", {"is_paused": False})
            break
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > deadline:
                raise server.Trouble(f"{dag_id} did not appear in Airflow: see make up, Import errors") from error
            time.sleep(0.3)
    run = api.request("POST", f"{dag}/dagRuns", {"logical_date": None, "conf": conf})
    path = f"{dag}/dagRuns/{urllib.parse.quote(run['dag_run_id'])}"
    began, shown = time.monotonic(), ""
    while run["state"] not in ("success", "failed"):
        time.sleep(0.5)
        run = api.get(path)
        tasks = api.get(f"{path}/taskInstances", limit=1000)["task_instances"]
        line = _progress(tasks)
        if line != shown:
            shown = line
            print(f"  {time.monotonic() - began:4.0f} s  {line}", flush=True)
    tasks = api.get(f"{path}/taskInstances", limit=1000)["task_instances"]
    home = os.environ["RESTORATION_PUBLIC_URL"]
    run["url"] = f"{home}/dags/{dag_id}/runs/{urllib.parse.quote(run['dag_run_id'])}"
    for task in tasks:
        if task["state"] == "failed":
            _complain(task)
    run["report"] = _report(api, path)
    return run


def _progress(tasks: list[dict[str, Any]]) -> str:
    """Returns one line on how far each stage is."""
    order = ("receive", "mask", "inpaint", "measure", "publish", "report", "digest", "reconcile")
    done: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for task in tasks:
        stage = task["task_id"].rpartition(".")[2]
        known[stage] += 1
        done[stage] += task["state"] in ("success", "skipped", "failed", "upstream_failed")
    # Before receive has said how many chunks there are, a stage counts as one.
    line = "  ".join(f"{stage} {done[stage]}/{known[stage]}" for stage in order if done[stage])
    again = sorted({task["task_id"] for task in tasks if task["state"] == "up_for_retry"})
    return line + (f"  (waiting for another try: {', '.join(again)})" if again else "")


def _complain(task: dict[str, Any]) -> None:
    """Prints that a task failed, and where its log lies."""
    folder = f"dag_id={task['dag_id']}/run_id={task['dag_run_id']}/task_id={task['task_id']}"
    where = server.HOME / "logs" / folder
    print(f"{task['task_id']} failed after {task['try_number']} tries; its log says why: {where}", file=sys.stderr)


def _report(api: server.Api, path: str) -> str | None:
    """Returns the URI of the report's folder, or None where there is no report."""
    try:
        return api.get(f"{path}/taskInstances/report/xcomEntries/return_value", deserialize="true")["value"]
    except urllib.error.HTTPError:
        return None


if __name__ == "__main__":
    # Asked to end, it still stops the Airflow that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except server.Trouble as trouble:
        sys.exit(f"make demo: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)
