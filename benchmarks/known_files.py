"""What a run costs that finds nothing new among many files that the ledger knows: part `known` of `scale`."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from benchmarks.inbox import RECIPE
from benchmarks.process_tree import peak_memory
from pipeline import storage
from pipeline.inbox.identify import fingerprint
from pipeline.ledger import Outcome, batches
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.rows import now
from pipeline.ledger.tables import OutcomeRow, Scan
from pipeline.settings import Collection
from pipeline.stages import models

COLLECTION = "known"
# As many as the outcome of a real scan has.
FIGURES = {f"figure {number}": number * 1.5 for number in range(30)}


def measure_known(folder: Path, counts: list[int], url: str) -> list[dict[str, float]]:
    """Return seconds and memory of a run on an inbox in which the ledger knows every file as done.

    Args:
        counts: of files, growing.
    """
    os.environ["RESTORATION_LEDGER_URL"] = url or f"sqlite:///{folder}/ledger.db"
    spawn = multiprocessing.get_context("spawn")
    rows, filled = list[dict[str, float]](), 0
    for count in counts:
        _know(folder, filled, count)
        filled = count
        with spawn.Pool(1) as pool:
            rows.append({"files": count, **pool.apply(_receive, (str(folder), f"run{count}"))})
        print(f"{count} known files: {rows[-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
    return rows


def _collection(folder: Path | str) -> Collection:
    places = {"inbox": f"{folder}/in", "output": f"{folder}/out"}
    return Collection.model_validate({"name": COLLECTION, "recipe": RECIPE, **places})


def _know(folder: Path, first: int, count: int) -> None:
    """Write files that are old enough to have a fingerprint, and their outcomes into the ledger."""
    for number in range(first, count):
        path = folder / "in" / f"box {number // 1000:04d}" / f"{number:07d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1.7e9, 1.7e9))
    collection, ledger = _collection(folder), upgrade(os.environ["RESTORATION_LEDGER_URL"])
    digest = collection.recipe.digest(models.digests(collection.recipe))
    values = dict.fromkeys(("engine", "engine_digest", "code_version"), "x")
    places = {"inbox": collection.inbox, "output": collection.output}
    recipe = {"recipe": collection.recipe.model_dump(mode="json"), "recipe_digest": digest}
    entries = [one for one in storage.list_files(collection.inbox) if int(one.path[-11:-4]) >= first]
    with ledger.write() as session:
        batch = batches.record_done(session, COLLECTION, "done", {**values, **places, **recipe, "started": now()})
        scans = [
            {"collection": COLLECTION, "path": one.path, "sha256": f"{number:064x}", "bytes": 0, "first_seen": now()}
            | {"fingerprint": fingerprint(one)}
            for number, one in enumerate(entries, first)
        ]
        ids = session.scalars(insert(Scan).returning(Scan.id), scans).all()
        outcome = {"recipe_digest": digest, "batch_id": batch.id, "outcome": Outcome.RESTORED, "figures": FIGURES}
        session.execute(insert(OutcomeRow), [{"scan_id": one, "recorded": now(), **outcome} for one in ids])


def _receive(folder: str, batch: str) -> dict[str, Any]:
    """Receive, find nothing new, and return what that and a listing alone cost this new process."""
    from pipeline.stages.receive import receive

    started = time.process_time()
    files = sum(1 for _ in storage.list_files(f"{folder}/in"))
    listed, processor, started = time.process_time() - started, time.process_time(), time.perf_counter()
    assert receive(_collection(folder), batch=batch) == [] and files
    return {
        "seconds": time.perf_counter() - started,
        "processor": time.process_time() - processor,
        "listing": listed,
        "peak": peak_memory(),
    }
