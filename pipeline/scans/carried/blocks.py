"""List the items of blocks that several formats share: ICC, IPTC, XMP, Photoshop resources, texts, resolution."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans import photoshop, xmp
from pipeline.scans.metadata_item import Item, Why, item
from pipeline.scans.png_text import utf8
from pipeline.scans.thumbnails import RESOURCES

# Resources that people know by name; the others are shown by number.
NAMES = {
    1005: "ResolutionInfo", 1010: "BackgroundColor", 1032: "GridAndGuides", 1033: "Thumbnail4", 1034: "CopyrightFlag",
    1035: "URL", 1036: "Thumbnail", 1037: "GlobalAngle", 1039: "ICC", 1044: "DocumentIDs", 1049: "GlobalAltitude",
    1050: "Slices", 1054: "URLList", 1057: "VersionInfo", 1058: "EXIF", 1060: "XMP", 1061: "IPTCDigest",
    1062: "PrintScale", 1064: "PixelAspectRatio", 1065: "LayerComps", 2999: "ClippingPath", 10000: "PrintFlags",
}  # fmt: skip
PATHS = range(2000, 2998)


def icc(profile: bytes | None) -> Iterator[Item]:
    """Yield a colour profile."""
    if profile:
        yield item("ICC profile", profile, f"{len(profile)} bytes")


def iptc(record: bytes | None, what: str = "IPTC-IIM") -> Iterator[Item]:
    """Yield an IPTC record; zeros at its end only pad it."""
    if record and record.strip(b"\0"):
        yield item(what, record.rstrip(b"\0"), f"{len(record)} bytes")


def xmp_packet(packet: bytes | None) -> Iterator[Item]:
    """Yield the properties of a packet; the packet as a whole where it cannot be read."""
    if not packet:
        return
    found = xmp.properties(packet)
    for known in found:
        why = Why.THUMBNAIL if known.name.endswith(":Thumbnails") else None
        yield Item(f"XMP {known.name}", known.digest, item("", "", known.text).shown, str(why or ""))
    if not found and packet.strip(b"\0 ") and xmp.parse(packet) is None:
        yield item("XMP packet that is not well-formed", packet, f"{len(packet)} bytes")


def resources(data: bytes | None, own_iptc: bytes | None) -> Iterator[Item]:
    """Yield Photoshop resources; an IPTC record among them only where it differs from the file's own."""
    for number, _, content in photoshop.resources(data or b""):
        if number == photoshop.IPTC:
            same = own_iptc is None or content.rstrip(b"\0") == own_iptc.rstrip(b"\0")
            yield from iptc(content, "IPTC-IIM" if same else "IPTC-IIM among Photoshop resources")
            continue
        known = NAMES.get(number, "Path" if number in PATHS else "")
        why = Why.THUMBNAIL if number in RESOURCES else None
        yield item(f"Photoshop {known or 'resource'} ({number})", content, f"{len(content)} bytes", why)


def text(key: bytes, value: bytes, extra: bytes = b"") -> Item:
    """Return a text; UTF-8 and Latin-1 of the same letters are the same text."""
    plain = utf8(value).decode().replace("\0", " ").strip()
    return item(f"text {key.decode('latin-1')}", plain.encode() + extra, plain)


def resolution(dpi: tuple[float, float] | None, aspect: tuple[float, float] | None = None) -> Iterator[Item]:
    """Yield the resolution, or only its ratio where there is no unit."""
    if dpi:
        yield Item("resolution", "dpi", f"{dpi[0]:.6g} × {dpi[1]:.6g} dpi", "", dpi)
    elif aspect:
        yield Item("resolution", "aspect", f"{aspect[0]:.6g} : {aspect[1]:.6g}, without a unit", "", aspect)
