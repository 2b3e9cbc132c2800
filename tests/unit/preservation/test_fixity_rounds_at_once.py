"""Several checks of one collection that begin in the same instant: one reads, on either database."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from postgres_server import postgres
from sqlalchemy import func, select

from pipeline.ledger import batches
from pipeline.ledger.database import Ledger
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import FixityRound
from pipeline.preservation.fixity_round import CheckUnderWay, check_output
from pipeline.upkeep.outputs import Output

FORK = multiprocessing.get_context("fork")
AT_ONCE = 8


def check(url: str, output: Output, start) -> None:
    ledger = Ledger(url)
    start.wait()
    try:
        check_output(ledger, output, masters=False)
    except CheckUnderWay:
        return


def begin_at_once(url: str, folder: Path) -> None:
    """Lets processes begin a check in one instant, and asserts that there is one round."""
    ledger = upgrade(url)
    (folder / "out").mkdir()
    (folder / "out/file").touch()
    fixed = dict.fromkeys(("inbox", "engine", "engine_digest", "code_version"), "x")
    with ledger.write() as session:
        batches.open_batch(
            session, "c", "b1", fixed | {"output": str(folder / "out"), "recipe": {}, "recipe_digest": "r"}
        )
    output, start = Output("c", str(folder / "out"), [], []), FORK.Barrier(AT_ONCE)
    running = [FORK.Process(target=check, args=(url, output, start)) for _ in range(AT_ONCE)]
    for one in running:
        one.start()
    for one in running:
        one.join(60)
    assert [one.exitcode for one in running] == [0] * AT_ONCE
    with ledger.read() as session:
        assert session.scalar(select(func.count()).select_from(FixityRound)) == 1


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_checks_that_begin_at_once_are_one_round(tmp_path, database: str) -> None:
    if database == "sqlite":
        begin_at_once(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
        return
    with postgres("ledger") as server:
        begin_at_once(server.url("ledger"), tmp_path)
