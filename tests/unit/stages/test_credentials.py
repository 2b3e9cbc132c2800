"""Derivatives are signed beside, access copies inside; a bad certificate costs no picture; a master's own are kept."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import c2pa
import jsonschema
import numpy as np
import pytest
import tifffile
from image_files import png
from PIL import Image
from sidecar_fields import strict
from signing_certificates import make_signing_files
from small_project import damaged
from sqlalchemy import select

from pipeline.cli import main
from pipeline.ledger.decisions import Verdict
from pipeline.ledger.tables import OutcomeRow, Review
from pipeline.provenance.sidecar import SCHEMA
from pipeline.review.access import Right, User
from pipeline.review.decisions.decide import decide
from pipeline.scans.content_credentials import find_credentials
from pipeline.settings import Access, settings
from pipeline.stages.reconcile import reconcile

DAY = timedelta(days=1)


def configure(monkeypatch, folder: Path, **times: timedelta) -> None:
    chain, key = make_signing_files(folder, **({"begins": -DAY, "lasts": 300 * DAY} | times))
    monkeypatch.setenv("RESTORATION_C2PA_CERTIFICATE", str(chain))
    monkeypatch.setenv("RESTORATION_C2PA_KEY", str(key))
    settings.cache_clear()


def restored(project) -> Path:
    project.restore(project.receive())
    reconcile(project.work_area())
    return project.output / "restored"


def sidecar(project, stem: str) -> dict[str, Any]:
    document = json.loads((project.output / f"sidecars/{stem}.json").read_text())
    jsonschema.validate(document, strict(json.loads(SCHEMA.read_text())))
    return document


def read(kind: str, data: bytes, manifest: bytes | None = None) -> tuple[str, dict[str, Any], list[str]]:
    """Returns what C2PA's own reader says: the state, the active manifest, and what it objects to."""
    reader = c2pa.Reader(kind, io.BytesIO(data), manifest_data=manifest)
    found = json.loads(reader.json())
    objections = [one["code"] for one in found.get("validation_status", ())]
    return reader.get_validation_state(), found["manifests"][found["active_manifest"]], objections


def actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return next(one for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))["data"]["actions"]


def test_a_derivative_is_signed_beside_and_its_bytes_are_the_same(project, monkeypatch, tmp_path) -> None:
    project.put("ä b.png")
    plain = (restored(project) / "ä b.png").read_bytes()
    (project.inbox / "ä b.png").unlink()
    (project.inbox / "ä b.mask.png").unlink()
    project.changes["output"] = str(tmp_path / "signed")
    project.output = tmp_path / "signed"
    configure(monkeypatch, tmp_path)
    project.put("ä b.png")
    project.restore(project.receive(redo="all"))
    data = (project.output / "restored/ä b.png").read_bytes()
    assert data == plain
    beside = (project.output / "restored/ä b.c2pa").read_bytes()
    assert len(beside) < 100_000, "no thumbnails"
    state, manifest, objections = read("image/png", data, beside)
    assert state == "Valid" and objections == ["signingCredential.untrusted"]
    opened, edited = actions(manifest)
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert (
        edited["digitalSourceType"].endswith("algorithmicallyEnhanced") and "telea" in edited["softwareAgent"]["name"]
    )
    boxes = [one["shape"] for one in edited["changes"][0]["region"]]
    assert {(box["origin"]["x"], box["width"], box["height"]) for box in boxes} == {
        (40.0, 3.0, 96.0),
        (80.0, 10.0, 10.0),
    }
    [parent] = manifest["ingredients"]
    master = sidecar(project, "ä b")["master"]
    assert parent["relationship"] == "parentOf" and parent["title"] == "ä b.png"
    assert parent["instance_id"] == f"urn:sha256:{master['sha256']}"
    # One changed byte of the picture is found.
    assert read("image/png", data[:-20] + bytes([data[-20] ^ 1]) + data[-19:], beside)[0] == "Invalid"


def test_sidecar_ledger_checks_and_reviewers_know_the_manifest(project, monkeypatch, tmp_path) -> None:
    configure(monkeypatch, tmp_path)
    project.put("a.png")
    folder = restored(project)
    said = sidecar(project, "a")["credentials"]
    assert said["path"] == "restored/a.c2pa" and said["problem"] is None
    with project.ledger.read() as session:
        assert session.scalars(select(OutcomeRow.credentials_sha256)).one() == said["sha256"]
        review = session.scalars(select(Review)).one()
    assert main(["fixity", str(project.output)]) == 0
    decide(project.ledger, review.id, review.version, Verdict.REJECT, User("1", "A", frozenset(Right)))
    assert not (folder / "a.c2pa").exists() and (project.output / "withdrawn/a.c2pa").exists()
    assert sidecar(project, "a")["credentials"]["path"] == "withdrawn/a.c2pa"
    assert main(["fixity", str(project.output)]) == 0


