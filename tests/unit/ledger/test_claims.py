"""Claims: exclusive, renewable, and free once they have expired."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from sqlalchemy import select, update

from pipeline.ledger import claims
from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Claim


def test_claims_are_exclusive_renewable_and_expire(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        one, two = make_batch(session, "b1"), make_batch(session, "b2")
        ids = [make_scan(session, f"{n}.png") for n in range(3)]
        assert claims.take(session, one, "r", ids[:2]) == set(ids[:2])
        assert claims.take(session, one, "r", ids[:2]) == set(ids[:2])
        assert claims.take(session, two, "r", ids) == {ids[2]}
        assert claims.take(session, two, "other recipe", ids) == set(ids)
        holders = session.scalars(select(Claim.batch_id).where(Claim.recipe_digest == "r")).all()
        assert (holders.count(one), holders.count(two)) == (2, 1)
        session.execute(update(Claim).where(Claim.scan_id == ids[0]).values(expires=now() - timedelta(seconds=1)))
        assert claims.take(session, two, "r", ids) == {ids[0], ids[2]}
        claims.renew(session, one)
        claims.release(session, one)
        assert claims.take(session, two, "r", ids) == set(ids)


def test_processes_share_scans_without_overlap(ledger: Ledger, make_batch, make_scan) -> None:
    with ledger.write() as session:
        ids = [make_scan(session, f"{n}.png") for n in range(60)]
        numbers = [make_batch(session, f"b{n}") for n in range(3)]
    code = """
import sys
from pipeline.ledger import claims
from pipeline.ledger.database import Ledger
ledger, batch, taken = Ledger(sys.argv[1]), int(sys.argv[2]), 0
for scan in range(1, 61):
    with ledger.write() as session:
        taken += len(claims.take(session, batch, "r", [scan]))
print(taken)
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, ledger.url, str(batch)], stdout=subprocess.PIPE, text=True)
        for batch in numbers
    ]
    assert sum(int(process.communicate(timeout=120)[0]) for process in running) == len(ids)
