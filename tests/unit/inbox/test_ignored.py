"""What lies in an inbox and is no scan."""

from __future__ import annotations

import pytest

from pipeline.imaging.suffixes import IMAGE_SUFFIXES
from pipeline.inbox.ignored import Ignored, why_ignored


@pytest.mark.parametrize(
    "path",
    ["Thumbs.db", "box/thumbs.db", "desktop.ini", ".DS_Store", "._ok.tif", "box/._ok.tif", "@eaDir/ok.tif/X.jpg",
     "#recycle/old.tif", "$RECYCLE.BIN/$R1.tif", ".Trash-1000/files/old.tif", "lost+found/q.tif", "lost+found",
     "__MACOSX/._ok.tif", "System Volume Information/x.tif", "CaptureOne/Cache/t.jpg", "next.tif.part",
     "next.tif.filepart", "a.tif.crdownload", "ok.tif.tmp", "~$list.xlsx", ".~lock.list.ods#", "a.tif~",
     "box_$folder$", "#snapshot/daily/a.tif", "a.lnk", "RECYCLER/a.tif", "SYNOPHOTO_THUMB_XL.jpg",
     "a.tif.sb-0a1b2c3d-XyZ12w", ".nfs0000000001a2b3c4d5", "Icon\r"],
)  # fmt: skip
def test_what_systems_leave(path: str) -> None:
    assert why_ignored(path) is Ignored.SYSTEM


@pytest.mark.parametrize(
    "path",
    ["ok.xmp", "ok.tif.xmp", "checksums.md5", "a.tif.sha256", "mets.xml", "alto/0001.XML", "LIESMICH.txt", "list.xlsx",
     "order.pdf", "a.pp3", "a.json", "index.html"],
)  # fmt: skip
def test_sidecars(path: str) -> None:
    assert why_ignored(path) is Ignored.SIDECAR


@pytest.mark.parametrize(
    "path",
    ["a.tif", "eaDir/a.tif", "recycle/a.tif", "thumbs.db.tif", "partly.tif", "no extension", "a.dat", "box/readme",
     "Thumbs/a.jpg", "a.tmp.tif", "#1.tif", "$5 note.tif", "~a.tif", "txt", ".txt", "Captureone.tif", "a.cr2", "a.dng"]
    + [f"a{suffix}" for suffix in sorted(IMAGE_SUFFIXES)],
)  # fmt: skip
def test_what_may_be_a_scan(path: str) -> None:
    assert why_ignored(path) is None


@pytest.mark.parametrize(
    ("path", "globs", "ignored"),
    [
        ("a_proof.jpg", ["*_proof.*"], True),
        ("box/A_PROOF.JPG", ["*_proof.*"], True),
        ("box/proofs/a.jpg", ["proofs"], True),
        ("box/proofs.jpg", ["proofs"], False),
        ("box/a.jpg", ["box/*.jpg"], True),
        ("x/box/a.jpg", ["box/*.jpg"], False),
        ("x/box/a.jpg", ["**/box/*.jpg"], True),
        ("box/deep/a.jpg", ["box/*.jpg"], False),
        ("box/deep/a.jpg", ["box/**/*.jpg"], True),
        ("box/deep/a.jpg", ["box/"], True),
        ("x/a.jpg", ["/a.jpg"], False),
        ("a.jpg", ["/a.jpg"], True),
        ("a.tif", ["*.jpg", "b*"], False),
    ],
)
def test_what_a_collection_leaves_out(path: str, globs: list[str], ignored: bool) -> None:
    assert (why_ignored(path, globs) is Ignored.CHOSEN) is ignored
