"""The last valid version of a broken collections file, or of a broken entry, stays in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.settings import collections_in_force

GOOD = """\
collections:
  plates: {inbox: /plates, output: /out/plates, title: Plates}
  album: {inbox: /album, output: /out/album, recipe: {engine: telea}}
"""


class File:
    """A collections file, and what is kept of it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.kept = folder / "collections.yaml", folder / "home" / "kept.json"

    def write(self, text: str) -> tuple[dict[str, str], str]:
        """Writes the file; returns the titles in force by name, and the problems."""
        self.path.write_text(text, encoding="utf-8")
        return self.read()

    def read(self) -> tuple[dict[str, str], str]:
        found = collections_in_force(self.path, self.kept)
        return {one.name: one.title for one in found.collections}, "\n".join(found.problems)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_a_valid_file_is_in_force(file: File) -> None:
    assert file.write(GOOD) == ({"plates": "Plates", "album": ""}, "")


def test_of_a_file_that_is_not_yaml_everything_stays(file: File) -> None:
    file.write(GOOD)
    names, problem = file.write(GOOD + "\tx: 1\n")
    assert names == {"plates": "Plates", "album": ""}
    assert problem == (
        f"collections file {file.path}: line 4: not valid YAML: a tab; indent with spaces;"
        " the last valid version stays in force (plates, album)"
    )
    # Also for a program that starts again, and when the file is gone for a while.
    file.path.unlink()
    names, problem = file.read()
    assert set(names) == {"plates", "album"}
    assert "does not exist" in problem
    assert file.write(GOOD.replace("Plates", "Plates II")) == ({"plates": "Plates II", "album": ""}, "")


def test_a_file_whose_collections_are_misspelled_stays_as_it_was(file: File) -> None:
    file.write(GOOD)
    names, problem = file.write(GOOD.replace("collections:", "colections:"))
    assert set(names) == {"plates", "album"}
    assert "line 1: colections" in problem and "(album, plates)" in problem


def test_a_broken_entry_stays_as_it_was_and_the_others_change(file: File) -> None:
    file.write(GOOD)
    names, problem = file.write(
        GOOD.replace("title: Plates", "titel: P").replace("inbox: /album,", "inbox: /album, title: Album,")
    )
    assert names == {"album": "Album", "plates": "Plates"}
    assert "line 2: plates.titel: unknown key; known keys are title, inbox" in problem
    assert problem.endswith("; its last valid version stays in force")
    # The broken entry stays although another version has been in force since.
    assert set(file.read()[0]) == {"album", "plates"}


def test_what_was_never_valid_is_not_in_force(file: File) -> None:
    names, problem = file.write("collections:\n  new: {inbox: /x}\n")
    assert names == {}
    assert problem.endswith("line 2: new.output: is missing and has no default")


def test_a_removed_entry_is_gone(file: File) -> None:
    file.write(GOOD)
    assert set(file.write("collections:\n  album: {inbox: /album, output: /out/album}\n")[0]) == {"album"}
    assert file.write("collections: {}\n") == ({}, "")


def test_an_earlier_version_gives_way_to_a_valid_entry_that_took_its_output(file: File) -> None:
    file.write(GOOD)
    taken = "collections:\n  plates: {inbox: 3}\n  glass: {inbox: /glass, output: /out/plates/}\n"
    names, problem = file.write(taken)
    assert set(names) == {"glass"}
    assert "stays in force" not in problem


def test_a_kept_file_of_another_version_or_a_folder_that_cannot_be_written_is_no_error(file: File) -> None:
    file.kept.parent.mkdir()
    file.kept.write_text('{"collections": [{"name": "plates", "colour": 1}, 7]}', encoding="utf-8")
    assert file.write("a: [")[0] == {}
    file.kept.unlink()
    file.kept.parent.rmdir()
    file.kept.parent.write_text("not a folder", encoding="utf-8")
    assert set(file.write(GOOD)[0]) == {"plates", "album"}
