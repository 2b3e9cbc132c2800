"""Suggestions: published beside the masks, mentioned everywhere, and removed when they no longer apply."""

from __future__ import annotations

import hashlib
import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_project import read_image
from sqlalchemy import select

from pipeline.ledger.tables import OutcomeRow
from pipeline.provenance.sidecar import SCHEMA
from pipeline.settings import MaskLevel, MaskMode
from pipeline.stages import manifest, previews
from pipeline.stages.batch import load_batch
from pipeline.stages.digest import digest
from pipeline.stages.publish import publish
from pipeline.stages.report import report

pytestmark = pytest.mark.slow

SPOT = (slice(20, 30), slice(80, 90))


def recipe(project: Any, **changes: Any) -> None:
    project.changes["recipe"] = project.changes["recipe"].model_copy(update=changes)


def put_suspected(project: Any, name: str = "a.png") -> None:
    """Puts a picture into the inbox that has only one suspected spot."""
    path = project.put(name, painted=False)
    pixels = np.minimum(read_image(path), 250)
    pixels[SPOT] = 255
    Image.fromarray(pixels).save(path)


def restored(project: Any, name: str = "a.png", **given: Any) -> dict[str, Any]:
    """The row of a scan of a new batch, and its sidecar, which fits the schema, under `sidecar`."""
    project.restore(chunks := project.receive(**given))
    rows = {row.path: row for chunk in chunks for row in manifest.read(manifest.sibling(chunk, "published"))}
    document = json.loads((project.output / "sidecars" / name).with_suffix(".json").read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker())
    return {**vars(rows[name]), "sidecar": document}


def check(project: Any, row: dict[str, Any], stem: str = "a") -> np.ndarray:
    """Returns the published suggestions; manifest, sidecar and ledger agree on them."""
    path = project.output / f"suggestions/{stem}.png"
    found = row["sidecar"]["mask"]["suggested"]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["uri"] == row["suggested_out_uri"] == str(path) and found["sha256"] == sha256
    assert (found["pieces"], found["share"]) == (row["suggested"], row["suggested_share"])
    with project.ledger.read() as session:
        recorded = session.scalars(select(OutcomeRow).where(OutcomeRow.scan_id == row["scan_id"])).all()[-1]
    assert (recorded.suggested_uri, recorded.suggested_sha256) == (str(path), sha256)
    mask = read_image(path)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    assert found["share"] == pytest.approx(np.count_nonzero(mask) / mask.size)
    return mask


def test_what_is_not_filled_on_a_restored_scan_is_published(detecting) -> None:
    detecting.put("a.png", painted=False)
    row = restored(detecting)
    mask = check(detecting, row)
    assert mask[SPOT].all() and np.count_nonzero(mask) == 100
    assert not (mask & read_image(detecting.output / "masks/a.png")).any()
    assert row["outcome"] == "restored" and row["sidecar"]["mask"]["suggested"]["kinds"] == {"dust": 1}
    assert "Left as it is: 1 mark of possible damage (0.81 % of the scan)" in row["sidecar"]["disclosure"]


def test_an_unchanged_scan_mentions_its_suggestions(detecting) -> None:
    put_suspected(detecting)
    row = restored(detecting)
    assert row["outcome"] == "unchanged" and row["mask_out_uri"] == ""
    assert check(detecting, row)[SPOT].all()
    assert not (detecting.output / "masks").exists() and not (detecting.output / "restored").exists()
    assert "Nothing was changed" in row["sidecar"]["disclosure"] and "1 mark" in row["sidecar"]["disclosure"]
    preview = previews.preview_reader(load_batch(detecting.work_area()))(row)
    assert preview is not None and preview.mask is not None


def test_in_a_review_everything_is_a_suggestion(detecting, picture) -> None:
    recipe(detecting, max_coverage=0.001)
    detecting.put("a.png", painted=False)
    row = restored(detecting)
    mask = check(detecting, row)
    assert row["outcome"] == "review" and np.array_equal(mask, picture(0)[1])
    assert np.array_equal(mask, read_image(detecting.output / "masks/a.png"))
    assert row["sidecar"]["mask"]["suggested"]["kinds"] == {"scratch": 1, "dust": 1}


def test_where_everything_is_filled_there_are_no_suggestions(detecting) -> None:
    recipe(detecting, level=MaskLevel.SUGGEST)
    detecting.put("a.png", painted=False)
    row = restored(detecting)
    assert (row["suggested"], row["suggested_share"], row["suggested_out_uri"]) == (0, 0.0, "")
    assert row["sidecar"]["mask"]["suggested"] is None and "Left as" not in row["sidecar"]["disclosure"]
    assert row["sidecar"]["mask"]["kinds"] == {"repair": {"scratch": 1, "dust": 1}}
    assert not (detecting.output / "suggestions").exists()


