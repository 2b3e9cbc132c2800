"""What is delivered with scans and is no scan: used, copied along, left out, or named."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
from image_files import png
from small_project import damaged, published

from pipeline.stages.digest import digest
from pipeline.stages.reconcile import reconcile
from pipeline.stages.report import report


def test_systems_files_and_sidecars_are_no_scans(project) -> None:
    project.put("ok.png")
    scan = png(damaged(1)[0])
    for name in ("@eaDir/ok.png/T.jpg", "#recycle/old.png", "$RECYCLE.BIN/$R1.png", "lost+found/q.png",
                 "__MACOSX/x.png", "CaptureOne/Cache/t.png", "next.png.filepart", "next2.png.part", "ok.png.tmp",
                 "Thumbs.db", "desktop.ini", "mets.xml", "checksums.md5", "LIESMICH.txt", "list.xlsx", "~$list.xlsx",
                 "proofs/ok.png"):  # fmt: skip
        path = project.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(scan)
    (project.inbox / "empty.png").touch()
    project.changes["ignore"] = ["proofs"]
    project.restore(chunks := project.receive())
    assert {path: row.outcome for path, row in published(chunks).items()} == {
        "empty.png": "quarantined",
        "ok.png": "restored",
    }
    counts = reconcile(project.work_area())
    assert counts["ignored"] == {"system": 12, "sidecar": 4, "chosen": 1} and counts["received"] == 2
    (project.inbox / "Thumbs.db").write_bytes(b"changed")
    assert not project.receive()


def test_metadata_beside_a_scan_goes_along(project) -> None:
    project.put("box/a.png")
    project.put("b.png", 1)
    project.put("c.png", 2, painted=False)
    for name in ("box/a.xmp", "b.png.xmp", "b.xmp", "c.xmp"):
        (project.inbox / name).write_text(f"<x:xmpmeta>{name}</x:xmpmeta>")
    project.restore(project.receive())
    restored = project.output / "restored"
    assert (restored / "box/a.xmp").read_text() == "<x:xmpmeta>box/a.xmp</x:xmpmeta>"
    assert (restored / "b.png.xmp").read_text() == "<x:xmpmeta>b.png.xmp</x:xmpmeta>"
    assert (restored / "b.xmp").read_text() == "<x:xmpmeta>b.xmp</x:xmpmeta>"
    assert not (restored / "c.xmp").exists(), "an unchanged scan has no derivative"
    (project.inbox / "b.png.xmp").write_text("changed")
    assert not project.receive(), "metadata is no reason to restore a scan again"


def test_metadata_of_two_scans_never_meets_under_one_name(project) -> None:
    # Both derivatives are PNG: `a.png` of the first, `a.png.png` of the second.
    project.put("a.jpg")
    project.put("a.png.png", 1)
    for name in ("a.jpg.xmp", "a.png.xmp"):
        (project.inbox / name).write_text(f"<x:xmpmeta>{name}</x:xmpmeta>")
    project.restore(project.receive())
    restored = project.output / "restored"
    assert sorted(path.name for path in restored.iterdir()) == ["a.png", "a.png.png", "a.png.png.xmp", "a.png.xmp"]
    assert (restored / "a.png.xmp").read_text() == "<x:xmpmeta>a.jpg.xmp</x:xmpmeta>"
    assert (restored / "a.png.png.xmp").read_text() == "<x:xmpmeta>a.png.xmp</x:xmpmeta>"


def test_masks_that_were_not_used_are_named_everywhere(project, tmp_path) -> None:
    project.put("Plate_017.png", painted=False)
    (tmp_path / "m").mkdir()
    mask = png(damaged()[1])
    for name in ("Plate_17.png", "plate_017.tif", "Plate_017.png"):
        (tmp_path / "m" / name).write_bytes(mask)
    project.changes |= {"masks": str(tmp_path / "m"), "recipients": ("a@example.org",)}
    project.restore(chunks := project.receive())
    assert published(chunks)["Plate_017.png"].mask_note.startswith("plate_017.tif is there too and was not used")
    place = report(project.work_area())
    message = digest(project.work_area())["eml"]
    said = (tmp_path / "out" / message.removeprefix(f"{project.output}/")).read_text()
    assert "Plate_17.png" in said and "2=C2=A0masks were used for no image" in said
    counts = reconcile(project.work_area())
    assert dict(counts["unused"]) == {
        "Plate_17.png": "there is no scan of that name",
        "plate_017.tif": "Plate_017.png was taken as the mask of Plate_017.png instead",
    }
    assert place.endswith("reports/b1")


def test_a_mask_whose_scan_is_gone_has_its_own_reason(project) -> None:
    project.put("a.png")
    project.put("gone.png", 1).unlink()
    project.restore(chunks := project.receive())
    row = published(chunks)["gone.mask.png"]
    assert (row.outcome, row.reason) == ("quarantined", "mask-orphaned") and "no scan of that name" in row.message


def test_common_namings_of_masks_and_unusable_ones(project) -> None:
    """A mask that exists and cannot be used holds its scan: the detector never fills it instead."""
    pixels, mask = damaged()
    names = {
        "under_score_mask.png": png(mask),
        "dash-mask.png": png(mask),
        "editor_mask.xcf": b"gimp xcf v011\0" * 9,
        unicodedata.normalize("NFD", "Müller.mask.png"): png(mask),
        "size_mask.png": png(np.zeros((9, 9), np.uint8)),
        "carnival_mask.png": png(damaged(40)[0]),
    }
    for name, data in names.items():
        (project.inbox / name).write_bytes(data)
    for name in ("under_score.png", "dash.png", "editor.png", "Müller.png", "size.png"):
        (project.inbox / name).write_bytes(png(pixels))
    project.restore(chunks := project.receive())
    rows = published(chunks)
    assert {path: (row.outcome, row.mask_source) for path, row in rows.items()} == {
        "Müller.png": ("restored", "manual"),
        "carnival_mask.png": ("unchanged", "none"),
        "dash.png": ("restored", "manual"),
        "editor.png": ("quarantined", ""),
        "size.png": ("quarantined", ""),
        "under_score.png": ("restored", "manual"),
    }
    assert "editor_mask.xcf is a GIMP document" in rows["editor.png"].message
    sidecar = json.loads((project.output / "sidecars/dash.json").read_text())
    assert "dash-mask.png" in json.dumps(sidecar["mask"])
