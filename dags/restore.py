"""One Airflow DAG per collection of the collections file; an invalid entry disables only its own collection."""

from dags.restoration.factory import build_dags

dags, _ = build_dags()
globals().update(dags)
