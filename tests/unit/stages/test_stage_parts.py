"""The parts that stages are made of: manifests, log lines, pairing, listing, chunks."""

from __future__ import annotations

import math
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import logs
from pipeline.errors import ConfigurationError
from pipeline.inbox import companions, listing
from pipeline.inbox.identify import fingerprint
from pipeline.stages import manifest, models
from pipeline.stages.batch import BatchContext, InputVanished, load_batch
from pipeline.stages.chunk_writer import ChunkWriter
from pipeline.stages.scan_row import Masked, ScanRow, figures, schema
from pipeline.storage import Entry


def entry(path: str, modified: float = 1.0, kind: str = "file") -> Entry:
    return Entry(path=path, uri=f"/in/{path}", size=10, modified=modified, etag="e", kind=kind)  # type: ignore[arg-type]


def row(number: int, **given: Any) -> ScanRow:
    fixed: dict[str, Any] = {"scan_id": number, "path": f"{number}.png", "sha256": f"{number:064}"}
    return ScanRow(**fixed | given)


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    uri = f"{tmp_path}/chunks/0001-x.received.parquet"
    manifest.write(uri, [row(1, path="Größe\n<b>.png", bytes=3), row(2, coverage=0.5)])
    first, second = manifest.read(uri)
    assert (first.path, first.bytes, first.width) == ("Größe\n<b>.png", 3, None)
    assert math.isnan(second.coverage) and "coverage" not in pq.read_table(uri).column_names
    masked = manifest.sibling(uri, "masked")
    assert masked.endswith("0001-x.masked.parquet") and manifest.step_of(masked) == "masked"
    manifest.write(masked, [first])
    (again,) = manifest.read(masked)
    assert math.isnan(again.coverage) and again.mask_uri == "" and again.components is None


def test_an_empty_manifest_keeps_its_columns(tmp_path: Path) -> None:
    manifest.write(f"{tmp_path}/0001-x.published.parquet", [])
    assert manifest.read(f"{tmp_path}/0001-x.published.parquet") == []
    assert "outcome" in schema("published").names and "outcome" not in schema("measured").names


def test_figures_are_without_places_and_what_is_absent() -> None:
    found = row(1, mask_uri="/x", components_json="[]", coverage=0.5, mask_note="", mask_seconds=math.nan)
    assert figures(found, Masked) == {"coverage": 0.5}


@pytest.mark.parametrize("name", ["a\nscan=forged", "a\r\x1b[2K\u2028\u202eb", 'q" decision=restored', "caf\udce9"])
def test_no_name_forges_a_log_line(name: str) -> None:
    said = logs.scan_line(name, "0" * 64, "mask", "fill", {"coverage": 0.25, "note": "x\ny", "psnr": math.nan}, 1.5)
    assert len(said.splitlines()) == 1 and said.isprintable()
    assert said.startswith('scan="') and said.endswith(' coverage=0.25 note="x\\ny" seconds=1.500')
    assert said.count(" decision=fill ") == 1
    assert '" sha256=' in said and said.index('" sha256=') == said.index(" sha256=") - 1


def test_masks_pair_by_name_and_stem() -> None:
    beside = [entry("box/a.mask.png"), entry("box/b.jpg.mask.TIFF"), entry("lost.mask.png")]
    folder = [entry("c.png"), entry("box/a.png"), entry("d.mask.png"), entry("d.tif"), entry("e.tif"), entry("e.png")]
    masks = companions.CompanionIndex(iter(beside), iter(folder))

    def of(path: str) -> str | None:
        found = masks.of(path).mask
        return found.path if found else None

    assert of("box/a.jpg") == of("box/a.tif") == "box/a.mask.png"
    assert of("box/b.jpg") == "box/b.jpg.mask.TIFF" and of("box/b.png") is None
    assert of("c.tif") == "c.png" and of("x/c.tif") is None
    assert of("e.jpg") == "e.png"
    assert [one.path for one in masks.orphaned()] == ["lost.mask.png"]


