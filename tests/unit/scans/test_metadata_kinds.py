"""Metadata as archives have it reaches the derivative: whatever its type, place, encoding and byte order."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import replace
from typing import Any

import image_files
import numpy as np
import pytest
import raw_files
import tifffile
from PIL import Image, ImageCms
from raw_files import box, resource, segment, with_chunks, with_segments

from pipeline.scans import Scan, decode, encode, ifd, output_extension, photoshop, xmp
from pipeline.scans.carried import Carried, compare

PHOTO = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IPTC = b"\x1c\x02\x78\x00\x0aA portrait\x1c\x02\x50\x00\x06Kaethe\0\0"
JPEG = image_files.saved(Image.fromarray(PHOTO), "JPEG")
PNG = image_files.saved(Image.fromarray(PHOTO), "PNG")


def rewritten(content: bytes) -> tuple[Scan, bytes, Scan, Carried]:
    """Return a scan, its derivative as a file and decoded, and what became of its metadata."""
    scan = decode(content, "scan")
    written = encode(scan, output_extension(scan))
    again = decode(written, "result")
    return scan, written, again, compare(scan.carried, again.carried)


def tag_values(content: bytes) -> dict[int, Any]:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return {tag.code: tag.value for tag in file.pages[0].tags.values()}


def png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the chunks of a PNG in order."""
    at, found = 8, []
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 4, 7])
@pytest.mark.parametrize("swapped", [False, True])
def test_an_iptc_record_is_written_as_it_lies_on_disk(order: str, kind: int, swapped: bool) -> None:
    record = IPTC if not swapped else np.frombuffer(IPTC, ">u4").astype("<u4").tobytes()
    _, written, again, found = rewritten(raw_files.tiff({33723: (kind, record)}, order=order))
    assert again.metadata.iptc == IPTC
    assert IPTC in written and again.metadata.iptc_kind == kind
    assert "IPTC-IIM" in found.kept and not found.lost


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "values"), [(3, [300]), (4, [300]), (5, [600, 2]), (10, [300, 1]), (11, [300.0]), (12, [299.5])]
)
def test_a_resolution_of_any_type_is_kept(order: str, kind: int, values: list[float]) -> None:
    dpi = values[0] / values[1] if kind in (5, 10) else values[0]
    tags: raw_files.Tags = {282: (kind, values), 283: (kind, values), 296: (3, [2])}
    scan, written, again, found = rewritten(raw_files.tiff(tags, order=order))
    assert scan.metadata.dpi == again.metadata.dpi == (dpi, dpi)
    across, below = tag_values(written)[282]
    assert across / below == dpi and tag_values(written)[296] == 2
    assert found == Carried(kept=("resolution",))


@pytest.mark.parametrize(("unit", "numbers"), [(1, (2, 1)), (3, (118.11, 118.11))])
def test_the_unit_of_a_resolution_is_kept_or_absent_as_in_the_master(unit: int, numbers: tuple[float, float]) -> None:
    tags: raw_files.Tags = {282: (11, [numbers[0]]), 283: (11, [numbers[1]]), 296: (3, [unit])}
    _, written, _, found = rewritten(raw_files.tiff(tags))
    values = tag_values(written)
    assert [values[282][0] / values[282][1], values[283][0] / values[283][1]] == pytest.approx(numbers, rel=1e-6)
    assert values[296] == unit and found.kept == ("resolution",)


def test_an_aspect_without_a_unit_goes_from_jpeg_to_png_and_tiff() -> None:
    def stretched(content: bytes) -> bytes:
        at = content.index(b"JFIF\0") + 7
        return content[:at] + struct.pack(">BHH", 0, 2, 1) + content[at + 5 :]

    _, written, _, found = rewritten(stretched(JPEG))
    assert (b"pHYs", struct.pack(">IIB", 2, 1, 0)) in png_chunks(written)
    assert found.kept == ("resolution",)
    inks = image_files.saved(Image.fromarray(PHOTO).convert("CMYK"), "JPEG")
    header = segment(0xE0, b"JFIF\0\1\1\0\0\2\0\1\0\0")
    _, written, _, found = rewritten(with_segments(inks, header))
    values = tag_values(written)
    assert (values[282], values[283], values[296]) == ((2, 1), (1, 1), 1) and found.kept == ("resolution",)


