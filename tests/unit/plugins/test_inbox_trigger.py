"""The inbox trigger on a real folder: one event per settled state, through errors and restarts."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from triggers import Store, collect_events, load


def load_trigger() -> Any:
    return load("inbox_trigger").InboxTrigger


@pytest.mark.airflow
def test_one_event_per_settled_state(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"1")
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "ü.png").write_bytes(b"2")
    trigger = load_trigger()(str(tmp_path), settle=0.1, interval=0.05)
    trigger.asset_state_store = Store()
    kept = trigger.asset_state_store.values
    assert asyncio.run(collect_events(trigger, 20, until=lambda _: "announced" in kept)) == [
        {"inbox": str(tmp_path), "files": 2, "folders": 2}
    ]

    again = load_trigger()(str(tmp_path), settle=0.1, interval=0.05)
    again.asset_state_store = trigger.asset_state_store
    assert asyncio.run(collect_events(again, 0.5)) == []


@pytest.mark.airflow
def test_an_absent_inbox_is_retried(tmp_path: Path) -> None:
    inbox = tmp_path / "later"
    trigger = load_trigger()(str(inbox), settle=0.0, interval=0.05)

    async def arrive() -> list[dict[str, Any]]:
        task = asyncio.create_task(collect_events(trigger, 20, until=bool))
        await asyncio.sleep(0.1)
        inbox.mkdir()
        (inbox / "a.png").write_bytes(b"1")
        return await task

    assert [event["files"] for event in asyncio.run(arrive())] == [1]


@pytest.mark.airflow
def test_after_an_outage_everything_in_the_inbox_is_announced_again(tmp_path: Path) -> None:
    inbox, away = tmp_path / "in", tmp_path / "unmounted"
    inbox.mkdir()
    (inbox / "a.png").write_bytes(b"1")
    failures = 0

    class Counting(load_trigger()):  # type: ignore[misc]
        def _list(self, announced: dict[str, str]) -> dict[str, Any]:
            nonlocal failures
            try:
                return super()._list(announced)
            except FileNotFoundError:
                failures += 1
                raise

    def unmount_and_mount(events: list[dict[str, Any]]) -> bool:
        if len(events) == 1 and inbox.exists() and not failures:
            inbox.rename(away)
        if failures >= 3 and away.exists():
            away.rename(inbox)
        return len(events) > 1

    events = asyncio.run(collect_events(Counting(str(inbox), settle=0.0, interval=0.02), 60, until=unmount_and_mount))
    assert [event["files"] for event in events] == [1, 1]


@pytest.mark.airflow
def test_it_is_created_again_from_what_it_serializes(tmp_path: Path) -> None:
    trigger = load_trigger()(str(tmp_path), settle=1, interval=2, marker=".ready")
    path, arguments = trigger.serialize()
    assert path == "inbox_trigger.InboxTrigger"
    assert load_trigger()(**arguments).serialize() == (path, arguments)


@pytest.mark.airflow
def test_a_hidden_marker_is_found(tmp_path: Path) -> None:
    (tmp_path / "box 1").mkdir()
    (tmp_path / "box 1" / "a.png").write_bytes(b"1")
    trigger = load_trigger()(str(tmp_path), settle=30, interval=0.05, marker=".ready")

    async def deliver() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        before = await collect_events(trigger, 0.3)
        (tmp_path / "box 1" / ".ready").touch()
        return before, await collect_events(trigger, 20, until=bool)

    before, after = asyncio.run(deliver())
    assert before == []
    assert [event["files"] for event in after] == [1]


@pytest.mark.airflow
def test_a_bag_is_announced_when_its_checksums_match_and_logged_once_when_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.settings import settings

    monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/ledger.db")
    settings.cache_clear()
    bag = tmp_path / "in" / "box 1"
    (bag / "data").mkdir(parents=True)
    (bag / "data" / "a.png").write_bytes(b"half")
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    (bag / "manifest-sha256.txt").write_text(f"{hashlib.sha256(b'whole').hexdigest()}  data/a.png\n")
    trigger = load_trigger()(str(tmp_path / "in"), settle=30, interval=0.05)
    trigger.asset_state_store = Store()

    output = ""

    def warnings() -> int:
        nonlocal output
        output += capsys.readouterr().out
        return output.count('"data/a.png" does not have the sha256')

    async def deliver() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        harmed = await collect_events(trigger, 20, until=lambda _: warnings() > 0)
        await collect_events(trigger, 0.2)
        restarted = load_trigger()(str(tmp_path / "in"), settle=30, interval=0.05)
        restarted.asset_state_store = trigger.asset_state_store
        still = await collect_events(restarted, 0.5)
        assert warnings() == 1, "it is logged once, a restart of the triggerer included"
        (bag / "data" / "a.png").write_bytes(b"whole")
        return harmed, still, await collect_events(restarted, 20, until=bool)

    harmed, still, whole = asyncio.run(deliver())
    settings.cache_clear()
    assert harmed == still == []
    assert [(event["files"], event["folders"]) for event in whole] == [(1, 1)]
