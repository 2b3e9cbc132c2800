"""IIIF manifests fit IIIF's own schema, show the original first, say what was done, and follow what people decide."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from small_project import Project
from sqlalchemy import select
from xml_schemas import schema

from pipeline.ledger.decisions import Verdict
from pipeline.ledger.tables import Review
from pipeline.review.access import Right, User
from pipeline.review.decisions.decide import decide
from pipeline.settings import Iiif
from pipeline.stages import iiif
from pipeline.stages.reconcile import reconcile

ROOT = Path(__file__).parents[3]
PARSER = ROOT / "scripts" / "frontend" / "node_modules" / "@iiif" / "parser"
ADDRESSES = {"images": "https://iiif.example.org/3/", "files": "https://example.org/plates"}


@pytest.fixture
def served(project: Project) -> Project:
    """A finished batch of a collection in German whose results are served: a restored scan and an unchanged one."""
    project.changes |= {
        "iiif": Iiif(**ADDRESSES, originals="https://iiif.example.org/masters"),
        "title": "Glasplatten",
        "language": "de",
    }
    project.put("Kiste 1/Köln #3.png")
    project.put("leer.png", 1, painted=False)
    project.restore(project.receive())
    reconcile(project.work_area())
    return project


def manifest(project: Project, stem: str) -> dict[str, Any]:
    return json.loads((project.output / f"iiif/scans/{stem}.json").read_text())


def body(document: dict[str, Any]) -> dict[str, Any]:
    return document["items"][0]["items"][0]["items"][0]["body"]


def test_the_original_is_first_and_the_restored_picture_second(served) -> None:
    found = manifest(served, "Kiste 1/Köln #3")
    assert found["id"] == "https://example.org/plates/iiif/scans/Kiste%201/K%C3%B6ln%20%233.json"
    choice = body(found)
    assert choice["type"] == "Choice"
    assert [one["label"] for one in choice["items"]] == [{"de": ["Original"]}, {"de": ["Restauriert"]}]
    assert [one["service"][0]["id"] for one in choice["items"]] == [
        "https://iiif.example.org/masters/Kiste%201%2FK%C3%B6ln%20%233.png",
        "https://iiif.example.org/3/restored%2FKiste%201%2FK%C3%B6ln%20%233.png",
    ]
    assert (found["items"][0]["width"], found["items"][0]["height"]) == (128, 96)


def test_it_says_what_was_done_and_where_more_is_said(served) -> None:
    found = manifest(served, "Kiste 1/Köln #3")
    [said] = found["requiredStatement"]["value"]["de"]
    assert said.startswith("Digital restauriert: ") and "eine Person" in said and "(telea)" in said
    [more] = found["seeAlso"]
    assert more["id"] == "https://example.org/plates/sidecars/Kiste%201/K%C3%B6ln%20%233.json"
    assert more["profile"] == "urn:archive-restoration:sidecar:1"


def test_a_scan_without_a_derivative_shows_its_original_alone(served) -> None:
    found = manifest(served, "leer")
    assert body(found)["type"] == "Image" and "requiredStatement" not in found


def test_a_collection_names_all_manifests_in_parts(served, monkeypatch) -> None:
    monkeypatch.setattr(iiif, "PART", 1)
    served.put("z.png", 2)
    served.restore(served.receive())
    reconcile(served.work_area())
    top = json.loads((served.output / "iiif/collection.json").read_text())
    assert top["label"] == {"none": ["Glasplatten"]} and len(top["items"]) == 3
    below = served.output / top["items"][0]["id"].removeprefix(ADDRESSES["files"] + "/")
    [item] = json.loads(below.read_text())["items"]
    assert item["id"] == manifest(served, "Kiste 1/Köln #3")["id"]


def test_a_collection_names_no_manifest_that_older_batches_have_not_written(project) -> None:
    project.put("old.png")
    project.restore(project.receive())
    reconcile(project.work_area())
    project.changes["iiif"] = Iiif(**ADDRESSES)
    project.put("new.png", 1)
    project.restore(project.receive())
    reconcile(project.work_area())
    [part] = json.loads((project.output / "iiif/collection.json").read_text())["items"]
    below = project.output / part["id"].removeprefix(ADDRESSES["files"] + "/")
    assert [item["label"] for item in json.loads(below.read_text())["items"]] == [{"none": ["new"]}]


def test_a_rejected_derivative_is_shown_no_more_and_comes_back(served) -> None:
    with served.ledger.read() as session:
        review = session.scalars(select(Review).where(Review.outcome == "restored")).one()
    user = User("1", "A", frozenset(Right))
    entry = decide(served.ledger, review.id, review.version, Verdict.REJECT, user)
    rejected = manifest(served, "Kiste 1/Köln #3")
    assert body(rejected)["type"] == "Image" and "requiredStatement" not in rejected
    decide(served.ledger, review.id, entry.review.version, Verdict.UNDO, user)
    assert body(manifest(served, "Kiste 1/Köln #3"))["type"] == "Choice"


def test_everything_fits_the_schema_of_iiif(served) -> None:
    validator = jsonschema.Draft7Validator(json.loads(schema("iiif_3_0.json").read_text()))
    documents = list((served.output / "iiif").rglob("*.json"))
    assert len(documents) == 4
    for path in documents:
        assert [error.message for error in validator.iter_errors(json.loads(path.read_text()))] == []


def test_another_program_reads_what_was_meant(served, tmp_path) -> None:
    if not PARSER.exists() or shutil.which("node") is None:
        pytest.skip("node, or @iiif/parser below scripts/frontend/node_modules, is not installed")
    program = tmp_path / "read.mjs"
    program.write_text(
        f"import {{ Traverse, normalize }} from {json.dumps(str(PARSER / 'dist' / 'index.js'))};\n"
        "import { readFileSync } from 'node:fs';\n"
        "const found = normalize(JSON.parse(readFileSync(process.argv[2], 'utf8')));\n"
        "console.log(JSON.stringify(found));\n"
    )
    path = served.output / "iiif/scans/Kiste 1/Köln #3.json"
    done = subprocess.run(["node", program, path], capture_output=True, text=True, check=True)
    entities = json.loads(done.stdout)["entities"]
    assert len(entities["Canvas"]) == 1
    choices = [one for one in entities["ContentResource"].values() if one.get("type") == "Choice"]
    assert len(choices) == 1 and len(choices[0]["items"]) == 2


def test_without_the_setting_there_is_nothing(project) -> None:
    project.put("a.png")
    project.restore(project.receive())
    reconcile(project.work_area())
    assert not (project.output / "iiif").exists()


@pytest.mark.parametrize("wrong", ["iiif.example.org", "https://x.org/?a=b", "ftp://x.org", "https://x.org/a b"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        Iiif(images=wrong, files="https://example.org")
