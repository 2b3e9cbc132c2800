"""Whole runs of a collection's DAG in real Airflow, over folders and over a bucket."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from pathlib import Path

import boto3
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from moto.server import ThreadedMotoServer
from rest import free_port
from small_inbox import inbox, outcomes, write_inbox

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


class Mailbox(Message):
    """Keeps the messages that a mail server is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = []

    def handle_message(self, message) -> None:
        self.messages.append(message)


def smtp(port: int) -> str:
    """Returns an SMTP connection of Airflow, without encryption."""
    extra = {"disable_ssl": True, "disable_tls": True, "retry_limit": 0}
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})


EXPECTED = {
    "box 1/Grüße <b>.png": "restored",
    "half.png": "quarantined",
    "notes.jpg": "quarantined",
}


def test_an_inbox_in_a_folder_is_restored_once_although_no_mail_goes_out(airflow, tmp_path):
    source, output = tmp_path / "in box", tmp_path / "out put"
    masters = write_inbox(source)
    recipients = ["archive@example.org"]
    airflow.write(plates={"inbox": str(source), "output": str(output), "chunk_scans": 2, "recipients": recipients})

    # Nobody listens on that port: the digest is tried again and given up, and the run is a success all the same.
    first = airflow.restore("plates", AIRFLOW_CONN_SMTP_DEFAULT=smtp(9), RESTORATION_RETRY_SECONDS="0.1")

    [report] = output.glob("reports/*/report.parquet")
    found = outcomes(report.read_bytes())
    assert EXPECTED.items() <= found.items()
    assert found["box 1/grey.tif"] in ("restored", "review", "unchanged")
    assert (report.parent / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (report.parent / "digest.eml").exists()
    assert (output / "restored/box 1/Grüße <b>.png").exists()
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in masters} == {
        path: hashlib.sha256(data).digest() for path, data in masters.items()
    }
    assert not list(output.glob(".work/*"))
    assert "stage=publish decision=restored" in first.stdout
    assert airflow.tasks("restore_plates")["digest"] == ("failed", 6)
    assert airflow.tasks("restore_plates")["reconcile"] == ("success", 1)
    sidecar = json.loads((output / "sidecars/box 1/Grüße <b>.json").read_text(encoding="utf-8"))
    assert "restore_plates" in json.dumps(sidecar)
    assert "chunk.publish" in json.dumps(sidecar)

    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}
    second = airflow.restore("plates")

    assert "nothing new" in second.stdout
    assert before == {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}


def test_an_inbox_in_a_bucket_is_restored_and_reported_by_mail(airflow):
    mailbox = Mailbox()
    mail = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    mail.start()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AIRFLOW_CONN_SMTP_DEFAULT": smtp(mail.port),
        }
        client = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="archive")
        for name, data in inbox().items():
            client.put_object(Bucket="archive", Key=f"inbox/{name}", Body=data)
        recipients = ["archive@example.org"]
        place = {"inbox": "s3://archive/inbox", "output": "s3://archive/restored"}
        airflow.write(bucket=place | {"recipients": recipients})

        airflow.restore("bucket", **environment)

        listing = client.list_objects_v2(Bucket="archive", Prefix="restored/")["Contents"]
        keys = [entry["Key"].removeprefix("restored/") for entry in listing]
        [report] = [key for key in keys if key.endswith("report.parquet")]
        found = outcomes(client.get_object(Bucket="archive", Key=f"restored/{report}")["Body"].read())
        assert EXPECTED.items() <= found.items()
        assert "restored/box 1/Grüße <b>.png" in keys
        assert not [key for key in keys if key.startswith(".work/")]
        [message] = mailbox.messages
        assert message["To"] == recipients[0]
        assert "application/pdf" in [part.get_content_type() for part in message.walk()]
    finally:
        mail.stop()
        server.stop()


def test_a_broken_collection_is_named_by_the_command_line_of_airflow(airflow, tmp_path):
    airflow.write(
        good={"inbox": str(tmp_path), "output": str(tmp_path)}, bad={"inbox": str(tmp_path), "outptu": "elsewhere"}
    )
    errors = airflow.run("airflow", "dags", "list-import-errors", "--local", "--output", "json", check=False)
    assert errors.returncode != 0
    assert "bad.outptu: unknown key; known keys are" in errors.stdout
    assert "restore.py" not in errors.stdout.replace("collections_problems.py", "")


def test_an_absent_inbox_fails_the_run_at_once_and_says_why(airflow, tmp_path):
    airflow.write(absent={"inbox": str(tmp_path / "nowhere"), "output": str(tmp_path / "out")})
    done = airflow.restore("absent", check=False)
    assert done.returncode != 0
    assert str(tmp_path / "nowhere") in done.stdout
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_preparing_again_keeps_what_an_operator_has_set(airflow):
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        assert database.execute("SELECT slots FROM slot_pool WHERE pool = 'gpu'").fetchall() == [(1,)]
        database.execute("UPDATE slot_pool SET slots = 3 WHERE pool = 'gpu'")
    airflow.run(sys.executable, Path(__file__).parents[3] / "scripts" / "prepare.py")
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        assert database.execute("SELECT slots FROM slot_pool WHERE pool = 'gpu'").fetchall() == [(3,)]
