"""Incomplete files are rejected with one plain sentence; damaged data is never accepted as a picture."""

from __future__ import annotations

import io
import struct
import time
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from image_files import saved, tiff
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import Limits, decode, inspect
from pipeline.scans.rejections import SENTENCES, rejection

Case = tuple[str, bytes, NDArray[Any]]
rng = np.random.default_rng(3)
PHOTO = Image.fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8))


def reason(content: bytes, **limits: float) -> Reason:
    with pytest.raises(UnreadableScan) as caught:
        decode(content, "a.png", **limits)
    return caught.value.reason


def test_a_file_cut_off_anywhere_is_rejected(case: Case) -> None:
    name, content, _ = case
    if name == "jpeg-mpo":
        pytest.skip("its second picture is none of ours")
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        found = reason(content[: int(len(content) * share)])
        assert found in (Reason.TRUNCATED, Reason.UNREADABLE, Reason.NOT_AN_IMAGE), f"{name} cut at {share}"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "JPEG2000", "BMP"])
def test_a_file_without_its_last_bytes_is_truncated(kind: str) -> None:
    content = saved(PHOTO, kind)
    for missing in (1, 4, 16):
        assert reason(content[:-missing]) == Reason.TRUNCATED


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "jpeg"])
@pytest.mark.parametrize("cut", [1, 5000])
def test_a_tiff_whose_strips_are_cut_off_is_truncated(compression: str | None, cut: int) -> None:
    content = tiff(np.asarray(PHOTO), compression=compression, rowsperstrip=8)
    assert reason(content[:-cut]) == Reason.TRUNCATED


def test_a_tiff_with_an_empty_strip_is_truncated() -> None:
    content = bytearray(tiff(np.asarray(PHOTO), compression="zlib", rowsperstrip=16))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        counts = file.pages[0].tags["StripByteCounts"]
    width = 4 if counts.dtype == 4 else 2
    content[counts.valueoffset : counts.valueoffset + width] = bytes(width)
    assert reason(bytes(content)) == Reason.TRUNCATED