def test_private_tags_of_64_bits_are_kept() -> None:
    tags: raw_files.Tags = {65000: (16, [1234567890123]), 65001: (16, [77]), 65002: (17, [-5]), 65003: (12, [0.25])}
    _, written, _, found = rewritten(raw_files.tiff(tags, big=True))
    values = tag_values(written)
    assert [values[code] for code in range(65000, 65004)] == [1234567890123, 77, -5, 0.25]
    assert not found.lost and not found.changed
    _, written, _, found = rewritten(raw_files.tiff({65001: (16, [77])}, big=True))
    assert written[:4] == b"II*\0" and tag_values(written)[65001] == 77 and found.kept == ("TIFF tag 65001",)


def canon_note(at: int, order: str = "<", foot: bool = False) -> bytes:
    """Return a maker note whose offsets count from the start of the file, where it lies at `at`."""
    texts = [b"Copy stand camera A\0", b"Firmware 1.0.2\0\0"]
    start = at + 2 + 12 * len(texts) + 4
    note, body = struct.pack(order + "H", len(texts)), b""
    for code, text in zip((6, 7), texts, strict=True):
        note += struct.pack(order + "HHII", code, 2, len(text), start + len(body))
        body += text
    note += bytes(4) + body
    return note + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at) if foot else note


def note_texts(written: bytes, base: int | None = None) -> list[bytes]:
    """Return the texts that a reader finds through the maker note of a TIFF or EXIF block."""
    structure = ifd.Structure.open(written)
    note = structure.read(structure.first).children[ifd.EXIF_IFD].tags[ifd.MAKER_NOTE]
    origin = 0 if base is None else note.at
    count = struct.unpack_from(structure.order + "H", written, note.at)[0]
    found = []
    for entry in range(count):
        _, _, size, where = struct.unpack_from(structure.order + "HHII", written, note.at + 2 + 12 * entry)
        found.append(written[origin + where : origin + where + size].rstrip(b"\0"))
    return found


def with_note(order: str, make: Any, *, gap: int = 0) -> bytes:
    """Return a TIFF with a maker note that `make` builds for the place where it comes to lie."""
    size = len(make(0))
    probe = raw_files.tiff({271: (2, b"Canon\0")}, order=order, exif={37500: (7, bytes(size))}, gap=gap)
    at = len(probe) - size
    return raw_files.tiff({271: (2, b"Canon\0")}, order=order, exif={37500: (7, make(at))}, gap=gap)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("foot", [False, True])
@pytest.mark.parametrize("gap", [0, 70000])
def test_a_maker_note_reads_after_moving(order: str, foot: bool, gap: int) -> None:
    content = with_note(order, lambda at: canon_note(at, order, foot), gap=gap)
    assert note_texts(content) == [b"Copy stand camera A", b"Firmware 1.0.2"]
    _, written, _, found = rewritten(content)
    assert note_texts(written) == [b"Copy stand camera A", b"Firmware 1.0.2"]
    assert "EXIF MakerNote" in found.kept and not found.lost and not found.changed


def test_a_maker_note_with_offsets_of_its_own_is_left_as_it_is() -> None:
    content = with_note("<", lambda at: canon_note(0), gap=500)
    _, written, _, found = rewritten(content)
    assert note_texts(written, base=0) == [b"Copy stand camera A", b"Firmware 1.0.2"]
    assert "EXIF MakerNote" in found.kept


