"""One Airflow DAG per collection of the collections file; what is wrong in it costs that collection alone."""

from dags.restoration.factory import build_all

dags, _ = build_all()
globals().update(dags)
