"""Fingerprints of files, and what a large file is: its digest and header, without all of it in memory."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from image_files import png

from pipeline.errors import OutputNotWritable
from pipeline.imaging.mapped import Mapping
from pipeline.inbox import identify as module
from pipeline.inbox.identify import fingerprint, identify
from pipeline.storage import Entry


def entry(path: str, modified: float = 1.0, kind: str = "file") -> Entry:
    return Entry(path=path, uri=f"/in/{path}", size=10, modified=modified, etag="e", kind=kind)  # type: ignore[arg-type]


def test_a_file_changed_just_now_has_no_fingerprint() -> None:
    assert fingerprint(entry("a.png", modified=time.time())) == ""
    assert fingerprint(entry("a.png", modified=time.time() - 60)) == "10:e"
    assert fingerprint(entry("a.png", kind="directory")) == ""


def of_file(path: Path) -> Entry:
    status = path.stat()
    return Entry(path.name, str(path), status.st_size, status.st_mtime, "e", "file")


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    """A TIFF of 42 kB."""
    tifffile.imwrite(tmp_path / "a.tif", np.arange(90 * 80 * 3, dtype=np.uint16).reshape(90, 80, 3), photometric="rgb")
    return tmp_path / "a.tif"


@pytest.mark.parametrize("limit", [100, 43_000, 10**6])
def test_a_tiff_is_the_same_whether_it_is_mapped_or_read(tiff: Path, monkeypatch, limit: int) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", limit)
    monkeypatch.setattr(module, "BLOCK", 1000)
    data, _ = module._read(str(tiff))
    assert isinstance(data, Mapping) == (limit < tiff.stat().st_size)
    found = identify(of_file(tiff))
    assert (found.size, found.sha256) == (tiff.stat().st_size, hashlib.sha256(tiff.read_bytes()).hexdigest())
    assert found.info is not None and (found.info.width, found.info.height, found.info.bit_depth) == (80, 90, 16)


def test_a_large_file_of_another_format_is_read_whole(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    (tmp_path / "a.png").write_bytes(data := png(np.full((40, 50, 3), 9, np.uint8)))
    found = identify(of_file(tmp_path / "a.png"))
    assert found.info is not None and found.info.format == "PNG"
    assert (found.size, found.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full, which is full always")
def test_a_full_disk_for_temporary_files_puts_no_scan_into_quarantine(tiff: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    monkeypatch.setattr(module, "unnamed_file", lambda _: os.open("/dev/full", os.O_RDWR))
    with pytest.raises(OutputNotWritable, match="set TMPDIR"):
        identify(of_file(tiff))
