"""The image, the compose file, the Kubernetes values and the one file of settings that they share with `make up`."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from airflow.providers.celery.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "docker"


def settings() -> dict[str, str]:
    lines = (DOCKER / "airflow.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class OnceOnly(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, as Compose does."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key stands twice"
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="module")
def compose():
    return yaml.load((DOCKER / "compose.yaml").read_text(encoding="utf-8"), OnceOnly)


@pytest.fixture(scope="module")
def options():
    """Return all options that this version of Airflow and its Celery provider know, as SECTION__OPTION."""
    [airflow] = importlib.util.find_spec("airflow").submodule_search_locations
    document = yaml.safe_load(Path(airflow, "config_templates", "config.yml").read_text(encoding="utf-8"))
    known = {f"{section}__{option}".upper() for section, body in document.items() for option in body["options"]}
    celery = get_provider_info()["config"]
    return known | {f"{section}__{option}".upper() for section, body in celery.items() for option in body["options"]}


def test_every_setting_exists_in_this_airflow(compose, options):
    names = list(settings())
    names += [name for service in compose["services"].values() for name in service.get("environment", {})]
    values = yaml.safe_load((DOCKER / "kubernetes-values.yaml").read_text(encoding="utf-8"))
    names += [variable["name"] for variable in values["env"]]
    unknown = [n for n in names if n.startswith("AIRFLOW__") and n.removeprefix("AIRFLOW__") not in options]
    assert not unknown


def test_every_airflow_service_has_the_same_image_settings_and_rights(compose):
    services = {n: s for n, s in compose["services"].items() if "airflow" in str(s.get("command"))}
    assert set(services) == {"api-server", "scheduler", "dag-processor", "triggerer", "worker-cpu", "worker-gpu"}
    for service in services.values():
        assert service["env_file"] == "airflow.env"
        assert service["image"] == compose["services"]["prepare"]["image"]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] and "/tmp" in service["volumes"]
        assert service["healthcheck"]["test"]
        assert service["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}


def test_there_is_a_worker_for_each_queue(compose):
    queues = {
        command[command.index("--queues") + 1]
        for service in compose["services"].values()
        if "--queues" in (command := service.get("command", []))
    }
    assert queues == {settings()["AIRFLOW__OPERATORS__DEFAULT_QUEUE"], "gpu"}


def test_nothing_is_published_beyond_loopback_and_every_image_has_a_tag(compose):
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert re.search(r":[^/]+$", service["image"])
        assert not service["image"].endswith(":latest")


def test_no_file_holds_a_secret(compose):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|FERNET_KEY|(?<!ACCESS_)SECRET(?!_ACCESS)", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
    assert not [name for name in settings() if re.search(r"PASSWORD|SECRET|KEY", name)]


def test_the_image_runs_without_root_and_installs_what_is_locked():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    assert "USER 50000:0" in text
    assert "-r requirements.txt -c requirements.lock" in text


def test_the_image_copies_only_what_exists_and_is_in_the_build_context():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for name in line.split()}
    assert copied >= {"pipeline", "dags", "plugins", "pyproject.toml", "README.md", "LICENSE", "NOTICE"}
    context = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {line[1:] for line in context if line.startswith("!")} == copied
    assert not [name for name in copied if not (ROOT / name).exists()]


def test_the_image_holds_the_library_with_its_command_and_the_licence():
    build, final = (DOCKER / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-2:]
    assert "pip install --no-deps ." in build and "COPY pipeline pipeline" in build
    assert "COPY --from=build /opt/venv /opt/venv" in final and "COPY LICENSE NOTICE ./" in final


def test_the_linter_of_dockerfiles_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(ROOT / ".venv" / "bin")) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_tasks_of_a_worker_share_its_cores(compose):
    worker = compose["services"]["worker-cpu"]
    assert worker["environment"]["RESTORATION_TASK_SLOTS"] == worker["command"][-1]
    values = yaml.load((DOCKER / "kubernetes-values.yaml").read_text(encoding="utf-8"), OnceOnly)
    for workers in values["workers"]["celery"]["sets"]:
        given = {variable["name"]: variable["value"] for variable in workers["env"]}
        assert given.get("RESTORATION_TASK_SLOTS", "1") == given["AIRFLOW__CELERY__WORKER_CONCURRENCY"]


def test_the_values_fit_the_chart():
    # `helm pull apache-airflow/airflow --untar` brings it; it is the chart's own, and too large to be kept here.
    schema = os.environ.get("AIRFLOW_CHART_SCHEMA")
    if not schema:
        pytest.skip("AIRFLOW_CHART_SCHEMA does not name the chart's values.schema.json")
    jsonschema = pytest.importorskip("jsonschema")
    values = yaml.load((DOCKER / "kubernetes-values.yaml").read_text(encoding="utf-8"), OnceOnly)
    found = jsonschema.Draft7Validator(json.loads(Path(schema).read_text(encoding="utf-8"))).iter_errors(values)
    assert [f"{error.json_path}: {error.message}" for error in found] == []