def test_an_entry_of_no_type_does_not_hide_the_others() -> None:
    def note(at: int) -> bytes:
        texts = [b"value %02d of the note\0" % number for number in range(12)]
        start = at + 2 + 12 * 13 + 4
        entries = [
            struct.pack("<HHII", number, 2, len(text), start + number * len(text)) for number, text in enumerate(texts)
        ]
        return struct.pack("<H", 13) + b"".join(entries) + bytes(12) + bytes(4) + b"".join(texts)

    _, written, _, found = rewritten(with_note("<", note, gap=70000))
    assert note_texts(written)[:12] == [b"value %02d of the note" % number for number in range(12)]
    assert "EXIF MakerNote" in found.kept


@pytest.mark.parametrize("name", [b"Nikon\0\2\x10\0\0MM\0*", b"OLYMPUS\0II\3\0", b"FUJIFILM\x0c\0\0\0"])
def test_a_maker_note_with_a_header_of_its_own_is_left_as_it_is(name: bytes) -> None:
    note = name + canon_note(len(name))[:-4] + b"etc."
    _, written, _, found = rewritten(with_note("<", lambda at: note, gap=500))
    assert note in written and "EXIF MakerNote" in found.kept


def test_a_maker_note_whose_values_lie_elsewhere_is_left_out_and_said() -> None:
    content = with_note("<", lambda at: canon_note(max(0, at - 400)), gap=900)
    _, written, _, found = rewritten(content)
    assert ifd.MAKER_NOTE not in tag_values(written)
    assert [(loss.what, loss.why) for loss in found.lost] == [("EXIF MakerNote", "pointer")]


def xmp_of(inner: str, attributes: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
        f"{attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def with_extension(parts: int, *, as_attribute: bool = True) -> bytes:
    """Return a JPEG with an extended XMP packet in three segments, of which some are written, in the wrong order."""
    extension = xmp_of(f"<photoshop:History>{'retouched on 1 May. ' * 400}</photoshop:History>")
    guid = hashlib.md5(extension).hexdigest().upper().encode()
    mark = f' xmpNote:HasExtendedXMP="{guid.decode()}"'
    element = f"<xmpNote:HasExtendedXMP>{guid.decode()}</xmpNote:HasExtendedXMP>"
    main = xmp_of("<dc:source>box 7</dc:source>" + ("" if as_attribute else element), mark if as_attribute else "")
    segments = [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + main)]
    for at in list(range(0, len(extension), 3000))[:parts][::-1]:
        head = guid + struct.pack(">II", len(extension), at)
        segments.append(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + head + extension[at : at + 3000]))
    return with_segments(JPEG, *segments)


@pytest.mark.parametrize("as_attribute", [True, False])
def test_an_extended_xmp_packet_is_joined(as_attribute: bool) -> None:
    _, _, again, found = rewritten(with_extension(3, as_attribute=as_attribute))
    packet = again.metadata.xmp or b""
    assert b"HasExtendedXMP" not in packet and packet.count(b"retouched on 1 May.") == 400
    assert set(found.kept) == {"XMP dc:source", "XMP photoshop:History"} and not found.lost


def test_an_incomplete_extension_is_said() -> None:
    _, _, again, found = rewritten(with_extension(2))
    assert again.metadata.xmp and b"HasExtendedXMP" in again.metadata.xmp
    assert found.kept == ("XMP dc:source",)
    assert [(loss.what, loss.why) for loss in found.lost] == [("XMP extension that is incomplete", "broken")]


def test_no_entity_of_a_packet_is_resolved() -> None:
    evil = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + xmp_of("<dc:source>&e;</dc:source>")
    assert xmp.parse(evil) is None and xmp.properties(evil) == []
    _, _, again, found = rewritten(with_segments(JPEG, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + evil)))
    assert again.metadata.xmp == evil and found.kept == ("XMP packet that is not well-formed",)


