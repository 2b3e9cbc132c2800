"""Settings come from the environment; an invalid variable is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from pipeline.scans import Limits
from pipeline.settings import settings


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEDGER_URL", "MAX_MEGAPIXELS", "COLLECTIONS"):
        monkeypatch.delenv(f"RESTORATION_{name}", raising=False)
    assert settings().max_megapixels == 400


def test_relative_paths_are_those_of_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LEDGER_URL", "COLLECTIONS"):
        monkeypatch.delenv(f"RESTORATION_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings().ledger_url == f"sqlite:///{tmp_path}/ledger.db"
    assert settings().collections == tmp_path / "collections.yaml"
    monkeypatch.chdir("/")
    assert settings().ledger_url == f"sqlite:///{tmp_path}/ledger.db"


def test_every_invalid_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_WAIT_HOURS", "-1")
    monkeypatch.setenv("RESTORATION_START_PAUSED", "perhaps")
    with pytest.raises(ConfigurationError) as caught:
        settings()
    assert str(caught.value) == (
        "RESTORATION_WAIT_HOURS=-1: must be 0 or more; RESTORATION_START_PAUSED=perhaps: must be true or false"
    )


def test_variables_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_MAX_MEGAPIXELS", "12.5")
    monkeypatch.setenv("RESTORATION_UNKNOWN", "x")
    assert settings().max_megapixels == 12.5
    monkeypatch.setenv("RESTORATION_MAX_MEGAPIXELS", "13")
    assert settings().max_megapixels == 12.5


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_SCAN_TIMEOUT", "")
    assert settings().scan_timeout == 300


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_MEGAPIXELS", "many", "RESTORATION_MAX_MEGAPIXELS=many: must be a number"),
        ("SCAN_TIMEOUT", "0", "RESTORATION_SCAN_TIMEOUT=0: must be more than 0"),
        ("DEVICE", "gpu", "RESTORATION_DEVICE=gpu: must be 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_an_invalid_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(f"RESTORATION_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        settings()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_limits_follow_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_MAX_MEGAPIXELS", "1")
    monkeypatch.setenv("RESTORATION_MAX_MEGABYTES", "2")
    monkeypatch.setenv("RESTORATION_SCAN_TIMEOUT", "3")
    monkeypatch.setenv("RESTORATION_SCAN_MEMORY_MEGABYTES", "4")
    assert Limits.from_settings() == Limits(1, 2, 3, 4)
