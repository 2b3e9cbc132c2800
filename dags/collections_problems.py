"""Show every mistake of the collections file among Airflow's import errors; the other DAGs are not affected."""

from dags.restoration.factory import build_dags
from pipeline.errors import ConfigurationError

_, problems = build_dags()
if problems:
    raise ConfigurationError("\n".join(problems))