@pytest.mark.parametrize(
    ("comment", "text"),
    [("Straße 5".encode(), "Straße 5"), ("Straße 5".encode("latin-1"), "Straße 5"), (b"plain", "plain")],
)
def test_a_comment_reads_as_it_was_written(comment: bytes, text: str) -> None:
    _, written, _, found = rewritten(with_segments(JPEG, segment(0xFE, comment)))
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.text["Comment"] == text
    assert found.kept == ("text Comment",)
    inks = image_files.saved(Image.fromarray(PHOTO).convert("CMYK"), "JPEG")
    _, written, _, found = rewritten(with_segments(inks, segment(0xFE, comment)))
    assert [(change.what, change.now) for change in found.changed] == [("text Comment", "TIFF ImageDescription")]


def test_photoshop_resources_reach_png_and_thumbnails_do_not() -> None:
    parts = [(1035, b"http://archive.example/7"), (1036, b"small"), (1034, b"\1"), (2000, bytes(26))]
    block = resource(1028, IPTC) + b"".join(resource(*part) for part in parts)
    _, _, again, found = rewritten(with_segments(JPEG, segment(0xED, b"Photoshop 3.0\0" + block)))
    assert again.metadata.iptc == IPTC
    left = [(number, content) for number, _, content in photoshop.resources(again.metadata.photoshop or b"")]
    assert left == [(1035, b"http://archive.example/7"), (1034, b"\1"), (2000, bytes(26))]
    assert [(loss.what, loss.why) for loss in found.lost] == [("Photoshop Thumbnail (1036)", "thumbnail")]
    assert not found.changed and "IPTC-IIM" in found.kept


