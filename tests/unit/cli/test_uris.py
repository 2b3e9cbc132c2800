"""Folders, URIs and ledgers as they are given on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.uris import as_ledger_url, as_uri, ledger_url
from pipeline.settings import settings


def test_folders_become_uris_and_ledger_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_uri("s3://b/x") == "s3://b/x" and as_uri("x") == f"{tmp_path}/x"
    assert ledger_url("/out", None) == "sqlite:////out/ledger.db"
    assert ledger_url("/out", "postgresql://h/d") == "postgresql://h/d"
    assert as_ledger_url(str(tmp_path)) == f"sqlite:///{tmp_path}/ledger.db"
    assert as_ledger_url("my.db") == f"sqlite:///{tmp_path}/my.db"
    remote = ledger_url("s3://b/out", None)
    assert remote.startswith("sqlite:///") and remote == ledger_url("s3://b/out/", None) != ledger_url("s3://b/2", None)
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "sqlite:////elsewhere.db")
    settings.cache_clear()
    assert ledger_url("/out", None) == "sqlite:////elsewhere.db"
