"""Run `restore` with a stopwatch on its stages and steps: `python -m benchmarks.throughput.shell_run INBOX OUT`.

Prints one JSON object.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import metrics, scans, storage
from pipeline.cli.uris import as_uri, use_ledger
from pipeline.engines import rn, run, window_runner
from pipeline.ledger.database import Ledger
from pipeline.settings import Collection
from pipeline.stages import artifacts, fill_scans, local_run, mask, previews, publish
from pipeline.stages.run_summary import RunSummary

#: Steps inside the stages: what they are called, and the functions whose time they take.
STEPS: dict[str, list[tuple[Any, str]]] = {
    "read and decode": [(scans, "decode_isolated"), (artifacts, "read_mask")],
    "find damage": [(mask, "compose_mask")],
    "plan and cut windows": [(run, "plan"), (window_runner, "crop"), (fill_scans, "held_out")],
    "network": [(rn.RnEngine, "fill")],
    "composite": [
        (window_runner, "cut_patch"), (run, "blend"), (artifacts, "apply_fill"), (fill_scans, "native_pixels"),
    ],
    "measure": [(metrics, "fidelity"), (metrics, "seam")],
    "encode": [(scans, "encode_and_read"), (publish, "encode_mask")],
    "previews": [(previews, "write_previews")],
    "hash": [(artifacts, "check_unchanged")],
    "write": [(storage, "write_bytes")],
    "ledger": [(Ledger, "_connect"), (publish._Publisher, "_commit")],
}  # fmt: skip


class Stopwatch:
    """Adds up seconds by name: elapsed, and of the thread's processor; what is measured inside counts only there."""

    def __init__(self) -> None:
        self.clock: dict[str, float] = defaultdict(float)
        self.processor: dict[str, float] = defaultdict(float)
        self._inner = threading.local()
        self._lock = threading.Lock()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time added under a name."""

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._inner, "spent", (0.0, 0.0))
            self._inner.spent = (0.0, 0.0)
            clock, processor = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                clock, processor = time.perf_counter() - clock, time.thread_time() - processor
                inner = self._inner.spent
                with self._lock:
                    self.clock[name] += clock - inner[0]
                    self.processor[name] += processor - inner[1]
                self._inner.spent = (outer[0] + clock, outer[1] + processor)

        return measured


def main(source: str, output: str) -> int:
    """Print what stages and steps took; return the exit code, 0."""
    watch, stages = Stopwatch(), dict[str, dict[str, float]]()
    for name, functions in STEPS.items():
        for owner, attribute in functions:
            found = owner.__dict__[attribute]
            wrapped = watch.timed(name, found.__func__ if isinstance(found, staticmethod) else found)
            setattr(owner, attribute, staticmethod(wrapped) if isinstance(found, staticmethod) else wrapped)

    def staged(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            clock, processors = time.perf_counter(), time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                found = stages.setdefault(name, {"clock": 0.0, "processors": 0.0})
                found["clock"] += time.perf_counter() - clock
                found["processors"] += time.process_time() - processors

        return measured

    local_run.STAGES = tuple((stage, staged(str(stage), function)) for stage, function in local_run.STAGES)
    for name in ("receive", "report", "digest", "reconcile"):
        setattr(local_run, name, staged(name, getattr(local_run, name)))
    Path(output).mkdir(parents=True)
    use_ledger(f"sqlite:///{output}/ledger.db")
    collection = Collection(
        name="throughput", inbox=as_uri(source), output=as_uri(output), schedule=None, batch_scans=10**9
    )
    summary = RunSummary(collection.output, "")
    local_run.restore(collection, local_run.RunOptions(), summary)
    steps = {name: {"clock": watch.clock[name], "processor": watch.processor[name]} for name in STEPS}
    print(json.dumps({"stages": stages, "steps": steps, "outcomes": summary.outcomes}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
