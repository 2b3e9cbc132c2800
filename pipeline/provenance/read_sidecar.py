"""Read a sidecar back: what the ledger recorded of the result that it describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.ledger import Outcome
from pipeline.provenance.sidecar import VERSION

# What masking decided, by what became of the scan; only these outcomes have a sidecar.
DECISIONS = {Outcome.RESTORED: "fill", Outcome.UNCHANGED: "unchanged", Outcome.REVIEW: "review"}


@dataclass(frozen=True)
class SidecarRecord:
    """One published result.

    Attributes:
        path, sha256: of the master.
        companions: sha256 of the mask, protected region and infrared plane that were used; empty without any, None
            where an earlier version did not record it.
        files: sha256 of the published files by folder: `restored`, `masks`, `suggestions`, and `access` where there is
            one.
        restored_path: of the derivative, relative to the output; empty without one.
        recipe: without its digest.
        run: collection, batch, task and times as recorded.
        figures: what was found and measured, as in the ledger.
    """

    path: str
    sha256: str
    outcome: Outcome
    companions: str | None
    files: Mapping[str, str]
    restored_path: str
    restored_bytes: int
    recipe: Mapping[str, Any]
    recipe_digest: str
    run: Mapping[str, Any]
    started: datetime
    published: datetime
    figures: Mapping[str, Any]


def read_sidecar(data: bytes) -> SidecarRecord | None:
    """Return what a sidecar says; None when the bytes are no sidecar of this format."""
    try:
        document = json.loads(data)
        return _record(document) if document["schema"] == VERSION else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _record(document: Mapping[str, Any]) -> SidecarRecord:
    master, mask, output = document["master"], document["mask"], document["output"] or {}
    recipe = dict(document["recipe"])
    digest = recipe.pop("digest")
    suggested = mask["suggested"] or {}
    access = document.get("access") or {}
    files = {
        "restored": output.get("sha256"), "masks": mask["sha256"], "suggestions": suggested.get("sha256"),
        "access": access.get("sha256"),
    }  # fmt: skip
    given = any(mask[name] for name in ("given", "protected", "infrared"))
    return SidecarRecord(
        path=master["path"],
        sha256=master["sha256"],
        outcome=Outcome(document["outcome"]),
        companions=mask.get("companions") or (None if given else ""),
        files={folder: sha256 for folder, sha256 in files.items() if sha256},
        restored_path=output.get("path", ""),
        restored_bytes=output.get("bytes", 0),
        recipe=recipe,
        recipe_digest=digest,
        run=document["run"],
        started=datetime.fromisoformat(document["run"]["started"]),
        published=datetime.fromisoformat(document["run"]["published"]),
        figures=_figures(document),
    )


def _figures(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures under the names of the manifest's columns, without those that are absent."""
    mask, suggested = document["mask"], document["mask"]["suggested"] or {}
    engine, metrics = document["engine"] or {}, document["metrics"] or {}
    estimate, telea = metrics.get("estimate") or {}, metrics.get("telea_on_the_same_mask") or {}
    found = {
        "mask_source": mask["source"],
        "mask_note": mask["note"],
        "coverage": mask["coverage"],
        "components": mask["components_found"],
        "kinds": json.dumps(mask["kinds"]) if mask["kinds"] else None,
        "held": json.dumps(mask["held_back"]) if mask["held_back"] else None,
        "suggested": suggested.get("pieces", 0),
        "suggested_share": suggested.get("share", 0.0),
        "suggested_kinds": json.dumps(suggested["kinds"]) if suggested else None,
        "decision": DECISIONS[Outcome(document["outcome"])],
        "review_reason": document["review"]["reason"],
        "engine": engine.get("name"),
        "engine_digest": engine.get("digest"),
        "windows": engine.get("windows"),
        "notes": engine.get("notes"),
        **(metrics.get("against_known_original") or {}),
        "estimate_psnr": estimate.get("psnr_hole"),
        "estimate_low": estimate.get("low"),
        "estimate_high": estimate.get("high"),
        "estimate_samples": estimate.get("samples"),
        "baseline_psnr": telea.get("psnr"),
        "baseline_ssim": telea.get("ssim"),
        "seam": metrics.get("seam"),
        "changed_share": metrics.get("changed_share"),
        "outside_identical": metrics.get("outside_mask_identical"),
    }
    return {name: value for name, value in found.items() if value is not None}