def test_a_jpeg_cut_in_its_picture_is_truncated_even_with_an_end_mark() -> None:
    for progressive in (False, True):
        content = saved(PHOTO, "JPEG", quality=95, progressive=progressive)
        half = content[: len(content) // 2]
        assert reason(half) == Reason.TRUNCATED
        assert reason(half + bytes(5000)) == Reason.TRUNCATED
        assert reason(half + b"\xff\xd9") == Reason.TRUNCATED
        assert reason(half + bytes(5000) + b"\xff\xd9") in (Reason.TRUNCATED, Reason.UNREADABLE)


def test_a_jpeg_with_a_lost_sector_is_damaged() -> None:
    content = bytearray(saved(PHOTO, "JPEG", quality=95))
    content[2000:2512] = bytes(512)
    assert reason(bytes(content)) in (Reason.UNREADABLE, Reason.TRUNCATED)


def test_a_jpeg_followed_by_other_data_is_whole() -> None:
    content = saved(PHOTO, "JPEG")
    for tail in (b"\0" * 1000, content, b"trailing text"):
        decode(content + tail, "a.jpg")


def test_a_jpeg_padded_before_its_end_mark_is_whole() -> None:
    content = saved(PHOTO, "JPEG")
    decode(content[:-2] + bytes(1000) + b"\xff\xd9", "a.jpg")


def test_a_jpeg_thumbnail_does_not_count_as_the_end() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 100
    thumbnail = b"\xff\xd8\xff\xd9"
    content = saved(PHOTO, "JPEG", exif=exif.tobytes() + thumbnail)
    decode(content, "a.jpg")
    assert reason(content[:-500]) == Reason.TRUNCATED


@pytest.mark.parametrize("at", [20, 60, 2000, -6])
def test_a_png_with_a_wrong_byte_is_rejected(at: int) -> None:
    content = bytearray(saved(PHOTO, "PNG"))
    content[at] ^= 0x55
    assert reason(bytes(content)) in (Reason.UNREADABLE, Reason.TRUNCATED)


def png(*parts: tuple[bytes, bytes]) -> bytes:
    chunks = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_png_with_too_few_rows_is_rejected() -> None:
    header = struct.pack(">IIBBBBB", 100, 100, 8, 0, 0, 0, 0)
    content = png((b"IHDR", header), (b"IDAT", zlib.compress(bytes(101 * 50))), (b"IEND", b""))
    assert reason(content) in (Reason.TRUNCATED, Reason.UNREADABLE)


def test_a_png_profile_that_grows_without_limit_is_left_out() -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    bomb = b"icc\0\0" + zlib.compress(bytes(80 << 20))
    content = png((b"IHDR", header), (b"iCCP", bomb), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    scan = decode(content, "a.png")
    assert scan.metadata.icc is None
    assert "colour profile" in scan.notes[0]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"iCCP", b"icc\0\0" + zlib.compress(bytes(9000))[:-9] + b"123456789"),
        (b"iCCP", b"icc\0\0no zlib"),
        (b"zTXt", b"Comment\0\0no zlib"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0no zlib"),
        (b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(b"\niptc\n 4\nxyz")),
    ],
)
def test_a_png_with_a_damaged_profile_or_text_is_restored_with_a_note(kind: bytes, content: bytes) -> None:
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    scan = decode(
        png((b"IHDR", header), (kind, content), (b"IDAT", zlib.compress(b"\0\1\2\0\3\4")), (b"IEND", b"")), "a"
    )
    assert scan.pixels.tolist() == [[1, 2], [3, 4]]
    assert scan.metadata.icc is scan.metadata.xmp is scan.metadata.iptc is None
    assert "damaged and was left out" in scan.notes[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Reason.EMPTY),
        (b"\x89PN", Reason.TRUNCATED),
        (b"\xff\xd8\xff\xe0", Reason.TRUNCATED),
        (b"II*\0", Reason.TRUNCATED),
        (b"Dear archive, this is no image.", Reason.NOT_AN_IMAGE),
        (b"BMW prices for next year, as promised.", Reason.NOT_AN_IMAGE),
        (bytes(5000), Reason.NOT_AN_IMAGE),
        (bytes(rng.integers(0, 256, 5000, dtype=np.uint8)), Reason.NOT_AN_IMAGE),
        (b"%PDF-1.7\n" + bytes(100), Reason.NOT_AN_IMAGE),
        (b"PK\3\4" + bytes(100), Reason.NOT_AN_IMAGE),
        (b"8BPS\0\1" + bytes(100), Reason.UNSUPPORTED),
        (b"\0\0\0\x18ftypheic" + bytes(100), Reason.TRUNCATED),
    ],
)
def test_what_is_not_an_image(content: bytes, expected: Reason) -> None:
    assert reason(content) == expected


def header(kind: str, width: int, height: int) -> bytes:
    """Returns a file that claims a size and has hardly any pixels."""
    if kind == "PNG":
        parts = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return png((b"IHDR", parts), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b""))
    if kind == "JPEG":
        content = bytearray(saved(PHOTO, "JPEG"))
        at = content.index(b"\xff\xc0")
        content[at + 5 : at + 9] = struct.pack(">HH", height, width)
        return bytes(content)
    if kind == "TIFF":
        content = bytearray(tiff(np.asarray(PHOTO)))
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            for name, value in (("ImageWidth", width), ("ImageLength", height)):
                tag = file.pages[0].tags[name]
                content[tag.offset + 2 : tag.offset + 12] = struct.pack("<HII", 4, 1, value)
        return bytes(content)
    if kind == "BMP":
        content = bytearray(saved(PHOTO, "BMP"))
        content[18:26] = struct.pack("<ii", width, height)
        return bytes(content)
    if kind == "GIF":
        content = bytearray(saved(PHOTO.quantize(8), "GIF"))
        content[6:10] = struct.pack("<HH", width, height)
        return bytes(content)
    if kind == "WEBP":
        content = bytearray(saved(PHOTO, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"))
        assert content[12:16] == b"VP8X"
        content[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        return bytes(content)
    content = bytearray(imagecodecs.jpeg2k_encode(np.asarray(PHOTO), codecformat="j2k"))
    content[8:16] = struct.pack(">II", width, height)
    return bytes(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000"])
def test_a_decompression_bomb_is_rejected_by_its_header(kind: str) -> None:
    assert reason(header(kind, 16_000, 15_000), max_megapixels=200) == Reason.TOO_MANY_PIXELS
    with pytest.raises(UnreadableScan) as caught:
        inspect(header(kind, 16_000, 15_000), "bomb", Limits(max_megapixels=200))
    assert "16000 × 15000 = 240 megapixels, 200 allowed" in caught.value.message
    assert "RESTORATION_MAX_MEGAPIXELS" in caught.value.message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "JPEG2000"])
def test_a_picture_without_pixels_is_rejected(kind: str) -> None:
    assert reason(header(kind, 0, 10)) in (Reason.ZERO_SIZED, Reason.UNREADABLE)
    assert reason(header("PNG", 0, 10)) == reason(header("TIFF", 10, 0)) == Reason.ZERO_SIZED


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_pictures_are_rejected(kind: str) -> None:
    other = Image.fromarray(255 - np.asarray(PHOTO))
    content = saved(PHOTO, kind, save_all=True, append_images=[other])
    assert reason(content) == Reason.MULTI_PAGE
    with pytest.raises(UnreadableScan, match=r"save the frame you mean|save each page as a file of its own"):
        inspect(content, "a.tif")


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8), np.float32),
        np.zeros((8, 8, 3), np.float16),
        np.zeros((8, 8), np.uint32),
        np.zeros((8, 8), np.int16),
    ],
)
def test_values_other_than_8_or_16_bit_integers_are_rejected(pixels: NDArray[Any]) -> None:
    assert reason(tiff(pixels)) == Reason.UNSUPPORTED


