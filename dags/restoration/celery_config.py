"""Configure Celery workers to import what tasks need before they fork them (`[celery] celery_config_options`)."""

from __future__ import annotations

from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

CELERY_CONFIG: dict[str, Any] = {
    **DEFAULT_CELERY_CONFIG,
    # A worker imports these before it starts the processes from which tasks are forked. Nothing else reads them.
    "imports": [*DEFAULT_CELERY_CONFIG.get("imports", ()), "dags.restoration.preload"],
}
"""Airflow's own configuration of Celery, with our imports."""
