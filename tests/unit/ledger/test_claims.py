"""Claims: exclusive, renewable, and free once they have expired."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from postgres_server import PostgresServer
from sqlalchemy import select, text, update

from pipeline.ledger import claims
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import upgrade
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


def test_renewing_leaves_alone_what_was_just_renewed(either: Ledger, make_batch, make_scan) -> None:
    with either.write() as session:
        batch = make_batch(session, "b1")
        ids = [make_scan(session, f"{n}.png") for n in range(2)]
        claims.take(session, batch, "r", ids)
        soon, later = now() + timedelta(minutes=1), now() + claims.TIME_TO_LIVE - timedelta(seconds=5)
        for scan, expires in zip(ids, (soon, later), strict=True):
            session.execute(update(Claim).where(Claim.scan_id == scan).values(expires=expires))
        claims.renew(session, batch)
        first, second = session.scalars(select(Claim.expires).order_by(Claim.scan_id)).all()
    assert first > later and second == later


def test_tasks_that_renew_and_release_at_once_do_not_wait_for_each_other(
    server: PostgresServer, make_batch, make_scan
) -> None:
    server.create("claims_at_once")
    ledger = upgrade(server.url("claims_at_once"))
    with ledger.write() as session:
        batch = make_batch(session, "b1")
        ids = [make_scan(session, f"{n}.png") for n in range(3)]
        claims.take(session, batch, "r", ids)
        session.execute(update(Claim).values(expires=now()))
    with ledger.write() as first:
        claims.release(first, batch, ids[:1])
        with ledger.write() as second:
            second.execute(text("SET LOCAL lock_timeout = '2s'"))
            claims.renew(second, batch)
            with ledger.write() as third:
                third.execute(text("SET LOCAL lock_timeout = '2s'"))
                claims.renew(third, batch)
    with ledger.read() as session:
        left = {claim.scan_id: claim.expires for claim in session.scalars(select(Claim))}
    assert set(left) == set(ids[1:]) and min(left.values()) > now() + claims.TIME_TO_LIVE / 2


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
