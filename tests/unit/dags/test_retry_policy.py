"""What becomes of a task that ends with an error: what waits is counted apart from what fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.airflow

# In a process of its own: importing Airflow switches off the loggers of this one.
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


def judge(*errors):
    context = {"task_state_store": Store(), "ti": None}
    decisions = []
    for error in errors:
        retry_state.count_attempt(context)
        if error is not None:
            decisions.append(retry_policy.RETRY_POLICY.evaluate(error, 1, 500, context))
    return decisions, retry_state.count_attempt(context)


def told(decision):
    return [decision.action.value, decision.retry_delay and decision.retry_delay.total_seconds(), decision.reason]


said = {}
said["configuration"] = told(judge(ConfigurationError("no such\\nfolder"))[0][-1])
said["sixth"] = [told(one)[:2] for one in judge(*[ValueError("x")] * 6)[0]]
waits = [OutputNotWritable("full")] * 30 + [ValueError("x")] * 5
decisions, past = judge(*waits)
said["waits"] = [told(decisions[n])[:2] for n in (0, 1, 29, 34)]
said["memory"] = judge(MemoryError(), None, None, StoreUnavailable("away"))[1].__dict__
retry_policy.WAIT_SECONDS = 0
said["too long"] = told(judge(StoreUnavailable("away"))[0][-1])

berlin = lambda moment, hour: next_hour(datetime.fromisoformat(moment), hour, "Europe/Berlin").isoformat()
said["hours"] = [
    berlin("2026-11-20T01:00:00+00:00", "06:00"),
    berlin("2026-11-20T05:00:00+00:00", "06:00"),
    berlin("2026-10-24T22:30:00+00:00", "06:00"),
    berlin("2026-03-28T23:30:00+00:00", "06:00"),
]

from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable

now = datetime.now(timezone.utc)
night = CronTriggerTimetable("0 2 * * *", timezone="Europe/Berlin")
last = now - timedelta(days=5)
after = night.next_dagrun_info(
    last_automated_data_interval=DataInterval.exact(last),
    restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
)
said["after an outage"] = (now - after.run_after).total_seconds() / 3600
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict:
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


def test_what_no_try_can_mend_fails_at_once_and_says_why(said):
    assert said["configuration"] == ["fail", None, "no such folder"]


def test_what_fails_is_tried_six_times(said):
    assert said["sixth"] == [
        ["retry", 30],
        ["retry", 60],
        ["retry", 120],
        ["retry", 240],
        ["retry", 480],
        ["fail", None],
    ]


def test_what_waits_is_tried_for_a_day_and_costs_no_tries(said):
    assert said["waits"] == [["retry", 30], ["retry", 60], ["retry", 600], ["retry", 480]]
    assert said["too long"] == ["fail", None, "away"]


def test_tries_that_ran_out_of_memory_or_were_killed_are_known(said):
    memory = said["memory"]
    assert (memory["attempts"], memory["errors"], memory["waits"], memory["memory_errors"]) == (5, 2, 1, 1)


def test_the_hour_is_the_clocks_also_when_it_is_changed(said):
    assert said["hours"] == [
        "2026-11-20T05:00:00+00:00",
        "2026-11-21T05:00:00+00:00",
        "2026-10-25T05:00:00+00:00",
        "2026-03-29T04:00:00+00:00",
    ]


def test_after_an_outage_the_last_night_is_caught_up_at_once_and_no_other(said):
    assert 0 <= said["after an outage"] <= 25
