"""Stores that are neither folders nor S3, here one in memory that smart_open and fsspec share."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
import smart_open.transport

from pipeline import storage
from pipeline.errors import ConfigurationError


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    module = types.ModuleType("memory_transport")
    module.SCHEME = "memory"  # type: ignore[attr-defined]
    module.parse_uri = lambda uri: {"scheme": "memory", "uri": uri}  # type: ignore[attr-defined]

    def open_uri(uri: str, mode: str, parameters: Any) -> Any:
        return fsspec.open(uri, mode).open()

    module.open_uri = open_uri  # type: ignore[attr-defined]
    module.open = open_uri  # type: ignore[attr-defined]
    sys.modules["memory_transport"] = module
    smart_open.transport.register_transport(module)
    yield
    smart_open.transport._REGISTRY.pop("memory", None)
    del sys.modules["memory_transport"]
    fsspec.filesystem("memory").store.clear()


def test_all_verbs(tmp_path: Any) -> None:
    for name in ("b.png", "a/c d.png", ".hidden.png", "a.png.gz"):
        storage.write_bytes(f"memory://in/{name}", name.encode())
    entries = list(storage.list_files("memory://in"))
    assert [e.path for e in entries] == ["a.png.gz", "a/c d.png", "b.png"]
    assert [storage.read_bytes(e.uri).decode() for e in entries] == [e.path for e in entries]
    assert all(e.size == len(e.path) and e.kind == "file" and e.etag for e in entries)
    storage.copy("memory://in/b.png", "memory://out/b.png")
    storage.copy("memory://out/b.png", str(tmp_path / "b.png"))
    assert (tmp_path / "b.png").read_bytes() == b"b.png"
    storage.check_writable("memory://out/x")
    assert storage.exists("memory://out/b.png")
    storage.delete("memory://out/b.png")
    storage.delete("memory://out/b.png")
    assert not storage.exists("memory://out/b.png")
    storage.delete_tree("memory://in/a")
    assert [e.path for e in storage.list_files("memory://in")] == ["a.png.gz", "b.png"]
    assert storage.sweep("memory://in") == 0


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ConfigurationError, match="gs://"):
        storage.read_bytes("gs://bucket/a.png")
    with pytest.raises(ConfigurationError, match="cannot be listed here"):
        list(storage.list_files("gs://bucket/in"))


def test_an_unknown_scheme_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="gopher://"):
        storage.read_bytes("gopher://bucket/a.png")
