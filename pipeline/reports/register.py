"""The list of all files at the end of a report: each by itself, or counted by folder where they are too many."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pipeline.ledger.outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd

MOST_FILES = 2000
"""Files that are listed one by one; a page holds some forty, and laying them out takes a megabyte of memory for ten."""

MOST_FOLDERS = 400
MOST_NAMED = 200
"""Files of one problem that are named where not all are listed."""


@dataclass(frozen=True)
class FolderLine:
    """The files of one folder, or of all folders below one.

    Attributes:
        folder: below the inbox; empty for the inbox itself.
        files: how many.
        damage: mean share of damage over those that have one; nan without any.
        outcomes: how many have each outcome.
    """

    folder: str
    files: int
    damage: float
    outcomes: dict[Outcome, int]


@dataclass(frozen=True)
class Register:
    """What the list holds: rows of files, or folders where there are more than `MOST_FILES`.

    Attributes:
        files: rows of the frame as dictionaries; empty where folders are counted.
        left_out: folders that are not listed, because they are more than `MOST_FOLDERS`.
        named: files of one problem that the report names.
    """

    files: list[dict[Any, Any]]
    folders: list[FolderLine]
    left_out: int = 0
    named: int = 10**9


def collect_register(frame: pd.DataFrame) -> Register:
    """Return the list of a batch's files.

    Args:
        frame: complete, with `path`, `coverage` and `outcome`.
    """
    if len(frame) <= MOST_FILES:
        return Register(frame.to_dict("records"), [])
    parents = frame["path"].map(lambda path: PurePosixPath(path).parent.parts)
    depth = max(map(len, parents))
    # As deep as the list allows.
    while depth > 1 and parents.str[:depth].nunique() > MOST_FOLDERS:
        depth -= 1
    groups = frame.groupby(parents.str[:depth].map("/".join), sort=True)
    folders = [
        FolderLine(
            str(folder),
            len(group),
            float(group["coverage"].mean()),
            {outcome: int((group["outcome"] == outcome).sum()) for outcome in Outcome},
        )
        for folder, group in groups
    ]
    return Register([], folders[:MOST_FOLDERS], max(0, len(folders) - MOST_FOLDERS), MOST_NAMED)
