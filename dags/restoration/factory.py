"""Build the DAGs from the collections file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from airflow.sdk.exceptions import AirflowTimetableInvalid

from dags.restoration.graph import build_dag
from pipeline.errors import ConfigurationError
from pipeline.settings import load_collections, settings

if TYPE_CHECKING:
    from airflow.sdk import DAG


def collections_files() -> list[Path]:
    """Return the collections files to read: the installation's, and the one that `make demo` writes.

    As long as no collection exists the file may be missing, unless the environment names one.
    """
    own = settings().collections
    named = [own] if own.exists() or "collections" in settings().model_fields_set else []
    demo = Path(os.environ.get("AIRFLOW_HOME", ".airflow"), "demo", "collections.yaml")
    return named + ([demo] if demo.exists() else [])


def build_dags() -> tuple[dict[str, DAG], list[str]]:
    """Return the DAGs by their ids, and one line for each mistake."""
    dags: dict[str, DAG] = {}
    problems: list[str] = []
    for path in collections_files():
        try:
            found = load_collections(path)
        except ConfigurationError as error:
            problems.append(str(error))
            continue
        problems += [f"{path}: {problem}" for problem in found.problems]
        for collection in found.collections:
            dag_id = f"restore_{collection.name}"
            if dag_id in dags:
                problems.append(f"{path}: {collection.name}: another collections file has this name already")
                continue
            try:
                dags[dag_id] = build_dag(dag_id, collection)
            except AirflowTimetableInvalid as error:
                line = _line(path, "collections", collection.name, "schedule")
                message = f"{collection.schedule!r} is not a cron expression: {error}"
                problems.append(f"{path}: line {line}: {collection.name}.schedule: {message}")
            except Exception as error:  # what Airflow refuses in one collection must not disable the others
                problems.append(f"{path}: {collection.name}: {type(error).__name__}: {error}")
    return dags, problems


def _line(path: Path, *keys: str) -> int:
    """Return the 1-based line of a nested key in a YAML file."""
    node, line = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader), 1
    for wanted in keys:
        assert isinstance(node, yaml.MappingNode)
        key, node = next((key, value) for key, value in node.value if key.value == wanted)
        line = key.start_mark.line + 1
    return line
