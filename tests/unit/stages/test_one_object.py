"""A bucket in which single objects cannot be read, or have names that no disk could have: each costs itself alone."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from image_files import png
from s3_bucket import bucket, s3_address, s3_environment
from small_project import Project, damaged, published

__all__ = ["bucket", "s3_address", "s3_environment"]
pytestmark = pytest.mark.slow


@pytest.fixture
def put(project: Project, bucket: str, s3_environment: str):
    """Put an object into the project's inbox, which is a bucket."""
    project.changes["inbox"] = f"{bucket}/in"
    client = boto3.client("s3", endpoint_url=s3_environment)

    def put(key: str, data: bytes, **given: Any) -> None:
        client.put_object(Bucket=bucket.removeprefix("s3://"), Key=f"in/{key}", Body=data, **given)

    return put


def test_an_archived_scan_or_mask_costs_that_scan_alone(project: Project, put) -> None:
    scan, mask = map(png, damaged())
    for name in ("warm", "cold", "deep", "masked"):
        put(f"{name}.png", scan, **({"StorageClass": "GLACIER"} if name == "cold" else {}))
        put(f"{name}.mask.png", mask, **({"StorageClass": "DEEP_ARCHIVE"} if name == "masked" else {}))
    put("deep.png", scan, StorageClass="DEEP_ARCHIVE")
    project.restore(chunks := project.receive())
    rows = published(chunks)
    assert {path: (row.outcome, row.reason) for path, row in rows.items()} == {
        "cold.png": ("quarantined", "archived"),
        "deep.png": ("quarantined", "archived"),
        "masked.png": ("quarantined", "archived"),
        "warm.png": ("restored", ""),
    }
    assert "restore it first" in rows["cold.png"].message and "masked.mask.png" in rows["masked.png"].message
    reason = json.loads((project.output / "quarantine/b1/cold.png.reason.json").read_text())
    assert reason["copy"] is None and "archive tier" in reason["message"]
    assert not project.receive(), "what still lies there is not reported every night"
    # Restored from the archive, both are taken although neither size nor ETag has changed.
    put("cold.png", scan)
    put("masked.mask.png", mask)
    project.restore(chunks := project.receive())
    assert {path: row.outcome for path, row in published(chunks).items()} == {
        "cold.png": "restored",
        "masked.png": "restored",
    }


def test_keys_that_are_file_and_folder_at_once(project: Project, put) -> None:
    pictures = {}
    for number, name in enumerate(("a.png", "a.png/part.png", "a.png/deep/part.png", "b.png/part.png", "broken.tif")):
        pixels, mask = damaged(number)
        pictures[name] = png(pixels)
        if name != "broken.tif":
            put(name, pictures[name])
            put(f"{name}.mask.png", png(mask))
    put("broken.tif", b"II*\0")
    put("broken.tif/also.tif", b"II*\0")
    project.restore(chunks := project.receive())
    rows = published(chunks)
    assert {path: row.outcome for path, row in rows.items()} == {
        "a.png": "restored",
        "a.png/part.png": "restored",
        "a.png/deep/part.png": "restored",
        "b.png/part.png": "restored",
        "broken.tif": "quarantined",
        "broken.tif/also.tif": "quarantined",
    }
    restored = {path: row.restored_uri.removeprefix(f"{project.output}/restored/") for path, row in rows.items()}
    assert restored["a.png"] == "a.png" and restored["a.png/part.png"] == "a.png~/part.png"
    assert restored["b.png/part.png"] == "b.png/part.png"
    put("b.png", png(damaged(7)[0]))
    put("b.png.mask.png", png(damaged(7)[1]))
    project.restore(chunks := project.receive())
    assert published(chunks)["b.png"].restored_uri.endswith("restored/b.png.png")


def test_a_mask_that_may_not_be_read_holds_its_scan(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import storage

    project.put("a.png")
    project.put("b.png", 1)
    real = storage.open_read

    def refuse(uri: str):
        if uri.endswith("a.mask.png"):
            raise PermissionError(13, "no", uri)
        return real(uri)

    # Permissions do not stop root, as whom tests may run.
    monkeypatch.setattr("pipeline.storage.api.open_read", refuse)
    project.restore(chunks := project.receive())
    rows = published(chunks)
    assert (rows["a.png"].outcome, rows["a.png"].reason) == ("quarantined", "mask-unreadable")
    assert "a.mask.png may not be read" in rows["a.png"].message and rows["b.png"].outcome == "restored"
    assert not project.receive()
    monkeypatch.undo()
    assert [row.path for row in _taken(project)] == ["a.png"]


def _taken(project: Project):
    from pipeline.stages import manifest

    return [row for chunk in project.receive() for row in manifest.read(chunk)]
