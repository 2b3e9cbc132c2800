"""What operators configure: Airflow names mistakes, and keeps what they have set."""

from __future__ import annotations

import sqlite3

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


def test_an_absent_inbox_fails_the_run_immediately_and_says_why(airflow, tmp_path):
    airflow.write(absent={"inbox": str(tmp_path / "nowhere"), "output": str(tmp_path / "out")})
    done = airflow.restore("absent", check=False)
    assert done.returncode != 0
    assert str(tmp_path / "nowhere") in done.stdout
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_the_command_line_of_airflow_names_a_broken_collection(airflow, tmp_path):
    airflow.write(
        good={"inbox": str(tmp_path / "in"), "output": str(tmp_path / "out")},
        bad={"inbox": str(tmp_path), "outptu": "elsewhere"},
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
