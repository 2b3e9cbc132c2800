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
    assert settings().ledger_url == "sqlite:///ledger.db"
    assert settings().max_megapixels == 400
    assert settings().collections == Path("collections.yaml")


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
        ("MAX_MEGAPIXELS", "many", "RESTORATION_MAX_MEGAPIXELS=many: input should be a valid number"),
        ("SCAN_TIMEOUT", "0", "RESTORATION_SCAN_TIMEOUT=0: input should be greater than 0"),
        ("DEVICE", "gpu", "RESTORATION_DEVICE=gpu: input should be 'auto', 'cpu' or 'cuda'"),
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
