"""What is imported is named with its reason, and the package asks for what the pins give."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OWN = {"pipeline", "dags", "plugins"} | {
    path.stem for name in ("scripts", "plugins") for path in ROOT.glob(f"{name}/*.py")
}


@cache
def distributions() -> dict[str, list[str]]:
    """Return the installed distributions by the top-level names that they bring."""
    return {name: [one.lower().replace("_", "-") for one in found] for name, found in packages_distributions().items()}


@cache
def pins(name: str = "requirements.txt") -> dict[str, Requirement]:
    """Return the requirements of a file by name."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if text := line.partition("#")[0].strip():
            requirement = Requirement(text)
            found[requirement.name.lower()] = requirement
    return found


def imported(*folders: str) -> dict[str, str]:
    """Return the top-level names that modules below folders import, each with a file that does."""
    found = {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            found |= {name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names and name not in OWN}


def test_every_requirement_says_why_it_is_there() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line and not line.startswith("#") and not re.search(r"==\S+ +# \w+", line)]


@pytest.mark.parametrize("name", sorted(imported("pipeline", "dags", "plugins", "scripts")))
def test_what_is_imported_is_named(name: str) -> None:
    assert pins().keys() & set(distributions().get(name, ())), f"{name} is not in requirements.txt"


def test_the_package_asks_for_what_the_pins_give() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    extras = [Requirement(text) for texts in optional.values() for text in texts]
    library = [Requirement(text) for text in project["dependencies"]]
    named = {one.name.lower(): one for one in [*library, *extras]}
    assert named.keys() == pins().keys()
    for name, pinned in pins().items():
        [version] = [one.version for one in pinned.specifier]
        assert named[name].specifier.contains(version), name
        assert named[name].extras == pinned.extras, name
    needed = {one for name in imported("pipeline") for one in distributions().get(name, ())} & pins().keys()
    # Imported only where a certificate is configured.
    asked_for = {Requirement(text).name.lower() for text in optional["c2pa"]}
    assert needed - asked_for <= {one.name.lower() for one in library}
