"""Import what Airflow and the tasks of a run import, in the process from which a machine's tasks are forked.

Named by `[scheduler] mp_forkserver_preload` in `scripts/with-airflow`, and for Celery workers by `celery_config`;
nothing else imports it.
"""

import airflow.dag_processing.dagbag
import airflow.sdk.execution_time.task_runner  # noqa: F401
from airflow.sdk.listener import get_listener_manager

import dags.restoration.factory
import dags.restoration.next_batch
import dags.restoration.smtp  # noqa: F401
import pipeline.stages.preload  # noqa: F401

# Reads the plugins.
get_listener_manager()
