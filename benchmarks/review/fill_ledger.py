"""Fill a ledger with many results and open marks, beside the few that have files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, select, text

from pipeline.ledger import batches
from pipeline.ledger.database import Ledger
from pipeline.ledger.reviews import FILLED, IN_REVIEW, OPEN_MARKS
from pipeline.ledger.tables import Base, Batch, OutcomeRow, Publication, Review, Scan

KINDS = ("dust", "hair", "scratch", "crack", "loss", "line")
REASONS = ("doubt", "face", "text", "swarm", "broad")
STATES = ("open", "open", "open", "unasked", "accepted", "later")
PEOPLE = ("Anna Weber", "Bert Jansen", "Chiara Rossi")
BATCHES, PAGE = 40, 5000
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill_ledger(ledger: Ledger, output: str, scans: int, marks: int) -> None:
    """Record results with open marks: every second scan has some, which together are `marks`.

    Args:
        output: URI of the collection's results.
        scans: how many results.
    """
    rng = np.random.default_rng(5)
    share = rng.gamma(1.0, 1.0, scans) * (rng.random(scans) < 0.5)
    counts = np.floor(share * marks / share.sum()).astype(int)
    counts[np.argmax(counts)] += marks - counts.sum()
    with ledger.write() as session:
        keys = []
        for number in range(BATCHES):
            batch = Batch(
                collection="archive", name=f"b{number:03}", state=str(batches.BatchState.DONE), inbox="/in",
                output=output, recipe={}, recipe_digest="r", engine="rn", engine_digest="e", code_version="b",
                started=START + timedelta(days=number),
            )  # fmt: skip
            session.add(batch)
            session.flush()
            keys.append(batch.id)
        first = 1_000_000
        for page in _pages(scans):
            for table, rows in _rows(rng, page, first, counts, keys, output):
                session.execute(insert(table), rows)
        session.execute(text("ANALYZE"))


def is_filled(ledger: Ledger) -> bool:
    """Return whether an earlier run has filled the ledger."""
    with ledger.read() as session:
        return session.scalars(select(Batch.id).where(Batch.collection == "archive")).first() is not None


def _pages(scans: int) -> Iterator[range]:
    for begin in range(0, scans, PAGE):
        yield range(begin, min(scans, begin + PAGE))


def _rows(
    rng: np.random.Generator, page: range, first: int, counts: np.ndarray, keys: list[int], output: str
) -> Iterator[tuple[type[Base], list[dict[str, Any]]]]:
    """Yield the rows of each table for some results."""
    found: dict[type[Base], list[dict[str, Any]]] = {Scan: [], OutcomeRow: [], Publication: [], Review: []}
    for number in page:
        scan, marks = first + number, int(counts[number])
        batch = keys[number * BATCHES // max(1, len(counts))]
        path, moment = f"Fonds {number // 1000:03}/Müller {number:06}.tif", START + timedelta(minutes=number)
        held = number % 50 == 0
        state = "open" if held else STATES[number % len(STATES)] if marks else "unasked"
        kinds = rng.choice(KINDS, 2) if marks else []
        decided = state in ("accepted", "later")
        found[Scan].append(
            {
                "id": scan,
                "collection": "archive",
                "path": path,
                "sha256": f"{number:064x}",
                "bytes": 1,
                "width": 6000,
                "height": 4000,
                "first_seen": moment,
            }
        )
        found[OutcomeRow].append(
            {
                "scan_id": scan,
                "recipe_digest": "r",
                "batch_id": batch,
                "outcome": "review" if held else "restored",
                "figures": {"estimate_psnr": 30.0},
                "recorded": moment,
            }
        )
        found[Publication].append(
            {"collection": "archive", "key": path.casefold(), "stem": path[:-4], "path": path, "scan_id": scan}
        )
        found[Review].append(
            {
                "scan_id": scan, "recipe_digest": "r", "batch_id": batch, "collection": "archive",
                "outcome": "review" if held else "restored", "state": state,
                "priority": (IN_REVIEW if held else OPEN_MARKS if marks else FILLED) + 20 + 20 * rng.random(),
                "marks": marks, "kinds": f",{','.join(sorted(set(kinds)))}," if marks else "",
                "reasons": f",{REASONS[number % len(REASONS)]}," if marks else "", "recorded": moment, "version": 0,
                "decided_by": PEOPLE[number // len(STATES) % len(PEOPLE)] if decided else "",
                "decided": moment if decided else None,
            }
        )  # fmt: skip
    yield from found.items()
