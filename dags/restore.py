"""One Airflow DAG per collection of the collections file; an invalid entry disables only its own collection."""

from dags.restoration.factory import build_dags
from dags.restoration.removed import removed_dags

dags, problems = build_dags()
# A collection with a mistake is not removed.
globals().update(dags if problems else {**dags, **removed_dags(dags)})
