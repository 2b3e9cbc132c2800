"""List everything that a file carries besides its pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from pipeline.imaging.mapped import FileData
from pipeline.scans.carried import (
    decoded_items,
    gif_items,
    jpeg2000_items,
    jpeg_items,
    png_items,
    tiff_items,
    webp_items,
)
from pipeline.scans.metadata_item import Item, Why, item
from pipeline.scans.model import Metadata

READERS: dict[str, Callable[[bytes, Metadata], Iterator[Item]]] = {
    "JPEG": jpeg_items.items,
    "PNG": png_items.items,
    "JPEG2000": jpeg2000_items.items,
    "WEBP": webp_items.items,
    "GIF": gif_items.items,
}
MOST = 5000


def inventory(data: FileData, kind: str, metadata: Metadata) -> tuple[Item, ...]:
    """Return the items of a file, each under a name of its own, at most `MOST`.

    Args:
        data: the whole file.
        kind: its format, as `ScanInfo.format` names it; of formats without a reader here, what `metadata` has.
        metadata: as decoded from the file.
    """
    reader = READERS.get(kind, _of_metadata)
    try:
        return _numbered(tiff_items.items(data, metadata) if kind == "TIFF" else reader(bytes(data), metadata))
    except Exception:  # strangers wrote it; a list that fails must not cost the picture
        return (item("metadata that cannot be listed", b"", "", Why.BROKEN),)


def _of_metadata(data: bytes, metadata: Metadata) -> Iterator[Item]:
    """Yield what decoding kept."""
    return decoded_items.items(metadata)


def _numbered(found: Iterable[Item]) -> tuple[Item, ...]:
    """Return the items; of those with the same name and value one, of those with the same name all, numbered."""
    values: dict[str, list[Item]] = {}
    for known in found:
        same = values.setdefault(known.what, [])
        if known not in same and len(values) <= MOST and len(same) < MOST:
            same.append(known)
    numbered = [
        known if not number else replace(known, what=f"{known.what} [{number + 1}]")
        for same in values.values()
        for number, known in enumerate(same)
    ]
    return tuple(numbered[:MOST])