def test_a_suggestion_under_a_painted_mask_is_filled(detecting) -> None:
    recipe(detecting, mask_mode=MaskMode.ADD)
    detecting.put("a.png", painted=False)
    drawn = np.zeros((96, 128), np.uint8)
    drawn[15:35, 75:95] = 255
    Image.fromarray(drawn).save(detecting.inbox / "a.mask.png")
    row = restored(detecting)
    assert row["suggested"] == 0 and not (detecting.output / "suggestions").exists()
    assert row["sidecar"]["mask"]["kinds"] == {"repair": {"manual": 1, "scratch": 1, "dust": 1}}


def test_the_next_run_fills_what_was_accepted(detecting) -> None:
    put_suspected(detecting)
    before = read_image(detecting.inbox / "a.png")
    restored(detecting)
    accepted = (detecting.output / "suggestions/a.png").read_bytes()
    (detecting.inbox / "a.mask.png").write_bytes(accepted)
    row = restored(detecting)
    assert row["outcome"] == "restored" and row["suggested"] == 0
    after = read_image(detecting.output / "restored/a.png")
    changed = (after != before).any(axis=2)
    assert changed[SPOT].any() and changed.sum() == changed[SPOT].sum()
    assert not (detecting.output / "suggestions/a.png").exists(), "of the run before"


def test_masks_of_an_earlier_recipe_are_removed(detecting) -> None:
    detecting.put("a.png", painted=False)
    restored(detecting)
    assert {path.parent.name for path in detecting.output.glob("*/a.png")} == {"restored", "masks", "suggestions"}
    Image.new("L", (128, 96), 255).save(detecting.inbox / "a.protect.png")
    recipe(detecting, sensitivity=0.5)
    row = restored(detecting)
    assert row["outcome"] == "unchanged" and row["sidecar"]["mask"]["suggested"] is None
    assert list(detecting.output.glob("*/a.png")) == []


def test_a_mask_changed_by_a_person_is_not_removed(detecting) -> None:
    detecting.put("a.png", painted=False)
    restored(detecting)
    edited = detecting.output / "suggestions/a.png"
    edited.write_bytes(b"edited")
    recipe(detecting, level=MaskLevel.SUGGEST)
    restored(detecting)
    assert edited.read_bytes() == b"edited"


def test_redo_gives_the_same_file(detecting) -> None:
    detecting.put("a.png", painted=False)
    first = restored(detecting)["sidecar"]["mask"]
    assert not detecting.receive(), "it is done"
    again = restored(detecting, redo=True)
    check(detecting, again)
    assert again["sidecar"]["mask"] == first


def test_a_later_attempt_returns_what_is_published(detecting) -> None:
    detecting.put("a.png", painted=False)
    (chunk,) = detecting.restore(detecting.receive())
    before = manifest.read(chunk)
    Path(chunk).unlink()
    assert manifest.read(publish(chunk))[0].suggested_out_uri == before[0].suggested_out_uri != ""


def test_the_same_bytes_carry_the_same_suggestions(detecting) -> None:
    detecting.put("a.png", painted=False)
    detecting.put("b.png", painted=False)
    first = restored(detecting)
    check(detecting, first)
    assert (detecting.output / "suggestions/b.png").exists()
    detecting.put("later/c.png", painted=False)
    later = restored(detecting, "later/c.png")
    assert later["same_as"] == "a.png"
    assert np.array_equal(check(detecting, later, "later/c"), check(detecting, first))
    preview = previews.preview_reader(load_batch(detecting.work_area()))(later)
    assert preview is not None and preview.mask is not None
    red, blue = (np.asarray(preview.mask).astype(int)[:, :, channel] for channel in (0, 2))
    assert (blue - red)[SPOT].max() > 100, "hatched on the duplicate's picture too"


def test_removed_suggestions_are_made_again_for_a_duplicate(detecting) -> None:
    put_suspected(detecting)
    restored(detecting)
    (detecting.output / "suggestions/a.png").unlink()
    put_suspected(detecting, "b.png")
    row = restored(detecting, "b.png")
    assert row["same_as"] == "" and check(detecting, row, "b").any()


SAID = {
    "en": "2 images carry 2 marks that were not filled: look at them.",
    "de": "2 Bilder haben 2 Markierungen, die nicht gefüllt wurden: bitte prüfen.",
}


@pytest.mark.parametrize("language", SAID)
def test_report_and_digest_mention_them(detecting, language: str) -> None:
    detecting.changes["language"] = language
    detecting.put("a.png", painted=False)
    put_suspected(detecting, "box/b.png")
    detecting.put("c.png", 1)
    detecting.restore(detecting.receive())
    target = Path(report(detecting.work_area()))
    table = pd.read_parquet(target / "report.parquet").set_index("path")
    assert table["suggested"].to_dict() == {"a.png": 1, "box/b.png": 1, "c.png": 0}
    assert table.loc["box/b.png", "suggested_out_uri"].endswith("suggestions/box/b.png")
    assert json.loads(table.loc["a.png", "suggested_kinds"]) == {"dust": 1}
    assert (target / "report.pdf").read_bytes().startswith(b"%PDF")
    digest(detecting.work_area())
    mail = message_from_bytes((target / "digest.eml").read_bytes(), policy=policy.default)
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None and SAID[language] in " ".join(body.get_content().split())
