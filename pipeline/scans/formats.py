"""Recognise a file's format by its first bytes, never by its name."""

from __future__ import annotations

from pipeline.errors import Reason, UnreadableScan
from pipeline.scans import jpeg2000, png
from pipeline.scans.rejections import rejection

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (png.SIGNATURE, "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (jpeg2000.BOX_SIGNATURE, "JPEG2000"),
    (jpeg2000.STREAM_SIGNATURE, "JPEG2000"),
)
OTHER_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"8BPS", "a Photoshop document"),
    (b"ftyphei", "HEIF"),
    (b"ftypmif", "HEIF"),
    (b"ftypavi", "AVIF"),
    (b"JXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
)
OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "it is a PDF"),
    (b"PK\3\4", "it is a ZIP or office document"),
    (b"\0\0\1\0", "it is an icon"),
)
BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}


def sniff(data: bytes) -> str | None:
    """Return the format of a file by its first bytes; None where it is not a supported image."""
    head = bytes(data[:18])
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    # Two letters alone would match every text that starts with BM.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    return None


def reject_unknown(data: bytes, name: str) -> UnreadableScan:
    """Return the rejection of a file whose format is not supported."""
    head = bytes(data[:512])
    if any(signature.startswith(head) for signature, _ in SIGNATURES):
        return rejection(Reason.TRUNCATED, name, f"only {len(head)} bytes are left")
    if not any(head):
        return rejection(Reason.NOT_AN_IMAGE, name, "it holds only zeros")
    for signature, what in OTHER_IMAGES:
        if head.startswith(signature) or head[4:].startswith(signature):
            return rejection(Reason.UNSUPPORTED, name, what)
    for signature, what in OTHER_FILES:
        if head.startswith(signature):
            return rejection(Reason.NOT_AN_IMAGE, name, what)
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return rejection(Reason.NOT_AN_IMAGE, name, "it is text" if printable > 0.9 * len(head) else "")
