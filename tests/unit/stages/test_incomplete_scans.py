"""A scan of which part may be missing is not filled, whatever is painted; a cut-off one is quarantined whole."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from image_files import png, saved, tiff
from PIL import Image
from small_project import Project, damaged

from pipeline.stages import manifest
from pipeline.stages.scan_row import ScanRow

PIXELS, MASK = damaged()


def restored(project: Project, name: str, content: bytes) -> ScanRow:
    """Run all stages on one file with a painted mask, and return its row."""
    path = project.inbox / name
    path.write_bytes(content)
    path.with_name(f"{path.stem}.mask.png").write_bytes(png(MASK))
    (row,) = manifest.read(project.restore(project.receive())[0])
    assert path.read_bytes() == content
    return row


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("raw.tif", tiff(PIXELS, photometric="rgb")),
        ("lossy.webp", saved(Image.fromarray(PIXELS), "WEBP", quality=95)),
        ("wavelets.jp2", saved(Image.fromarray(PIXELS), "JPEG2000")),
        ("bitmap.bmp", saved(Image.fromarray(PIXELS), "BMP")),
    ],
)
def test_a_gap_that_no_codec_notices_goes_to_review(project: Project, name: str, content: bytes) -> None:
    assert restored(project, f"whole-{name}", content).outcome == "restored"
    at, size = len(content) * 6 // 10 + 5, len(content) // 4
    row = restored(project, name, content[:at] + bytes(size) + content[at + size :])
    assert row.outcome == "review"
    assert "may be incomplete" in row.review_reason
    assert not row.restored_uri
    sidecar = json.loads((project.output / f"sidecars/{row.output_path}.json").read_text())
    assert "copy or scan it again" in sidecar["review"]["reason"]


def test_a_gap_that_a_codec_notices_is_quarantined_with_a_whole_copy(project: Project) -> None:
    content = tiff(PIXELS, photometric="rgb", compression="lzw")
    at = len(content) // 2
    changed = content[:at] + bytes(at // 2) + content[at + at // 2 :]
    row = restored(project, "a.tif", changed)
    assert row.outcome == "quarantined"
    assert row.reason in ("truncated", "unreadable")
    assert (project.output / "quarantine/b1/a.tif").read_bytes() == changed
    reason = json.loads((project.output / "quarantine/b1/a.tif.reason.json").read_text())
    assert "a strip or tile of the TIFF" in reason["message"]


def test_notes_of_decoding_stand_with_the_result(project: Project) -> None:
    content = saved(Image.fromarray(PIXELS), "PNG")
    broken = b"iCCPicc\0\0no zlib at all"
    chunk = (len(broken) - 4).to_bytes(4, "big") + broken + zlib.crc32(broken).to_bytes(4, "big")
    row = restored(project, "a.png", content[:33] + chunk + content[33:])
    assert row.outcome == "restored"
    assert "its colour profile is damaged and was left out" in row.mask_note


def test_a_bilevel_scan_is_filled_with_black_and_white(project: Project) -> None:
    bilevel = Image.fromarray(np.ascontiguousarray(PIXELS)).convert("1")
    row = restored(project, "a.tif", saved(bilevel, "TIFF", compression="group4"))
    assert row.outcome == "restored"
    with Image.open(row.restored_uri) as again:
        assert again.mode == "1"
        same = np.asarray(again) == np.asarray(bilevel)
    assert same[MASK == 0].all()
