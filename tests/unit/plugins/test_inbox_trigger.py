"""The inbox trigger against a real folder: one event per settled state, through errors and restarts."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@contextmanager
def logging_kept() -> Iterator[None]:
    """Puts logging back as it was: importing Airflow switches off every logger that was there before it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    known = {name: one for name, one in root.manager.loggerDict.items() if isinstance(one, logging.Logger)}
    before = {name: (one.disabled, one.propagate, one.level, one.handlers[:]) for name, one in known.items()}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, (disabled, propagate, own_level, own_handlers) in before.items():
        known[name].disabled, known[name].propagate = disabled, propagate
        known[name].setLevel(own_level)
        known[name].handlers[:] = own_handlers


def load_trigger() -> Any:
    name = "inbox_trigger"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "plugins" / "inbox_trigger.py")
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        with logging_kept():
            spec.loader.exec_module(sys.modules[name])
    return sys.modules[name].InboxTrigger


class Store:
    """An asset state store that lives in memory, with the verbs of Airflow's."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value


async def rings(
    trigger: Any, seconds: float, until: Callable[[list[dict[str, Any]]], bool] = lambda events: False
) -> list[dict[str, Any]]:
    """Returns the payloads that a trigger yields within some seconds, or before something is true of them."""
    events: list[dict[str, Any]] = []

    async def follow() -> None:
        async for event in trigger.run():
            events.append(event.payload)  # noqa: PERF401 -- the trigger never ends, so a comprehension never returns

    task = asyncio.create_task(follow())
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until(events):
        await asyncio.sleep(0.02)
    assert not task.done(), "the trigger must never end"
    task.cancel()
    return events


@pytest.mark.airflow
def test_one_event_per_settled_state(tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"1")
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "ü.png").write_bytes(b"2")
    trigger = load_trigger()(str(tmp_path), settle=0.1, interval=0.05)
    trigger.asset_state_store = Store()
    assert asyncio.run(rings(trigger, 0.8)) == [{"inbox": str(tmp_path), "files": 2, "folders": 2}]

    again = load_trigger()(str(tmp_path), settle=0.1, interval=0.05)
    again.asset_state_store = trigger.asset_state_store
    assert asyncio.run(rings(again, 0.5)) == []


@pytest.mark.airflow
def test_an_absent_inbox_is_waited_for(tmp_path: Path) -> None:
    inbox = tmp_path / "later"
    trigger = load_trigger()(str(inbox), settle=0.0, interval=0.05)

    async def arrive() -> list[dict[str, Any]]:
        task = asyncio.create_task(rings(trigger, 1.5))
        await asyncio.sleep(0.1)
        inbox.mkdir()
        (inbox / "a.png").write_bytes(b"1")
        return await task

    assert [event["files"] for event in asyncio.run(arrive())] == [1]


@pytest.mark.airflow
def test_it_is_made_again_from_what_it_serializes(tmp_path: Path) -> None:
    trigger = load_trigger()(str(tmp_path), settle=1, interval=2, marker=".ready")
    path, arguments = trigger.serialize()
    assert path == "inbox_trigger.InboxTrigger"
    assert load_trigger()(**arguments).serialize() == (path, arguments)


@pytest.mark.airflow
def test_a_hidden_marker_is_seen(tmp_path: Path) -> None:
    (tmp_path / "box 1").mkdir()
    (tmp_path / "box 1" / "a.png").write_bytes(b"1")
    trigger = load_trigger()(str(tmp_path), settle=30, interval=0.05, marker=".ready")

    async def deliver() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        before = await rings(trigger, 0.3)
        (tmp_path / "box 1" / ".ready").touch()
        return before, await rings(trigger, 0.3)

    before, after = asyncio.run(deliver())
    assert before == []
    assert [event["files"] for event in after] == [1]


@pytest.mark.airflow
def test_a_bag_rings_when_its_checksums_match_and_is_named_once_when_not(
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

    said = ""

    def warnings() -> int:
        nonlocal said
        said += capsys.readouterr().out
        return said.count('"data/a.png" has not the sha256')

    async def deliver() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        harmed = await rings(trigger, 20, until=lambda _: warnings() > 0)
        await rings(trigger, 0.2)
        restarted = load_trigger()(str(tmp_path / "in"), settle=30, interval=0.05)
        restarted.asset_state_store = trigger.asset_state_store
        still = await rings(restarted, 0.5)
        assert warnings() == 1, "it is logged once, a restart of the triggerer included"
        (bag / "data" / "a.png").write_bytes(b"whole")
        return harmed, still, await rings(restarted, 20, until=bool)

    harmed, still, whole = asyncio.run(deliver())
    settings.cache_clear()
    assert harmed == still == []
    assert [(event["files"], event["folders"]) for event in whole] == [(1, 1)]
