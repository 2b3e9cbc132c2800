"""A batch whose output cannot be written: it waits, says why, is told to be late, and goes on when that is mended."""

from __future__ import annotations

import sys
import time
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from rest import Client, free_port
from small_inbox import outcomes, write_inbox
from test_dag_run import Mailbox, smtp

SCRIPTS = Path(__file__).parents[3] / "scripts"
pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def wait_for(what: Callable[[], Any], seconds: float = 300) -> Any:
    """Returns what becomes true, or fails."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.5)
    return found


def test_a_batch_that_waits_tells_why_is_late_once_and_goes_on_by_itself(airflow, tmp_path):
    write_inbox(tmp_path / "inbox")
    # Root may write everywhere, so a file stands in the way.
    (tmp_path / "out").write_text("in the way")
    mailbox = Mailbox()
    mail = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    mail.start()
    port = free_port()
    place = {"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out")}
    airflow.write(dusk=place | {"recipients": ["archive@example.org"], "finish_by": "06:00"})
    environment = {
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW_CONN_SMTP_DEFAULT": smtp(mail.port),
        "RESTORATION_RETRY_SECONDS": "0.5",
    }
    try:
        airflow.run(sys.executable, SCRIPTS / "server.py", "up", **environment)
        api = Client(port, airflow.home)
        # Due last night, like one that an outage has held up: so its hour has passed already.
        run = api.start("dusk", run_after=f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}T02:00:00Z")

        def subjects() -> list[str]:
            return [str(make_header(decode_header(message["Subject"]))) for message in mailbox.messages]

        wait_for(lambda: any("not finished by 06:00" in subject for subject in subjects()))
        [receive] = [one for one in api.tasks(run) if one["task_id"] == "receive"]
        assert receive["state"] in ("up_for_retry", "running", "queued", "scheduled")
        assert api("GET", run)["state"] == "running"
        [waiting] = wait_for(
            lambda: [one for one in mailbox.messages if one["Subject"] == "dusk: the restoration waits"]
        )
        waiting = waiting.get_payload(decode=True).decode()
        told = " ".join(waiting.split())  # of the output, or of the work area in it, whichever was asked for first
        assert f"{tmp_path}/out" in told
        assert "cannot be written: there is a file where a folder is needed" in told
        assert f"/dags/restore_dusk/runs/{urllib.parse.quote(api('GET', run)['dag_run_id'])}" in waiting

        (tmp_path / "out").unlink()
        assert api.wait(run) == "success"
        [report] = (tmp_path / "out").glob("reports/*/report.parquet")
        assert len(outcomes(report.read_bytes())) == 4
        assert len(mailbox.messages) == 3, subjects()
        assert "restored" in subjects()[2]
        logs = [path.read_text() for path in airflow.home.rglob("task_id=receive/attempt=1.log")]
        assert "there is a file where a folder is needed" in "".join(logs)
    finally:
        airflow.run(sys.executable, SCRIPTS / "server.py", "down", **environment)
        mail.stop()
