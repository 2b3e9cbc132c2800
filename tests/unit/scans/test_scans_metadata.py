"""A master's metadata is in the derivative, as far as its format supports it."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from typing import Any

import image_files
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, IptcImagePlugin, PngImagePlugin

from pipeline.scans import Metadata, Scan, decode, encode, ifd, inspect, output_extension, photoshop
from pipeline.scans.ifd import Directory, Tag

PHOTO = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">Käthe</x:xmpmeta><?xpacket end="w"?>'.encode()
IPTC = b"\x1c\x02\x78\x00\x0aA portrait\x1c\x02\x50\x00\x06Kaethe"
RESOURCES = photoshop.packed(photoshop.IPTC, b"", IPTC) + b"8BIM\x03\xed\0\0\0\0\0\x03abc\0"


def exif(orientation: int = 6) -> bytes:
    """Returns an EXIF block with tags, EXIF and GPS directories, without a leading name."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Scanner & Sons"
    block.get_ifd(0x8769)[0x9003] = "1931:05:01 12:00:00"
    block.get_ifd(0x8769)[0x829A] = 0.5
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes().removeprefix(b"Exif\0\0")


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    return image_files.saved(Image.fromarray(PHOTO).convert(mode), kind, **options)


def tags_of(content: bytes) -> dict[int, Any]:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return {tag.code: tag.value for tag in file.pages[0].tags.values()}


def rewritten(content: bytes) -> tuple[Scan, bytes, Scan]:
    """Returns a scan, what is written of it, and that decoded."""
    scan = decode(content, "scan")
    written = encode(scan, output_extension(scan))
    return scan, written, decode(written, "result")


def jpeg(mode: str = "RGB") -> bytes:
    """Returns a JPEG with everything that one can have."""
    options = {"dpi": (300, 300), "icc_profile": ICC, "exif": b"Exif\0\0" + exif(), "xmp": XMP}
    content = saved("JPEG", mode, comment="from the attic", **options)
    segment = b"Photoshop 3.0\0" + RESOURCES
    return content[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def test_jpeg_to_png() -> None:
    scan, written, again = rewritten(jpeg())
    assert scan.info.orientation == again.info.orientation == 6
    assert (again.metadata.icc, again.metadata.exif, again.metadata.xmp) == (ICC, exif(), XMP)
    assert again.metadata.iptc == scan.metadata.iptc == IPTC
    assert again.metadata.dpi == pytest.approx((300, 300), abs=0.02)
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.info["icc_profile"] == ICC
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.02)
        assert image.text["Comment"] == "from the attic"
        assert image.getexif()[0x010F] == "Scanner & Sons"
        assert image.getexif()[0x0112] == 6
        assert image.getexif().get_ifd(0x8769)[0x9003] == "1931:05:01 12:00:00"
        assert image.info["xmp"] == XMP


