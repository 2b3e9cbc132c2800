"""Say why a scan cannot be restored: one sentence per reason, each with its remedy."""

from __future__ import annotations

from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import escape

FORMATS = "TIFF, PNG, JPEG, JPEG 2000, WebP, HEIC, AVIF, JPEG XL, BMP, GIF, PPM, TGA, SGI or PCX"

SENTENCES: dict[Reason, str] = {
    Reason.EMPTY: "{name} is empty (0 bytes); copy or scan it again.",
    Reason.NOT_AN_IMAGE: "{name} is not an image{detail}; deliver {formats}, or remove it from the inbox.",
    Reason.TRUNCATED: "{name} is cut off{detail}; part of the image is missing. Copy or scan it again.",
    Reason.TOO_MANY_PIXELS: "{name} has more pixels than allowed{detail}; "
    "split it, or raise RESTORATION_MAX_MEGAPIXELS.",
    Reason.TOO_MANY_BYTES: "{name} is larger than allowed{detail}; split it, or raise RESTORATION_MAX_MEGABYTES.",
    Reason.ZERO_SIZED: "{name} has no pixels{detail}; scan it again.",
    Reason.MULTI_PAGE: "{name} contains more than one picture{detail}; {remedy}.",
    Reason.UNSUPPORTED: "{name} is a kind of image that is not supported{detail}; {remedy}.",
    Reason.NOT_A_FILE: "{name} is not a file{detail}; remove it from the inbox or rename it.",
    Reason.UNREADABLE: "{name} cannot be read{detail}; copy or scan it again.",
    Reason.DECODER_CRASHED: "{name} made the image decoder crash{detail}; the file is probably damaged. "
    "Copy or scan it again, or save it again with an image editor.",
    Reason.DECODER_TIMEOUT: "{name} could not be decoded in the time allowed{detail}; the file is probably damaged. "
    "Copy or scan it again, or raise RESTORATION_SCAN_TIMEOUT.",
    Reason.DECODER_MEMORY: "{name} needs more memory to decode than allowed{detail}; "
    "split it, or raise RESTORATION_SCAN_MEMORY_MEGABYTES.",
}
#: What to do, where it depends on the file.
REMEDIES: dict[Reason, str] = {
    Reason.MULTI_PAGE: "save each one as a separate file",
    Reason.UNSUPPORTED: f"save it as 8- or 16-bit grey, RGB or CMYK in {FORMATS}",
}


def rejection(reason: Reason, name: str, detail: str = "", remedy: str = "") -> UnreadableScan:
    """Return the error that rejects one scan.

    Args:
        reason: the code that is recorded.
        name: the file's name as found; it is escaped here.
        detail: what exactly is wrong, in a few words.
        remedy: what to do, for the reasons in `REMEDIES`; by default what is said there.
    """
    shown = f" ({escape(detail)})" if detail else ""
    remedy = remedy or REMEDIES.get(reason, "")
    sentence = SENTENCES[reason].format(name=escape(name), detail=shown, formats=FORMATS, remedy=remedy)
    return UnreadableScan(reason, sentence)