def test_resources_and_layers_of_a_tiff() -> None:
    odd = resource(1035, b"http://archive.example/7") + resource(1036, b"small") + b"8BIM damaged"
    tags: raw_files.Tags = {34377: (1, odd), 37724: (7, b"Adobe Photoshop Document Data Block\0")}
    _, _, again, found = rewritten(raw_files.tiff(tags))
    assert again.metadata.photoshop == resource(1035, b"http://archive.example/7") + b"8BIM damaged"
    assert {(loss.what, loss.why) for loss in found.lost} == {
        ("Photoshop Thumbnail (1036)", "thumbnail"),
        ("Photoshop layers", "layers"),
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_stale_thumbnail_is_dropped_and_all_else_stays(order: str) -> None:
    exif: raw_files.Tags = {36867: (2, b"1931:05:01 12:00:00\0"), 37500: (7, b"a note of no known form")}
    block = raw_files.exif_block({274: (3, [6]), 271: (2, b"Scanner\0")}, order=order, exif=exif, thumbnail=JPEG)
    _, written, again, found = rewritten(with_segments(JPEG, segment(0xE1, b"Exif\0\0" + block)))
    assert written.count(b"\xff\xd8\xff") == 0
    assert again.metadata.exif is not None and again.metadata.exif == raw_files.exif_block(
        {274: (3, [6]), 271: (2, b"Scanner\0")}, order=order, exif=exif
    )
    assert [(loss.what, loss.why) for loss in found.lost] == [("EXIF thumbnail", "thumbnail")]
    assert again.info.orientation == 6 and not found.changed


def test_colour_chunks_and_the_profiles_name_are_kept() -> None:
    chunks = [
        (b"iCCP", b"Scanner X\0\0" + zlib.compress(ICC)),
        (b"cICP", bytes([9, 16, 0, 1])),
        (b"sBIT", bytes([7, 7, 7])),
        (b"bKGD", bytes([0, 9, 0, 8, 0, 7])),
        (b"gAMA", struct.pack(">I", 45455)),
        (b"mDCV", bytes(24)),
        (b"tIME", bytes([7, 232, 5, 1, 12, 0, 0])),
    ]
    _, written, _, found = rewritten(with_chunks(PNG, *chunks))
    kinds = [kind for kind, _ in png_chunks(written)]
    for kind, content in chunks:
        if kind != b"iCCP":
            assert (kind, content) in png_chunks(written)
        assert kinds.index(kind) < kinds.index(b"IDAT")
    assert dict(png_chunks(written))[b"iCCP"].startswith(b"Scanner X\0\0")
    assert not found.lost and not found.changed


def test_chunks_about_the_stored_form_follow_it() -> None:
    palette = image_files.saved(Image.fromarray(PHOTO).quantize(16), "PNG", transparency=3)
    at = palette.index(b"PLTE") + 4
    colour = palette[at + 3 * 5 : at + 3 * 5 + 3]
    end = palette.index(b"tRNS") - 4
    background = raw_files.png_chunk(b"bKGD", bytes([5]))
    content = with_chunks(palette[:end] + background + palette[end:], (b"sBIT", bytes([5, 6, 5])))
    _, written, again, _ = rewritten(content)
    assert again.mode == "RGBA"
    assert dict(png_chunks(written))[b"sBIT"] == bytes([5, 6, 5, 8])
    assert dict(png_chunks(written))[b"bKGD"] == bytes([0, colour[0], 0, colour[1], 0, colour[2]])


def test_a_grey_background_is_a_value_of_the_stored_bits() -> None:
    levels = Image.fromarray(PHOTO[..., 0] // 128 * 255).convert("1")
    content = with_chunks(image_files.saved(levels, "PNG"), (b"bKGD", b"\0\1"), (b"sBIT", b"\1"))
    _, written, _, found = rewritten(content)
    assert written[24] == 1
    assert {(b"bKGD", b"\0\1"), (b"sBIT", b"\1")} <= set(png_chunks(written))
    assert not found.changed and not found.lost


def hexadecimal(name: bytes, block: bytes) -> bytes:
    lines = b"\n".join(block.hex().encode()[at : at + 72] for at in range(0, 2 * len(block), 72))
    return b"\n" + name + b"\n" + str(len(block)).rjust(8).encode() + b"\n" + lines + b"\n"


@pytest.mark.parametrize("name", [b"iptc", b"IPTC profile"])
def test_blocks_in_texts_are_read_whatever_program_wrote_them(name: bytes) -> None:
    resources = resource(1028, IPTC) + resource(1035, b"http://archive.example/7")
    for block, kept in ((IPTC, {"IPTC-IIM"}), (resources, {"IPTC-IIM", "Photoshop URL (1035)"})):
        text = hexadecimal(name, block)
        key = b"Raw profile type iptc\0"
        for chunk in ((b"tEXt", key + text), (b"zTXt", key + b"\0" + zlib.compress(text))):
            _, _, again, found = rewritten(with_chunks(PNG, chunk))
            assert again.metadata.iptc == IPTC and set(found.kept) == kept and not found.lost


def test_damaged_texts_and_profiles_are_said() -> None:
    broken = [
        (b"zTXt", b"Title\0\0not deflate"),
        (b"tEXt", b"Raw profile type 8bim\0\n8bim\n 4\nzz"),
        (b"iCCP", b"x\0\0not deflate"),
    ]
    _, _, _, found = rewritten(with_chunks(PNG, *broken, (b"tEXt", b"Author\0Kaethe")))
    assert found.kept == ("text Author",)
    assert [(loss.what, loss.why) for loss in found.lost] == [
        ("text Title that is damaged", "broken"),
        ("text Raw profile type 8bim that is damaged", "broken"),
        ("ICC profile that is damaged", "broken"),
    ]


def test_a_digest_of_the_iptc_records_stays_right() -> None:
    inks = image_files.saved(Image.fromarray(PHOTO).convert("CMYK"), "JPEG")
    digest = hashlib.md5(IPTC).digest()
    block = resource(1028, IPTC) + resource(1061, digest)
    _, _, again, _ = rewritten(with_segments(inks, segment(0xED, b"Photoshop 3.0\0" + block)))
    assert hashlib.md5(again.metadata.iptc or b"").digest() == digest
    assert photoshop.has(again.metadata.photoshop or b"", 1061)


def test_exif_behind_the_pixels_counts_and_moves_before_them() -> None:
    block = raw_files.exif_block({274: (3, [6])})
    scan, written, again, found = rewritten(with_chunks(PNG, late=[(b"eXIf", block), (b"tEXt", b"Author\0Kaethe")]))
    assert scan.info.orientation == again.info.orientation == 6
    kinds = [kind for kind, _ in png_chunks(written)]
    assert kinds.index(b"eXIf") < kinds.index(b"IDAT")
    assert found == Carried(kept=("TIFF Orientation", "text Author"))


def test_chunks_that_may_not_be_copied_are_left_out_and_said() -> None:
    chunks = [(b"prVt", b"private"), (b"iDOT", bytes(28)), (b"caBX", b"jumb"), (b"prVT", b"private")]
    _, written, _, found = rewritten(with_chunks(PNG, *chunks))
    assert {kind for kind, _ in png_chunks(written)} == {b"IHDR", b"IDAT", b"IEND", b"prVt"}
    assert found.kept == ("PNG prVt",)
    whys = {loss.what: loss.why for loss in found.lost}
    assert whys == {"PNG iDOT": "storage", "PNG caBX": "signature", "PNG prVT": "unsafe"}


def test_boxes_of_a_jpeg_2000_are_kept_or_said() -> None:
    plain = image_files.saved(Image.fromarray(PHOTO), "JPEG2000")
    metadata = '<mets xmlns="http://www.loc.gov/METS/">Straße</mets>'.encode()
    place = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
    content = plain + box(b"xml ", metadata) + box(b"uuid", place + b"II*\0") + box(b"uinf", b"?")
    _, written, _, found = rewritten(content)
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.text["XML"] == metadata.decode()
    assert found.kept == ("text Comment", "text XML")
    assert [(loss.what, loss.why) for loss in found.lost] == [
        ("JP2 uuid box GeoTIFF", "format"),
        ("JP2 uinf box", "format"),
    ]


def test_comments_of_a_codestream_and_a_second_resolution() -> None:
    plain = image_files.saved(Image.fromarray(PHOTO), "JPEG2000", comment="Straße 5")
    _, written, _, found = rewritten(plain)
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.text["Comment"] == "Straße 5"
    assert found.kept == ("text Comment",)
    boxes = box(b"resc", struct.pack(">HHHHbb", 11811, 1, 11811, 1, 0, 0)) + box(
        b"resd", struct.pack(">HHHHbb", 2835, 1, 2835, 1, 0, 0)
    )
    _, _, _, found = rewritten(plain + box(b"res ", boxes))
    assert "resolution" in found.kept and [loss.what for loss in found.lost] == ["JP2 second resolution"]


def gif_extension(label: int, content: bytes, name: bytes = b"") -> bytes:
    head = bytes([0x21, label]) + (bytes([len(name)]) + name if name else b"")
    rows = [content[at : at + 255] for at in range(0, len(content), 255)]
    return head + b"".join(bytes([len(row)]) + row for row in rows) + b"\0"


def test_what_a_gif_carries_is_kept_or_said() -> None:
    plain = image_files.saved(Image.fromarray(PHOTO).quantize(16), "GIF")
    packet = xmp_of("<dc:source>box 7</dc:source>")
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    extensions = (
        gif_extension(0xFE, "Straße 5".encode())
        + gif_extension(0xFE, b"a second comment")
        + gif_extension(0xFF, ICC, b"ICCRGBG1012")
        + gif_extension(0xFF, b"\1\2\3", b"SCANNER 1.0")
        + bytes([0x21, 0xFF, 11])
        + b"XMP DataXMP"
        + packet
        + trailer
    )
    _, _, again, found = rewritten(plain[:-1] + extensions + b";")
    assert (again.metadata.icc, again.metadata.xmp) == (ICC, packet)
    assert set(found.kept) == {"ICC profile", "XMP dc:source", "text Comment", "text Comment [2]"}
    assert [(loss.what, loss.why) for loss in found.lost] == [("GIF SCANNER 1.0", "format")]


def test_the_profile_of_a_bmp_is_kept() -> None:
    pixels = b"\x10\x20\x30\0" * 4
    header = struct.pack("<IiiHHIIiiII", 124, 2, 2, 1, 32, 0, len(pixels), 11811, 11811, 0, 0) + bytes(16) + b"DEBM"
    header += bytes(112 - len(header)) + struct.pack("<III", 124 + len(pixels), len(ICC), 0)
    content = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 124) + header + pixels + ICC
    _, _, again, found = rewritten(content)
    assert again.metadata.icc == ICC and set(found.kept) == {"ICC profile", "resolution"}


def test_tags_that_cannot_be_read_cost_themselves_and_are_said() -> None:
    exif: raw_files.Tags = {
        36867: (2, b"1931:05:01 12:00:00\0"),
        37510: (7, b"a comment beyond the end"),
        33434: (99, b"?"),
    }
    content = bytearray(raw_files.tiff({271: (2, b"Scanner\0"), 65000: (99, b"????")}, exif=exif))
    at = content.index(struct.pack("<HH", 37510, 7)) + 8
    content[at : at + 4] = struct.pack("<I", 1 << 30)
    _, _, again, found = rewritten(bytes(content))
    assert set(found.kept) == {"TIFF Make", "EXIF DateTimeOriginal"}
    assert {(loss.what, loss.why) for loss in found.lost} == {
        ("TIFF tag 65000", "broken"),
        ("EXIF UserComment", "broken"),
        ("EXIF ExposureTime", "broken"),
    }
    block = raw_files.exif_block({274: (3, [6]), 34853: (4, [1 << 30])})
    scan, _, again, found = rewritten(with_segments(JPEG, segment(0xE1, b"Exif\0\0" + block)))
    assert scan.info.orientation == again.info.orientation == 6 and "TIFF GPSInfo" in found.kept


def test_segments_and_data_that_no_other_format_has_are_said() -> None:
    segments = [
        segment(0xE2, b"MPF\0II*\0"),
        segment(0xEB, b"JP\0\1\0\0\0\1jumb"),
        segment(0xEB, b"JP\0\1\0\0\0\2more"),
        segment(0xEC, b"Ducky\0\1"),
        segment(0xE5, b"RMETA\0a scanner's own"),
    ]
    _, _, _, found = rewritten(with_segments(JPEG, *segments) + b"SEFH trailer")
    assert [(loss.what, loss.why) for loss in found.lost] == [
        ("JPEG APP2 MPF", "picture"),
        ("JPEG APP11 JP", "signature"),
        ("JPEG APP12 Ducky", "storage"),
        ("JPEG APP5 RMETA", "format"),
        ("data after the picture", "trailer"),
    ]


def test_reduced_copies_of_a_tiff_are_said() -> None:
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        writer.write(PHOTO, photometric="rgb")
        writer.write(PHOTO[::4, ::4].copy(), photometric="rgb", subfiletype=1)
    _, _, _, found = rewritten(target.getvalue())
    assert ("page 2", "reduced copy, 8 × 6", "thumbnail") in [(loss.what, loss.value, loss.why) for loss in found.lost]


def test_every_item_is_in_exactly_one_list_and_lists_survive_the_sandbox() -> None:
    from pipeline.scans.ipc import receive_scan, send_scan

    scan, _, again, found = rewritten(with_extension(2))
    names = [*found.kept, *(change.what for change in found.changed), *(loss.what for loss in found.lost)]
    assert sorted(names) == sorted(item.what for item in scan.carried)
    descriptor, header = send_scan(scan)
    assert receive_scan(descriptor, header).carried == scan.carried
    other = [replace(item, digest="other") if item.what == "XMP dc:source" else item for item in again.carried]
    (change,) = compare(scan.carried, other).changed
    assert (change.what, change.before, change.now) == ("XMP dc:source", "box 7", "")
