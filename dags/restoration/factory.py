"""Build the DAGs from the collections file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dags.restoration.graph import build_dag
from pipeline.errors import ConfigurationError
from pipeline.escape import error_line
from pipeline.settings.installed import collections_files, in_force, installed_collections

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from pipeline.settings import Collection

HOME = Path(os.environ.get("AIRFLOW_HOME", ".airflow"))


def build_dags() -> tuple[dict[str, DAG], list[str]]:
    """Return the DAGs by their ids, and one line for each mistake."""
    dags: dict[str, DAG] = {}
    problems: list[str] = []
    try:
        files = collections_files(HOME)
    except ConfigurationError as error:
        return {}, [error_line(error)]
    for path in files:
        found = in_force(path, HOME)
        problems += found.problems
        for collection in found.collections:
            dag_id = f"restore_{collection.name}"
            if dag_id in dags:
                problems.append(f"{path}: {collection.name}: another collections file has this name already")
                continue
            try:
                dags[dag_id] = build_dag(dag_id, collection)
            except Exception as error:  # what Airflow refuses in one collection must not disable the others
                problems.append(f"{path}: {collection.name}: Airflow refuses this collection ({error_line(error)})")
    return dags, problems


def all_collections() -> list[Collection]:
    """Return every collection in force; mistakes are named by `build_dags`."""
    return list(installed_collections(HOME).collections)


def find_collection(name: str) -> Collection:
    """Return a collection that has a DAG.

    Raises:
        ConfigurationError: there is none of that name.
    """
    found = {one.name: one for one in all_collections()}
    if name not in found:
        raise ConfigurationError(f"there is no collection {name!r} (known: {', '.join(found) or 'none'})")
    return found[name]
