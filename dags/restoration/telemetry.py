"""Metrics of the work, sent the way that Airflow's own metrics go (`[metrics]` in its configuration).

While Airflow sends no metrics, nothing is computed. A metric that cannot be sent fails no task.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

from pipeline.stages.order import Stage

Arguments = ParamSpec("Arguments")
log = logging.getLogger(__name__)

BACKENDS = ("otel_on", "statsd_on", "statsd_datadog_enabled")

# Counters, of each stage of each collection.
STAGE_SCANS = "restoration.stage.scans"
STAGE_PIXELS = "restoration.stage.pixels"
STAGE_MILLISECONDS = "restoration.stage.milliseconds"
# Gauges, of each collection. They come from the ledger, so that a task that runs twice counts once.
OUTCOMES = "restoration.outcomes"
WAITING = "restoration.waiting"
REVIEWS = "restoration.reviews_open"
MARKS = "restoration.marks_open"
LAST_DONE = "restoration.last_batch_done"
# Gauge, of each host that fills on a GPU.
GPU_PEAK = "restoration.gpu.peak_bytes"


def are_sent() -> bool:
    """Return whether Airflow sends metrics anywhere."""
    return any(conf.getboolean("metrics", name, fallback=False) for name in BACKENDS)


def _harmless(send: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Return a function that sends nothing while no metrics are sent, and only logs what prevents it."""

    @wraps(send)
    def harmless(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if not are_sent():
            return
        try:
            send(*args, **kwargs)
        except Exception:
            log.warning("metrics were not sent", exc_info=True)

    return harmless


@_harmless
def send_stage(collection: str, stage: Stage, chunk: str) -> None:
    """Count what a stage has done with a chunk.

    Args:
        chunk: URI of the manifest that the stage has written.
    """
    from pipeline.stages.telemetry import stage_work

    try:
        work = stage_work(chunk, stage)
    except FileNotFoundError:
        return
    tags = {"collection": collection, "stage": str(stage)}
    stats.incr(STAGE_SCANS, work.scans, tags=tags)
    stats.incr(STAGE_PIXELS, work.pixels, tags=tags)
    stats.incr(STAGE_MILLISECONDS, round(1000 * work.seconds), tags=tags)
    if stage is Stage.INPAINT:
        _send_gpu_peak()


@_harmless
def send_collection(collection: str) -> None:
    """Tell where a collection stands."""
    from pipeline.ledger import Outcome
    from pipeline.stages.telemetry import collection_state

    state, tags = collection_state(collection), {"collection": collection}
    for outcome in Outcome:
        # Also the outcomes that have not occurred: an alert on a rise needs the zero before it.
        stats.gauge(OUTCOMES, state.outcomes.get(outcome, 0), tags=tags | {"outcome": str(outcome)})
    stats.gauge(WAITING, state.waiting, tags=tags)
    stats.gauge(REVIEWS, state.reviews, tags=tags)
    stats.gauge(MARKS, state.marks, tags=tags)
    if state.last_done is not None:
        stats.gauge(LAST_DONE, state.last_done, tags=tags)


def _send_gpu_peak() -> None:
    """Tell how much memory of the GPU this process has used at most, where it has used one."""
    import socket

    import torch

    if torch.cuda.is_available() and (peak := torch.cuda.max_memory_allocated()):
        stats.gauge(GPU_PEAK, peak, tags={"host": socket.gethostname()})
