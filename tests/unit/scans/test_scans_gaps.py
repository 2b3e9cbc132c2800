"""A file of which a part is missing is rejected where a codec says so; where none does, a run of zeros is doubted."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from image_files import saved, tiff
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import decode

Pixels = NDArray[Any]
# No even areas, no black: as a photograph on paper is.
PHOTO = np.maximum(data.astronaut()[:301, :391], 4) | 1
GREY = np.ascontiguousarray(PHOTO[..., 1])
WIDE = PHOTO.astype(np.uint16) * 257
BILEVEL = Image.fromarray(GREY).convert("1")
PLANES = np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0))


def lost(content: bytes, start: int, size: int) -> bytes:
    """Return a file with zeros in the place of some bytes."""
    assert any(content[start : start + size])
    return content[:start] + bytes(size) + content[start + size :]


def verdict(content: bytes) -> str:
    """Return how a file is judged: `whole`, `doubt`, or the reason of its rejection."""
    try:
        scan = decode(content, "scan")
    except UnreadableScan as error:
        return str(error.reason)
    return "doubt" if scan.doubt else "whole"


#: Files whose codec notices zeros in their data.
NOTICED: dict[str, Callable[[], bytes]] = {
    **{
        f"{name}-{compression}": lambda compression=compression, pixels=pixels, options=options: tiff(
            pixels, compression=compression, **options
        )
        for compression in ("lzw", "packbits", "zlib", "lzma", "lerc", "jpegxl")
        for name, pixels, options in (
            ("strips", PHOTO, {"photometric": "rgb", "rowsperstrip": 64}),
            ("tiles", PHOTO, {"photometric": "rgb", "tile": (128, 128)}),
        )
    },
    "lzw-16-big-endian": lambda: tiff(WIDE, photometric="rgb", compression="lzw", predictor=True, byteorder=">"),
    "lzw-bigtiff": lambda: tiff(GREY, compression="lzw", bigtiff=True),
    "lzw-planes": lambda: tiff(PLANES, photometric="rgb", planarconfig="separate", compression="lzw"),
    "jpeg-strips": lambda: tiff(PHOTO, photometric="ycbcr", compression="jpeg", rowsperstrip=64),
    "jpeg-tiles": lambda: tiff(GREY, compression="jpeg", tile=(128, 128)),
    "jpeg-by-libtiff": lambda: saved(Image.fromarray(PHOTO), "TIFF", compression="jpeg"),
    "group3": lambda: saved(BILEVEL, "TIFF", compression="group3"),
    "group4": lambda: saved(BILEVEL, "TIFF", compression="group4"),
    "ccitt-rle": lambda: saved(BILEVEL, "TIFF", compression="tiff_ccitt"),
    "png": lambda: saved(Image.fromarray(PHOTO), "PNG"),
    "jpeg": lambda: saved(Image.fromarray(PHOTO), "JPEG"),
    "jpeg-progressive": lambda: saved(Image.fromarray(PHOTO), "JPEG", progressive=True),
    "gif": lambda: saved(Image.fromarray(PHOTO).quantize(200), "GIF"),
}
#: Files whose codec takes zeros for picture data.
UNNOTICED: dict[str, Callable[[], bytes]] = {
    "raw": lambda: tiff(PHOTO, photometric="rgb"),
    "raw-strips": lambda: tiff(PHOTO, photometric="rgb", rowsperstrip=16),
    "raw-by-libtiff": lambda: saved(Image.fromarray(PHOTO), "TIFF"),
    "raw-16-big-endian": lambda: tiff(WIDE, photometric="rgb", byteorder=">"),
    "raw-bigtiff": lambda: tiff(GREY, bigtiff=True),
    "raw-tiles": lambda: tiff(PHOTO, photometric="rgb", tile=(128, 128)),
    "raw-planes": lambda: tiff(PLANES, photometric="rgb", planarconfig="separate"),
    "zstd": lambda: tiff(WIDE, photometric="rgb", compression="zstd", predictor=True),
    "webp-in-tiff": lambda: tiff(PHOTO, photometric="rgb", compression="webp"),
    "webp": lambda: saved(Image.fromarray(PHOTO), "WEBP", quality=95),
    "webp-lossless": lambda: saved(Image.fromarray(PHOTO), "WEBP", lossless=True),
    "jpeg2000": lambda: saved(Image.fromarray(PHOTO), "JPEG2000"),
    "jpeg2000-tiles": lambda: saved(
        Image.fromarray(PHOTO), "JPEG2000", tile_size=(128, 128), irreversible=True, quality_layers=[8]
    ),
}


@pytest.mark.parametrize("kind", sorted(NOTICED))
def test_zeros_that_a_codec_notices_reject_the_file(kind: str) -> None:
    content = NOTICED[kind]()
    assert verdict(content) == "whole"
    sector = len(content) // 2 // 512 * 512
    assert verdict(lost(content, sector, 512)) in ("truncated", "unreadable")
    tail = lost(content, len(content) * 6 // 10, len(content) * 3 // 10)
    assert verdict(tail) in ("truncated", "unreadable")


@pytest.mark.parametrize("kind", sorted(UNNOTICED))
def test_zeros_that_no_codec_notices_are_doubted(kind: str) -> None:
    content = UNNOTICED[kind]()
    assert verdict(content) == "whole"
    cluster = len(content) // 2 // 4096 * 4096
    assert verdict(lost(content, cluster, 4096)) in ("doubt", "unreadable")
    assert verdict(lost(content, cluster + 512, 512)) in ("doubt", "unreadable")
    assert verdict(lost(content, len(content) * 6 // 10 + 77, len(content) * 3 // 10)) in ("doubt", "unreadable")


def test_a_doubt_names_place_and_remedy() -> None:
    content = UNNOTICED["raw"]()
    scan = decode(lost(content, 100 * 1024, 70_000), "scan")
    assert scan.doubt.startswith("the file may be incomplete: 70,0")
    assert "from byte 102,400 on" in scan.doubt
    assert "copy or scan it again" in scan.doubt


def test_lost_strips_and_tiles_are_doubted() -> None:
    pixels = PHOTO.copy()
    pixels[64:128] = 0
    assert verdict(tiff(pixels, photometric="rgb", rowsperstrip=32)) == "doubt"
    pixels = PHOTO.copy()
    pixels[128:256, 128:256] = 0
    assert verdict(tiff(pixels, photometric="rgb", tile=(128, 128))) == "doubt"


def test_black_in_a_picture_is_no_gap() -> None:
    border, wedge, dark, bar = (PHOTO.copy() for _ in range(4))
    border[:30], border[-41:], border[:, :25], border[:, -30:] = 0, 0, 0, 0
    turned = Image.fromarray(PHOTO).rotate(0.4, expand=True, resample=Image.Resampling.BICUBIC)
    wedge = np.asarray(turned)
    dark = np.where(dark < 90, 0, dark)
    bar[101:171] = 0
    for pixels in (border, wedge, dark, bar):
        pixels, image = np.ascontiguousarray(pixels), Image.fromarray(pixels)
        assert verdict(tiff(pixels, photometric="rgb")) == "whole"
        assert verdict(tiff(pixels, photometric="rgb", rowsperstrip=16)) == "whole"
        assert verdict(tiff(pixels, photometric="rgb", tile=(64, 64))) == "whole"
        assert verdict(saved(image, "TIFF")) == "whole"
        assert verdict(saved(image.convert("1"), "TIFF")) == "whole"
        assert verdict(saved(image.convert("CMYK"), "TIFF")) == "whole"
        assert verdict(saved(image, "JPEG", optimize=True)) == "whole"
        assert verdict(saved(image, "WEBP")) == "whole"
        assert verdict(saved(image, "WEBP", lossless=True, method=0)) == "whole"
        assert verdict(saved(image, "JPEG2000", irreversible=True, quality_layers=[30])) == "whole"


def test_pictures_of_one_colour_are_whole() -> None:
    for colour in (0, 128, 255):
        image = Image.new("RGB", (1500, 1200), (colour, colour, colour))
        for kind in ("TIFF", "JPEG", "WEBP", "JPEG2000", "BMP", "PNG"):
            assert verdict(saved(image, kind)) == "whole"


def counts_left_out(content: bytes) -> bytes:
    """Return a TIFF whose StripByteCounts are all zero."""
    changed = bytearray(content)
    with io.BytesIO(content) as stream, tifffile.TiffFile(stream) as file:
        tag = file.pages[0].tags["StripByteCounts"]
    size = {3: 2, 4: 4, 16: 8}[int(tag.dtype)]
    changed[tag.valueoffset : tag.valueoffset + size * tag.count] = bytes(size * tag.count)
    return bytes(changed)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_strips_without_stated_sizes_are_read_as_libtiff_reads_them(compression: str | None, byteorder: str) -> None:
    content = counts_left_out(tiff(PHOTO, photometric="rgb", compression=compression, byteorder=byteorder))
    scan = decode(content, "scan")
    np.testing.assert_array_equal(scan.pixels, PHOTO)
    assert scan.doubt == ""


def test_strips_whose_stated_size_is_too_small_are_cut_off() -> None:
    content = bytearray(tiff(PHOTO, photometric="rgb"))
    at = content.index(PHOTO.nbytes.to_bytes(4, "little"))
    content[at : at + 4] = (PHOTO.nbytes - 1).to_bytes(4, "little")
    assert verdict(bytes(content)) == "truncated"


@pytest.mark.parametrize("padding", [1, 64, 5000])
def test_jpeg_strips_padded_after_their_end_are_whole(padding: int) -> None:
    content = tiff(GREY, compression="jpeg", rowsperstrip=304)
    with io.BytesIO(content) as stream, tifffile.TiffFile(stream) as file:
        page = file.pages[0]
        tag, (size,) = page.tags["StripByteCounts"], page.databytecounts
    changed = bytearray(content + bytes(padding))
    changed[tag.valueoffset : tag.valueoffset + 4] = (size + padding).to_bytes(4, "little")
    np.testing.assert_array_equal(decode(bytes(changed), "scan").pixels, decode(content, "scan").pixels)


def test_the_words_of_a_library_are_no_reason() -> None:
    content = tiff(PHOTO, photometric="rgb", compression="zstd", rowsperstrip=64)
    with pytest.raises(UnreadableScan) as caught:
        decode(lost(content, len(content) // 2, len(content) // 3), "scan")
    assert caught.value.reason in (Reason.TRUNCATED, Reason.UNREADABLE)
    assert "a strip or tile of the TIFF" in caught.value.message


def subsampled_ycbcr(across: int, down: int, orientation: int = 1) -> tuple[bytes, Pixels]:
    """Return an uncompressed TIFF whose colours are stored once for some pixels, and its pixels as RGB."""
    luminance, blue, red = np.moveaxis(np.asarray(Image.fromarray(PHOTO[:120, :160]).convert("YCbCr")), -1, 0)
    few_blue, few_red = blue[::down, ::across], red[::down, ::across]
    blocks = luminance.reshape(120 // down, down, 160 // across, across).swapaxes(1, 2)
    units = np.concatenate(
        (blocks.reshape(*few_blue.shape, -1), few_blue[..., None], few_red[..., None]), axis=-1
    ).tobytes()
    tags = {256: 160, 257: 120, 258: 8, 259: 1, 262: 6, 273: 8, 274: orientation, 277: 3, 278: 120, 279: len(units)}
    entries = [struct.pack("<HHII", code, 4, 1, value) for code, value in tags.items()]
    entries[2] = struct.pack("<HHIHH", 258, 3, 1, 8, 0)
    entries.append(struct.pack("<HHIHH", 530, 3, 2, across, down))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    content = struct.pack("<2sHI", b"II", 42, 8 + len(units)) + units + directory
    y = luminance.astype(float)
    cb, cr = (np.kron(few, np.ones((down, across))) - 128 for few in (few_blue, few_red))
    colours = np.stack((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb), axis=-1)
    return content, np.clip(np.rint(colours), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("across", "down"), [(2, 2), (2, 1), (4, 4), (1, 1)])
def test_uncompressed_ycbcr_is_read_in_every_subsampling(across: int, down: int) -> None:
    content, expected = subsampled_ycbcr(across, down)
    np.testing.assert_array_equal(decode(content, "scan").pixels, expected)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_ycbcr_is_read_as_stored_whatever_its_orientation(orientation: int) -> None:
    content, expected = subsampled_ycbcr(2, 2, orientation)
    np.testing.assert_array_equal(decode(content, "scan").pixels, expected)
