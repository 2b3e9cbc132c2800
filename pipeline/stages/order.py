"""The order of the stages that work scan by scan."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module


class Stage(StrEnum):
    """A stage that works scan by scan; the members are in the order in which a chunk goes through them."""

    RECEIVE = "receive"
    """Identify what is new in the inbox, claim it, and cut it into chunks."""
    MASK = "mask"
    """Find the damage on each scan and decide what to do with it."""
    INPAINT = "inpaint"
    """Fill the damage."""
    MEASURE = "measure"
    """Measure or estimate how good the result is."""
    PUBLISH = "publish"
    """Write the result and record the outcome."""

    @property
    def step(self) -> str:
        """The name of the manifest that the stage writes, e.g. `masked`."""
        return STEPS[self]

    @property
    def previous(self) -> Stage:
        """The stage before this one."""
        stages = list(Stage)
        return stages[stages.index(self) - 1]


STEPS = {
    Stage.RECEIVE: "received",
    Stage.MASK: "masked",
    Stage.INPAINT: "inpainted",
    Stage.MEASURE: "measured",
    Stage.PUBLISH: "published",
}
CHUNK_STAGES = tuple(stage for stage in Stage if stage is not Stage.RECEIVE)


def load_stage(stage: Stage) -> Callable[..., str]:
    """Return the function of a stage on chunks: it takes a chunk's URI and a task context, and returns the next URI.

    Its module, and with it the models, is imported only now.
    """
    function: Callable[..., str] = getattr(import_module(f"pipeline.stages.{stage}"), stage)
    return function
