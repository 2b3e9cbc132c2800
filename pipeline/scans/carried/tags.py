"""List the tags of TIFF directories and EXIF blocks."""

from __future__ import annotations

from collections.abc import Iterator

from PIL.ExifTags import GPSTAGS, TAGS

from pipeline.scans import ifd, maker_notes, tiff_tags
from pipeline.scans.ifd import BrokenDirectory, Directory, Structure, Tag
from pipeline.scans.metadata_item import Item, Why, item, shorten

FOLDERS = {ifd.EXIF_IFD: "EXIF", ifd.GPS_IFD: "GPS", ifd.INTEROP_IFD: "Interop", ifd.GLOBAL_IFD: "GlobalParameters"}
RESOLUTION = {ifd.X_RESOLUTION, ifd.Y_RESOLUTION, ifd.RESOLUTION_UNIT}
# They have an item of their own, or say where others are.
ELSEWHERE = {tiff_tags.XMP, tiff_tags.IPTC, tiff_tags.PHOTOSHOP, tiff_tags.ICC, ifd.SUB_IFDS, *RESOLUTION}
BYTES, TEXT, RATIONALS = {1, 6, 7}, {2}, {5, 10}
SHOWN_VALUES = 8


def block(data: bytes | None) -> Iterator[Item]:
    """Yield the items of an EXIF block, and its thumbnail."""
    if not data:
        return
    try:
        structure = Structure.open(data)
        directory = structure.read(structure.first, lenient=True)
    except BrokenDirectory:
        yield item("EXIF block that cannot be read", data, f"{len(data)} bytes")
        return
    yield from listed(directory)
    if directory.following:
        yield item("EXIF thumbnail", b"", "", Why.THUMBNAIL)


def listed(directory: Directory, folder: str = "TIFF") -> Iterator[Item]:
    """Yield the tags of a directory and its sub-directories."""
    names = GPSTAGS if folder == "GPS" else TAGS
    for code, tag in directory.tags.items():
        if folder == "TIFF" and code in ELSEWHERE:
            continue
        name = names.get(code) if folder != "Interop" else {1: "InteropIndex", 2: "InteropVersion"}.get(code)
        why = Why.STORAGE if folder == "TIFF" and code in tiff_tags.STRUCTURE else None
        yield _item(f"{folder} {name}" if name else f"{folder} tag {code}", code, tag, directory.order, why)
    for code in directory.skipped:
        if folder != "TIFF" or code not in tiff_tags.STRUCTURE:
            yield item(f"{folder} {names.get(code) or f'tag {code}'}", b"", "", Why.BROKEN)
    for code, child in directory.children.items():
        yield from listed(child, FOLDERS.get(code, f"{folder} directory {code}"))


def _item(what: str, code: int, tag: Tag, order: str, why: Why | None) -> Item:
    if code == ifd.MAKER_NOTE:
        # Offsets that count from the note itself are the same wherever it lies.
        movable = maker_notes.is_movable(tag, order)
        value = maker_notes.moved(tag, 0, order) if movable else tag.data
        return item(what, value, f"{len(value)} bytes", why if movable else Why.POINTER)
    if tag.type in TEXT:
        value = tag.data.rstrip(b"\0")
        return item(what, value, value.decode("utf-8", "replace"), why)
    if tag.type in BYTES:
        return item(what, tag.data, tag.data.hex(" ") if len(tag.data) <= SHOWN_VALUES else f"{tag.count} bytes", why)
    values = [value.item() for value in tag.values]
    shown = " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values[: 2 * SHOWN_VALUES])
    if tag.type in RATIONALS:
        pairs = zip(values[::2], values[1::2], strict=False)
        shown = " ".join(f"{above}/{below}" for above, below in list(pairs)[:SHOWN_VALUES])
    return item(what, repr(values), shorten(shown), why)
