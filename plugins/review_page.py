"""The review application inside Airflow: below `/restoration/` of the API server, for Airflow's own users."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from pipeline.review.access import User
    from pipeline.review.decisions.redo import Problem
    from pipeline.review.installation import FailedTask, RunState
    from pipeline.settings import InForce

# Of the DAGs of collections.
PREFIX = "restore_"
# The plugin's module is also imported by scheduler, triggerer and workers, which serve no pages.
RUNS_IN_API_SERVER = "api-server" in sys.argv


class AirflowAccess:
    """Knows the user of a request as Airflow does: by its cookie, or by the token of an API client."""

    @property
    def sign_in(self) -> str:
        """Where Airflow's users sign in, below the path of its base address."""
        from airflow.api_fastapi.app import AUTH_MANAGER_FASTAPI_APP_PREFIX

        return f"{AUTH_MANAGER_FASTAPI_APP_PREFIX}/login"

    async def user(self, request: Request) -> User | None:
        """Return the user with the rights that Airflow's auth manager gives; None for a request without one."""
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
        from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
        from fastapi import HTTPException

        from pipeline.review.access import Right, User

        try:
            found = await get_user(request, None, await bearer_scheme(request))
        except HTTPException:
            return None
        manager = get_auth_manager()
        allowed = {
            Right.VIEW: manager.is_authorized_view(access_view=AccessView.PLUGINS, user=found),
            # What Airflow asks of those who answer a task that waits for a person.
            Right.DECIDE: manager.is_authorized_dag(
                method="PUT", access_entity=DagAccessEntity.HITL_DETAIL, user=found
            ),
            Right.OPERATE: manager.is_authorized_asset(method="POST", user=found),
        }
        return User(str(found.get_id()), found.get_name(), frozenset(right for right, yes in allowed.items() if yes))


class AirflowRedo:
    """Starts a run of the collection's DAG for one scan."""

    def start(self, collection: str, path: str, user: User) -> None:
        """Trigger the run, in the name of the user.

        Raises:
            NotStarted: the collection is switched off; its run would wait, and nobody would know what for.
        """
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.models.dag import DagModel
        from airflow.utils.types import DagRunTriggeredByType

        from pipeline.review.refusals import NotStarted

        dag_id = f"{PREFIX}{collection}"
        dag = DagModel.get_current(dag_id)
        if dag is not None and dag.is_paused:
            raise NotStarted("paused", name=collection)
        trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=user.name,
            conf={"source": path},
            note=f"marks decided by {user.name}",
        )

    def problem(self, collection: str, path: str) -> Problem | None:
        """Return which run failed, with its address, where the last one for the scan did."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        from pipeline.review.decisions.redo import Problem

        latest = select(DagRun).where(DagRun.dag_id == f"{PREFIX}{collection}").order_by(DagRun.id.desc()).limit(200)
        with create_session() as session:
            run = next((run for run in session.scalars(latest) if (run.conf or {}).get("source") == path), None)
            if run is None or run.state != "failed":
                return None
            return Problem(f"run {run.run_id}", run_address(run.dag_id, run.run_id))


class AirflowInstallation:
    """Knows collections as the DAGs do, and their runs from Airflow's database."""

    has_scheduler = True

    def collections(self) -> InForce:
        """Return the collections in force, and one line for each mistake of their files."""
        from pipeline.settings.installed import installed_collections

        return installed_collections(Path(os.environ.get("AIRFLOW_HOME", ".airflow")))

    def runs(self) -> dict[str, RunState]:
        """Return whether each collection's DAG is paused, and when its next run starts."""
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        from pipeline.review.installation import RunState

        wanted = select(DagModel.dag_id, DagModel.is_paused, DagModel.next_dagrun_create_after)
        with create_session() as session:
            rows = session.execute(wanted.where(DagModel.dag_id.startswith(PREFIX, autoescape=True))).all()
        return {dag_id.removeprefix(PREFIX): RunState(bool(paused), start) for dag_id, paused, start in rows}

    def failed_tasks(self) -> list[FailedTask]:
        """Return the tasks of the collections' DAGs that failed in the last fortnight, the latest first."""
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import func, select

        from pipeline.review.installation import FailedTask

        since = datetime.now(UTC) - timedelta(days=14)
        ours = DagRun.dag_id.startswith(PREFIX, autoescape=True)
        with create_session() as session:
            last = set(session.scalars(select(func.max(DagRun.id)).where(ours).group_by(DagRun.dag_id)))
            rows = session.execute(
                select(TaskInstance.task_id, TaskInstance.map_index, TaskInstance.end_date, DagRun)
                .join(DagRun, (DagRun.dag_id == TaskInstance.dag_id) & (DagRun.run_id == TaskInstance.run_id))
                .where(ours, TaskInstance.state == "failed", TaskInstance.end_date >= since)
                .order_by(TaskInstance.end_date.desc())
                .limit(50)
            ).all()
            return [
                FailedTask(
                    run.dag_id.removeprefix(PREFIX),
                    task,
                    ended or since,
                    f"{self.run_address(run.dag_id, run.run_id)}/tasks/{quote(task)}"
                    + (f"/mapped/{index}" if index >= 0 else ""),
                    run.id in last and run.state == "failed",
                )
                for task, index, ended, run in rows
            ]

    def run_address(self, dag_id: str, run_id: str) -> str:
        """Return the address of a run in Airflow's interface."""
        return run_address(dag_id, run_id)


def run_address(dag_id: str, run_id: str) -> str:
    """Return the address of a run in Airflow's interface, relative to the application."""
    return f"../dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _applications() -> list[dict[str, Any]]:
    """Return the application as Airflow mounts it; none outside the API server."""
    if not RUNS_IN_API_SERVER:
        return []
    return [{"app": _application(), "url_prefix": "/restoration", "name": "Restoration review"}]


def _application() -> FastAPI:
    from pipeline.ledger.database import Ledger
    from pipeline.ledger.migrate import upgrade
    from pipeline.review.application import create_application
    from pipeline.settings import settings

    current = settings()
    upgrade(current.ledger_url).close()
    ledger = Ledger(current.ledger_url, keeps_connections=True)
    return create_application(
        AirflowAccess(), ledger, current.cache / "tiles", AirflowRedo(),
        installation=AirflowInstallation(),
    )  # fmt: skip


def _root_path() -> str:
    """Return the path of Airflow's base address, `/` where it has none."""
    from airflow.api_fastapi.app import API_ROOT_PATH

    return API_ROOT_PATH


class ReviewPlugin(AirflowPlugin):
    """Mounts the application, and shows it in the navigation."""

    name = "restoration_review"
    fastapi_apps = _applications()
    external_views = (
        [
            {
                "name": "Restoration",
                "href": f"{_root_path()}restoration/",
                "destination": "nav",
                "url_route": "restoration",
            }
        ]
        if RUNS_IN_API_SERVER
        else []
    )
