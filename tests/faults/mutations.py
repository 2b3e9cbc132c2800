"""Scans of every format, and random damage to their bytes."""

from __future__ import annotations

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
import pillow_heif
from image_files import saved, tiff
from PIL import Image
from skimage import data

PHOTO = np.ascontiguousarray(data.astronaut()[:96, 100:228])
GREY = np.ascontiguousarray(PHOTO[..., 1])
WIDE = PHOTO.astype(np.uint16) * 257
IMAGE, BILEVEL = Image.fromarray(PHOTO), Image.fromarray(GREY).convert("1")


def _heic() -> bytes:
    target = io.BytesIO()
    pillow_heif.from_bytes("RGB", IMAGE.size, PHOTO.tobytes()).save(target, quality=70)
    return target.getvalue()


def _pages() -> bytes:
    return saved(IMAGE, "TIFF", save_all=True, append_images=[IMAGE.resize((64, 48))])


#: Suffix and how to make a file, by kind.
KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    **{
        f"tiff-{compression or 'raw'}-{layout}": (
            ".tif",
            lambda compression=compression, options=options: tiff(
                PHOTO, photometric="rgb", compression=compression, **options
            ),
        )
        for compression in (
            None,
            "lzw",
            "packbits",
            "zlib",
            "zstd",
            "lzma",
            "lerc",
            "webp",
            "jpeg",
            "jpegxl",
            "jpeg2000",
        )
        for layout, options in (("strips", {"rowsperstrip": 16}), ("tiles", {"tile": (32, 32)}))
    },
    "tiff-16-big-endian": (".tif", lambda: tiff(WIDE, photometric="rgb", byteorder=">", compression="lzw")),
    "tiff-bigtiff": (".tif", lambda: tiff(GREY, bigtiff=True, compression="zlib", predictor=True)),
    "tiff-12": (".tif", lambda: tiff(WIDE[..., 0] >> 4, bitspersample=12, photometric="minisblack")),
    "tiff-group3": (".tif", lambda: saved(BILEVEL, "TIFF", compression="group3")),
    "tiff-group4": (".tif", lambda: saved(BILEVEL, "TIFF", compression="group4")),
    "tiff-cmyk": (".tif", lambda: saved(IMAGE.convert("CMYK"), "TIFF", compression="tiff_lzw")),
    "tiff-ycbcr": (".tif", lambda: saved(IMAGE.convert("YCbCr"), "TIFF")),
    "tiff-palette": (".tif", lambda: saved(IMAGE.quantize(99), "TIFF")),
    "tiff-pages": (".tif", _pages),
    "png": (".png", lambda: saved(IMAGE, "PNG")),
    "png-16": (".png", lambda: imagecodecs.png_encode(WIDE)),
    "png-1": (".png", lambda: saved(BILEVEL, "PNG")),
    "png-palette": (".png", lambda: saved(IMAGE.quantize(99), "PNG")),
    "jpeg": (".jpg", lambda: saved(IMAGE, "JPEG", exif=_exif(), comment=b"a comment")),
    "jpeg-progressive": (".jpg", lambda: saved(IMAGE, "JPEG", progressive=True)),
    "jpeg-cmyk": (".jpg", lambda: saved(IMAGE.convert("CMYK"), "JPEG")),
    "mpo": (".jpg", lambda: saved(IMAGE, "MPO", save_all=True, append_images=[IMAGE])),
    "webp": (".webp", lambda: saved(IMAGE, "WEBP", exif=_exif())),
    "webp-lossless": (".webp", lambda: saved(IMAGE, "WEBP", lossless=True)),
    "jp2": (".jp2", lambda: saved(IMAGE, "JPEG2000")),
    "jp2-16": (".jp2", lambda: imagecodecs.jpeg2k_encode(WIDE, codecformat="jp2", level=0)),
    "gif": (".gif", lambda: saved(IMAGE.quantize(99), "GIF")),
    "bmp": (".bmp", lambda: saved(IMAGE, "BMP")),
    "heic": (".heic", _heic),
    "avif": (".avif", lambda: saved(IMAGE, "AVIF", speed=10)),
    "jxl": (".jxl", lambda: imagecodecs.jpegxl_encode(PHOTO, effort=3)),
    "ppm": (".ppm", lambda: saved(IMAGE, "PPM")),
    "tga": (".tga", lambda: saved(IMAGE, "TGA", compression="tga_rle")),
    "sgi": (".sgi", lambda: saved(IMAGE, "SGI")),
    "pcx": (".pcx", lambda: saved(IMAGE, "PCX")),
}


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112], exif[0x011A] = "A description", 6, 300.0
    return exif.tobytes()


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Return a file with random damage of one or two kinds."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 3)):
        _damage(changed, random)
    return bytes(changed)


def _damage(changed: bytearray, random: np.random.Generator) -> None:
    """Damage the bytes in place."""
    if len(changed) < 16:
        return
    at, size = int(random.integers(0, len(changed))), int(random.integers(1, 1 + len(changed) // 4))
    match random.integers(0, 9):
        case 0:
            for place in random.integers(0, len(changed), random.integers(1, 30)):
                changed[place] = random.integers(0, 256)
        case 1:  # in the header, where sizes and offsets stand
            for place in random.integers(0, min(400, len(changed)), random.integers(1, 6)):
                changed[place] = random.choice([0, 1, 127, 128, 255])
        case 2:
            del changed[at:]
        case 3:
            changed[at : at + size] = bytes(len(changed[at : at + size]))
        case 4:
            start = at // 512 * 512
            changed[start : start + 512] = bytes(len(changed[start : start + 512]))
        case 5:
            changed[at:at] = random.integers(0, 256, size, dtype=np.uint8).tobytes()
        case 6:
            del changed[at : at + size]
        case 7:
            changed[at:at] = changed[at : at + size]
        case 8:  # a number of four bytes at its limits
            place = int(random.integers(0, len(changed) - 4))
            changed[place : place + 4] = int(random.choice([0, 1, 2**16, 2**31 - 1, 2**32 - 1])).to_bytes(4, "little")
