"""Further formats are read at full depth; what is not read is refused by its name and with what to do."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from image_files import saved, tiff
from numpy.typing import NDArray
from PIL import Image, ImageCms
from skimage import data

from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import Scan, decode, encode, inspect, output_extension
from pipeline.scans.formats import sniff

PHOTO = np.ascontiguousarray(data.astronaut()[40:201, 150:341])
GREY = np.ascontiguousarray(PHOTO[..., 1])
WIDE = PHOTO.astype(np.uint16) * 257
ALPHA = np.dstack((PHOTO, GREY))


def heic(pixels: NDArray[Any], mode: str, **options: Any) -> bytes:
    """Return pixels as HEIC, without loss as far as its colour space allows."""
    target = io.BytesIO()
    size = (pixels.shape[1], pixels.shape[0])
    pillow_heif.from_bytes(mode, size, pixels.tobytes()).save(target, quality=-1, chroma=444, **options)
    return target.getvalue()


def pnm(kind: int, pixels: NDArray[Any], most: int) -> bytes:
    """Return pixels as PNM with a comment."""
    height, width = pixels.shape[:2]
    limit = b"" if kind in (1, 4) else b"%d\n" % most
    head = b"P%d\n# a comment\n%d %d\n%s" % (kind, width, height, limit)
    if kind < 4:
        return head + b"\n".join(b" ".join(b"%d" % value for value in row) for row in pixels.reshape(height, -1))
    if kind == 4:
        return head + np.packbits(pixels, axis=1).tobytes()
    return head + pixels.astype(">u2" if most > 255 else np.uint8).tobytes()


BITS = (GREY > 100).astype(np.uint8)
EXACT: dict[str, tuple[Callable[[], bytes], NDArray[Any]]] = {
    "jxl": (lambda: imagecodecs.jpegxl_encode(PHOTO, lossless=True), PHOTO),
    "jxl-grey": (lambda: imagecodecs.jpegxl_encode(GREY, lossless=True), GREY),
    "jxl-16": (lambda: imagecodecs.jpegxl_encode(WIDE, lossless=True), WIDE),
    "jxl-alpha": (lambda: imagecodecs.jpegxl_encode(ALPHA, lossless=True), ALPHA),
    "jxl-container": (lambda: imagecodecs.jpegxl_encode(PHOTO, lossless=True, usecontainer=True), PHOTO),
    "avif": (lambda: saved(Image.fromarray(PHOTO), "AVIF", quality=100, subsampling="4:4:4", speed=10), PHOTO),
    "ppm": (lambda: pnm(6, PHOTO, 255), PHOTO),
    "ppm-text": (lambda: pnm(3, PHOTO, 255), PHOTO),
    "ppm-16": (lambda: pnm(6, WIDE, 65535), WIDE),
    "pgm": (lambda: pnm(5, GREY, 255), GREY),
    "pgm-text": (lambda: pnm(2, GREY, 255), GREY),
    "pgm-16": (lambda: pnm(5, WIDE[..., 0], 65535), WIDE[..., 0]),
    "pgm-4": (lambda: pnm(5, GREY >> 4, 15), (GREY >> 4) * 17),
    "pgm-100": (lambda: pnm(5, GREY // 3, 100), ((GREY // 3 * 255.0 + 50) // 100).astype(np.uint8)),
    "pbm": (lambda: pnm(4, BITS, 1), (1 - BITS) * 255),
    "pbm-text": (lambda: pnm(1, BITS, 1), (1 - BITS) * 255),
    "tga": (lambda: saved(Image.fromarray(PHOTO), "TGA"), PHOTO),
    "tga-grey": (lambda: saved(Image.fromarray(GREY), "TGA"), GREY),
    "tga-rle": (lambda: saved(Image.fromarray(PHOTO), "TGA", compression="tga_rle"), PHOTO),
    "tga-alpha": (lambda: saved(Image.fromarray(ALPHA), "TGA"), ALPHA),
    "tga-without-footer": (lambda: saved(Image.fromarray(PHOTO), "TGA")[:-26], PHOTO),
    "sgi": (lambda: saved(Image.fromarray(PHOTO), "SGI"), PHOTO),
    "sgi-grey": (lambda: saved(Image.fromarray(GREY), "SGI"), GREY),
    "pcx": (lambda: saved(Image.fromarray(PHOTO), "PCX"), PHOTO),
    "pcx-grey": (lambda: saved(Image.fromarray(GREY), "PCX"), GREY),
}


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_further_formats_are_read_bit_by_bit(kind: str) -> None:
    make, expected = EXACT[kind]
    scan = decode(make(), "scan")
    if kind == "avif":  # RGB in YCbCr of 8 bits loses a level or two
        assert np.abs(scan.pixels.astype(int) - expected).max() <= 3
    else:
        np.testing.assert_array_equal(scan.pixels, expected)
    assert scan.pixels.dtype == expected.dtype
    assert scan.doubt == ""
    assert output_extension(scan) == ".png"
    np.testing.assert_array_equal(decode(encode(scan, ".png"), "again").pixels, scan.pixels)


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_further_formats_cut_off_or_with_lost_sectors_are_never_restored(kind: str) -> None:
    content = EXACT[kind][0]()
    if kind in ("tga", "tga-grey", "tga-alpha", "tga-rle"):
        content = content[:-26]
    for share in (0.3, 0.7, 0.95):
        with pytest.raises(UnreadableScan):
            decode(content[: int(len(content) * share)], "scan")
    at = len(content) * 6 // 10
    damaged = content[:at] + bytes(len(content) * 3 // 10) + content[at + len(content) * 3 // 10 :]
    if kind.endswith("text"):
        return  # zeros are no numbers there
    try:
        scan = decode(damaged, "scan")
    except UnreadableScan:
        return
    # A short file of few bits may lose less than a sector.
    assert scan.doubt or len(content) < 8000


def test_heic_is_read_with_8_and_10_bits() -> None:
    scan = decode(heic(PHOTO, "RGB"), "scan")
    assert scan.info.format == "HEIF"
    assert np.abs(scan.pixels.astype(int) - PHOTO).max() <= 4
    deep = decode(heic(WIDE, "RGB;16"), "scan")
    assert deep.pixels.dtype == np.uint16
    assert np.abs(deep.pixels.astype(int) - WIDE).max() <= 1000
    assert deep.pixels.max() == 65535
    clear = decode(heic(ALPHA, "RGBA"), "scan")
    assert clear.mode == "RGBA"


def with_exif(kind: str) -> bytes:
    """Return a picture with a description, orientation 6 and a profile."""
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "Kaethe", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.fromarray(PHOTO)
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    return saved(image, kind, exif=exif.tobytes(), icc_profile=profile.tobytes(), quality=90)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "JXL"])
def test_metadata_of_modern_formats_is_kept_and_turned_once(kind: str) -> None:
    scan = decode(with_exif(kind), "scan")
    shown = scan.pixels if scan.info.orientation == 1 else np.rot90(scan.pixels, -1)
    assert shown.shape in ((191, 161, 3), (161, 191, 3))
    assert scan.metadata.icc
    assert b"Kaethe" in (scan.metadata.exif or b"")
    assert inspect(with_exif(kind), "scan").megapixels == pytest.approx(scan.info.megapixels)


def test_a_gap_in_modern_formats_is_noticed_or_doubted() -> None:
    files = {
        "heic": heic(PHOTO, "RGB"),
        "avif": saved(Image.fromarray(PHOTO), "AVIF", quality=95, speed=10),
        "jxl": imagecodecs.jpegxl_encode(PHOTO, level=95),
    }
    for name, content in files.items():
        for at in (len(content) // 2, len(content) * 3 // 4):
            start = at // 512 * 512
            damaged = content[:start] + bytes(1024) + content[start + 1024 :]
            try:
                assert decode(damaged, name).doubt, name
            except UnreadableScan as error:
                assert error.reason in (Reason.UNREADABLE, Reason.TRUNCATED)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(100), "a.tif", "Canon CR2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100), "a.cr3", "Canon CR3"),
        (b"IIRO\x08\0\0\0" + bytes(100), "a.orf", "Olympus ORF"),
        (b"IIU\0\x18\0\0\0" + bytes(100), "a.rw2", "Panasonic RW2"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(100), "a.raf", "Fujifilm RAF"),
        (b"8BPS\0\1" + bytes(100), "a.psd", "PSD"),
        (b"8BPS\0\2" + bytes(100), "a.psb", "Photoshop"),
        (b"gimp xcf v011\0" + bytes(100), "a.xcf", "XCF"),
        (b"v/1\x01" + bytes(100), "a.exr", "OpenEXR"),
        (b"P7\nWIDTH 4\n", "a.pam", "PAM"),
    ],
)
def test_what_is_not_read_is_refused_by_name(content: bytes, name: str, words: str) -> None:
    with pytest.raises(UnreadableScan) as caught:
        inspect(content, name)
    assert caught.value.reason == Reason.UNSUPPORTED
    assert words in caught.value.message
    if name[2:] in ("cr2", "cr3", "orf", "rw2", "raf"):
        assert "develop it in a raw converter" in caught.value.message
    if name[2:] in ("psd", "psb", "xcf"):
        assert "flattened" in caught.value.message


def raw_tiff(photometric: int, tags: dict[int, tuple[int, bytes]], *, in_child: bool) -> bytes:
    """Return a TIFF whose picture, or sub-directory, holds the values of a sensor."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        extra = [(code, kind, len(value), value, True) for code, (kind, value) in tags.items()]
        writer.write(PHOTO[::4, ::4], photometric="rgb", subfiletype=1, subifds=int(in_child), extratags=extra)
        if in_child:
            writer.write(WIDE[..., 0], photometric=photometric, subfiletype=0)
    return target.getvalue()


