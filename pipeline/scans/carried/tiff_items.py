"""List what a TIFF carries."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.imaging.mapped import FileData
from pipeline.scans import ifd, tiff, tiff_copies, tiff_tags
from pipeline.scans.carried import blocks, tags
from pipeline.scans.ifd import Directory
from pipeline.scans.metadata_item import Item, Why, item
from pipeline.scans.model import Metadata

LAYERS = 37724


def items(data: FileData, metadata: Metadata) -> Iterator[Item]:
    """Yield the items of a TIFF's picture, and its other pictures."""
    pages = tiff.read_pages(data, "")
    number, _ = tiff.main_page(pages)
    page = pages[number]
    yield from blocks.icc(metadata.icc)
    yield from blocks.xmp_packet(metadata.xmp)
    yield from blocks.iptc(metadata.iptc)
    yield from blocks.resources(metadata.photoshop, metadata.iptc)
    across, down = page.ratio(ifd.X_RESOLUTION), page.ratio(ifd.Y_RESOLUTION)
    yield from blocks.resolution(metadata.dpi, (across, down) if across and down else None)
    # How a TIFF stores its pixels is no metadata; a derivative's own storage says the same of itself.
    described = {code: tag for code, tag in page.tags.items() if code not in tiff_tags.STRUCTURE}
    yield from tags.listed(Directory(described, page.children, order=page.order, skipped=page.skipped))
    if LAYERS in page.tags:
        layers = page.tags[LAYERS]
        yield item("Photoshop layers", layers.data, f"{len(layers.data)} bytes", Why.LAYERS)
    if ifd.SUB_IFDS in page.tags:
        count = page.tags[ifd.SUB_IFDS].count
        yield item("pictures in sub-directories", b"", str(count), Why.PICTURE)
    infrared = tiff.infrared_page(pages, number)
    for index, other in enumerate(pages):
        if index != number:
            is_copy = tiff_copies.is_declared(other) or tiff_copies.may_be_copy(other, page)
            yield _page(index, other, infrared, is_copy=is_copy)


def _page(index: int, page: Directory, infrared: int | None, *, is_copy: bool) -> Item:
    """Return another page of the file as an item."""
    size = f"{page.number(tiff_tags.WIDTH, 0)} × {page.number(tiff_tags.HEIGHT, 0)}"
    if index == infrared:
        return item(f"page {index + 1}", size, f"infrared plane, {size}", Why.PICTURE)
    if is_copy:
        return item(f"page {index + 1}", size, f"reduced copy, {size}", Why.THUMBNAIL)
    return item(f"page {index + 1}", size, size, Why.PICTURE)
