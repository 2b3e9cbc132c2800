"""Load a trigger from plugins/ and collect its events."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


@contextmanager
def restored_logging() -> Iterator[None]:
    """Restore logging in the end: importing Airflow disables every logger that exists already."""
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


def load(name: str) -> Any:
    """Return a module of plugins/."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "plugins" / f"{name}.py")
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        if str(ROOT / "plugins") not in sys.path:
            sys.path.append(str(ROOT / "plugins"))
        with restored_logging():
            spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


class Store:
    """An asset state store in memory, with the methods of Airflow's."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value


async def collect_events(
    trigger: Any, seconds: float, until: Callable[[list[dict[str, Any]]], bool] = lambda events: False
) -> list[dict[str, Any]]:
    """Return the payloads of a trigger's events after some seconds, or as soon as a condition on them is true."""
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
