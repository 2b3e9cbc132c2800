"""The review application inside Airflow: below `/restoration/` of the API server, for Airflow's own users."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from pipeline.review.access import User

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
        """Trigger the run, in the name of the user."""
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.utils.types import DagRunTriggeredByType

        trigger_dag(
            f"restore_{collection}",
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name=user.name,
            conf={"source": path},
            note=f"marks decided by {user.name}",
        )

    def problem(self, collection: str, path: str) -> str:
        """Return nothing: Airflow shows what became of its runs."""
        return ""


def _applications() -> list[dict[str, Any]]:
    """Return the application as Airflow mounts it; none outside the API server."""
    if not RUNS_IN_API_SERVER:
        return []
    return [{"app": _application(), "url_prefix": "/restoration", "name": "Restoration review"}]


def _application() -> FastAPI:
    from pipeline.ledger.migrate import shared_ledger
    from pipeline.review.application import create_application
    from pipeline.settings import settings

    current = settings()
    return create_application(
        AirflowAccess(), shared_ledger(current.ledger_url), current.cache / "tiles", AirflowRedo()
    )


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
