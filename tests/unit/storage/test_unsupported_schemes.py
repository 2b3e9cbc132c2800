"""A scheme without a transport is a configuration error that names the supported ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.errors import ConfigurationError

FUNCTIONS: list[Callable[[str], object]] = [
    storage.list_files,
    storage.open_read,
    storage.read_bytes,
    storage.exists,
    storage.delete,
    storage.delete_tree,
    storage.check_writable,
    storage.sweep,
    lambda uri: storage.write_bytes(uri, b""),
    lambda uri: storage.copy(uri, uri),
]


@pytest.mark.parametrize("uri", ["gs://bucket/a.png", "az://container/a.png", "https://example.org/a.png"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_names_the_supported_schemes(function: Callable[[str], object], uri: str) -> None:
    scheme = uri.partition(":")[0]
    with pytest.raises(ConfigurationError, match=f"{scheme}:// is not supported; use a local path, file:// or s3://"):
        function(uri)


def test_copying_to_an_unsupported_scheme_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    with pytest.raises(ConfigurationError, match="gs:// is not supported"):
        storage.copy(str(tmp_path / "a.png"), "gs://bucket/a.png")
