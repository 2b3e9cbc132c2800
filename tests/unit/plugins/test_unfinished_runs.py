"""A run is no success while the ledger knows its batch as unfinished."""

from __future__ import annotations

from pathlib import Path

import pytest
from triggers import load

from pipeline.ledger import batches
from pipeline.ledger.migrate import upgrade
from pipeline.settings import settings

pytestmark = pytest.mark.airflow

VALUES = dict.fromkeys(("inbox", "output", "recipe_digest", "engine", "engine_digest", "code_version"), "x")


@pytest.mark.parametrize(
    ("dag_id", "run_id", "state", "becomes"),
    [
        ("restore_c", "open", "success", "failed"),
        # Marked as a success while its last task is still to come.
        ("restore_c", "open", "running", "running"),
        ("restore_c", "done", "success", "success"),
        ("restore_c", "nothing-new", "success", "success"),
        ("train_digits", "open", "success", "success"),
    ],
)
def test_a_success_that_the_ledger_contradicts_is_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dag_id: str, run_id: str, state: str, becomes: str
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import DagRunState

    url = f"sqlite:///{tmp_path}/ledger.db"
    monkeypatch.setenv("RESTORATION_LEDGER_URL", url)
    settings.cache_clear()
    with upgrade(url).write() as session:
        for name in ("open", "done"):
            row = batches.open_batch(session, "c", name, VALUES | {"recipe": {}, "dag_id": "restore_c", "run_id": name})
            batches.commit_received(session, row.id, {"received": 3})
        batches.finish(session, row.id, {})
    run = DagRun(dag_id=dag_id, run_id=run_id)
    run.set_state(DagRunState(state))
    load("unfinished_runs").UnfinishedRuns().on_dag_run_success(dag_run=run)
    settings.cache_clear()
    assert run.state == becomes
    assert ("0 of 3 scans have an outcome" in (run.note or "")) is (state != becomes)
