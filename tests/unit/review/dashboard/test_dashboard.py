"""The dashboard: what is broken first, and figures that are those of the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import batches, notices
from pipeline.ledger.tables import Notice
from pipeline.review.application import create_application
from pipeline.review.installation import FailedTask, RunState, StandaloneInstallation
from pipeline.settings import settings
from pipeline.stages.reconcile import reconcile
from pipeline.upkeep.usage import measure


class Scheduled(StandaloneInstallation):
    """A collections file with a scheduler, in which a task has failed and a collection is paused."""

    has_scheduler = True

    def runs(self) -> dict[str, RunState]:
        return {
            "c": RunState(False, datetime(2030, 1, 1, 2, tzinfo=UTC)),
            "other": RunState(True, datetime(2030, 1, 1, tzinfo=UTC)),
        }

    def failed_tasks(self) -> list[FailedTask]:
        at = datetime(2026, 11, 30, tzinfo=UTC)
        log = "../dags/restore_c/runs/r%2B1/tasks/inpaint/mapped/0"
        return [FailedTask("c", "inpaint", at, log, True), FailedTask("c", "mask", at, log, False)]

    def run_address(self, dag_id: str, run_id: str) -> str:
        return f"../dags/{dag_id}/runs/{run_id}"


@pytest.fixture
def collections_file(page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "collections.yaml"
    entry = {
        "inbox": str(page.project.inbox),
        "output": str(page.project.output),
        "title": "Plates",
        "schedule": "0 2 * * *",
    }
    other = {"inbox": str(tmp_path / "i2"), "output": str(tmp_path / "o2"), "watch": {"settle": 5, "marker": ".ready"}}
    path.write_text(json.dumps({"collections": {"c": entry, "other": other}}))
    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(path))
    settings.cache_clear()
    return path


def shown(page) -> dict[str, Any]:
    found: dict[str, Any] = page.get("dashboard")
    return found | {"by_name": {one["name"]: one for one in found["collections"]}}


def kinds(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["collection"]) for one in found["troubles"]]


def test_a_night_is_told_as_the_ledger_has_it(page, collections_file: Path) -> None:
    before = shown(page)["by_name"]["c"]
    assert (before["last"]["state"], before["last"]["done"], before["last"]["received"]) == ("running", 2, 2)
    assert before["backlog"] == {"scans": 0, "more": False} and before["usage"] is None
    reconcile(page.project.work_area())
    measure(page.project.ledger, "c")
    found = shown(page)
    collection = found["by_name"]["c"]
    assert kinds(found) == [] and found["scheduler"] is False
    assert (collection["title"], collection["schedule"], collection["paused"]) == ("Plates", "0 2 * * *", None)
    assert collection["last"]["state"] == "done" and collection["last"]["address"] == ""
    assert collection["results"] == {"open": 2} and collection["marks"] == {"open": 1, "decided": 0}
    assert collection["audit"] == {"drawn": 1, "decided": 0, "false": 0, "low": 0.0, "high": 1.0, "level": "normal"}
    today = collection["over_time"][-1]
    assert (today["restored"], today["failed"], len(collection["over_time"])) == (2, 0, 30)
    with page.project.ledger.read() as session:
        assert today["hours"] == batches.get(session, "c", "b1").work_seconds / 3600 > 0
    assert collection["usage"]["files"] > 4 and collection["usage"]["bytes"] > 1000
    assert found["by_name"]["other"]["watch"] == {"settle": 5.0, "marker": ".ready", "queue": False}
    page.decide(page.results()["box/painted.png"], "reject")
    page.decide(page.results()["box/marked.png"], "accept")
    collection = shown(page)["by_name"]["c"]
    assert collection["marks"] == {"open": 0, "decided": 1}
    assert (collection["audit"]["decided"], collection["audit"]["false"]) == (1, 1)
    assert collection["audit"]["level"] == "tightened"


def test_what_is_broken_stands_on_top(page, collections_file: Path, tmp_path: Path) -> None:
    reconcile(page.project.work_area())
    moment = datetime.now(UTC)
    with page.project.ledger.write() as session:
        row = batches.get(session, "c", "b1")
        row.counts = {**row.counts, "failed": 3}
        row.dag_id, row.run_id = "restore_c", "r1"
        for subject, age in (("unreachable 2026-11-30", 1), ("unreachable 2026-11-01", 40), ("waiting b1", 1)):
            notices.begin(session, "other", subject, f"it cannot be read, {age}")
        old = session.query(Notice).filter_by(subject="unreachable 2026-11-01").one()
        old.at = moment - timedelta(hours=40)
    page.application = create_application(
        page.access, page.project.ledger, tmp_path / "cache2", page.started, installation=Scheduled()
    )
    found = shown(page)
    assert kinds(found) == [("unreachable", "other"), ("failed", "c"), ("task", "c"), ("paused", "other")]
    told = {one["kind"]: one for one in found["troubles"]}
    assert told["failed"]["detail"] == "3" and told["failed"]["address"] == "../dags/restore_c/runs/r1"
    assert told["unreachable"]["detail"] == "it cannot be read, 1"
    assert found["by_name"]["c"]["next_run"].startswith("2030-01-01T02") and not found["by_name"]["other"]["next_run"]
    assert [one["task"] for one in found["failures"]] == ["inpaint", "mask"]


def test_a_batch_that_was_given_up_and_a_broken_file_are_told(page, collections_file: Path) -> None:
    with page.project.ledger.write() as session:
        row = batches.get(session, "c", "b1")
        notices.begin(session, "c", "stopped b1", "the disk is full")
        batches.abandon(session, row.id)
    collections_file.write_text("collections: [")
    found = shown(page)
    assert [kind for kind, _ in kinds(found)] == ["collections", "stopped", "abandoned"]
    assert "not YAML" in found["troubles"][0]["detail"] or "YAML" in found["troubles"][0]["detail"]
    assert not found["by_name"]["c"]["configured"]


def test_without_anything_it_is_empty(page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.ledger.migrate import upgrade

    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(tmp_path / "none.yaml"))
    settings.cache_clear()
    page.application = create_application(
        page.access, upgrade(f"sqlite:///{tmp_path}/new.db"), tmp_path / "c", page.started
    )
    found = page.get("dashboard")
    assert found["collections"] == found["troubles"] == found["failures"] == []
