"""The row of a scan in a chunk's manifest: typed columns, to which each stage adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeVar, get_type_hints

import pyarrow as pa

from pipeline.ledger import Outcome
from pipeline.ledger.rows import json_values
from pipeline.stages.order import Stage

NAN = float("nan")

# Python and Arrow type of a column; what is absent is "", None, NaN or None again.
Text = Annotated[str, pa.string()]
Whole = Annotated[int | None, pa.int64()]
Number = Annotated[float, pa.float64()]
Truth = Annotated[bool | None, pa.bool_()]

Step = TypeVar("Step", bound="StepColumns")


@dataclass
class StepColumns:
    """The columns that one step adds."""


@dataclass
class Received(StepColumns):
    """What receiving knows of a scan.

    Attributes:
        path: relative to the inbox.
        mask_given: fingerprint and digest of the files that were given with it; empty without any.
        original_uri: of the undamaged original, empty where none is known.
        output_path: path below `restored/`, `masks/` and `sidecars/`, without an extension.
        reason: why the scan was stopped, else empty; any later stage may set it. `message` explains it in a sentence.
        same_as: path of an earlier scan of the same bytes, whose result this one shares; else empty.
        given_note: how the files that were given with it were chosen, where their names left that open.
        xmp_json: URIs of metadata that goes along with the derivative, as a JSON list; empty without any.
        again: why it is done although its path was done before, see `pipeline.inbox.redo.Again`; empty for what is new.
    """

    scan_id: Annotated[int, pa.int64()]
    path: Text
    uri: Text = ""
    sha256: Text = ""
    bytes: Whole = None
    format: Text = ""
    width: Whole = None
    height: Whole = None
    channels: Whole = None
    bit_depth: Whole = None
    orientation: Whole = None
    mask_given_uri: Text = ""
    mask_given: Text = ""
    protect_uri: Text = ""
    infrared_uri: Text = ""
    original_uri: Text = ""
    output_path: Text = ""
    reason: Text = ""
    message: Text = ""
    same_as: Text = ""
    again: Text = ""
    given_note: Text = ""
    xmp_json: Text = ""


@dataclass
class Masked(StepColumns):
    """What is marked on a scan, and what is to be done with it.

    Attributes:
        mask_uri: of what is to be filled, or of everything suspected when a person must look first.
        coverage: share of the scan's pixels under that mask, 0..1.
        components_json: the largest components with their explanations.
        levels_uri: of the mask in levels: 255 = to be filled, 128 = only suggested.
        kinds: number of components by level and kind, as JSON.
        suggested: number of components that are marked and not filled; `suggested_share` is their share of the pixels.
        suggested_kinds, suggested_reasons: the same number by kind, and by what keeps them from being filled, as JSON.
        held: of these reasons, the guards.
        decision: `fill`, `unchanged`, `review`, `quarantined` or `failed`.
    """

    mask_uri: Text = ""
    mask_source: Text = ""
    mask_note: Text = ""
    coverage: Number = NAN
    components: Whole = None
    components_json: Text = ""
    levels_uri: Text = ""
    kinds: Text = ""
    held: Text = ""
    suggested: Whole = None
    suggested_share: Number = NAN
    suggested_kinds: Text = ""
    suggested_reasons: Text = ""
    suggested_uri: Text = ""
    decision: Text = ""
    review_reason: Text = ""
    mask_seconds: Number = NAN


@dataclass
class Inpainted(StepColumns):
    """The new pixels of a scan, and what made them.

    Attributes:
        held_out_json: how far held-out places were missed, see `engines.holdout_estimate.Sample`; empty where none
            were filled beside the damage.
    """

    filled_uri: Text = ""
    engine: Text = ""
    engine_digest: Text = ""
    windows: Whole = None
    held_out_json: Text = ""
    inpaint_seconds: Number = NAN
    notes: Text = ""


@dataclass
class Measured(StepColumns):
    """How good a result is: against a known original, or estimated on held-out pixels; see `pipeline.metrics`."""

    psnr: Number = NAN
    ssim: Number = NAN
    l1: Number = NAN
    psnr_hole: Number = NAN
    ssim_hole: Number = NAN
    l1_hole: Number = NAN
    estimate_psnr: Number = NAN
    estimate_low: Number = NAN
    estimate_high: Number = NAN
    estimate_samples: Whole = None
    seam: Number = NAN
    changed_share: Number = NAN
    outside_identical: Truth = None
    baseline_psnr: Number = NAN
    baseline_ssim: Number = NAN
    measure_seconds: Number = NAN


@dataclass
class Published(StepColumns):
    """The outcome of a scan and its published files.

    Attributes:
        metadata: what became of the master's metadata, as `metadata_list.in_short` writes it.
    """

    outcome: Text = ""
    restored_uri: Text = ""
    restored_sha256: Text = ""
    restored_bytes: Whole = None
    mask_out_uri: Text = ""
    suggested_out_uri: Text = ""
    sidecar_uri: Text = ""
    metadata: Text = ""
    publish_seconds: Number = NAN


@dataclass(frozen=True)
class Stopped:
    """The decision that ends the processing of a scan, with its reason and the reason in a sentence."""

    decision: str
    reason: str
    message: str


def quarantined(reason: str, message: str) -> Stopped:
    """Return the decision to quarantine a scan."""
    return Stopped(str(Outcome.QUARANTINED), reason, message)


def failed(reason: str, message: str) -> Stopped:
    """Return the decision that a scan has failed."""
    return Stopped(str(Outcome.FAILED), reason, message)


# Dataclasses take fields of their bases from the last to the first: the columns are in the order of the steps.
@dataclass
class ScanRow(Published, Measured, Inpainted, Masked, Received):
    """One scan with the columns of all steps; those of steps still to come are blank."""

    @property
    def is_stopped(self) -> bool:
        """Whether the scan was quarantined or has failed."""
        return bool(self.reason)

    def update(self, found: StepColumns | Stopped) -> None:
        """Set the columns that a stage has found, all columns of its step; or stop the scan."""
        for column in fields(found):
            setattr(self, column.name, getattr(found, column.name))

    def part(self, step: type[Step]) -> Step:
        """Return the columns of one step."""
        return step(**{column.name: getattr(self, column.name) for column in fields(step)})


COLUMNS: dict[Stage, type[StepColumns]] = {
    Stage.RECEIVE: Received,
    Stage.MASK: Masked,
    Stage.INPAINT: Inpainted,
    Stage.MEASURE: Measured,
    Stage.PUBLISH: Published,
}


@cache
def schema(step: str) -> pa.Schema:
    """Return the Arrow schema of a step's manifest: its own columns after those of all earlier steps.

    Raises:
        ValueError: there is no such step.
    """
    columns: dict[str, pa.DataType] = {}
    for stage in Stage:
        hints = get_type_hints(COLUMNS[stage], include_extras=True)
        columns |= {column.name: hints[column.name].__metadata__[0] for column in fields(COLUMNS[stage])}
        if stage.step == step:
            return pa.schema(columns.items())
    raise ValueError(f"{step!r} is not a step")


def figures(row: ScanRow, *steps: type[StepColumns]) -> dict[str, Any]:
    """Return what steps found out about a scan as JSON can hold it, without blanks, URIs and JSON texts."""
    names = (column.name for step in steps for column in fields(step))
    found = json_values({name: getattr(row, name) for name in names if not name.endswith(("_uri", "_json"))})
    return {name: value for name, value in found.items() if value not in (None, "")}


def set_figures(row: ScanRow, found: Mapping[str, Any], *steps: type[StepColumns]) -> None:
    """Set columns of some steps from figures that were recorded earlier; others are left as they are."""
    names = {column.name for step in steps for column in fields(step)}
    for name in names & found.keys():
        setattr(row, name, found[name])
