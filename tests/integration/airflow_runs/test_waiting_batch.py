"""A batch whose output cannot be written waits, says why and that it is late, and continues when it can."""

from __future__ import annotations

import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest
from airflow_home import start_run, wait_for_run
from mail_server import Mailbox
from small_inbox import outcomes, write_inbox

from scripts.airflow_api import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def test_a_waiting_batch_says_why_is_late_once_and_continues_by_itself(airflow, mailbox: Mailbox, tmp_path):
    write_inbox(tmp_path / "inbox")
    # Root may write everywhere, so a file takes the folder's place.
    (tmp_path / "out").write_text("in the way")
    place = {"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out")}
    airflow.write(waiting=place | {"recipients": ["archive@example.org"], "finish_by": "06:00"})
    environment = {"AIRFLOW_CONN_SMTP_DEFAULT": mailbox.connection, "RESTORATION_RETRY_SECONDS": "0.5"}
    with airflow.running(**environment) as api:
        # Scheduled two days ago, like one that an outage has delayed: so its hour has passed already.
        run = start_run(api, "waiting", run_after=f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}T02:00:00Z")

        wait_until(
            lambda: any("not finished by 06:00" in subject for subject in mailbox.subjects()),
            "the mail about the late batch did not come",
            seconds=300,
        )
        [receive] = [one for one in api.tasks(run) if one["task_id"] == "receive"]
        assert receive["state"] in ("up_for_retry", "running", "queued", "scheduled")
        assert api.get(run)["state"] == "running"
        [waiting] = wait_until(
            lambda: [one for one in mailbox.messages if one["Subject"] == "waiting: the restoration waits"],
            "the mail about the waiting batch did not come",
            seconds=300,
        )
        text = waiting.get_payload(decode=True).decode()
        words = " ".join(text.split())  # of the output, or of the work area in it, whichever was tried first
        assert f"{tmp_path}/out" in words
        assert "cannot be written: there is a file where a folder is needed" in words
        assert f"/dags/restore_waiting/runs/{urllib.parse.quote(api.get(run)['dag_run_id'])}" in text

        (tmp_path / "out").unlink()
        assert wait_for_run(api, run) == "success"
        [report] = (tmp_path / "out").glob("reports/*/report.parquet")
        assert len(outcomes(report.read_bytes())) == 4
        assert len(mailbox.messages) == 3, mailbox.subjects()
        assert "restored" in mailbox.subjects()[2]
        logs = [path.read_text() for path in airflow.home.rglob("task_id=receive/attempt=1.log")]
        assert "there is a file where a folder is needed" in "".join(logs)
