"""List what a JPEG 2000 carries."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scans import jpeg2000
from pipeline.scans.carried import decoded_items
from pipeline.scans.metadata_item import Item, item
from pipeline.scans.model import Metadata

# Of pixels and their form; what has an item of its own.
SILENT = {
    *(b"jP  ", b"ftyp", b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"jp2c", b"resc", b"resd", b"free"),
    *(b"rreq", b"jpch", b"jplh"),
}
UUIDS = {
    bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"): "GeoTIFF",
    bytes.fromhex("96a9f1f1dc98402da7aed68e34451809"): "world file",
    bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb"): "Photoshop",
}


def items(data: bytes, metadata: Metadata) -> Iterator[Item]:
    """Yield the items of a JPEG 2000."""
    yield from decoded_items.items(metadata)
    resolutions = {content for kind, content in jpeg2000.boxes(data, "") if kind in (b"resc", b"resd")}
    for other in sorted(resolutions)[1:]:
        yield item("JP2 second resolution", other, other.hex(" "))
    for kind, content in jpeg2000.boxes(data, ""):
        if kind == b"jp2c":
            yield from (item("JP2 binary comment", text) for text, is_text in jpeg2000.comments(content) if not is_text)
        if kind in SILENT or kind == b"xml ":
            continue
        if kind == b"uuid":
            if content.startswith((jpeg2000.XMP, jpeg2000.IPTC, jpeg2000.EXIF)):
                continue
            name = UUIDS.get(content[:16], content[:16].hex())
            yield item(f"JP2 uuid box {name}", content[16:], f"{len(content) - 16} bytes")
        else:
            yield item(f"JP2 {kind.decode('latin-1').strip()} box", content, f"{len(content)} bytes")
