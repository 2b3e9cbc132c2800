"""Read and write TIFF directories (IFDs), as TIFF files and EXIF blocks contain them, in either byte order."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.mapped import FileData

# Type number → (bytes of one value, numpy type code of one number in it).
TYPES = {
    1: (1, "u1"), 2: (1, "u1"), 3: (2, "u2"), 4: (4, "u4"), 5: (8, "u4"), 6: (1, "i1"), 7: (1, "u1"), 8: (2, "i2"),
    9: (4, "i4"), 10: (8, "i4"), 11: (4, "f4"), 12: (8, "f8"), 13: (4, "u4"), 16: (8, "u8"), 17: (8, "i8"),
    18: (8, "u8"),
}  # fmt: skip
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SLONG, SRATIONAL, LONG8, SLONG8 = 1, 2, 3, 4, 5, 7, 9, 10, 16, 17
# Values of these types are offsets of directories; in BigTIFF with 64 bits.
POINTERS = {13, 18}
OFFSETS = {4, 16, *POINTERS}
EXIF_IFD, GPS_IFD, INTEROP_IFD, GLOBAL_IFD, SUB_IFDS = 34665, 34853, 40965, 400, 330
CHILDREN = {EXIF_IFD, GPS_IFD, INTEROP_IFD, GLOBAL_IFD}
MAKER_NOTE = 37500
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296


class BrokenDirectory(ValueError):
    """A directory or a value is outside of the data."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry: type number, count of values, the values as little-endian bytes, and the offset of those read."""

    type: int
    count: int
    data: bytes
    at: int = field(default=0, compare=False)

    @property
    def values(self) -> NDArray[Any]:
        """The numbers, 1-D; a rational is two of them, numerator and denominator."""
        return np.frombuffer(self.data, "<" + TYPES[self.type][1])

    def stored(self, order: str) -> bytes:
        """Return the bytes as a file of that byte order, `<` or `>`, has them."""
        letter = TYPES[self.type][1]
        if order == "<" or letter.endswith("1"):
            return self.data
        return np.frombuffer(self.data, "<" + letter).astype(">" + letter).tobytes()

    @classmethod
    def of(cls, kind: int, values: Any) -> Tag:
        """Return a tag of numbers, or of bytes."""
        if isinstance(values, bytes):
            return cls(kind, len(values) // TYPES[kind][0], values)
        array = np.asarray(values).astype("<" + TYPES[kind][1]).ravel()
        return cls(kind, array.nbytes // TYPES[kind][0], array.tobytes())


@dataclass
class Directory:
    """The tags of one directory by number, its sub-directories, and the offset of the next directory (0: none).

    `order` is the byte order of the file, `<` or `>`, in which values of no declared type (maker notes, private tags)
    are to be read. `skipped` are the numbers of tags and sub-directories that could not be read.
    """

    tags: dict[int, Tag] = field(default_factory=dict)
    children: dict[int, Directory] = field(default_factory=dict)
    following: int = 0
    order: str = "<"
    skipped: list[int] = field(default_factory=list, compare=False)

    def number(self, code: int, default: int) -> int:
        """Return a tag's first value as an integer."""
        tag = self.tags.get(code)
        return int(tag.values[0]) if tag is not None and tag.count else default

    def ratio(self, code: int) -> float | None:
        """Return the first value of a tag of any numeric type; None where it is absent, not finite or not positive."""
        tag = self.tags.get(code)
        if tag is None or not tag.count or tag.type == ASCII:
            return None
        first, below = float(tag.values[0]), 1.0
        if tag.type in (RATIONAL, SRATIONAL):
            below = float(tag.values[1])
        return first / below if below and math.isfinite(first / below) and first / below > 0 else None


@dataclass(slots=True)
class Structure:
    """The bytes of a TIFF file or EXIF block, and how its numbers are written.

    `budget` is how many bytes of values may still be read: in a malicious file every tag of every directory could
    refer to the whole file.
    """

    data: FileData
    order: str
    big: bool
    first: int
    budget: int = 0

    def __post_init__(self) -> None:
        self.budget = 8 * len(self.data) + (16 << 20)

    @classmethod
    def open(cls, data: FileData) -> Structure:
        """Return the structure of data that starts with a TIFF header.

        Raises:
            BrokenDirectory: it has no TIFF header.
        """
        order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
        if order is None or len(data) < 8:
            raise BrokenDirectory("no TIFF header")
        version = struct.unpack_from(order + "H", data, 2)[0]
        if version == 42:
            return cls(data, order, False, struct.unpack_from(order + "I", data, 4)[0])
        if version == 43 and len(data) >= 16:
            return cls(data, order, True, struct.unpack_from(order + "Q", data, 8)[0])
        raise BrokenDirectory("no TIFF header")

    def read(self, offset: int, *, children: bool = True, lenient: bool = False) -> Directory:
        """Return the directory at an offset with its sub-directories, of which broken ones and broken tags are skipped.

        Args:
            children: read sub-directories too.
            lenient: skip broken tags in the directory itself as well.

        Raises:
            BrokenDirectory: it, or one of its values, is outside of the data.
        """
        count_at, entry, inline, offset_letter = ("Q", 20, 8, "Q") if self.big else ("H", 12, 4, "I")
        try:
            count = struct.unpack_from(self.order + count_at, self.data, offset)[0]
            start = offset + struct.calcsize(count_at)
            end = start + count * entry
            if end > len(self.data):
                raise BrokenDirectory("a directory is truncated")
            # Some writers omit the pointer to the next directory at the end of an EXIF block.
            left = end + inline <= len(self.data)
            following = struct.unpack_from(self.order + offset_letter, self.data, end)[0] if left else 0
        except struct.error as error:
            raise BrokenDirectory("a directory is outside of the data") from error
        found = Directory(following=following, order=self.order)
        for at in range(start, end, entry):
            code, kind = struct.unpack_from(self.order + "HH", self.data, at)
            number = struct.unpack_from(self.order + offset_letter, self.data, at + 4)[0]
            if kind not in TYPES:
                found.skipped.append(code)
                continue
            size, letter = TYPES[kind]
            where = at + entry - inline
            if number * size > inline:
                where = struct.unpack_from(self.order + offset_letter, self.data, where)[0]
            if where + number * size > len(self.data):
                if lenient:
                    found.skipped.append(code)
                    continue
                raise BrokenDirectory(f"tag {code} is outside of the data")
            self.budget -= number * size
            if self.budget < 0:
                raise BrokenDirectory("its tags hold more than the file does")
            values = bytes(self.data[where : where + number * size])
            if self.order == ">" and size > 1:
                values = np.frombuffer(values, ">" + letter).astype("<" + letter).tobytes()
            tag = Tag(kind, number, values, where)
            if code not in CHILDREN and (kind not in POINTERS or code == SUB_IFDS):
                found.tags[code] = tag
            elif children and number and kind in OFFSETS:
                try:
                    found.children[code] = self.read(int(tag.values[0]), children=code == EXIF_IFD, lenient=True)
                except BrokenDirectory:
                    found.skipped.append(code)
            else:
                found.skipped.append(code)
        return found


def serialise(directory: Directory, offset: int, *, big: bool = False, move: Mover | None = None) -> bytes:
    """Return a directory with its values and sub-directories as bytes to be written at an offset, in its byte order.

    Args:
        offset: even.
        big: as BigTIFF, with 64-bit offsets.
        move: given a maker note and its new offset, returns its bytes there; by default they stay as they are.
    """
    order = directory.order
    entry, inline, letter, count_letter = (20, 8, "Q", "Q") if big else (12, 4, "I", "H")
    codes = sorted([*directory.tags, *directory.children])
    head = bytearray(struct.pack(order + count_letter, len(codes)))
    body = bytearray()
    body_at = offset + len(head) + len(codes) * entry + inline
    for code in codes:
        child = directory.children.get(code)
        if child is not None:
            tag = Tag.of(LONG8 if big else LONG, [body_at + len(body)])
            body += serialise(replace(child, order=order), body_at + len(body), big=big, move=move)
        else:
            tag = directory.tags[code] if big else _narrow(directory.tags[code])
        values = tag.stored(order)
        if code == MAKER_NOTE and move is not None and len(values) > inline:
            values = move(tag, body_at + len(body), order)
        head += struct.pack(order + "HH" + letter, code, tag.type, tag.count)
        if len(values) <= inline:
            head += values.ljust(inline, b"\0")
        else:
            head += struct.pack(order + letter, body_at + len(body))
            body += values
        body += b"\0" * (len(body) % 2)
    return bytes(head + struct.pack(order + letter, 0) + body)


Mover = Callable[[Tag, int, str], bytes]


def is_wide(directory: Directory) -> bool:
    """Return whether a directory holds 64-bit numbers that only BigTIFF can have."""
    inside = any(is_wide(child) for child in directory.children.values())
    return inside or any(_narrow(tag) is tag for tag in directory.tags.values() if tag.type in (LONG8, SLONG8))


def _narrow(tag: Tag) -> Tag:
    """Return a tag of 64-bit integers with 32 bits each where its values allow; else the tag itself."""
    if tag.type not in (LONG8, SLONG8):
        return tag
    kind, limits = (LONG, np.iinfo(np.uint32)) if tag.type == LONG8 else (SLONG, np.iinfo(np.int32))
    values = tag.values
    fits = not values.size or (int(values.min()) >= limits.min and int(values.max()) <= limits.max)
    return Tag.of(kind, values) if fits else tag


def as_rational(tag: Tag) -> Tag:
    """Return a positive number of any type as the rational that the standard asks for; others are left as they are."""
    value = Directory({0: tag}).ratio(0)
    if tag.type == RATIONAL or value is None or not 1e-4 < value < 2**32:
        return tag
    ratio = Fraction(value).limit_denominator(10_000 if value < 100_000 else 1)
    return Tag.of(RATIONAL, [ratio.numerator, ratio.denominator])


def exif_block(directory: Directory, move: Mover | None = None) -> bytes:
    """Return an EXIF block with the tags of a directory, in its byte order."""
    mark = b"II" if directory.order == "<" else b"MM"
    return mark + struct.pack(directory.order + "HI", 42, 8) + serialise(directory, 8, move=move)


def read_exif_block(block: bytes | None) -> Directory:
    """Return the first directory of an EXIF block; an empty one when there is none, or when it is broken."""
    if not block:
        return Directory()
    try:
        structure = Structure.open(block)
        return structure.read(structure.first, lenient=True)
    except BrokenDirectory:
        return Directory()


def orientation(directory: Directory) -> int:
    """Return the EXIF orientation, 1 where it is absent or invalid."""
    value = directory.number(ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1


def resolution(directory: Directory) -> tuple[float, float] | None:
    """Return the resolution in dots per inch, where the tags give one."""
    across, down = directory.ratio(X_RESOLUTION), directory.ratio(Y_RESOLUTION)
    unit = {2: 1.0, 3: 2.54}.get(directory.number(RESOLUTION_UNIT, 2))
    if not across or not down or unit is None:
        return None
    return across * unit, down * unit
