"""Call stages as tasks do, in this process or in one that can be killed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mail_channel import MailChannel

from pipeline.ledger import TaskContext
from pipeline.settings import Collection, settings
from pipeline.stages.batch import work_area
from pipeline.stages.order import CHUNK_STAGES, Stage, load_stage

STAGES = (*map(str, Stage), "report", "digest", "reconcile")


@dataclass(frozen=True)
class Call:
    """One task of one batch.

    Attributes:
        chunk: URI of the chunk's manifest, for stages that work on one.
        chunks: of the whole batch, for those that work on all.
        mail: port of the mail server, 0 where there is none.
        environment: what the task's process has in its environment beyond its parent's.
    """

    stage: str
    collection: Collection
    batch: str
    chunk: str = ""
    chunks: tuple[str, ...] = ()
    try_number: int = 1
    mail: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def again(self) -> Call:
        """Returns the next attempt of the same task."""
        return replace(self, try_number=self.try_number + 1)


def enter(call: Call) -> None:
    """Gives this process the environment of a task."""
    os.environ.update(call.environment)
    tempfile.tempdir = None
    settings.cache_clear()


def run(call: Call) -> Any:
    """Returns what the stage returns."""
    context = TaskContext("restore_c", f"run {call.batch}", call.stage, -1, call.try_number)
    area = work_area(call.collection.output, call.batch)
    channel = MailChannel(call.mail, timeout=1.0) if call.mail else None
    return _function(call.stage)(call, area, context, channel)


def _function(stage: str) -> Callable[..., Any]:
    """Returns a function that calls a stage."""
    from pipeline.stages.digest import digest
    from pipeline.stages.receive import receive
    from pipeline.stages.reconcile import reconcile
    from pipeline.stages.report import report

    if stage in CHUNK_STAGES:
        return lambda call, area, context, channel: load_stage(Stage(stage))(call.chunk, context)
    return {
        "receive": lambda call, area, context, channel: receive(call.collection, batch=call.batch, context=context),
        "report": lambda call, area, context, channel: report(area, list(call.chunks), context),
        "digest": lambda call, area, context, channel: digest(area, context, channel=channel),
        "reconcile": lambda call, area, context, channel: reconcile(area, list(call.chunks), context),
    }[stage]