def test_regions_and_planes_pair_beside_masks() -> None:
    beside = [entry("a.protect.png"), entry("a.mask.png"), entry("b.ir.tif"), entry("lost.protect.png")]
    folder = [entry("b.protect.png"), entry("b.png"), entry("a.protect.tif")]
    given = companions.CompanionIndex(iter(beside), iter(folder))
    first, second = given.of("a.tif"), given.of("b.tif")
    assert [one.path for one in first.entries] == ["a.mask.png", "a.protect.png"]
    assert [one.path for one in second.entries] == ["b.png", "b.protect.png", "b.ir.tif"]
    assert [one.path for one in given.orphaned()] == ["lost.protect.png"]
    assert first.fingerprint == "mask=10:e+protect=10:e" and given.of("c.tif").fingerprint == ""
    assert (
        companions.CompanionFiles(mask=beside[1]).fingerprint == "10:e"
        and companions.CompanionFiles(protect=beside[0]).fingerprint == "protect=10:e"
    )
    assert set(companions.by_stem(iter(folder))) == {"b"}, "a protected region is no mask of damage, and no original"


@pytest.mark.parametrize(
    "name", ["photo.mask.png", "box/ä.mask.JPG", "a.jpg.mask.tiff", "x\ny.mask.png", "a.protect.png", "a.IR.tif"]
)
def test_names_of_masks(name: str) -> None:
    assert companions.is_companion(name)


@pytest.mark.parametrize(
    "name", ["mask.png", ".mask.png", "photo.masks.png", "photo.mask.txt", "a.mask.png/b.png", "ir.tif", "a.air.tif"]
)
def test_names_of_no_masks(name: str) -> None:
    assert not companions.is_companion(name)


def test_a_file_just_changed_is_not_known_by_its_time() -> None:
    assert fingerprint(entry("a.png", modified=time.time())) == ""
    assert fingerprint(entry("a.png", modified=time.time() - 60)) == "10:e"
    assert fingerprint(entry("a.png", kind="directory")) == ""


def test_an_inbox_that_is_not_there_is_named(project) -> None:
    project.changes["inbox"] = f"{project.inbox}/absent"
    with pytest.raises(ConfigurationError, match=r"inbox .*absent: there is no such folder"):
        listing.open_inbox(project.collection)


@pytest.mark.parametrize("output", ["", "results", "a/../results"])
def test_results_inside_the_inbox_are_refused(project, output: str) -> None:
    project.changes["output"] = f"{project.inbox}/{output}"
    with pytest.raises(ConfigurationError, match="inside the inbox"):
        listing.open_inbox(project.collection)


def test_an_inbox_inside_the_output_is_usual(project) -> None:
    project.changes["output"] = str(project.inbox.parent)
    assert listing.open_inbox(project.collection).root == str(project.inbox)


def test_masks_and_originals_in_the_inbox_are_no_scans(project) -> None:
    for name in ("a.png", "masks/a.png", "originals/a.png", ".ready", "READY"):
        project.put(name, painted=False)
    project.changes |= {"masks": f"{project.inbox}/masks", "originals": f"{project.inbox}/originals"}
    project.changes |= {"watch": {"marker": "READY"}}
    (found,) = listing.open_inbox(project.collection).files()
    assert found.path == "a.png" and found.original.endswith("originals/a.png")
    assert found.companions.mask is not None and found.companions.mask.uri.endswith("masks/a.png")


def test_a_mask_without_a_scan_is_told_at_the_end(project) -> None:
    project.put("b.png")
    (project.inbox / "a.mask.png").write_bytes(b"x")
    found = list(listing.open_inbox(project.collection).files())
    assert [(one.path, one.reason) for one in found] == [("b.png", ""), ("a.mask.png", "mask-mismatch")]


def test_source_narrows_and_paths_stay_relative_to_the_inbox(project) -> None:
    project.put("a.png")
    project.put("box/b.png")
    for source in ("box", "box/", f"{project.inbox}/box"):
        (found,) = listing.open_inbox(project.collection, source).files()
        assert found.path == "box/b.png" and found.companions.mask is not None
    assert len(list(listing.open_inbox(project.collection, "").files())) == 2
    with pytest.raises(ConfigurationError, match="no such folder"):
        listing.open_inbox(project.collection, "nowhere")
    with pytest.raises(ConfigurationError, match="below the inbox"):
        listing.open_inbox(project.collection, "../elsewhere")


