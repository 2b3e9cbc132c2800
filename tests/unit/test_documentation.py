"""The documents name every setting and no other, their links lead somewhere, and their pages can be read in one go."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline.settings import (
    Access,
    Audit,
    Collection,
    DetectorName,
    EngineName,
    Fixity,
    Iiif,
    MaskLevel,
    MaskMode,
    Recipe,
    Settings,
    Watch,
)

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("pipeline/weights/*.md")])
TASK_PAGES = ("install", "collections", "watched-inboxes", "faults-and-recovery", "settings", "changing-things")
SHORT_PAGES = {
    **dict.fromkeys((*TASK_PAGES, "archivist", "detector", "models", "preservation", "provenance"), 1500),
    "training": 1100,
}
VARIABLE = re.compile(r"\bRESTORATION_[A-Z_]*[A-Z]\b")
# Code blocks hold no links, and comments in them are no headings.
CODE = re.compile(r"^[ ]*```.*?^[ ]*```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


PATH = re.compile(r"`((?:pipeline|dags|plugins|scripts|tests|docker|benchmarks|docs)/[\w./-]+)`")
COMMAND = re.compile(r"(?:archive-restoration|-m pipeline) ((?:train )?[a-z]+(?:-[a-z]+)?)([^\n`]*)")


def page(name: str) -> str:
    """Return the text of a page below docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """Return the text of a document without its code blocks."""
    return CODE.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(prose(document)):
        text = LINK.sub("", heading.lower()).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")
        count = found[name] = found.get(name, -1) + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def known_variables() -> set[str]:
    """Return the variables that the code reads: those of `Settings`, and those that DAG files read themselves."""
    code = [path.read_text(encoding="utf-8") for path in [*ROOT.glob("dags/**/*.py"), *ROOT.glob("plugins/**/*.py")]]
    read = {name for text in code for name in VARIABLE.findall(text)}
    return read | {f"RESTORATION_{name.upper()}" for name in Settings.model_fields}


def row(text: str, key: str) -> str:
    """Return the line of a table whose first cell names a key."""
    return next(line for line in text.splitlines() if line.startswith("|") and f"`{key}`" in line.split("|")[1])


@pytest.mark.parametrize("name", sorted(known_variables()))
def test_every_setting_is_explained(name: str) -> None:
    assert row(page("settings"), name)


@pytest.mark.parametrize(
    ("model", "where"),
    [
        *((model, "settings") for model in (Audit, Collection, Watch, Recipe)),
        *((model, "preservation") for model in (Access, Fixity, Iiif)),
    ],
)
def test_every_key_of_the_collections_file_is_explained(model: type[BaseModel], where: str) -> None:
    # The name of a collection is the key above it.
    for key in model.model_fields.keys() - {"name"}:
        assert row(page(where), key)


@pytest.mark.parametrize(
    ("key", "values"),
    [("engine", EngineName), ("detector", DetectorName), ("level", MaskLevel), ("mask_mode", MaskMode)],
)
def test_every_value_of_a_recipe_is_named(
    key: str, values: type[EngineName] | type[DetectorName] | type[MaskLevel] | type[MaskMode]
) -> None:
    assert [value for value in values if f"`{value}`" not in row(page("settings"), key)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_setting_is_named_that_does_not_exist(document: Path) -> None:
    assert set(VARIABLE.findall(document.read_text(encoding="utf-8"))) <= known_variables()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(prose(document)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


# The change log also names what is gone.
@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_paths_that_a_document_names_exist(document: Path) -> None:
    named = PATH.findall(document.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_commands_in_the_documents_exist() -> None:
    named: dict[str, set[str]] = {}
    for document in DOCUMENTS:
        # A command goes on where its line ends with a backslash.
        text = document.read_text(encoding="utf-8").replace("\\\n", " ")
        for verb, rest in COMMAND.findall(text):
            named.setdefault(verb, set()).update(re.findall(r"--[a-z][a-z-]*", rest))
    assert {"restore", "train inpainter", "train detector", "train digits"} <= named.keys()
    unknown = {}
    for verb, options in named.items():
        command = [sys.executable, "-m", "pipeline", *verb.split(), "--help"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        missing = options - set(re.findall(r"--[a-z][a-z-]*", shown.stdout))
        if shown.returncode or missing:
            unknown[verb] = missing
    assert unknown == {}


@pytest.mark.parametrize("target", ["demo", "test", "test-fast", "up", "down", "bench", "faults", "lint", "setup"])
def test_targets_of_make_that_the_documents_name_exist(target: str) -> None:
    assert any(f"make {target}" in document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("name", "words"), SHORT_PAGES.items())
def test_a_page_can_be_read_in_one_go(name: str, words: int) -> None:
    assert len(page(name).split()) <= words


def test_every_page_is_reached_within_two_clicks_from_the_first() -> None:
    start = ROOT / "README.md"

    def linked(document: Path) -> set[Path]:
        targets = (target.partition("#")[0] for target in LINK.findall(prose(document)) if "://" not in target)
        return {(document.parent / target).resolve() for target in targets if target.endswith(".md")}

    first = linked(start)
    second = {target for document in first for target in linked(document)}
    assert {path.resolve() for path in ROOT.glob("docs/**/*.md")} - first - second == set()


def test_mails_are_quoted_as_they_are_sent() -> None:
    phrases = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("pipeline/*/languages/en.yaml"))
    quoted = re.findall(r"^\| \*(.+?)\* \|", page("faults-and-recovery"), re.MULTILINE)
    assert len(quoted) == 3
    assert [subject for subject in quoted if re.sub(r"\d\d:\d\d", "{time}", subject) not in phrases] == []
    for document in (ROOT / "README.md", ROOT / "docs" / "archivist.md"):
        assert "marks that were not filled" in " ".join(document.read_text(encoding="utf-8").split())
    assert "marks that were not filled" in phrases