def test_camera_raw_in_tiff_is_refused_by_name() -> None:
    nef = raw_tiff(32803, {271: (2, b"NIKON CORPORATION")}, in_child=True)
    dng = raw_tiff(2, {50706: (1, bytes([1, 4, 0, 0]))}, in_child=False)
    for content, word in ((nef, "NIKON CORPORATION"), (dng, "DNG")):
        with pytest.raises(UnreadableScan) as caught:
            inspect(content, "scan.tif")
        assert caught.value.reason == Reason.UNSUPPORTED
        assert f"camera raw, {word}" in caught.value.message


def test_cielab_is_refused_by_name() -> None:
    lab = Image.fromarray(PHOTO).convert("LAB")
    with pytest.raises(UnreadableScan, match="TIFF in CIELab"):
        decode(saved(lab, "TIFF"), "scan")
    jp2 = bytearray(imagecodecs.jpeg2k_encode(PHOTO, codecformat="jp2", level=0))
    at = jp2.index(b"colr")
    jp2[at + 7 : at + 11] = struct.pack(">I", 14)
    with pytest.raises(UnreadableScan, match="JPEG 2000 in CIELab"):
        decode(bytes(jp2), "scan")


def pages(*pictures: NDArray[Any], **options: Any) -> bytes:
    """Return pictures as pages of one TIFF."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        for number, picture in enumerate(pictures):
            writer.write(np.ascontiguousarray(picture), photometric="rgb", **(options if number else {}))
    return target.getvalue()


def reduced(factor: int) -> NDArray[np.uint8]:
    """Return the photograph reduced."""
    size = (-(-PHOTO.shape[1] // factor), -(-PHOTO.shape[0] // factor))
    return np.asarray(Image.fromarray(PHOTO).resize(size, Image.Resampling.BOX))


def test_reduced_copies_are_no_pictures() -> None:
    old = pages(PHOTO, reduced(4), extratags=[(255, 3, 1, 2, True)])
    flagged = pages(PHOTO, reduced(2), reduced(4), subfiletype=1)
    silent = pages(PHOTO, reduced(2), reduced(4), reduced(8), tile=(64, 64))
    thumbnail_first = pages(reduced(4), PHOTO)
    for content in (old, flagged, silent, thumbnail_first):
        scan: Scan = decode(content, "scan")
        np.testing.assert_array_equal(scan.pixels, PHOTO)
        assert scan.info.pages == 1


def test_a_smaller_page_with_another_picture_is_a_picture() -> None:
    with pytest.raises(UnreadableScan, match="page 2 is smaller and shows something else") as caught:
        decode(pages(PHOTO, reduced(4)[::-1]), "scan")
    assert caught.value.reason == Reason.MULTI_PAGE
    with pytest.raises(UnreadableScan, match="tiffsplit"):
        inspect(pages(PHOTO, PHOTO[::-1]), "scan")


def test_text_and_noise_are_none_of_the_formats_without_a_signature() -> None:
    random = np.random.default_rng(8)
    for _ in range(300):
        assert sniff(random.integers(0, 256, 700, dtype=np.uint8).tobytes()) in (None, "JPEGXL", "SGI")
    for text in (b"P6 is a name", b"Plate 5, verso", b"\n1;2;3\n", b"\0" * 700):
        assert sniff(text + bytes(100)) is None


def test_grey_tiff_with_other_endings_is_no_targa() -> None:
    assert sniff(tiff(GREY)) == "TIFF"
