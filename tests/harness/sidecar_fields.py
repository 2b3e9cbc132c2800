"""The fields of the sidecar's schema by dotted path, and the schema made strict for tests."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and schema of every field; those of a list's entries have `[]` behind the list's name."""
    for name, field in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below, field
        yield from fields(field, below)
        if isinstance(field.get("items"), dict):
            yield from fields(field["items"], f"{below}[]")


def types(field: dict[str, Any]) -> list[str]:
    """Return the types that a field may have; enumerations and constants by their values."""
    if "enum" in field:
        return ["enum"]
    if "const" in field:
        return ["const"]
    found = field["type"]
    return [found] if isinstance(found, str) else sorted(found)


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that refuses fields which it does not name."""
    found = copy.deepcopy(schema)
    _close(found)
    return found


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("title") != "recipe" and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)
