"""Recognise camera raw files, which have to be developed before they are pictures."""

from __future__ import annotations

from pathlib import PurePath

from pipeline.imaging.mapped import FileData
from pipeline.scans.ifd import BrokenDirectory, Directory, Structure
from pipeline.scans.tiff_tags import COMPRESSION, PHOTOMETRIC, SUB_DIRECTORIES

REMEDY = "develop it in a raw converter and deliver the result as 16-bit TIFF"
#: What files of makers with headers of their own begin with, at which byte.
SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (8, b"CR\x02", "Canon CR2"), (4, b"ftypcrx ", "Canon CR3"), (6, b"HEAPCCDR", "Canon CRW"),
    (0, b"IIRO", "Olympus ORF"), (0, b"IIRS", "Olympus ORF"), (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\0", "Panasonic RW2"), (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"), (0, b"FOVb", "Sigma X3F"),
    (0, b"\0MRM", "Minolta MRW"), (0, b"ARRI", "ARRIRAW"), (0, b"\x00\x00\x00\x00RED", "RED R3D"),
)  # fmt: skip
SUFFIXES = {
    ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw",
    ".3fr", ".fff", ".iiq", ".mos", ".kdc", ".dcr", ".erf", ".mef", ".mrw", ".x3f", ".rwl",
}  # fmt: skip
MAKE, DNG_VERSION = 271, 50706
#: Photometric interpretations and compressions that only raw files have.
SENSOR_VALUES = {32803, 34892}
PACKED = {32767, 32769, 32770, 34713, 65000, 65535}


def name_of(data: FileData) -> str:
    """Return the kind of a camera raw file whose first bytes tell it, empty for any other file."""
    head = data[:32]
    return next((name for at, mark, name in SIGNATURES if head[at:].startswith(mark)), "")


def name_by_suffix(name: str) -> str:
    """Return the kind of a camera raw file by its name, for a file that is none of the other images."""
    suffix = PurePath(name).suffix.lower()
    return suffix[1:].upper() if suffix in SUFFIXES else ""


def name_in_tiff(data: FileData, pages: list[Directory]) -> str:
    """Return the kind of a camera raw file that is a TIFF (DNG, NEF, ARW, PEF and others), empty for any other file."""
    first = pages[0]
    if DNG_VERSION in first.tags:
        return "DNG"
    maker = first.tags[MAKE].data.rstrip(b"\0 ").decode("latin-1") if MAKE in first.tags else ""
    for page in [*pages, *_children(data, first)]:
        if page.number(PHOTOMETRIC, 0) in SENSOR_VALUES or page.number(COMPRESSION, 1) in PACKED:
            return maker[:40] or "unknown maker"
    return ""


def _children(data: FileData, page: Directory) -> list[Directory]:
    """Return the sub-directories with further pictures that can be read."""
    found = []
    structure = Structure.open(data)
    for offset in page.tags[SUB_DIRECTORIES].values.tolist()[:16] if SUB_DIRECTORIES in page.tags else ():
        try:
            found.append(structure.read(int(offset), children=False))
        except BrokenDirectory:
            continue
    return found
