"""WebP, BMP and GIF by Pillow; JPEG 2000 by OpenJPEG at full depth."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from pipeline.errors import Reason
from pipeline.scans.ifd import orientation, read_block, resolution
from pipeline.scans.model import CHANNELS, Metadata, Mode, Pixels, ScanInfo
from pipeline.scans.refusals import refusal

MODES: dict[str, Mode] = {
    "1": "L", "L": "L", "LA": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBX": "RGB",
    "CMYK": "CMYK", "I;16": "L",
}  # fmt: skip
# Sizes are checked from the header before anything is decoded; Pillow's own bound is below ours.
Image.MAX_IMAGE_PIXELS = None


def inspect(data: bytes, kind: str, name: str) -> ScanInfo:
    """Returns what the header says.

    Raises:
        UnreadableScan: TRUNCATED, UNSUPPORTED or UNREADABLE.
    """
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            if image.mode not in MODES:
                raise refusal(Reason.UNSUPPORTED, name, f"{kind} in Pillow's mode {image.mode}")
            mode = MODES[image.mode]
            if image.mode in ("P", "L", "RGB") and "transparency" in image.info:
                mode = "LA" if mode == "L" else "RGBA"
            depth = _jpeg2000_depth(data, name) if kind == "JPEG2000" else 8
            turned = orientation(read_block(_exif(image.info)))
            frames = getattr(image, "n_frames", 1)
            return ScanInfo(kind, image.width, image.height, CHANNELS[mode], depth, frames, turned, mode)
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError) as error:
        raise refusal(Reason.TRUNCATED, name, f"{kind}: {error}") from error


def decode(data: bytes, info: ScanInfo, name: str) -> tuple[Pixels, Metadata]:
    """Returns pixels and metadata."""
    _check_end(data, info.format, name)
    with Image.open(io.BytesIO(data), formats=[info.format]) as image:
        if info.bit_depth == 16:
            pixels = imagecodecs.jpeg2k_decode(data)
        else:
            pixels = np.asarray(image if image.mode == info.mode else image.convert(info.mode))
        return pixels, _metadata(image.info)


def _jpeg2000_depth(data: bytes, name: str) -> int:
    """Returns 8 or 16 from the codestream's size marker."""
    at = data.find(b"\xff\x4f\xff\x51")
    components = int.from_bytes(data[at + 40 : at + 42], "big") if at >= 0 else 0
    bits = [data[at + 42 + 3 * n] for n in range(components) if at + 42 + 3 * n < len(data)]
    if not bits or any(b & 0x80 or (b & 0x7F) + 1 > 16 for b in bits) or len(set(bits)) != 1:
        raise refusal(Reason.UNSUPPORTED, name, "JPEG 2000 with signed, mixed or more than 16 bits")
    if bits[0] + 1 not in (8, 16) and bits[0] + 1 > 8:
        raise refusal(Reason.UNSUPPORTED, name, f"JPEG 2000 with {bits[0] + 1} bits")
    return 16 if bits[0] + 1 > 8 else 8


def _check_end(data: bytes, kind: str, name: str) -> None:
    """Raises UnreadableScan when the end of the file is missing."""
    if kind == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise refusal(Reason.TRUNCATED, name, "the WebP is shorter than its header says")
    if kind == "JPEG2000" and b"\xff\xd9" not in data[-64:] and data.rfind(b"\xff\xd9") < 0:
        raise refusal(Reason.TRUNCATED, name, "the JPEG 2000 ends before its end mark")
    if kind == "GIF" and b"\x3b" not in data[-64:]:
        raise refusal(Reason.TRUNCATED, name, "the GIF ends before its end mark")


def _exif(info: dict[Any, Any]) -> bytes | None:
    """Returns the EXIF block that Pillow found."""
    block = info.get("exif")
    return bytes(block).removeprefix(b"Exif\0\0") if block else None


def _metadata(info: dict[Any, Any]) -> Metadata:
    """Returns what Pillow found beside the pixels."""
    exif = _exif(info)
    dpi = info.get("dpi")
    comment = info.get("comment")
    text = comment.encode("latin-1", "replace") if isinstance(comment, str) else comment
    return Metadata(
        icc=info.get("icc_profile") or None,
        exif=exif,
        xmp=info.get("xmp") or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(dpi) else resolution(read_block(exif)),
        png_chunks=((b"tEXt", b"Comment\0" + text.replace(b"\0", b" ")),) if text else (),
    )
