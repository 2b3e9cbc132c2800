"""Find schemas in shared/schemas, beside the checkout or further up, and validate XML against them with xmllint."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def schema(name: str) -> Path:
    """Return the path of a schema; skip the test where there is none."""
    places = [folder / "shared" / "schemas" / name for folder in ROOT.parents]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        pytest.skip(f"there is no shared/schemas/{name} beside the checkout")
    return found


def xmllint(document: Path, schema_name: str) -> str:
    """Return what xmllint says of a document that it finds valid; fail the test where it does not.

    Skips where xmllint or the schema is missing.
    """
    program = shutil.which("xmllint")
    if program is None:
        pytest.skip("xmllint is not installed (Debian: apt-get install libxml2-utils)")
    command = [program, "--nonet", "--noout", "--schema", str(schema(schema_name)), str(document)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.strip()
