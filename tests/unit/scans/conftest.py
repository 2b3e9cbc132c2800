"""Files of every kind that an archive may have, written by other libraries than those that read them here."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from image_files import saved, tiff
from numpy.typing import NDArray
from PIL import Image, ImageCms
from raw_files import png_of_bits
from s3_bucket import bucket, s3_address, s3_environment
from skimage import data

__all__ = ["bucket", "case", "s3_address", "s3_environment"]

PHOTO = data.astronaut()[40:200:2, 150:342:2]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">Käthe</x:xmpmeta><?xpacket end="w"?>'.encode()
IPTC = b"\x1c\x02\x78\x00\x0aA portrait\x1c\x02\x50\x00\x06Kaethe"


def sixteen(pixels: NDArray[np.uint8] = PHOTO) -> NDArray[np.uint16]:
    """Returns pixels with 16 bits, of which the lower 8 matter."""
    noise = np.random.default_rng(7).integers(0, 256, pixels.shape)
    return (pixels.astype(np.uint16) << 8) + noise.astype(np.uint16)


def _cases() -> dict[str, tuple[Callable[[], bytes], Callable[[], NDArray[Any]]]]:
    """Returns for each kind of file how to make it and what it must decode to."""
    photo = Image.fromarray(PHOTO)
    grey, bilevel, palette = photo.convert("L"), photo.convert("1"), photo.quantize(200)
    few, clear, inks = photo.quantize(13), photo.convert("RGBA"), photo.convert("CMYK")
    clear.putalpha(grey)
    grey_clear = Image.merge("LA", (grey, grey.rotate(180)))
    wide, wide_grey = sixteen(), sixteen(np.asarray(grey))
    wide_grey_clear = np.dstack((wide_grey, wide_grey[::-1]))
    wide_clear = np.dstack((wide, wide_grey))
    wide_ink = sixteen(np.asarray(inks))
    keyed = PHOTO.copy()
    keyed[:5] = (1, 2, 3)
    levels = np.asarray(grey)
    twelve = wide_grey >> 4

    def of(image: Image.Image, mode: str = "") -> Callable[[], NDArray[Any]]:
        return lambda: np.asarray(image.convert(mode) if mode else image)

    def raw(pixels: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        return lambda: pixels

    def keyed_rgba() -> NDArray[Any]:
        alpha = np.where((keyed == (1, 2, 3)).all(axis=2), 0, 255).astype(np.uint8)
        return np.dstack((keyed, alpha))

    def planes(pixels: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))

    cases: dict[str, tuple[Callable[[], bytes], Callable[[], NDArray[Any]]]] = {
        "png-1": (lambda: saved(bilevel, "PNG"), of(bilevel, "L")),
        "png-palette-4": (lambda: saved(few, "PNG", bits=4), of(few, "RGB")),
        **{f"png-grey-{bits}": (
            lambda bits=bits: png_of_bits(levels >> (8 - bits), bits, 0),
            lambda bits=bits: ((levels >> (8 - bits)).astype(int) * 255 // (2**bits - 1)).astype(np.uint8),
        ) for bits in (1, 2, 4)},
        "png-grey-4-key": (
            lambda: png_of_bits(levels >> 4, 4, 0, b"\0\3"),
            raw(np.dstack(((levels >> 4) * 17, np.where(levels >> 4 == 3, 0, 255).astype(np.uint8)))),
        ),
        "png-grey-16-key": (
            lambda: png_of_bits(wide_grey, 16, 0, int(wide_grey[3, 4]).to_bytes(2, "big")),
            raw(np.dstack((wide_grey, np.where(wide_grey == wide_grey[3, 4], 0, 65535).astype(np.uint16)))),
        ),
        "png-rgb-16-key": (
            lambda: png_of_bits(wide, 16, 2, wide[3, 4].astype(">u2").tobytes()),
            raw(np.dstack((wide, np.where((wide == wide[3, 4]).all(2), 0, 65535).astype(np.uint16)))),
        ),
        "png-palette-2": (lambda: saved(photo.quantize(4), "PNG", bits=2), of(photo.quantize(4), "RGB")),
        "png-palette-8": (lambda: saved(palette, "PNG"), of(palette, "RGB")),
        "png-palette-clear": (
            lambda: saved(palette, "PNG", transparency=bytes(range(200))),
            lambda: _reopened(saved(palette, "PNG", transparency=bytes(range(200))), "RGBA"),
        ),
        "png-grey": (lambda: saved(grey, "PNG"), of(grey)),
        "png-grey-alpha": (lambda: saved(grey_clear, "PNG"), of(grey_clear)),
        "png-rgb": (lambda: saved(photo, "PNG"), of(photo)),
        "png-rgb-interlaced": (lambda: _interlaced(PHOTO), raw(PHOTO)),
        "png-rgb-key": (lambda: saved(Image.fromarray(keyed), "PNG", transparency=(1, 2, 3)), keyed_rgba),
        "png-rgba": (lambda: saved(clear, "PNG"), of(clear)),
        "png-grey-16": (lambda: imagecodecs.png_encode(wide_grey), raw(wide_grey)),
        "png-grey-alpha-16": (
            lambda: imagecodecs.png_encode(wide_grey_clear),
            raw(wide_grey_clear),
        ),
        "png-rgb-16": (lambda: imagecodecs.png_encode(wide), raw(wide)),
        "png-rgba-16": (lambda: imagecodecs.png_encode(wide_clear), raw(wide_clear)),
        "jpeg-grey": (lambda: saved(grey, "JPEG"), lambda: _reopened(saved(grey, "JPEG"))),
        "jpeg-rgb": (lambda: saved(photo, "JPEG"), lambda: _reopened(saved(photo, "JPEG"))),
        "jpeg-progressive": (
            lambda: saved(photo, "JPEG", progressive=True),
            lambda: _reopened(saved(photo, "JPEG", progressive=True)),
        ),
        "jpeg-restarts": (
            lambda: saved(photo, "JPEG", restart_marker_blocks=4),
            lambda: _reopened(saved(photo, "JPEG", restart_marker_blocks=4)),
        ),
        "jpeg-mpo": (
            lambda: saved(photo, "MPO", save_all=True, append_images=[photo.rotate(180)]),
            lambda: _reopened(saved(photo, "MPO", save_all=True, append_images=[photo.rotate(180)])),
        ),
        "jpeg-cmyk": (lambda: saved(inks, "JPEG", quality=100), lambda: _reopened(saved(inks, "JPEG", quality=100))),
        "tiff-1": (lambda: saved(bilevel, "TIFF"), of(bilevel, "L")),
        "tiff-1-fax4": (lambda: saved(bilevel, "TIFF", compression="group4"), of(bilevel, "L")),
        "tiff-1-white-is-zero": (
            lambda: tiff(np.asarray(bilevel), photometric="miniswhite"),
            lambda: np.where(np.asarray(bilevel), 0, 255).astype(np.uint8),
        ),
        "tiff-palette": (lambda: saved(palette, "TIFF"), of(palette, "RGB")),
        "tiff-grey": (lambda: saved(grey, "TIFF", compression="tiff_lzw"), of(grey)),
        "tiff-grey-white-is-zero": (
            lambda: tiff(np.asarray(grey), photometric="miniswhite", compression="zlib"),
            lambda: 255 - np.asarray(grey),
        ),
        "tiff-grey-12": (lambda: _packed12(twelve), raw((twelve.astype(np.uint32) * 65535 // 4095).astype(np.uint16))),
        "tiff-grey-4": (
            lambda: tiff(levels >> 4, bitspersample=4, photometric="minisblack"),
            raw((levels >> 4) * 17),
        ),
        "tiff-1-fill-order-2": (lambda: _other_fill_order(np.asarray(bilevel)), of(bilevel, "L")),
        "tiff-grey-jpeg": (
            lambda: saved(grey, "TIFF", compression="jpeg"),
            lambda: _reopened(saved(grey, "TIFF", compression="jpeg")),
        ),
        "tiff-rgb-jpeg-tiled": (
            lambda: tiff(PHOTO, photometric="ycbcr", compression="jpeg", tile=(32, 32), subsampling=(2, 2)),
            lambda: tifffile.imread(io.BytesIO(
                tiff(PHOTO, photometric="ycbcr", compression="jpeg", tile=(32, 32), subsampling=(2, 2))
            )),
        ),
        "tiff-rgb-zstd": (lambda: tiff(PHOTO, photometric="rgb", compression="zstd"), raw(PHOTO)),
        "tiff-rgb-lzma": (lambda: tiff(PHOTO, photometric="rgb", compression="lzma"), raw(PHOTO)),
        "tiff-cmyk-planar": (
            lambda: tiff(planes(np.asarray(inks)), photometric="separated", planarconfig="separate"),
            of(inks),
        ),
        "tiff-rgba-associated": (
            lambda: tiff(np.asarray(clear), photometric="rgb", extrasamples=["assocalpha"]),
            of(clear),
        ),
        "tiff-rgb-unspecified": (
            lambda: tiff(np.asarray(clear), photometric="rgb", extrasamples=["unspecified"]),
            of(clear),
        ),
        "tiff-grey-16": (lambda: tiff(wide_grey, compression="lzw", predictor=True), raw(wide_grey)),
        "tiff-grey-alpha-16": (
            lambda: tiff(wide_grey_clear, photometric="minisblack", extrasamples=["unassalpha"]),
            raw(wide_grey_clear),
        ),
        "tiff-rgb": (lambda: saved(photo, "TIFF"), of(photo)),
        "tiff-rgb-lzw": (lambda: saved(photo, "TIFF", compression="tiff_lzw"), of(photo)),
        "tiff-rgb-deflate": (lambda: saved(photo, "TIFF", compression="tiff_adobe_deflate"), of(photo)),
        "tiff-rgb-packbits": (lambda: saved(photo, "TIFF", compression="packbits"), of(photo)),
        "tiff-rgb-jpeg": (
            lambda: saved(photo, "TIFF", compression="jpeg"),
            lambda: _reopened(saved(photo, "TIFF", compression="jpeg")),
        ),
        "tiff-ycbcr": (
            lambda: saved(photo.convert("YCbCr"), "TIFF"),
            lambda: _rounded_rgb(photo.convert("YCbCr")),
        ),
        "tiff-rgba": (lambda: saved(clear, "TIFF"), of(clear)),
        "tiff-cmyk": (lambda: saved(inks, "TIFF", compression="tiff_lzw"), of(inks)),
        "tiff-cmyk-16": (lambda: tiff(wide_ink, photometric="separated", compression="zlib"), raw(wide_ink)),
        "tiff-rgb-16": (lambda: tiff(wide, photometric="rgb"), raw(wide)),
        "tiff-rgb-16-lzw": (lambda: tiff(wide, photometric="rgb", compression="lzw", predictor=True), raw(wide)),
        "tiff-rgb-16-tiled": (lambda: tiff(wide, photometric="rgb", tile=(32, 48), compression="zlib"), raw(wide)),
        "tiff-rgb-16-planar": (
            lambda: tiff(planes(wide), photometric="rgb", planarconfig="separate", compression="zlib"),
            raw(wide),
        ),
        "tiff-rgb-16-big-endian": (lambda: tiff(wide, photometric="rgb", byteorder=">"), raw(wide)),
        "tiff-rgb-16-bigtiff": (
            lambda: tiff(wide, photometric="rgb", bigtiff=True, byteorder=">", rowsperstrip=7),
            raw(wide),
        ),
        "tiff-rgba-16": (
            lambda: tiff(wide_clear, photometric="rgb", extrasamples=["unassalpha"]),
            raw(wide_clear),
        ),
        "tiff-with-thumbnail": (lambda: _with_thumbnail(PHOTO), raw(PHOTO)),
        "webp": (lambda: saved(photo, "WEBP"), lambda: _reopened(saved(photo, "WEBP"))),
        "webp-lossless-alpha": (lambda: saved(clear, "WEBP", lossless=True, exact=True), of(clear)),
        "bmp": (lambda: saved(photo, "BMP"), of(photo)),
        "bmp-palette": (lambda: saved(palette, "BMP"), of(palette, "RGB")),
        "bmp-1": (lambda: saved(bilevel, "BMP"), of(bilevel, "L")),
        "bmp-32": (lambda: saved(clear, "BMP"), of(clear, "RGB")),
        "bmp-grey": (lambda: saved(grey, "BMP"), of(grey)),
        "gif": (lambda: saved(palette, "GIF"), of(palette, "RGB")),
        "gif-grey": (lambda: saved(grey, "GIF"), of(grey, "RGB")),
        "gif-interlaced": (lambda: saved(palette, "GIF", interlace=1), of(palette, "RGB")),
        "gif-clear": (
            lambda: saved(palette, "GIF", transparency=7),
            lambda: _reopened(saved(palette, "GIF", transparency=7), "RGBA"),
        ),
        "jp2": (lambda: saved(photo, "JPEG2000"), of(photo)),
        "j2k-grey": (lambda: imagecodecs.jpeg2k_encode(np.asarray(grey), codecformat="j2k"), of(grey)),
        "jp2-tiled": (
            lambda: saved(photo, "JPEG2000", tile_size=(32, 32), irreversible=True),
            lambda: _reopened(saved(photo, "JPEG2000", tile_size=(32, 32), irreversible=True)),
        ),
        "jp2-rgba": (lambda: saved(clear, "JPEG2000"), of(clear)),
        "jp2-rgb-16": (lambda: imagecodecs.jpeg2k_encode(wide, codecformat="jp2", level=0), raw(wide)),
        "jp2-grey-16": (lambda: imagecodecs.jpeg2k_encode(wide_grey, codecformat="jp2", level=0), raw(wide_grey)),
    }  # fmt: skip
    return cases


def _reopened(content: bytes, mode: str = "") -> NDArray[Any]:
    """Returns the pixels that Pillow reads."""
    with Image.open(io.BytesIO(content)) as image:
        mode = "RGB" if image.mode == "YCbCr" else mode
        return np.asarray(image.convert(mode) if mode else image)


def _rounded_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Returns the pixels of a YCbCr image by the formula of CCIR 601; Pillow's own conversion cuts fractions off."""
    y, blue, red = np.moveaxis(np.asarray(image).astype(float), -1, 0)
    blue, red = blue - 128, red - 128
    colours = np.stack((y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue), axis=-1)
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _other_fill_order(pixels: NDArray[np.bool_]) -> bytes:
    """Returns an uncompressed bilevel TIFF whose bytes hold their first pixel in the lowest bit."""
    height, width = pixels.shape
    rows = np.packbits(pixels, axis=1, bitorder="little").tobytes()
    tags = {256: width, 257: height, 258: 1, 259: 1, 262: 1, 266: 2, 273: 8, 277: 1, 278: height, 279: len(rows)}
    entries = b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in tags.items())
    header = struct.pack("<2sHI", b"II", 42, 8 + len(rows))
    return header + rows + struct.pack("<H", len(tags)) + entries + bytes(4)


def _interlaced(pixels: NDArray[np.uint8]) -> bytes:
    """Returns an Adam7 PNG, which nothing here writes: seven passes, no filter."""
    height, width = pixels.shape[:2]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, across in passes:
        part = pixels[top::down, left::across]
        rows += b"".join(b"\0" + row.tobytes() for row in part) if part.size else b""

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    parts = [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _packed12(pixels: NDArray[np.uint16]) -> bytes:
    """Returns a TIFF with 12 bits per pixel."""
    return tiff(pixels, bitspersample=12, photometric="minisblack")


def _with_thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """Returns a TIFF with a reduced copy as its second directory, as scanners write them."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        writer.write(pixels, photometric="rgb")
        writer.write(np.ascontiguousarray(pixels[::4, ::4]), photometric="rgb", subfiletype=1)
    return target.getvalue()


CASES = _cases()


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> tuple[str, bytes, NDArray[Any]]:
    """Returns name, file and expected pixels of one kind."""
    make, expected = CASES[request.param]
    return request.param, make(), expected()