def test_an_access_copy_carries_its_own(project, monkeypatch, tmp_path) -> None:
    configure(monkeypatch, tmp_path)
    project.changes["access"] = Access(long_side=64)
    project.put("a.png")
    restored(project)
    data = (project.output / "access/a.jpg").read_bytes()
    state, manifest, _ = read("image/jpeg", data)
    assert state == "Valid"
    assert [one["action"] for one in actions(manifest)][:2] == ["c2pa.opened", "c2pa.edited"]
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.width == 64 and b"Restored digitally" in picture.info["xmp"]


def test_sixteen_bit_tiff_is_signed_too(project, monkeypatch, tmp_path) -> None:
    configure(monkeypatch, tmp_path)
    pixels, mask = damaged()
    tifffile.imwrite(project.inbox / "t.tif", pixels.astype(np.uint16) * 257, photometric="rgb")
    (project.inbox / "t.mask.png").write_bytes(png(mask))
    folder = restored(project)
    state, _, _ = read("image/tiff", (folder / "t.tif").read_bytes(), (folder / "t.c2pa").read_bytes())
    assert state == "Valid"


@pytest.mark.parametrize("fault", ["expired", "missing", "another key"])
def test_what_cannot_be_signed_is_published_and_says_why(project, monkeypatch, tmp_path, fault: str) -> None:
    configure(monkeypatch, tmp_path, **({"begins": -30 * DAY, "lasts": 10 * DAY} if fault == "expired" else {}))
    if fault == "missing":
        (tmp_path / "chain.pem").unlink()
    if fault == "another key":
        (tmp_path / "other").mkdir()
        _, key = make_signing_files(tmp_path / "other", begins=-DAY, lasts=DAY)
        (tmp_path / "key.pem").write_bytes(key.read_bytes())
    project.put("a.png")
    folder = restored(project)
    assert (folder / "a.png").exists() and not (folder / "a.c2pa").exists()
    document = sidecar(project, "a")
    assert "chain.pem" in document["credentials"]["problem"]
    assert "no content credentials" in document["engine"]["notes"]
    if fault == "expired":
        assert "not valid at time of signing" in document["credentials"]["problem"]


def test_a_masters_own_credentials_are_kept_as_they_are(project, monkeypatch, tmp_path) -> None:
    # A master that a camera has signed: one that this program signs will do.
    configure(monkeypatch, tmp_path)
    project.changes["access"] = Access()
    project.put("first.png")
    restored(project)
    signed = (project.output / "access/first.jpg").read_bytes()
    own = find_credentials(io.BytesIO(signed))
    assert own is not None and own[4:8] == b"jumb"
    monkeypatch.delenv("RESTORATION_C2PA_CERTIFICATE")
    settings.cache_clear()
    (project.inbox / "camera.jpg").write_bytes(signed)
    (project.inbox / "camera.mask.png").write_bytes(png(damaged()[1]))
    restored(project)
    document = sidecar(project, "camera")
    assert document["credentials"] is None
    kept = project.output / document["master_credentials"]["path"]
    assert kept.read_bytes() == own
    assert "own content credentials are kept in" in document["engine"]["notes"]
    # C2PA's reader takes what was kept.
    assert read("image/jpeg", signed, kept.read_bytes())[0] == "Valid"


def test_credentials_are_found_in_png_and_tiff(tmp_path) -> None:
    box = b"\0\0\0\x10jumbcontents"
    chunk = len(box).to_bytes(4, "big") + b"caBX" + box + bytes(4)
    plain = png(damaged()[0])
    assert find_credentials(io.BytesIO(plain[:33] + chunk + plain[33:])) == box
    tifffile.imwrite(tmp_path / "a.tif", damaged()[0], photometric="rgb", extratags=[(52545, 7, len(box), box, True)])
    assert find_credentials(io.BytesIO((tmp_path / "a.tif").read_bytes())) == box


@pytest.mark.parametrize(
    "broken", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xeb\x00", b"II*\0\xff\xff\xff\x7f", b"GIF89a"]
)
def test_what_is_broken_has_none(broken: bytes) -> None:
    assert find_credentials(io.BytesIO(broken)) is None
