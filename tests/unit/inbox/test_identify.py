"""Fingerprints of files."""

from __future__ import annotations

import time

from pipeline.inbox.identify import fingerprint
from pipeline.storage import Entry


def entry(path: str, modified: float = 1.0, kind: str = "file") -> Entry:
    return Entry(path=path, uri=f"/in/{path}", size=10, modified=modified, etag="e", kind=kind)  # type: ignore[arg-type]


def test_a_file_changed_just_now_has_no_fingerprint() -> None:
    assert fingerprint(entry("a.png", modified=time.time())) == ""
    assert fingerprint(entry("a.png", modified=time.time() - 60)) == "10:e"
    assert fingerprint(entry("a.png", kind="directory")) == ""
