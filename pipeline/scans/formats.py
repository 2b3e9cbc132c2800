"""Recognise a file's format by its first bytes, never by its name."""

from __future__ import annotations

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.mapped import FileData
from pipeline.scans import bmff, camera_raw, jpeg2000, jpegxl_header, png, pnm
from pipeline.scans.rejections import rejection

#: Little and big endian, classic and BigTIFF.
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (png.SIGNATURE, "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    *((mark, "TIFF") for mark in TIFF_MARKS),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (jpeg2000.BOX_SIGNATURE, "JPEG2000"),
    (jpeg2000.STREAM_SIGNATURE, "JPEG2000"),
    (jpegxl_header.CONTAINER, "JPEGXL"),
    (jpegxl_header.CODESTREAM, "JPEGXL"),
    (b"\x01\xda", "SGI"),
)
FLATTENED = "save it flattened, as TIFF or PNG"
#: Images that are not read: their first bytes and at which byte, the kind, and what to do where it is not obvious.
OTHER_IMAGES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"8BPS\0\1", "a Photoshop document, PSD", FLATTENED), (0, b"8BPS", "a large Photoshop document", FLATTENED),
    (0, b"gimp xcf", "a GIMP document, XCF", FLATTENED), (0, b"II\xbc", "JPEG XR", ""), (0, b"P7\n", "PAM", ""),
    (0, b"PF\n", "floating-point PFM", ""), (0, b"Pf\n", "floating-point PFM", ""), (0, b"qoif", "QOI", ""),
    (0, b"v/1\x01", "OpenEXR", ""), (0, b"#?RADIANCE", "Radiance HDR", ""), (0, b"SIMPLE  =", "FITS", ""),
    (0, b"AT&TFORM", "DjVu", ""), (0, b"\x59\xa6\x6a\x95", "a Sun raster", ""), (0, b"DDS ", "DDS", ""),
    (128, b"DICM", "DICOM", ""), (0, b"BPG\xfb", "BPG", ""), (0, b"FLIF", "FLIF", ""),
)  # fmt: skip
OTHER_FILES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "it is a PDF; export its pages as images"), (0, b"%!PS", "it is PostScript"),
    (0, b"PK\3\4", "it is a ZIP or office document"), (0, b"\0\0\1\0", "it is an icon"),
    (0, b"\xd0\xcf\x11\xe0", "it is an older office document, or a catalogue of thumbnails"),
    (4, b"ftypqt", "it is a film"), (4, b"ftypmp4", "it is a film"), (4, b"ftypisom", "it is a film"),
    (0, b"\x1f\x8b", "it is a compressed file"), (0, b"7z\xbc\xaf", "it is an archive"),
    (0, b"Rar!", "it is an archive"),
)  # fmt: skip
BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}


def sniff(data: FileData) -> str | None:
    """Return the format of a file by its first bytes; None where it is not a supported image."""
    head = bytes(data[:18])
    if camera_raw.name_of(data):
        return None
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    # Two letters alone would match every text that starts with BM.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if pnm.MAGIC.match(data[:4096]):
        return "PNM"
    if head[:1] == b"\x0a" and head[1:2] in b"\0\2\3\4\5" and head[2:3] == b"\1" and head[3:4] in b"\1\2\4\x08":
        return "PCX"
    return bmff.kind_of(data[:512]) or ("TGA" if _is_targa(data) else None)


def _is_targa(data: FileData) -> bool:
    """Return whether a file is a TGA, which begins with no signature: by its end, or by header and length."""
    if len(data) < 18 or data[1] > 1 or data[2] not in (1, 2, 3, 9, 10, 11) or data[16] not in (8, 15, 16, 24, 32):
        return False
    if data[-18:-2] == b"TRUEVISION-XFILE":
        return True
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (12, 14))
    colours = int.from_bytes(data[5:7], "little") * (-(-data[7] // 8)) if data[1] else 0
    start, size = 18 + data[0] + colours, width * height * (-(-data[16] // 8))
    if data[2] < 9:
        return size > 0 and len(data) == start + size
    return size > 0 and start < len(data) <= start + size + size // 64 + 1024


def reject_unknown(data: FileData, name: str) -> UnreadableScan:
    """Return the rejection of a file whose format is not supported."""
    head = bytes(data[:512])
    if maker := camera_raw.name_of(data):
        return rejection(Reason.UNSUPPORTED, name, f"camera raw, {maker}", camera_raw.REMEDY)
    if any(signature.startswith(head) for signature, _ in SIGNATURES):
        return rejection(Reason.TRUNCATED, name, f"only {len(head)} bytes are left")
    if not any(head):
        return rejection(Reason.NOT_AN_IMAGE, name, "it holds only zeros")
    for at, signature, what, remedy in OTHER_IMAGES:
        if head[at:].startswith(signature):
            return rejection(Reason.UNSUPPORTED, name, what, remedy)
    for at, signature, what in OTHER_FILES:
        if head[at:].startswith(signature):
            return rejection(Reason.NOT_AN_IMAGE, name, what)
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return rejection(Reason.NOT_AN_IMAGE, name, "it is text" if printable > 0.9 * len(head) else "")
