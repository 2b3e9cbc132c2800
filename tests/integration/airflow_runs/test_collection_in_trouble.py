"""An unreadable inbox shows in the UI and by mail without any run; a removed collection's waiting run ends."""

from __future__ import annotations

import pytest
from airflow_home import start_run, wait_for_run
from mail_server import Mailbox
from small_inbox import write_inbox

from scripts.airflow_api import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def test_trouble_is_seen_and_a_removed_collections_run_ends(airflow, mailbox: Mailbox, tmp_path):
    write_inbox(tmp_path / "inbox")
    # Root may write everywhere, so a file takes the folder's place.
    (tmp_path / "out").write_text("in the way")
    silent = {"inbox": str(tmp_path / "gone"), "output": str(tmp_path / "other"), "schedule": None}
    silent |= {"watch": {}, "recipients": ["archive@example.org"]}
    place = {"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out"), "schedule": None}
    airflow.write(troubled=silent, removed=place)
    environment = {"AIRFLOW_CONN_SMTP_DEFAULT": mailbox.connection, "RESTORATION_RETRY_SECONDS": "0.5"}
    with airflow.running(**environment) as api:
        waiting = start_run(api, "removed")
        watch = api.trigger("watch_collections", "test__watch")
        assert wait_for_run(api, watch) == "failed"
        assert {one["task_id"]: one["state"] for one in api.tasks(watch)}["troubled"] == "failed"
        [mail] = [one for one in mailbox.messages if "the inbox cannot be read" in one["Subject"]]
        assert "there is no such folder" in mail.get_payload(decode=True).decode()

        [receive] = wait_until(
            lambda: [one for one in api.tasks(waiting) if one["state"] == "up_for_retry"],
            "receive did not wait",
            seconds=300,
        )
        assert receive["task_id"] == "receive" and api.get(waiting)["state"] == "running"
        airflow.write(troubled=silent)
        assert wait_for_run(api, waiting) == "failed"
        logs = [path.read_text() for path in airflow.home.rglob("dag_id=restore_removed/**/task_id=receive/*.log")]
        assert "The collection was removed from the collections file" in "".join(logs)
