"""The DAG that trains the networks for digits: three trainings side by side, then the measurement; no schedule."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.airflow


def test_it_trains_side_by_side_and_then_measures(parse):
    bag = parse("collections: {}\n")
    dag, tasks = bag.dags["train_digits"], bag.tasks("train_digits")
    assert dag["timetable"]["__type"].endswith("NullTimetable")
    trainings = {"train_judge", "train_paper", "train_region"}
    assert set(tasks) == trainings | {"measure"}
    assert {name for name in trainings if tasks[name]["downstream_task_ids"] == ["measure"]} == trainings
    assert [name for name, *_ in dag["params"]] == ["data", "output", "seed", "digits", "epochs"]
    assert "torch" not in bag.modules
