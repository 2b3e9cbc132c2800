"""Move maker notes: cameras write directories into them whose offsets often count from the start of the file."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from pipeline.scans.ifd import TYPES, Tag

# A directory starts behind the maker's name, which takes at most so many bytes.
LONGEST_NAME = 34
# A maker note with one of these near its start counts its offsets from there.
OWN_HEADERS = (b"II*\0", b"MM\0*", b"II\3\0", b"MM\0\3")
MOST_ENTRIES, DEEPEST = 500, 4
POINTER = 13
TOLERATED = 0.1


@dataclass
class _Layout:
    """Where offsets are in a note, the spans that they point at, and where its directories end."""

    order: str
    places: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0


def moved(note: Tag, to: int, order: str) -> bytes:
    """Return the bytes of a maker note for another offset in the file.

    Args:
        note: with the offset at which it was found.
        to: its new offset.
        order: byte order of the file, `<` or `>`.
    """
    layout = _absolute(note, order)
    if layout is None or to == note.at:
        return note.data
    content = bytearray(note.data)
    for place in layout.places:
        old = struct.unpack_from(layout.order + "I", content, place)[0]
        struct.pack_into(layout.order + "I", content, place, (old - note.at + to) % 2**32)
    # Canon repeats the note's offset at its end; readers correct by the difference.
    footer = content[-8:]
    if footer[:4] in OWN_HEADERS and struct.unpack_from(layout.order + "I", footer, 4)[0] == note.at:
        struct.pack_into(layout.order + "I", content, len(content) - 4, to)
    return bytes(content)


def is_movable(note: Tag, order: str) -> bool:
    """Return whether a maker note can be read at another offset: all its values lie within it."""
    layout = _directory(note.data, order, 0) or _directory(note.data, order, note.at)
    if layout is None or _has_own_header(note.data):
        return True
    return _fits(layout, len(note.data), 0) or _absolute(note, order) is not None


def _has_own_header(data: bytes) -> bool:
    return any(header in data[:LONGEST_NAME] for header in OWN_HEADERS)


def _absolute(note: Tag, order: str) -> _Layout | None:
    """Return the layout of a note whose offsets count from the start of the file; None where they do not."""
    if _has_own_header(note.data):
        return None
    layout = _directory(note.data, order, note.at)
    if layout is None or not layout.spans or not _fits(layout, len(note.data), note.at):
        return None
    inside = _directory(note.data, order, 0)
    if inside is not None and _fits(inside, len(note.data), 0):
        # Either reading is possible: values follow their directory closely.
        nearest = min(start for start, _ in layout.spans)
        if abs(nearest - inside.end) <= abs(nearest - note.at - layout.end):
            return None
    return layout


def _fits(layout: _Layout, size: int, base: int) -> bool:
    """Return whether all values lie behind the first directory and within the note that starts at `base`."""
    return all(base + 2 <= start and end <= base + size for start, end in layout.spans)


def _directory(data: bytes, order: str, base: int) -> _Layout | None:
    """Return the layout of the directory near a note's start, None without one; `base` is the note's offset."""
    for letter in (order, "<" if order == ">" else ">"):
        for start in range(0, min(LONGEST_NAME, len(data) - 14), 2):
            layout = _Layout(letter)
            if _read(data, start, base, layout, 0):
                return layout
    return None


def _read(data: bytes, start: int, base: int, layout: _Layout, depth: int) -> bool:
    """Add the offsets of one directory to a layout; return whether it is a directory at all."""
    if start < 0 or start + 2 > len(data) or depth > DEEPEST:
        return False
    count = struct.unpack_from(layout.order + "H", data, start)[0]
    end = start + 2 + 12 * count
    if not 0 < count <= MOST_ENTRIES or end > len(data):
        return False
    entries = [struct.unpack_from(layout.order + "HHII", data, at) for at in range(start + 2, end, 12)]
    # Some cameras write an entry of no type among many good ones.
    wrong = sum(kind not in TYPES or number > 2**24 for _, kind, number, _ in entries)
    if wrong > TOLERATED * count:
        return False
    for at, (_, kind, number, value) in zip(range(start + 2, end, 12), entries, strict=True):
        if kind not in TYPES or number > 2**24:
            continue
        size = TYPES[kind][0] * number
        if size > 4:
            layout.places.append(at + 8)
            layout.spans.append((value, value + size))
        elif kind == POINTER and number == 1:
            layout.places.append(at + 8)
            layout.spans.append((value, value + 2))
            _read(data, value - base, base, layout, depth + 1)
    if depth == 0:
        layout.end = end
    return True
