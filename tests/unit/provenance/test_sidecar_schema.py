"""The sidecar's schema is published, explained field by field, and keeps its promise of compatibility."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
from sidecar_fields import fields, strict, types

from pipeline.provenance.sidecar import SCHEMA, VERSION

DOCUMENT = json.loads(SCHEMA.read_text())
PAGE = Path(__file__).parents[3] / "docs" / "sidecar.md"
PROMISED = Path(__file__).with_name("sidecar_1_fields.txt")


def test_it_is_a_schema_of_its_version() -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)
    number = VERSION.rpartition(" ")[2]
    assert DOCUMENT["$id"] == f"urn:archive-restoration:sidecar:{number}"
    assert DOCUMENT["properties"]["schema"]["const"] == VERSION


def test_the_page_explains_every_field_as_the_schema_does() -> None:
    explained = re.findall(r"^- `([^`]+)`: (.+)$", PAGE.read_text(), re.MULTILINE)
    expected = [(path, field.get("description", "")) for path, field in fields(DOCUMENT)]
    missing = [f"- `{path}`: {text}" for path, text in expected if (path, text) not in explained]
    assert not missing, "put these lines into docs/sidecar.md:\n" + "\n".join(missing)
    assert [line for line in explained if line not in expected] == []
    assert all(text for _, text in expected)


def test_no_promised_field_is_removed_or_changed() -> None:
    promised = dict(line.split(" ") for line in PROMISED.read_text().splitlines())
    found = {path: types(field) for path, field in fields(DOCUMENT)}
    for path, kinds in promised.items():
        assert path in found, f"{path} was promised for {VERSION}"
        assert set(kinds.split(",")) == set(found[path]), f"{path} was promised as {kinds}"
    added = [f"{path} {','.join(kinds)}" for path, kinds in found.items() if path not in promised]
    assert not added, f"promise these too, in {PROMISED.name}:\n" + "\n".join(added)


def test_documents_with_fields_of_later_releases_fit_and_tests_are_stricter() -> None:
    part = DOCUMENT["properties"]["review"]
    later = {"wanted": True, "reason": None, "a later field": 1}
    jsonschema.validate(later, part)
    assert not jsonschema.Draft202012Validator(strict(part)).is_valid(later)
    assert jsonschema.Draft202012Validator(strict(part)).is_valid({"wanted": True, "reason": None})
