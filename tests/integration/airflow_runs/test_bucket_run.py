"""Runs of a collection's DAG over a bucket and over an absent inbox, in one process, and what operators see."""

from __future__ import annotations

import sqlite3

import pytest
from faulty_store import new_bucket, objects, s3_access, s3_server
from mail_server import Mailbox
from small_inbox import EXPECTED, inbox, outcomes

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def test_an_inbox_in_a_bucket_is_restored_and_reported_by_mail(airflow, mailbox: Mailbox):
    recipients = ["archive@example.org"]
    with s3_server() as url:
        client = new_bucket(url, "archive")
        for name, data in inbox().items():
            client.put_object(Bucket="archive", Key=f"inbox/{name}", Body=data)
        place = {"inbox": "s3://archive/inbox", "output": "s3://archive/restored"}
        airflow.write(bucket=place | {"recipients": recipients})

        airflow.restore("bucket", AIRFLOW_CONN_SMTP_DEFAULT=mailbox.connection, **s3_access(url))

        found = {key.removeprefix("restored/"): data for key, data in objects(client, "archive", "restored/").items()}
    [report] = [data for key, data in found.items() if key.endswith("report.parquet")]
    assert EXPECTED.items() <= outcomes(report).items()
    assert "restored/box 1/Grüße <b>.png" in found
    assert not [key for key in found if key.startswith(".work/")]
    [message] = mailbox.messages
    assert message["To"] == recipients[0]
    assert "application/pdf" in [part.get_content_type() for part in message.walk()]


def test_an_absent_inbox_fails_the_run_immediately_and_says_why(airflow, tmp_path):
    airflow.write(absent={"inbox": str(tmp_path / "nowhere"), "output": str(tmp_path / "out")})
    done = airflow.restore("absent", check=False)
    assert done.returncode != 0
    assert str(tmp_path / "nowhere") in done.stdout
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_the_command_line_of_airflow_names_a_broken_collection(airflow, tmp_path):
    airflow.write(
        good={"inbox": str(tmp_path), "output": str(tmp_path)}, bad={"inbox": str(tmp_path), "outptu": "elsewhere"}
    )
    errors = airflow.run("airflow", "dags", "list-import-errors", "--local", "--output", "json", check=False)
    assert errors.returncode != 0
    assert "bad.outptu: unknown key; known keys are" in errors.stdout
    assert "restore.py" not in errors.stdout.replace("collections_problems.py", "")


def test_preparing_again_keeps_what_an_operator_has_set(airflow):
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        assert database.execute("SELECT slots FROM slot_pool WHERE pool = 'gpu'").fetchall() == [(1,)]
        database.execute("UPDATE slot_pool SET slots = 3 WHERE pool = 'gpu'")
    airflow.prepare()
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        assert database.execute("SELECT slots FROM slot_pool WHERE pool = 'gpu'").fetchall() == [(3,)]
