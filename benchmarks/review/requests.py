"""Time the requests of queue and pictures."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.review.results import LARGE
from benchmarks.review.server import Server
from pipeline.imaging.tile_levels import TILE, level_size

REPEATS = 15
WINDOW = 1400
"""Width of the window that the first picture fills, in pixels."""
SECONDS = 5.0


def time_queue(server: Server) -> dict[str, Any]:
    """Return milliseconds, median and longest, of the requests of a queue page."""
    wanted: dict[str, dict[str, Any]] = {
        "first page, to decide": {"state": "open"},
        "first page, all": {},
        "one collection": {"collection": "archive", "state": "open"},
        "kind of mark": {"state": "open", "kind": "crack"},
        "reason, outcome": {"reason": "face", "outcome": "restored"},
        "decided by": {"decided_by": "Anna Weber"},
        "since a day": {"state": "open", "since": "2026-02-20T00:00:00Z"},
        "name": {"state": "open", "text": "0777"},
    }
    _, order = server.timed("api/order", state="open")
    wanted["page 500"] = {"state": "open", "after": _after(server, 500 * 60)}
    found = {name: _measured(server, "api/results", query) for name, query in wanted.items()}
    found["20,000 ids"] = _measured(server, "api/order", {"state": "open"})
    found["60 by id"] = _measured(server, "api/some", {"id": order.json()["ids"][9000:9060]})
    found["collections and batches"] = _measured(server, "api/collections", {})
    return found


def _after(server: Server, place: int) -> str:
    """Return the key behind a place of the queue."""
    after = ""
    while place > 0:
        answer = server.timed("api/results", state="open", limit=200, after=after)[1].json()
        if not answer["next"]:
            break
        after, place = answer["next"], place - 200
    return after


def _measured(server: Server, path: str, query: dict[str, Any]) -> dict[str, float]:
    seconds = [server.timed(path, **query)[0] for _ in range(REPEATS)]
    return {"median": 1000 * median(seconds), "longest": 1000 * max(seconds)}


def time_large(server: Server) -> dict[str, float]:
    """Return seconds until a large scan fills a window, of its first and further tiles; the cache is empty."""
    result = server.client.get("api/results", params={"text": LARGE}).json()["results"][0]
    started = time.perf_counter()
    told = server.timed(f"api/results/{result['id']}")[1].json()
    level = next(level for level in range(20) if level_size(told["width"], told["height"], level + 1)[0] < WINDOW / 2)
    width, height = level_size(told["width"], told["height"], level)
    for column in range(-(-width // TILE)):
        for row in range(-(-height // TILE)):
            server.timed(f"api/results/{result['id']}/tiles/restored/{level}/{column}_{row}.jpg")
    first = time.perf_counter() - started
    marks, _ = server.timed(f"api/results/{result['id']}/marks")
    deepest, _ = server.timed(f"api/results/{result['id']}/tiles/restored/0/3_3.jpg")
    rng = np.random.default_rng(1)
    further = []
    for _ in range(80):
        level = int(rng.integers(0, 4))
        across, down = level_size(told["width"], told["height"], level)
        column, row = rng.integers(-(-across // TILE)), rng.integers(-(-down // TILE))
        which = ("original", "restored")[int(rng.integers(2))]
        further.append(server.timed(f"api/results/{result['id']}/tiles/{which}/{level}/{column}_{row}.jpg")[0])
    middle = [told["width"] / 2, told["height"] / 2]
    stroke = {"points": [[middle[0] + 40 * step, middle[1] + 3 * step] for step in range(20)], "width": 12}
    started = time.perf_counter()
    server.client.post(f"api/results/{result['id']}/snap", json=stroke).raise_for_status()
    return {
        "megapixels": told["width"] * told["height"] / 1e6, "first picture, s": first, "marks, s": marks,
        "first tile at full size, s": deepest, "further tiles, ms": 1000 * median(further),
        "snapped stroke of 760 px, ms": 1000 * (time.perf_counter() - started),
        "server, MB": server.peak, "helpers, MB": server.helpers_peak,
    }  # fmt: skip


def count_pages(server: Server) -> dict[str, float]:
    """Return how many picture pages are answered a second, and the server's processor time for each."""
    ids = [one["id"] for one in server.client.get("api/results", params={"text": "scan "}).json()["results"]]
    for key in ids:
        server.timed(f"api/results/{key}")
    done, started, used = 0, time.perf_counter(), server.cpu_seconds()
    while time.perf_counter() - started < SECONDS:
        server.timed(f"api/results/{ids[done % len(ids)]}")
        done += 1
    seconds = time.perf_counter() - started
    return {"pages a second": done / seconds, "processor, ms a page": 1000 * (server.cpu_seconds() - used) / done}
