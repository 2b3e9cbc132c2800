"""End the runs of collections that were removed from the collections file.

Airflow never looks again at a run whose DAG is gone: it would stay "running" for ever. So a removed collection that has
a batch under way keeps its DAG for a while. Each of its tasks gives up the batch and fails, which ends the run.
"""

from __future__ import annotations

import logging
from collections.abc import Collection as Names
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from dags.restoration.graph import build_dag
from dags.restoration.plain_failure import plain
from pipeline.errors import RestorationError
from pipeline.escape import error_line
from pipeline.settings import Collection, settings

if TYPE_CHECKING:
    from airflow.sdk import DAG, Context

log = logging.getLogger(__name__)


def removed_dags(known: Names[str]) -> dict[str, DAG]:
    """Return a DAG for each collection that is not known any more and may have a run that waits.

    Args:
        known: ids of the DAGs that the collections files define.
    """
    from pipeline.ledger import batches
    from pipeline.ledger.migrate import ledger_exists, shared_ledger

    # As long as a task waits at most, and a day more.
    lately = timedelta(hours=settings().wait_hours) + timedelta(days=1)
    if not ledger_exists(settings().ledger_url):
        return {}
    try:
        with shared_ledger(settings().ledger_url).read() as session:
            found = batches.lately_under_way(session, lately)
    except RestorationError as error:
        log.warning("Whether removed collections have runs under way is not known: %s", error_line(error))
        return {}
    names = {f"restore_{name}": name for name in found}
    return {dag_id: _build(dag_id, name) for dag_id, name in names.items() if dag_id not in known}


def _build(dag_id: str, name: str) -> DAG:
    """Return the DAG of a removed collection, whose tasks fail before they do anything."""
    removed = Collection(name=name, title=f"{name} (removed)", inbox="removed", output="removed", schedule=None)
    return build_dag(dag_id, removed, before_task=plain(_give_up))


def _give_up(context: Context) -> None:
    """Give up the run's batch, and fail.

    Raises:
        AirflowFailException: always.
    """
    from pipeline.ledger import batches
    from pipeline.ledger.migrate import shared_ledger

    run: Any = context["dag_run"]
    with shared_ledger(settings().ledger_url).write() as session:
        row = batches.of_run(session, run.dag_id, run.run_id)
        if row is not None and row.state in batches.UNFINISHED:
            batches.abandon(session, row.id)
    raise AirflowFailException("The collection was removed from the collections file: its batch is given up")
