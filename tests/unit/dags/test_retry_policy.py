"""Retries of a task that ends with an error: waiting is counted apart from failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.airflow

# In another process: importing Airflow would disable the loggers of this one.
SCRIPT = """
import json, sys
from datetime import datetime, timedelta, timezone

sys.path.append("plugins")
from airflow.sdk.definitions.retry_policy import RetryAction
from dags.restoration import retry_policy, retry_state
from finish_by import next_hour
from pipeline.errors import ConfigurationError, OutputNotWritable, StoreUnavailable


class Store(dict):
    def set(self, key, value):
        self[key] = json.loads(json.dumps(value))


def evaluate(*errors):
    context = {"task_state_store": Store(), "ti": None}
    decisions = []
    for error in errors:
        retry_state.count_attempt(context)
        if error is not None:
            decisions.append(retry_policy.RETRY_POLICY.evaluate(error, 1, 500, context))
    return decisions, retry_state.count_attempt(context)


def summary(decision):
    return [decision.action.value, decision.retry_delay and decision.retry_delay.total_seconds(), decision.reason]


found = {}
found["configuration"] = summary(evaluate(ConfigurationError("no such\\nfolder"))[0][-1])
found["sixth"] = [summary(one)[:2] for one in evaluate(*[ValueError("x")] * 6)[0]]
waits = [OutputNotWritable("full")] * 30 + [ValueError("x")] * 5
decisions, _ = evaluate(*waits)
found["waits"] = [summary(decisions[n])[:2] for n in (0, 1, 29, 34)]
found["memory"] = evaluate(MemoryError(), None, None, StoreUnavailable("away"))[1].__dict__
retry_policy.WAIT_SECONDS = 0
found["too long"] = summary(evaluate(StoreUnavailable("away"))[0][-1])

berlin = lambda moment, hour: next_hour(datetime.fromisoformat(moment), hour, "Europe/Berlin").isoformat()
found["hours"] = [
    berlin("2026-11-20T01:00:00+00:00", "06:00"),
    berlin("2026-11-20T05:00:00+00:00", "06:00"),
    berlin("2026-10-24T22:30:00+00:00", "06:00"),
    berlin("2026-03-28T23:30:00+00:00", "06:00"),
]

from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable

now = datetime.now(timezone.utc)
nightly = CronTriggerTimetable("0 2 * * *", timezone="Europe/Berlin")
last = now - timedelta(days=5)
after = nightly.next_dagrun_info(
    last_automated_data_interval=DataInterval.exact(last),
    restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
)
found["after an outage"] = (now - after.run_after).total_seconds() / 3600
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = tmp_path_factory.mktemp("airflow")
    done = subprocess.run(
        [ROOT / "scripts" / "with-airflow", sys.executable, "-W", "ignore", "-c", SCRIPT],
        env=os.environ | {"AIRFLOW_HOME": str(home), "RESTORATION_RETRY_SECONDS": "30"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_an_error_that_no_retry_can_solve_fails_immediately_and_says_why(found):
    assert found["configuration"] == ["fail", None, "no such folder"]


def test_a_failing_task_is_tried_six_times(found):
    assert found["sixth"] == [
        ["retry", 30],
        ["retry", 60],
        ["retry", 120],
        ["retry", 240],
        ["retry", 480],
        ["fail", None],
    ]


def test_a_waiting_task_is_retried_for_a_day_and_waiting_counts_as_no_failure(found):
    assert found["waits"] == [["retry", 30], ["retry", 60], ["retry", 600], ["retry", 480]]
    assert found["too long"] == ["fail", None, "away"]


def test_attempts_that_ran_out_of_memory_or_were_killed_are_counted(found):
    memory = found["memory"]
    assert (memory["attempts"], memory["errors"], memory["waits"], memory["memory_errors"]) == (5, 2, 1, 1)


def test_the_hour_follows_the_clock_also_when_it_changes(found):
    assert found["hours"] == [
        "2026-11-20T05:00:00+00:00",
        "2026-11-21T05:00:00+00:00",
        "2026-10-25T05:00:00+00:00",
        "2026-03-29T04:00:00+00:00",
    ]


def test_after_an_outage_only_the_last_scheduled_run_is_caught_up(found):
    assert 0 <= found["after an outage"] <= 25