def test_kinds_of_tiff_that_would_lose_something_are_rejected() -> None:
    assert reason(tiff(np.zeros((8, 8, 5), np.uint8), photometric="rgb")) == Reason.UNSUPPORTED
    assert reason(saved(PHOTO.convert("LAB"), "TIFF")) == Reason.UNSUPPORTED
    assert reason(tiff(np.zeros((8, 8), np.uint16), photometric="cfa")) == Reason.UNSUPPORTED


def test_a_jpeg_with_12_bits_is_rejected() -> None:
    content = imagecodecs.jpeg_encode(rng.integers(0, 4096, (16, 16), dtype=np.uint16), bitspersample=12)
    assert reason(content) == Reason.UNSUPPORTED


def test_a_tiff_with_circular_directories_ends() -> None:
    content = bytearray(tiff(np.asarray(PHOTO)))
    first = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, first)[0]
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    decode(bytes(content), "a.tif")


def test_a_tiff_whose_tags_all_refer_to_the_whole_file_is_rejected_quickly() -> None:
    count, size = 60_000, 2_000_000
    entries = b"".join(struct.pack("<HHII", code, 7, size, 0) for code in range(1, count + 1))
    content = struct.pack("<2sHIH", b"II", 42, 8, count) + entries + bytes(4)
    started = time.monotonic()
    assert reason(content.ljust(size + 1, b"\0")) in (Reason.TRUNCATED, Reason.UNREADABLE)
    assert time.monotonic() - started < 10


def test_no_damage_of_any_kind_raises_anything_else(case: Case) -> None:
    name, content, _ = case
    random = np.random.default_rng(len(content))
    for _ in range(12):
        damaged = bytearray(content)
        for at in random.integers(0, len(damaged), 8):
            damaged[at] = random.integers(0, 256)
        try:
            decode(bytes(damaged), name, max_megapixels=1)
        except UnreadableScan as error:
            assert name in error.message


def test_every_reason_found_in_a_file_has_its_sentence() -> None:
    elsewhere = {Reason.OUTWARD_LINK, Reason.DANGLING_LINK, Reason.MASK_MISMATCH, Reason.MASK_UNREADABLE}
    elsewhere |= {Reason.ARCHIVED, Reason.MASK_ORPHANED}
    assert set(Reason) - set(SENTENCES) == elsewhere
    for why in SENTENCES:
        message = rejection(why, "photo.png", "a detail").message
        assert message.startswith("photo.png ")
        assert message.endswith(".")
        assert "a detail" in message or why == Reason.EMPTY


def test_names_and_details_are_shown_on_one_line() -> None:
    assert "\n" not in rejection(Reason.TRUNCATED, "a\nb", "c\nd").message
