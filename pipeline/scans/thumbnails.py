"""Take the small copies of a picture out of its metadata: in a derivative they would show it before its restoration."""

from __future__ import annotations

import struct

from pipeline.scans.ifd import BrokenDirectory, Directory, Structure
from pipeline.scans.photoshop import without

OFFSETS = {513: 514, 273: 279}
#: Photoshop's resources with a thumbnail: of version 4 (BGR), of later ones.
RESOURCES = {1033, 1036}


def exif_without_thumbnail(block: bytes) -> bytes:
    """Return an EXIF block without its second directory, in which the thumbnail is; everything else stays in place."""
    try:
        structure = Structure.open(block)
        kept = structure.read(structure.first, lenient=True)
        if structure.big or not kept.following:
            return block
        small = structure.read(kept.following, children=False)
    except BrokenDirectory:
        return block
    count = struct.unpack_from(structure.order + "H", block, structure.first)[0]
    pointer = structure.first + 2 + 12 * count
    cut = bytearray(block)
    cut[pointer : pointer + 4] = bytes(4)
    emptied, end = bytearray(cut), len(cut)
    for start, stop in sorted(_spans(structure, kept.following, small), reverse=True):
        emptied[start:stop] = bytes(min(stop, len(cut)) - start)
        if stop >= end:
            end = start
    for candidate in (bytes(emptied[:end]), bytes(emptied)):
        if _reads_as(candidate, kept):
            return candidate
    return bytes(cut)


def _reads_as(block: bytes, kept: Directory) -> bool:
    """Return whether a block still has the tags of a directory and its sub-directories."""
    try:
        found = Structure.open(block).read(Structure.open(block).first, lenient=True)
    except BrokenDirectory:
        return False
    return found.tags == kept.tags and found.children == kept.children


def _spans(structure: Structure, at: int, small: Directory) -> list[tuple[int, int]]:
    """Return where a thumbnail's directory, its values and its pixels lie."""
    found = [(at, at + 2 + 12 * struct.unpack_from(structure.order + "H", structure.data, at)[0] + 4)]
    found += [(tag.at, tag.at + len(tag.data)) for tag in small.tags.values() if len(tag.data) > 4]
    for starts, sizes in OFFSETS.items():
        if starts in small.tags and sizes in small.tags:
            pairs = zip(small.tags[starts].values, small.tags[sizes].values, strict=False)
            found += [(int(start), int(start) + int(size)) for start, size in pairs]
    return [(start, min(stop, len(structure.data))) for start, stop in found if 8 <= start < len(structure.data)]


def resources_without_thumbnail(resources: bytes) -> bytes:
    """Return Photoshop image resources without thumbnails; all other bytes stay as they are."""
    return without(resources, *RESOURCES)
