"""Sidecars match their schema, whatever was measured, and say in words what was done."""

from __future__ import annotations

import json
import math
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sidecar_fields import strict

from pipeline.ledger import Outcome, TaskContext
from pipeline.provenance import code_version, sidecar
from pipeline.provenance.disclosure import disclosure, percent
from pipeline.provenance.version import code_version as found_version
from pipeline.scans.carried import Carried, Change, Loss
from pipeline.settings import Recipe, settings
from pipeline.stages.metadata_list import in_full
from pipeline.stages.scan_row import ScanRow

MOMENT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
PIECE = {"kind": "dust", "level": "repair", "box": [1, 2, 3, 4], "area": 9, "probability": None, "reason": "a spot"}


def row(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "scan_id": 1,
        "path": "ü\n<b>.tif",
        "uri": "/in/x",
        "sha256": "a" * 64,
        "bytes": 10,
        "format": "TIFF",
    }
    known |= {"width": 4, "height": 3, "channels": 1, "bit_depth": 16, "orientation": 6}
    known |= {"mask_source": "detector", "coverage": 0.0123, "components": 1, "components_json": json.dumps([PIECE])}
    return vars(ScanRow(**known | changes))


def written(
    outcome: Outcome,
    found: dict[str, Any],
    output: sidecar.DerivativeFile | None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    data = sidecar.sidecar(
        found,
        outcome=outcome,
        recipe=Recipe().model_dump(mode="json"),
        recipe_digest="b" * 64,
        run=sidecar.RunRecord("c", "b1", "host", "1.0", TaskContext("dag", "run", "task", 3, 2), MOMENT, MOMENT),
        mask_uri="/out/m.png" if output else "",
        mask_sha256="c" * 64 if output else "",
        suggested_uri="/out/s.png" if found["suggested"] else "",
        suggested_sha256="f" * 64 if found["suggested"] else "",
        output=output,
        metadata=metadata,
    )
    document: dict[str, Any] = json.loads(data)
    schema = json.loads(sidecar.SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, strict(schema), format_checker=jsonschema.FormatChecker())
    return document


MADE = sidecar.DerivativeFile("restored/x.tif", "/out/restored/x.tif", "d" * 64, 20)
FILLED = {"engine": "rn", "engine_digest": "e" * 64, "windows": 3, "seam": 1.1, "changed_share": 0.01}


def test_a_measured_restoration() -> None:
    true = dict.fromkeys(sidecar.REFERENCE_METRICS, 30.0) | {"baseline_psnr": 29.0, "baseline_ssim": math.nan}
    document = written(Outcome.RESTORED, row(**FILLED, **true, outside_identical=True), MADE)
    assert document["metrics"]["against_known_original"]["psnr_hole"] == 30.0
    assert document["metrics"]["telea_on_the_same_mask"] == {"psnr": 29.0, "ssim": None}
    assert document["metrics"]["estimate"] is None and document["metrics"]["outside_mask_identical"] is True
    assert document["mask"]["components"] == [PIECE]
    assert (document["run"]["map_index"], document["run"]["try_number"]) == (3, 2)
    assert document["events"][-1]["type"] == "creation"


def test_what_became_of_the_metadata_is_listed() -> None:
    renamed = Change("text Comment", "a", "a", "TIFF ImageDescription")
    carried = in_full(Carried(("resolution",), (renamed,), (Loss("EXIF thumbnail", "", "thumbnail"),)))
    document = written(Outcome.RESTORED, row(**FILLED), MADE, carried)
    assert document["metadata"] == carried
    assert written(Outcome.UNCHANGED, row(), None, carried)["metadata"] is None


def test_an_estimate_is_called_one() -> None:
    found = row(**FILLED, estimate_psnr=25.0, estimate_low=20.0, estimate_high=math.nan, estimate_samples=4)
    metrics = written(Outcome.RESTORED, found, MADE)["metrics"]
    assert metrics["against_known_original"] is None
    assert (metrics["estimate"]["psnr_hole"], metrics["estimate"]["high"]) == (25.0, None)
    assert "estimate" in metrics["estimate"]["method"]


@pytest.mark.parametrize("outcome", [Outcome.UNCHANGED, Outcome.REVIEW])
def test_a_scan_without_a_derivative(outcome: Outcome) -> None:
    document = written(outcome, row(review_reason="too much", components_json="", components=None), None)
    assert document["output"] is document["engine"] is document["metrics"] is None
    assert document["disclosure"].startswith("Nothing was changed")
    assert document["review"]["wanted"] == (outcome is Outcome.REVIEW)


LEFT = {
    "suggested": 12,
    "suggested_share": 0.0077,
    "suggested_kinds": json.dumps({"dust": 8, "other": 4}),
    "suggested_reasons": json.dumps({"doubt": 10, "face": 2}),
}


@pytest.mark.parametrize("outcome", [Outcome.RESTORED, Outcome.UNCHANGED, Outcome.REVIEW])
def test_suggested_damage_is_described(outcome: Outcome) -> None:
    output = MADE if outcome is Outcome.RESTORED else None
    document = written(outcome, row(**FILLED, **LEFT), output)
    assert document["mask"]["suggested"] == {
        "pieces": 12,
        "share": 0.0077,
        "kinds": {"dust": 8, "other": 4},
        "reasons": {"doubt": 10, "face": 2},
        "uri": "/out/s.png",
        "sha256": "f" * 64,
    }
    said = "Left as they are: 12 marks of possible damage (0.77 % of the scan), for a person to look at."
    assert document["disclosure"].endswith(said) == (outcome is not Outcome.REVIEW)
    assert written(outcome, row(**FILLED, suggested=0), output)["mask"]["suggested"] is None


def test_a_single_mark_is_described_in_the_singular() -> None:
    said = disclosure(row(**LEFT | {"suggested": 1}), Outcome.UNCHANGED, MOMENT)
    assert said.endswith("Left as it is: 1 mark of possible damage (0.77 % of the scan), for a person to look at.")


def test_the_disclosure_says_how_much_by_what_and_when() -> None:
    said = disclosure(row(engine="rn"), Outcome.RESTORED, MOMENT)
    assert "1.2 % of its pixels" in said and "2026-11-20" in said and "reconstruction" in said and "(rn)" in said


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0.00 %"), (1e-7, "less than 0.01 %"), (0.0012, "0.12 %"), (0.123, "12.3 %")]
)
def test_shares_are_never_rounded_to_zero(share: float, text: str) -> None:
    assert percent(share) == text


def test_the_code_version_is_configured_or_read_from_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_CODE_VERSION", "release 7")
    settings.cache_clear()
    found_version.cache_clear()
    assert code_version() == "release 7"
    monkeypatch.delenv("RESTORATION_CODE_VERSION")
    settings.cache_clear()
    found_version.cache_clear()
    root = Path(sidecar.__file__).resolve().parents[2]
    try:
        revision = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    assert revision.stdout[:12] in code_version()
    settings.cache_clear()
    found_version.cache_clear()
