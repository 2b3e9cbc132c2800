"""Compare what a master carries with what its derivative carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.scans.metadata_item import Item, Why

# Formats round resolutions: PNG to whole pixels per metre, JPEG to whole dots per inch is not written.
ROUNDING = 0.0254 / 2


@dataclass(frozen=True, slots=True)
class Change:
    """An item that is in the derivative with another value, or under another name (`now`)."""

    what: str
    before: str
    after: str
    now: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """An item that is not in the derivative, its value in short, and why."""

    what: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of a master's metadata, in the master's order; every item is in exactly one of the lists."""

    kept: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    lost: tuple[Loss, ...] = ()


def compare(master: Sequence[Item], derivative: Sequence[Item]) -> Carried:
    """Return what became of each item of a master."""
    there = {found.what: found for found in derivative}
    before = {known.what for known in master}
    # By value: items that the derivative has under a name which the master does not know.
    renamed = {found.digest: found for found in derivative if found.what not in before}
    kept: list[str] = []
    changed: list[Change] = []
    lost: list[Loss] = []
    for known in master:
        found = there.get(known.what)
        if found is not None and _same(known, found):
            kept.append(known.what)
        elif found is not None:
            changed.append(Change(known.what, known.shown, found.shown))
        elif known.digest in renamed and not known.why:
            other = renamed[known.digest]
            changed.append(Change(known.what, known.shown, other.shown, other.what))
        else:
            lost.append(Loss(known.what, known.shown, known.why or str(Why.FORMAT)))
    return Carried(tuple(kept), tuple(changed), tuple(lost))


def _same(one: Item, other: Item) -> bool:
    """Return whether two items have the same value, up to the rounding of resolutions."""
    if one.numbers and other.numbers:
        pairs = zip(one.numbers, other.numbers, strict=False)
        return one.digest == other.digest and all(abs(a - b) <= ROUNDING + 1e-6 * a for a, b in pairs)
    return one.digest == other.digest
