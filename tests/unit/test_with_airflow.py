"""`scripts/with-airflow` reads `.env`, and names the same collections file and ledger wherever a command runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with nothing but the script and what it reads."""
    for name in ("scripts/with-airflow", "docker/airflow.env"):
        (tmp_path / "root" / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / "root" / name)
    return tmp_path / "root"


def environment(checkout: Path, **given: str) -> dict[str, str]:
    """Return the environment of a command that the script runs from another folder."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("RESTORATION_", "AIRFLOW"))}
    done = subprocess.run(
        [checkout / "scripts" / "with-airflow", "env", "-0"],
        cwd=checkout.parent,
        env=known | given,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def test_paths_are_absolute_by_default(checkout: Path) -> None:
    found = environment(checkout)
    assert found["RESTORATION_COLLECTIONS"] == f"{checkout}/collections.yaml"
    assert found["RESTORATION_LEDGER_URL"] == f"sqlite:///{checkout}/ledger.db"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("COLLECTIONS", "my/plates.yaml", "{root}/my/plates.yaml"),
        ("COLLECTIONS", "/etc/plates.yaml", "/etc/plates.yaml"),
        ("COLLECTIONS", "~/plates.yaml", "~/plates.yaml"),
        ("LEDGER_URL", "sqlite:///my/ledger.db", "sqlite:///{root}/my/ledger.db"),
        ("LEDGER_URL", "sqlite:////srv/ledger.db", "sqlite:////srv/ledger.db"),
        ("LEDGER_URL", "postgresql://host/ledger", "postgresql://host/ledger"),
    ],
)
def test_a_relative_path_is_below_the_checkout(checkout: Path, name: str, given: str, expected: str) -> None:
    found = environment(checkout, **{f"RESTORATION_{name}": given})
    assert found[f"RESTORATION_{name}"] == expected.format(root=checkout)


def test_the_settings_of_an_installation_may_lie_in_a_file(checkout: Path) -> None:
    (checkout / ".env").write_text(
        "# the mail server\nAIRFLOW_CONN_SMTP_DEFAULT=smtp://u:p=1@host:587?x=y\nRESTORATION_SMTP_SENDER='a b@c.de'\n"
        "RESTORATION_RETRY_SECONDS=5\nAIRFLOW__API__PORT=8123\nno setting\nPATH_X=1\r",
        encoding="utf-8",
    )
    found = environment(checkout, RESTORATION_RETRY_SECONDS="7")
    assert found["AIRFLOW_CONN_SMTP_DEFAULT"] == "smtp://u:p=1@host:587?x=y"
    assert found["RESTORATION_SMTP_SENDER"] == "a b@c.de"
    assert (found["AIRFLOW__API__BASE_URL"], found["PATH_X"]) == ("http://127.0.0.1:8123", "1")
    # The shell comes first.
    assert found["RESTORATION_RETRY_SECONDS"] == "7"


def test_tasks_of_this_machine_are_forked_from_a_process_with_their_imports(checkout: Path) -> None:
    found = environment(checkout)
    assert found["AIRFLOW__SCHEDULER__MP_START_METHOD"] == "forkserver"
    # The fork server passes over what it cannot import without a word.
    names = found["AIRFLOW__SCHEDULER__MP_FORKSERVER_PRELOAD"].split(",")
    assert [name for name in names if find_spec(name) is None] == []
    elsewhere = environment(checkout, AIRFLOW__CORE__EXECUTOR="CeleryExecutor")
    assert "AIRFLOW__SCHEDULER__MP_START_METHOD" not in elsewhere
    module, _, name = elsewhere["AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS"].rpartition(".")
    imports = getattr(import_module(module), name)["imports"]
    assert imports and [name for name in imports if find_spec(name) is None] == []


def test_the_cores_of_this_machine_limit_its_own_tasks_and_not_those_of_others(checkout: Path) -> None:
    cores = str(len(os.sched_getaffinity(0)))
    here = environment(checkout)
    assert here["AIRFLOW__CORE__PARALLELISM"] == here["RESTORATION_TASK_SLOTS"] == cores
    chosen = environment(checkout, AIRFLOW__CORE__PARALLELISM="7")
    assert chosen["AIRFLOW__CORE__PARALLELISM"] == chosen["RESTORATION_TASK_SLOTS"] == "7"
    elsewhere = environment(checkout, AIRFLOW__CORE__EXECUTOR="CeleryExecutor")
    assert "AIRFLOW__CORE__PARALLELISM" not in elsewhere and elsewhere["RESTORATION_TASK_SLOTS"] == cores
    many = environment(checkout, AIRFLOW__CORE__EXECUTOR="CeleryExecutor", AIRFLOW__CORE__PARALLELISM="64")
    assert many["AIRFLOW__CORE__PARALLELISM"] == "64" and many["RESTORATION_TASK_SLOTS"] == cores