def test_cmyk_jpeg_to_tiff() -> None:
    scan, written, again = rewritten(jpeg("CMYK"))
    assert again.mode == scan.mode == "CMYK"
    assert again.info.orientation == 6
    # The standard counts IPTC records in numbers of 32 bits.
    assert (again.metadata.icc, again.metadata.xmp, again.metadata.iptc) == (ICC, XMP, IPTC + bytes(-len(IPTC) % 4))
    assert again.metadata.dpi == (300, 300)
    tags = tags_of(written)
    assert tags[34675] == ICC
    assert tags[700] == XMP
    assert tags[270] == "from the attic"
    assert tags[34665]["DateTimeOriginal"] == "1931:05:01 12:00:00"
    assert photoshop.iptc_of(again.metadata.photoshop or b"") is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_to_tiff(order: Any, big: bool, dtype: Any) -> None:
    target = io.BytesIO()
    extra = [
        (34675, 7, len(ICC), ICC, True),
        (700, 1, len(XMP), XMP, True),
        (33723, 7, len(IPTC), IPTC, True),
        (34377, 1, len(RESOURCES), RESOURCES, True),
        (274, 3, 1, 8, True),
        (315, 2, 0, "A. Photographer", True),
        (33432, 2, 0, "© Archive".encode(), True),
        (65000, 12, 2, (1.5, -2.25), True),
        (37393, 7, 5, b"\1\2\3\4\5", True),
    ]
    tifffile.imwrite(
        target, PHOTO.astype(dtype), photometric="rgb", byteorder=order, bigtiff=big, extratags=extra,
        description="Plate 12, überbelichtet".encode(), software="Scan 3.1",
        resolution=(118.11, 118.11), resolutionunit="CENTIMETER",
    )  # fmt: skip
    scan, written, again = rewritten(target.getvalue())
    assert replace(again.metadata, exif=None) == replace(scan.metadata, exif=None)
    assert again.info == scan.info
    assert again.info.orientation == 8
    assert again.metadata.dpi == pytest.approx((300, 300), abs=0.01)
    before, after = tags_of(target.getvalue()), tags_of(written)
    for code in (34675, 700, 33723, 34377, 274, 315, 33432, 65000, 37393, 270, 305):
        assert after[code] == before[code], code
    assert again.metadata.iptc == IPTC
    with Image.open(io.BytesIO(encode(replace(scan, pixels=PHOTO), ".tif", verify=False))) as image:
        assert image.info["icc_profile"] == ICC
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_exif_directories_of_a_tiff_are_kept() -> None:
    content = saved("TIFF", exif=exif())
    _, written, again = rewritten(content)
    with Image.open(io.BytesIO(written)) as image:
        found = image.getexif()
        assert found[0x0112] == 6
        assert found[0x010F] == "Scanner & Sons"
        assert found.get_ifd(0x8769)[0x9003] == "1931:05:01 12:00:00"
        assert found.get_ifd(0x8769)[0x829A] == 0.5
        assert found.get_ifd(0x8825)[1] == "N"
    assert again.info.orientation == 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_png_to_png(mode: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Kaethe")
    text.add_text("Description", "x" * 500, zip=True)
    text.add_itxt("Title", "Käthes Foto", "de", "Titel")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    text.add(b"gAMA", struct.pack(">I", 45455))
    text.add(b"tIME", struct.pack(">HBBBBB", 2024, 5, 1, 12, 0, 0))
    content = saved("PNG", mode, dpi=(600, 300), icc_profile=ICC, exif=b"Exif\0\0" + exif(3), pnginfo=text)
    scan, written, again = rewritten(content)
    assert again.metadata == scan.metadata
    assert (again.metadata.icc, again.metadata.exif, again.metadata.xmp) == (ICC, exif(3), XMP)
    assert scan.info.orientation == 3
    with Image.open(io.BytesIO(written)) as image, Image.open(io.BytesIO(content)) as before:
        image.load()
        before.load()
        for key in ("Author", "Description", "Title"):
            assert image.text[key] == before.text[key]
        assert image.info["gamma"] == before.info["gamma"]
        assert image.info["dpi"] == before.info["dpi"]


def test_16_bit_png_keeps_its_chunks() -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    plain = imagecodecs.png_encode(pixels)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    extra = [
        chunk(b"iCCP", b"any name\0\0" + zlib.compress(ICC)),
        chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
        chunk(b"eXIf", exif()),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
        chunk(b"tEXt", b"Author\0Kaethe"),
    ]
    content = plain[:33] + b"".join(extra) + plain[33:]
    scan, _, again = rewritten(content)
    np.testing.assert_array_equal(again.pixels, pixels)
    assert again.metadata == scan.metadata
    assert (scan.metadata.icc, scan.metadata.exif, scan.metadata.xmp) == (ICC, exif(), XMP)
    assert scan.metadata.dpi == pytest.approx((300, 300), abs=0.01)


def test_a_resolution_without_a_unit_is_kept_without_one() -> None:
    plain = saved("PNG")
    content = struct.pack(">IIB", 3, 4, 0)
    chunk = struct.pack(">I", 9) + b"pHYs" + content + struct.pack(">I", zlib.crc32(b"pHYs" + content))
    _, _, again = rewritten(plain[:33] + chunk + plain[33:])
    assert again.metadata.dpi is None
    assert (b"pHYs", content) in again.metadata.png_chunks


def test_webp_to_png() -> None:
    content = saved("WEBP", icc_profile=ICC, exif=b"Exif\0\0" + exif(), xmp=XMP)
    scan, _, again = rewritten(content)
    assert (again.metadata.icc, again.metadata.exif, again.metadata.xmp) == (ICC, exif(), XMP)
    assert scan.info.orientation == again.info.orientation == 6


def test_jpeg2000_to_png() -> None:
    plain = saved("JPEG2000")

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    resolution = box(b"res ", box(b"resc", struct.pack(">HHHHbb", 11811, 1, 11811, 1, 0, 0)))
    at = plain.index(b"jp2h") - 4
    size = int.from_bytes(plain[at : at + 4], "big")
    colour = box(b"colr", b"\2\0\0" + ICC)
    inner = plain[at + 8 : at + size] + colour + resolution
    boxes = [
        box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP),
        box(b"uuid", b"JpgTiffExif->JP2" + exif()),
        box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + IPTC),
    ]
    content = plain[:at] + box(b"jp2h", inner) + plain[at + size :] + b"".join(boxes)
    scan, _, again = rewritten(content)
    for found in (scan, again):
        assert (found.metadata.icc, found.metadata.exif, found.metadata.xmp) == (ICC, exif(), XMP)
        assert found.metadata.iptc == IPTC
        assert found.metadata.dpi == pytest.approx((300, 300), abs=0.01)
        assert found.info.orientation == 6


