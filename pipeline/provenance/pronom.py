"""Name file formats as preservation systems do: name, and the PRONOM identifier where there is exactly one."""

from __future__ import annotations

from dataclasses import dataclass

# Beyond this size a TIFF has 64-bit offsets, which PRONOM lists apart.
BIG = 1 << 32


@dataclass(frozen=True)
class FileFormat:
    """A format.

    Attributes:
        puid: PRONOM's identifier; empty where PRONOM tells versions apart that are not recorded here.
        version: of the format; empty where it is not known.
        note: why there is no identifier, or when another one would be right.
    """

    name: str
    puid: str = ""
    version: str = ""
    note: str = ""


_VERSIONS = "PRONOM has an identifier for each version ({}); the version of this file is not recorded"
_TIFF = FileFormat(
    "Tagged Image File Format", "fmt/353", note="or a BigTIFF below 4 GiB (fmt/1917), which is not recorded"
)
_BIG_TIFF = FileFormat("BigTIFF", "fmt/1917")
_PNG = FileFormat("Portable Network Graphics", note=_VERSIONS.format("fmt/11, fmt/12, fmt/13"))
_FORMATS = {
    "TIFF": _TIFF,
    "PNG": _PNG,
    "JPEG": FileFormat("JPEG", note=_VERSIONS.format("fmt/41 to fmt/44 and those of Exif")),
    "GIF": FileFormat("Graphics Interchange Format", note=_VERSIONS.format("fmt/3, fmt/4")),
    "JPEG2000": FileFormat("JPEG 2000", note=_VERSIONS.format("among them x-fmt/392 for JP2")),
    "WEBP": FileFormat("WebP"),
    "JSON": FileFormat("JSON Data Interchange Format", "fmt/817"),
}
# What this program writes is of one version: derivatives have XMP in iTXt, which PNG has since version 1.2; masks have
# no chunk that version 1.0 had not; access copies are JFIF 1.01 without Exif.
_MASK = FileFormat("Portable Network Graphics", "fmt/11", "1.0")
_WRITTEN = {
    ("mask", "PNG"): _MASK,
    ("suggestions", "PNG"): _MASK,
    ("derivative", "PNG"): FileFormat("Portable Network Graphics", "fmt/13", "1.2"),
    ("access copy", "JPEG"): FileFormat("JPEG File Interchange Format", "fmt/43", "1.01"),
}
_BY_EXTENSION = {"tif": "TIFF", "tiff": "TIFF", "png": "PNG", "json": "JSON", "jpg": "JPEG", "jpeg": "JPEG"}


def file_format(name: str, size: int | None = None) -> FileFormat:
    """Return the format of a file by the ledger's word for it.

    Args:
        name: as `pipeline.scans.formats` recognises it; empty for what is no image.
        size: bytes; None where it is not known.
    """
    if name == "TIFF" and size is not None and size >= BIG:
        return _BIG_TIFF
    return _FORMATS.get(name) or FileFormat(name or "unknown")


def format_written(role: str, path: str, size: int | None = None) -> FileFormat:
    """Return the format of a file that this program wrote, by its role in the ledger and its extension."""
    name = _BY_EXTENSION.get(path.rpartition(".")[2].lower(), "")
    return _WRITTEN.get((role, name)) or file_format(name, size)
