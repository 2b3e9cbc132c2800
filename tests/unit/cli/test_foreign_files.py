"""Verbs keep files in DST that they did not write, name them, and do the rest; their own they replace."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.cli import main

VERBS = {
    "mask": (["mask", "SRC", "DST", "--detector", "none", "--explain"], "a.png"),
    "mask, reasons": (["mask", "SRC", "DST", "--detector", "none", "--explain"], "a.json"),
    "inpaint": (["inpaint", "SRC", "MASKS", "DST", "--engine", "telea"], "a.png"),
    "simulate": (["simulate", "SRC", "DST"], "damaged/a.png"),
}


@pytest.fixture
def words(tmp_path: Path) -> dict[str, str]:
    """Two scans with their masks, and the name of a folder that does not exist yet."""
    for name in ("scans", "masks"):
        (tmp_path / name).mkdir()
    picture, mask = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), np.uint8)
    mask[20:24] = 255
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / "scans" / name), picture)
        cv2.imwrite(str(tmp_path / "masks" / name), mask)
    return {"SRC": str(tmp_path / "scans"), "MASKS": str(tmp_path / "masks"), "DST": str(tmp_path / "new")}


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_lies_there_is_kept_and_named(
    verb: str, words: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, name = VERBS[verb]
    foreign = tmp_path / "new" / name
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"painted by hand")
    command = [words.get(word, word) for word in arguments]
    for _ in range(2):
        assert main(command) == 1
        # Long lines are broken at the width of the terminal, also within a path.
        said = "".join(capsys.readouterr().err.split())
        assert f"{foreign} was not written by this program and is kept".replace(" ", "") in said
        assert foreign.read_bytes() == b"painted by hand"
        assert (foreign.parent / name.replace("a.", "b.").rpartition("/")[2]).exists()
    foreign.unlink()
    assert main(command) == 0 and main(command) == 0
    assert foreign.read_bytes() != b"painted by hand"


def test_evaluate_keeps_a_file_that_is_no_table_of_its_own(words: dict[str, str], tmp_path: Path, capsys) -> None:
    table = tmp_path / "table.csv"
    table.write_text("inventory,shelf\n")
    command = ["evaluate", words["SRC"], words["MASKS"], "--engine", "telea", "--csv", str(table)]
    assert main(command) == 2
    assert "is kept" in capsys.readouterr().err and table.read_text() == "inventory,shelf\n"
    table.unlink()
    assert main(command) == 0 and main(command) == 0
