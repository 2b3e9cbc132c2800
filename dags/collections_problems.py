"""Shows every mistake of the collections file among Airflow's import errors, while the other DAGs go on."""

from dags.restoration.factory import build_all
from pipeline.errors import ConfigurationError

_, problems = build_all()
if problems:
    raise ConfigurationError("\n".join(problems))
