"""Arguments that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.time_limit import next_time
from pipeline.cli.values import ABOVE_ZERO, PATH, PLACE, POSITIVE, SHARE

if TYPE_CHECKING:
    from pipeline.training.common.schedule import Budget

Function = TypeVar("Function", bound=Callable[..., Any])

STEPS = 20000

json_option = click.option("--json", "as_json", is_flag=True, help="print one JSON object as the last line")
overwrite_option = click.option(
    "--overwrite",
    is_flag=True,
    help="also replace files in DST that this program did not write on this machine",
)
device_option = click.option(
    "--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", help="where the network runs (default auto)"
)
backend_option = click.option(
    "--backend",
    type=click.Choice(("auto", "torch", "openvino")),
    default="auto",
    help="what runs the network (default auto)",
)
language_option = click.option(
    "--language", type=click.Choice(("en", "de")), default="en", help="of the report (default en)"
)
mask_mode_option = click.option(
    "--mask-mode",
    type=click.Choice(("replace", "add", "protect")),
    help="a painted mask replaces what is found (default), is added to it, or is never touched",
)
masks_option = click.option(
    "--masks", metavar="DIR", type=PLACE, help="painted masks (white = damaged), paired with the scans by path and stem"
)

ledger_option = click.option(
    "--ledger",
    metavar="URL",
    help="URL, file, or output folder (default: RESTORATION_LEDGER_URL, else the nearest ledger.db)",
)


def source_argument(help_text: str) -> Callable[[Function], Function]:
    """Return the argument SRC: what a verb reads."""
    return click.argument("source", metavar="SRC", type=PLACE, help=help_text)


def target_argument(help_text: str) -> Callable[[Function], Function]:
    """Return the argument DST: where a verb writes."""
    return click.argument("target", metavar="DST", type=PLACE, help=help_text)


def artefacts_option(help_text: str) -> Callable[[Function], Function]:
    """Return the option that names a folder of scanned artefacts."""
    return click.option("--artefacts", type=PATH, help=help_text)


def training_options(command: Function) -> Function:
    """Add to a command where a training run is kept, how long it lasts, and what it begins from."""
    options = (
        click.option("--out", type=PATH, required=True, help="folder for the run"),
        click.option("--resume", is_flag=True, help="continue from the checkpoint in --out"),
        click.option("--steps", type=POSITIVE, help=f"steps in all (default {STEPS})"),
        click.option("--hours", type=ABOVE_ZERO, help="hours of training in all, breaks not counted"),
        click.option("--until", help="time of day (HH:MM, local) at which the cool-down is to be complete"),
        click.option(
            "--init",
            type=PATH,
            metavar="WEIGHTS",
            help="start a new run from weights (*.safetensors, or the name of shipped ones), not from random ones",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def mean_options(help_text: str) -> Callable[[Function], Function]:
    """Return the options for averaging the trained network with other weights."""

    def add(command: Function) -> Function:
        command = click.option(
            "--mean-share", type=SHARE, default=0.5, help="share of the trained network in that mean (default .5)"
        )(command)
        return click.option("--mean-with", type=PATH, metavar="WEIGHTS", help=help_text)(command)

    return add


def training_budget(steps: int | None, hours: float | None, until: str | None) -> Budget:
    """Return how long a run lasts.

    Raises:
        click.UsageError: more than one limit is given.
        ValueError: the time of day is not of the form HH:MM.
    """
    from pipeline.training.common.schedule import Budget

    given = [value for value in (steps, hours, until) if value is not None]
    if len(given) > 1:
        click.get_current_context().fail("--steps, --hours and --until: give only one of them.")
    return Budget(steps=steps if given else STEPS, hours=hours, until=next_time(until) if until else None)


def check_training_folder(out: Path, *sources: Path | None, resume: bool) -> None:
    """Return when a run can be started, or resumed, in a folder.

    Raises:
        ConfigurationError: the folder overlaps with what is read.
        ValueError: there is nothing to resume, or a run that would be overwritten.
    """
    from pipeline import storage
    from pipeline.training.common.checkpoint import CHECKPOINT

    storage.refuse_overlap(str(out), *(str(source) if source else None for source in sources))
    exists = (out / CHECKPOINT).exists()
    if resume and not exists:
        raise ValueError(f"there is no checkpoint to resume in {out}")
    if exists and not resume:
        raise ValueError(f"{out} already contains a run: add --resume, or choose another folder")
