"""Runs of a collection's DAG over folders, in one process, while the mail server does not answer."""

from __future__ import annotations

import hashlib
import json

import pytest
from mail_server import smtp_connection
from small_inbox import EXPECTED, outcomes, write_inbox

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def test_an_inbox_in_a_folder_is_restored_once_although_no_mail_goes_out(airflow, tmp_path):
    source, output = tmp_path / "in box", tmp_path / "out put"
    masters = write_inbox(source)
    recipients = ["archive@example.org"]
    airflow.write(folder={"inbox": str(source), "output": str(output), "chunk_scans": 2, "recipients": recipients})

    # Nothing listens on that port: the digest is retried and given up, and the run succeeds all the same.
    connection = smtp_connection(9)
    first = airflow.restore("folder", AIRFLOW_CONN_SMTP_DEFAULT=connection, RESTORATION_RETRY_SECONDS="0.1")

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
    assert airflow.tasks("restore_folder")["digest"] == ("failed", 6)
    assert airflow.tasks("restore_folder")["reconcile"] == ("success", 1)
    sidecar = json.loads((output / "sidecars/box 1/Grüße <b>.json").read_text(encoding="utf-8"))
    assert "restore_folder" in json.dumps(sidecar)
    assert "chunk.publish" in json.dumps(sidecar)

    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}
    second = airflow.restore("folder")

    assert "nothing new" in second.stdout
    assert before == {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}
