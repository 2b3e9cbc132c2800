"""The scheduled check in a real Airflow: what changed or is missing is red and mailed once, as is a changed ledger."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from image_files import png

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

FIXITY = "fixity_checked"


def states(airflow) -> dict[str, list[str]]:
    """Return the states of the check's tasks, run by run."""
    query = "SELECT task_id, state FROM task_instance WHERE dag_id = ? ORDER BY run_id"
    found: dict[str, list[str]] = {}
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        for task, state in database.execute(query, (FIXITY,)):
            found.setdefault(task, []).append(state)
    return found


def test_a_changed_and_a_missing_file_and_a_changed_ledger_are_mailed_once(airflow, tmp_path, mailbox):
    inbox, output = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    for number, name in enumerate(("a.png", "b.png", "c ü.png")):
        picture = np.full((40, 50, 3), 90 + number, np.uint8)
        (inbox / name).write_bytes(png(picture))
        mask = np.zeros((40, 50), np.uint8)
        mask[10:14, 10:14] = 255
        (inbox / name.replace(".png", ".mask.png")).write_bytes(png(mask))
    airflow.write(
        checked={
            "inbox": str(inbox), "output": str(output), "recipients": ["a@example.org"], "title": "Checked",
            "recipe": {"engine": "telea", "detector": "none"}, "fixity": {},
        }
    )  # fmt: skip
    airflow.restore("checked", AIRFLOW_CONN_SMTP_DEFAULT=mailbox.connection)
    assert len(list(output.glob("restored/*.png"))) == 3
    before = len(mailbox.messages)

    def check(day: int) -> str:
        # With a schedule, a test run without a moment would belong to the next one, and wait for it.
        command = ("airflow", "dags", "test", FIXITY, f"2026-01-{day:02d}T12:00:00+00:00")
        return airflow.run(*command, check=False, AIRFLOW_CONN_SMTP_DEFAULT=mailbox.connection).stdout

    check(3)
    assert states(airflow) == {"check": ["success"], "prove_ledger": ["success"]}
    assert len(mailbox.messages) == before

    changed = output / "restored/a.png"
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")
    (inbox / "c ü.png").unlink()
    with sqlite3.connect(airflow.home / "ledger.db") as ledger:
        ledger.execute("UPDATE ledger_outcomes SET sidecar_sha256 = 'f'")
    output_of_check = check(10) + check(17)

    assert states(airflow) == {
        "check": ["success", "failed", "failed"],
        "prove_ledger": ["success", "failed", "failed"],
    }
    assert "Traceback" not in output_of_check
    subjects = sorted(mailbox.subjects()[before:])
    assert subjects == ["Checked: files are missing or changed", "Checked: the ledger was changed"]
    files, _ = sorted(mailbox.messages[before:], key=lambda message: str(message["Subject"]))
    said = " ".join(files.get_payload(decode=True).decode().split())
    assert 'the derivative of "a.png" differs from its recorded checksum' in said
    assert 'the master of "c ü.png" is missing' in said
