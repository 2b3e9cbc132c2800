"""Build the sidecar: a JSON document that explains a result years later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.ledger import Outcome, TaskContext
from pipeline.ledger.rows import json_values
from pipeline.provenance.disclosure import disclosure
from pipeline.provenance.events import EventType

SCHEMA = Path(__file__).with_name("sidecar.schema.json")
VERSION = "archive-restoration sidecar 1"

# The fields of a task that the sidecar repeats; the engine's notes say how often memory ran out.
CONTEXT_FIELDS = ("dag_id", "run_id", "task_id", "map_index", "try_number")
REFERENCE_METRICS = ("psnr", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole")


@dataclass(frozen=True)
class DerivativeFile:
    """The derivative as written.

    Attributes:
        path: relative to the collection's output.
    """

    path: str
    uri: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class AccessCopy:
    """The access copy as written.

    Attributes:
        path: relative to the collection's output.
        width, height: pixels, upright, a visible note included.
    """

    path: str
    uri: str
    sha256: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True)
class CredentialsFile:
    """Content credentials (C2PA) as written.

    Attributes:
        path: relative to the collection's output.
    """

    path: str
    uri: str
    sha256: str


@dataclass(frozen=True)
class Signed:
    """What came of signing a derivative.

    Attributes:
        problem: why there is no file; None where there is one.
    """

    path: str | None
    uri: str | None
    sha256: str | None
    problem: str | None


@dataclass(frozen=True)
class RunRecord:
    """The run that made a result."""

    collection: str
    batch: str
    host: str
    code_version: str
    context: TaskContext
    started: datetime
    published: datetime


def sidecar(
    row: Mapping[str, Any],
    *,
    outcome: Outcome,
    recipe: Mapping[str, Any],
    recipe_digest: str,
    run: RunRecord,
    mask_uri: str,
    mask_sha256: str,
    suggested_uri: str,
    suggested_sha256: str,
    output: DerivativeFile | None,
    metadata: Mapping[str, Any] | None = None,
    access: AccessCopy | None = None,
    credentials: Signed | None = None,
    master_credentials: CredentialsFile | None = None,
) -> bytes:
    """Return the sidecar of one scan as UTF-8 JSON that fits `sidecar.schema.json`.

    Args:
        row: the scan's row of the manifest, with the columns of all stages.
        mask_uri, suggested_uri: of the published masks of filled and of suggested damage; empty without one.
        output: the derivative, None if there is none.
        metadata: what became of the master's metadata, as the schema describes it.
        access: the access copy, None if there is none.
        credentials, master_credentials: of the derivative, and those that the master has itself; None without any.
    """
    facts = json_values(row)
    document = {
        "schema": VERSION,
        "outcome": str(outcome),
        "disclosure": disclosure(row, outcome, run.published),
        "master": _master(facts),
        "mask": _mask(facts, mask_uri, mask_sha256) | {"suggested": _suggested(facts, suggested_uri, suggested_sha256)},
        "recipe": {"digest": recipe_digest, **recipe},
        "engine": _engine(facts) if output else None,
        "output": asdict(output) if output else None,
        "metadata": metadata if output else None,
        "access": asdict(access) if access else None,
        "credentials": asdict(credentials) if credentials else None,
        "master_credentials": asdict(master_credentials) if master_credentials else None,
        "metrics": _metrics(facts) if output else None,
        "review": {"wanted": outcome is Outcome.REVIEW, "reason": facts["review_reason"] or None},
        "run": _run(run),
        "events": _events(facts, output is not None),
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _master(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("path", "uri", "sha256", "bytes", "format", "width", "height", "channels", "bit_depth", "orientation")
    return {name: facts[name] for name in names} | {"same_bytes_as": facts["same_as"] or None}


def _mask(facts: Mapping[str, Any], uri: str, sha256: str) -> dict[str, Any]:
    components = json.loads(facts["components_json"]) if facts["components_json"] else []
    return {
        "source": facts["mask_source"],
        "given": facts["mask_given_uri"] or None,
        "protected": facts["protect_uri"] or None,
        "infrared": facts["infrared_uri"] or None,
        "companions": facts["mask_given"].partition(" ")[2] or None,
        "note": facts["mask_note"] or None,
        "coverage": facts["coverage"],
        "uri": uri or None,
        "sha256": sha256 or None,
        "components_found": facts["components"],
        "kinds": json.loads(facts["kinds"]) if facts["kinds"] else {},
        "held_back": json.loads(facts["held"]) if facts["held"] else {},
        "components": components,
    }


def _suggested(facts: Mapping[str, Any], uri: str, sha256: str) -> dict[str, Any] | None:
    """Return the suggested damage, None without any."""
    if not facts["suggested"]:
        return None
    return {
        "pieces": facts["suggested"],
        "share": facts["suggested_share"],
        "kinds": json.loads(facts["suggested_kinds"]),
        "reasons": json.loads(facts["suggested_reasons"]) if facts["suggested_reasons"] else {},
        "uri": uri,
        "sha256": sha256,
    }


def _engine(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": facts["engine"],
        "digest": facts["engine_digest"],
        "windows": facts["windows"],
        "notes": facts["notes"] or None,
    }


def _metrics(facts: Mapping[str, Any]) -> dict[str, Any]:
    true = {name: facts[name] for name in REFERENCE_METRICS if facts[name] is not None}
    estimate = None
    if facts["estimate_psnr"] is not None:
        estimate = {
            "psnr_hole": facts["estimate_psnr"],
            "low": facts["estimate_low"],
            "high": facts["estimate_high"],
            "samples": facts["estimate_samples"],
            "method": "the same engine on holes of the same shapes at intact places nearby; "
            "an estimate, not a measurement",
        }
    return {
        "against_known_original": true or None,
        "estimate": estimate,
        "telea_on_the_same_mask": (
            {"psnr": facts["baseline_psnr"], "ssim": facts["baseline_ssim"]}
            if facts["baseline_psnr"] is not None
            else None
        ),
        "seam": facts["seam"],
        "changed_share": facts["changed_share"],
        "outside_mask_identical": facts["outside_identical"],
    }


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "collection": run.collection,
        "batch": run.batch,
        **{name: value for name, value in asdict(run.context).items() if name in CONTEXT_FIELDS},
        "host": run.host,
        "code_version": run.code_version,
        "started": _moment(run.started),
        "published": _moment(run.published),
    }


def _events(facts: Mapping[str, Any], restored: bool) -> list[dict[str, Any]]:
    """Return what was done, as PREMIS event types; the ledger's events have the time and task of each."""
    steps: list[tuple[EventType, str, Any]] = [
        (EventType.DIGEST, f"sha256 of the master: {facts['sha256']}", None),
        (EventType.EXTRACTION, f"damage: {facts['mask_source']}", facts["mask_seconds"]),
    ]
    if restored:
        steps += [
            (EventType.MODIFICATION, f"filled under the mask by {facts['engine']}", facts["inpaint_seconds"]),
            (EventType.QUALITY, "compared with the master, and measured", facts["measure_seconds"]),
            (EventType.FIXITY, "the master's sha256 was unchanged after all work", None),
            (EventType.CREATION, "derivative written", None),
        ]
    return [{"type": str(kind), "detail": detail, "seconds": seconds} for kind, detail, seconds in steps]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
