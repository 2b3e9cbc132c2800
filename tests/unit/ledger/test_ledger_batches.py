"""Batches: opened and received once, and adopted when their process has ended."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.ledger import batches
from pipeline.ledger.database import Ledger
from pipeline.ledger.processes import has_ended, process_name


def test_a_batch_is_opened_once_and_received_once(ledger: Ledger, make_batch) -> None:
    with ledger.write() as session:
        batch = make_batch(session)
        assert make_batch(session) == batch
        assert batches.commit_received(session, batch, {"attempt": "t1", "chunks": 2, "received": 5})
        assert not batches.commit_received(session, batch, {"attempt": "t2", "chunks": 3, "received": 6})
        assert batches.get(session, "c", "b1").attempt == "t1"
        with pytest.raises(LookupError):
            batches.get(session, "c", "other")


def test_a_batch_whose_process_has_ended_is_adopted_once(ledger: Ledger, make_batch) -> None:
    code = "from pipeline.ledger.processes import process_name; print(process_name(), end='')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert has_ended(ended)
    assert not has_ended(process_name()) and not has_ended("") and not has_ended("elsewhere 1 2")
    with ledger.write() as session:
        make_batch(session, "alive", owner=process_name())
        make_batch(session, "of a scheduler")
        dead = make_batch(session, "dead", owner=ended)
        assert [batch.id for batch in batches.orphaned(session, "c")] == [dead]
        assert batches.adopt(session, dead, ended, process_name())
        assert not batches.adopt(session, dead, ended, process_name())
        batches.abandon(session, dead)
        assert len(batches.unfinished(session, "c")) == 2
