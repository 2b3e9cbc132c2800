"""The review application as a command, with its memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import httpx
import psutil


class Server:
    """Runs `review RESULTS`, signs in, and samples the memory of the server and of its helpers.

    Args:
        results: folder of the results.
        cache: folder for tiles.
        ledger: URL; the results' own by default.
    """

    def __init__(self, results: Path, cache: Path, ledger: str = "") -> None:
        command = [sys.executable, "-W", "ignore", "-m", "pipeline", "review", str(results), "--no-browser"]
        environment = os.environ | {"RESTORATION_CACHE": str(cache)}
        self._process = subprocess.Popen(
            [*command, *(["--ledger", ledger] if ledger else [])], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip().partition(" ")[2]
        self.base = self.address.partition("login")[0]
        self.client = httpx.Client(base_url=self.base, trust_env=False, timeout=300, follow_redirects=True)
        self.peak = self.helpers_peak = 0.0
        self._stop = threading.Event()
        self._sampling = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Server:
        self.client.get(self.address).raise_for_status()
        self._sampling.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self.client.close()
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            # A browser may still hold a connection: nothing is lost by it.
            self._process.kill()
            self._process.wait()

    def timed(self, path: str, **query: object) -> tuple[float, httpx.Response]:
        """Return seconds and answer of a request."""
        started = time.perf_counter()
        answer = self.client.get(path, params=query)  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
        return seconds, answer.raise_for_status()

    def cpu_seconds(self) -> float:
        """Return the processor time of the server alone so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def _sample(self) -> None:
        server = psutil.Process(self._process.pid)
        while not self._stop.wait(0.02):
            with contextlib.suppress(psutil.Error):
                self.peak = max(self.peak, server.memory_info().rss / 1e6)
                helpers = sum(child.memory_info().rss for child in server.children(recursive=True)) / 1e6
                self.helpers_peak = max(self.helpers_peak, helpers)
