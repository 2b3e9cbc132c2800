"""Metrics, alerts and dashboard name the same things, and the programs that read them accept them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from postgres_server import program

from dags.restoration import telemetry

DOCKER = Path(__file__).parents[3] / "docker"
MONITORING = DOCKER / "monitoring"


def exported() -> set[str]:
    """Return our metrics as Prometheus names them: counters end in _total."""
    ours = [name for name in vars(telemetry).values() if isinstance(name, str) and name.startswith("restoration.")]
    counters = (telemetry.STAGE_SCANS, telemetry.STAGE_PIXELS, telemetry.STAGE_MILLISECONDS)
    names = {f"airflow.{name}_total" if name in counters else f"airflow.{name}" for name in ours}
    return {name.replace(".", "_") for name in names}


def expressions() -> list[str]:
    """Return the dashboard's queries."""
    board = json.loads((MONITORING / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def named(text: str) -> set[str]:
    return set(re.findall(r"\bairflow_restoration_\w+", text))


def test_dashboard_and_alerts_name_metrics_that_are_sent():
    assert named(" ".join(expressions())) | {"airflow_restoration_stage_scans_total"} == exported()
    assert named((MONITORING / "alerts.yaml").read_text(encoding="utf-8")) <= exported()


def test_prometheus_accepts_the_alerts_and_they_fire_when_they_should():
    promtool = program("promtool", "prometheus")
    config = MONITORING / "prometheus.yaml"
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = Path(__file__).with_name("alerts_test.yaml")
    done = subprocess.run([promtool, "test", "rules", rules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_the_dashboards_queries(tmp_path):
    promtool = program("promtool", "prometheus")
    rules = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_overlay_fits_the_compose_file():
    compose, overlay = (
        yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))
        for name in ("compose.yaml", "compose.monitoring.yaml")
    )
    airflow = {name for name, service in compose["services"].items() if "airflow" in str(service.get("command"))}
    new = {name: service for name, service in overlay["services"].items() if "image" in service}
    assert overlay["services"].keys() == airflow | new.keys()
    for service in new.values():
        assert re.search(r":v?\d", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in overlay["volumes"] or (DOCKER / source).is_file(), volume


@pytest.mark.parametrize("name", ["otel_on", "statsd_on"])
def test_metrics_are_sent_where_airflow_sends_its_own(monkeypatch, name):
    assert not telemetry.are_sent()
    monkeypatch.setenv(f"AIRFLOW__METRICS__{name.upper()}", "True")
    assert telemetry.are_sent()


def test_a_metric_that_cannot_be_computed_fails_no_task(monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "sqlite:////proc/none/ledger.db")
    telemetry.send_collection("c")
    assert "metrics were not sent" in caplog.text
