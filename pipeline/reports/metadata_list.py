"""Gather what did not reach the derivatives of a batch, item by item, with the images that it concerns."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.escape import one_line
from pipeline.reports.language import Language

if TYPE_CHECKING:
    import pandas as pd

MOST_ITEMS = 200
MOST_NAMES = 3


@dataclass
class Entry:
    """One item of metadata that was lost or changed alike in some images.

    Attributes:
        what: its name.
        why: why it was lost, or how it was changed, as text.
        count: how many images it concerns.
        paths: the first of them.
    """

    what: str
    why: str
    count: int = 0
    paths: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Count one more image."""
        self.count += 1
        if len(self.paths) < MOST_NAMES:
            self.paths.append(path)


@dataclass
class MetadataList:
    """What became of the metadata of a batch.

    Attributes:
        kept, total: items of all masters together that were restored.
        lost, changed: most frequent first.
        left_out: items that are only in the sidecars.
    """

    kept: int = 0
    total: int = 0
    lost: list[Entry] = field(default_factory=list)
    changed: list[Entry] = field(default_factory=list)
    left_out: int = 0


def collect_metadata(frame: pd.DataFrame, t: Language) -> MetadataList:
    """Return what became of the metadata of a batch's images.

    Args:
        frame: as `frames.complete_frame` returns it.
    """
    found = MetadataList()
    lost: dict[tuple[str, str], Entry] = {}
    changed: dict[tuple[str, str], Entry] = {}
    for path, text in zip(frame["path"], frame["metadata"], strict=True):
        if not text:
            continue
        row: dict[str, Any] = json.loads(text)
        found.kept += row["kept"]
        found.total += row["kept"] + len(row["changed"]) + len(row["lost"]) + row["more"]
        found.left_out += row["more"]
        for what, why in row["lost"]:
            _add(lost, one_line(what, 100), t(f"metadata.why.{why}"), path)
        for what, before, after, now in row["changed"]:
            _add(changed, one_line(what, 100), _change(before, after, now, t), path)
    found.lost, found.changed = (_ranked(entries, found) for entries in (lost, changed))
    return found


def summarise_row(text: str, t: Language) -> str:
    """Return the counts of one image; empty where nothing was compared."""
    if not text:
        return ""
    row = json.loads(text)
    parts = [t("metadata.kept", n=t.number(row["kept"]))]
    parts += [t(f"metadata.{key}", n=t.number(len(row[key]))) for key in ("changed", "lost") if row[key]]
    return ", ".join(parts)


def _add(entries: dict[tuple[str, str], Entry], what: str, why: str, path: str) -> None:
    entries.setdefault((what, why), Entry(what, why)).add(path)


def _change(before: str, after: str, now: str, t: Language) -> str:
    """Return how an item was changed, as text."""
    if now:
        return t("metadata.renamed", now=one_line(now, 100))
    if before and after and before != after:
        return t("metadata.value", before=one_line(before, 100), after=one_line(after, 100))
    return t("metadata.extended")


def _ranked(entries: dict[tuple[str, str], Entry], found: MetadataList) -> list[Entry]:
    ranked = sorted(entries.values(), key=lambda entry: (-entry.count, entry.what))
    found.left_out += sum(entry.count for entry in ranked[MOST_ITEMS:])
    return ranked[:MOST_ITEMS]