def test_a_file_that_may_still_be_being_copied_waits(project) -> None:
    project.changes["watch"] = {"settle": 30}
    for number, (name, age, age_of_mask) in enumerate(
        [("new.png", 5, 99), ("old.png", 99, 99), ("mask.png", 99, 5), ("ahead.png", -3600, 99)]
    ):
        path = project.put(name, number)
        moment = time.time()
        os.utime(path, (moment - age, moment - age))
        os.utime(path.with_name(f"{path.stem}.mask.png"), (moment - age_of_mask, moment - age_of_mask))
    inbox = listing.open_inbox(project.collection)
    assert [one.path for one in inbox.files()] == ["ahead.png", "old.png"] and inbox.unsettled == 2
    project.changes["watch"] = {"settle": 30, "marker": ".ready"}
    assert len(list(listing.open_inbox(project.collection).files())) == 4


def test_since_leaves_older_files(project) -> None:
    old, new = project.put("old.png"), project.put("new.png")
    os.utime(old, (1_000_000, 1_000_000))
    os.utime(new, (2_000_000, 2_000_000))
    moment = datetime.fromtimestamp(1_500_000, UTC)
    for since in (moment, moment.isoformat(), f"{moment:%Y-%m-%d}"):
        assert [one.path for one in listing.open_inbox(project.collection, None, since).files()] == ["new.png"]
    with pytest.raises(ConfigurationError, match="is not a date"):
        listing.open_inbox(project.collection, None, "yesterday")


@pytest.fixture
def batch(project) -> BatchContext:
    project.changes |= {"chunk_megapixels": 10, "chunk_scans": 3}
    fixed = dict.fromkeys(("name", "inbox", "recipe_digest", "engine_digest", "detector_digest"), "x")
    fixed |= dict.fromkeys(("code_version", "host", "dag_id", "run_id"), "x")
    return BatchContext(project.work_area("x"), project.collection, batch_id=1, started=datetime.now(UTC), **fixed)


def test_chunks_are_cut_by_work_and_by_count(batch: BatchContext) -> None:
    chunks = ChunkWriter(batch, "t")
    for number, megapixels in enumerate([4, 5, 2, 20, 1, 1, 1, 1]):
        chunks.add(row(number), megapixels)
    chunks.close()
    sizes = [len(manifest.read(batch.chunk_uri(number, "t"))) for number in range(1, chunks.count + 1)]
    assert sizes == [2, 1, 1, 3, 1] and chunks.scans == 8


def test_the_same_bytes_go_into_the_same_chunk(batch: BatchContext) -> None:
    chunks = ChunkWriter(batch, "t")
    for number in range(4):
        chunks.add(row(number), 1)
    chunks.add(row(10, sha256=f"{0:064}"), 1)
    chunks.add(row(11, sha256=f"{3:064}"), 1)
    chunks.add(row(12, sha256=f"{3:064}", mask_given="painted"), 1)
    chunks.close()
    first, second = (manifest.read(batch.chunk_uri(number, "t")) for number in (1, 2))
    assert [(one.scan_id, one.same_as) for one in first[3:]] == [(10, "0.png")]
    assert [(one.scan_id, one.same_as) for one in second] == [(3, ""), (11, "3.png"), (12, "")]


def test_a_batch_is_the_same_for_all_its_tasks(batch: BatchContext) -> None:
    batch.save()
    assert load_batch(batch.uri) == load_batch(batch.chunk_uri(1, "t")) == batch


def test_a_work_area_that_is_gone_is_told(batch: BatchContext) -> None:
    with pytest.raises(InputVanished, match="finished or given up"):
        load_batch(batch.uri)


def test_results_are_other_ones_when_a_rule_changes(project, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = project.collection.recipe
    before = models.digests(recipe)
    monkeypatch.setattr(models, "RULES", "guards-2")
    assert recipe.digest(models.digests(recipe)) != recipe.digest(before)