def test_bmp_and_gif_keep_what_they_have() -> None:
    _, _, again = rewritten(saved("BMP", dpi=(300, 300)))
    assert again.metadata.dpi == pytest.approx((300, 300), abs=0.02)
    scan, written, _ = rewritten(saved("GIF", "P", comment=b"from the attic"))
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.text["Comment"] == "from the attic"
    assert scan.info.format == "GIF"


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_orientation_is_kept_and_pixels_stay_as_stored(kind: str, turn: int) -> None:
    content = saved(kind, exif=b"Exif\0\0" + exif(turn))
    scan, _, again = rewritten(content)
    assert inspect(content, "a").orientation == scan.info.orientation == again.info.orientation == turn
    assert scan.pixels.shape == PHOTO.shape


def test_metadata_that_is_replaced_is_written() -> None:
    for content in (jpeg(), jpeg("CMYK"), saved("TIFF", exif=exif())):
        scan = decode(content, "scan")
        new = replace(scan, metadata=replace(scan.metadata, xmp=b"<new/>", iptc=IPTC[:15]))
        again = decode(encode(new, output_extension(scan)), "again")
        assert again.metadata.xmp == b"<new/>"
        assert again.metadata.iptc and again.metadata.iptc.rstrip(b"\0") == IPTC[:15]


def test_a_broken_exif_block_does_not_reject_the_picture() -> None:
    for block in (b"II*\0\xff\xff\0\0", b"garbage", b"II*\0\x08\0\0\0\xff\xff"):
        scan, _, _ = rewritten(saved("JPEG", exif=b"Exif\0\0" + block))
        assert scan.info.orientation == 1


def test_an_iptc_record_reads_in_other_programs() -> None:
    scan = replace(decode(saved("TIFF"), "a"), metadata=Metadata(iptc=IPTC))
    with Image.open(io.BytesIO(encode(scan, ".tif"))) as image:
        assert IptcImagePlugin.getiptcinfo(image) == {(2, 120): b"A portrait", (2, 80): b"Kaethe"}


def test_pdf_in_a_row_of_directories_survives_the_block() -> None:
    child = Directory({0x9003: Tag.of(ifd.ASCII, b"1931\0")})
    block = ifd.exif_block(Directory({0x0112: Tag.of(ifd.SHORT, [6])}, {ifd.EXIF_IFD: child}))
    again = ifd.read_exif_block(block)
    assert again.number(0x0112, 1) == 6
    assert again.children[ifd.EXIF_IFD].tags == child.tags
    with Image.open(io.BytesIO(saved("PNG", exif=block))) as image:
        assert image.getexif().get_ifd(0x8769)[0x9003] == "1931"


def test_photoshop_resources_are_parsed() -> None:
    assert photoshop.iptc_of(RESOURCES) == IPTC
    assert photoshop.resources(RESOURCES) == [(0x0404, b"", IPTC), (0x03ED, b"", b"abc")]
    assert photoshop.resources(RESOURCES[:-3])
    assert photoshop.resources(b"no resources") == []
