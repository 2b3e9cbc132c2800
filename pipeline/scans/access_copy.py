"""Make a copy of a picture for the reading room: a JPEG in sRGB, upright, of limited size, that says what it is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import cv2
import imagecodecs
import numpy as np
from lxml import etree
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, ImageFont

from pipeline.imaging.orientation import upright
from pipeline.scans.colour import viewed_channels, visible_channels
from pipeline.scans.model import Scan
from pipeline.scans.xmp import DESCRIPTION, parse, rdf_of, serialise

#: What a JPEG's marker can hold of an XMP packet (XMP specification, part 3, 1.1.3).
LONGEST_XMP = 65_502
#: Namespaces of properties that describe the file they come from: its size, orientation, camera settings, thumbnails.
OF_THE_FILE = (
    "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/", "http://cipa.jp/exif/1.0/",
    "http://ns.adobe.com/camera-raw-settings/1.0/",
)  # fmt: skip
RELATIVE_COLORIMETRIC, BLACK_POINT_COMPENSATION = 1, 0x2000
SPACES = {"L": "gray", "LA": "gray", "RGB": "rgb", "RGBA": "rgb", "CMYK": "cmyk"}
#: Values of TIFF's ExtraSamples.
UNSPECIFIED, ASSOCIATED = 0, 1
#: Height of the note's letters, and of the band below the picture, as shares of the longer side.
LETTERS, BAND = 1 / 60, 1 / 28
SMALLEST_LETTERS = 9


def access_jpeg(scan: Scan, *, long_side: int, quality: int, packets: Sequence[bytes | None], note: str = "") -> bytes:
    """Return a picture as JPEG: 8-bit sRGB by its profile (relative colorimetric), turned upright, with its profile.

    Without a profile, RGB and grey are taken for sRGB, linear and very dark tones are spread as for a viewer, and CMYK
    is converted by its inks alone. What is transparent lies on white, as viewers show it; where all of a picture is
    transparent its colours are shown, since somebody meant them to be seen. Of the master's metadata only XMP is in it.

    Args:
        long_side: maximum of the longer side in pixels, without the note; never larger than the scan.
        quality: of JPEG, 1 to 95.
        packets: XMP, the first that a JPEG can hold; what describes the master's file is left out.
        note: a line below the picture, in a band of its own, so that it covers nothing; empty for none.
    """
    flat = _on_white(_in_srgb(scan, long_side), scan, long_side)
    picture = Image.fromarray(np.ascontiguousarray(upright(flat, scan.info.orientation)))
    if note:
        picture = _with_note(picture, note)
    target = io.BytesIO()
    xmp = next((one for one in map(_of_the_picture, packets) if one and len(one) <= LONGEST_XMP), None)
    picture.save(target, "JPEG", quality=quality, optimize=True, icc_profile=_srgb(), xmp=xmp)
    return target.getvalue()


def _in_srgb(scan: Scan, long_side: int) -> NDArray[np.uint8]:
    """Return reduced pixels (H,W,3) uint8 in sRGB, as stored."""
    profile = scan.metadata.icc
    if profile:
        # 16 bits until the profile is applied: a wide gamut in 8 bits shows steps in skies.
        own = scan.pixels if scan.mode == "CMYK" else visible_channels(scan)
        try:
            found: NDArray[np.uint8] = imagecodecs.cms_transform(
                np.ascontiguousarray(_reduced(own, long_side)), profile, _srgb(), colorspace=SPACES[scan.mode],
                outcolorspace="rgb", outdtype="uint8", intent=RELATIVE_COLORIMETRIC, flags=BLACK_POINT_COMPENSATION,
            )  # fmt: skip
            return found
        except (imagecodecs.CmsError, ValueError, RuntimeError):
            # A broken profile, or one of other channels than the picture's.
            pass
    small = _reduced(viewed_channels(scan), long_side)
    if small.dtype == np.uint16:
        small = np.rint(small.astype(np.float32) / 257).astype(np.uint8)
    return np.repeat(small[..., None], 3, axis=2) if small.ndim == 2 else small


def _on_white(pixels: NDArray[np.uint8], scan: Scan, long_side: int) -> NDArray[np.uint8]:
    """Return reduced pixels (H,W,3) as they look on white paper, by the scan's transparency."""
    # A fourth channel of a TIFF that is not declared as transparency may be anything, such as infrared.
    if scan.mode not in ("LA", "RGBA") or scan.metadata.alpha_kind == UNSPECIFIED:
        return pixels
    alpha = _reduced(np.ascontiguousarray(scan.pixels[..., -1]), long_side)
    share = (alpha / np.float32(np.iinfo(alpha.dtype).max))[..., np.newaxis]
    if not share.any() or share.min() == 1:
        return pixels
    # Associated alpha: the colours are multiplied by it already.
    own = pixels.astype(np.float32) if scan.metadata.alpha_kind == ASSOCIATED else pixels * share
    mixed: NDArray[np.uint8] = np.rint(np.clip(own + 255 * (1 - share), 0, 255)).astype(np.uint8)
    return mixed


def _reduced(pixels: NDArray[Any], long_side: int) -> NDArray[Any]:
    """Return pixels averaged so that the longer side fits."""
    height, width = pixels.shape[:2]
    factor = min(1.0, long_side / max(height, width))
    if factor == 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _with_note(picture: Image.Image, note: str) -> Image.Image:
    """Return a picture with a line of text in a white band below it, in letters that let it fit."""
    side = max(picture.size)
    size = max(SMALLEST_LETTERS, round(side * LETTERS))
    band = max(round(side * BAND), 2 * size)
    text = " ".join(note.split())
    font = ImageFont.load_default(size)
    while font.getlength(text) > picture.width - size and size > SMALLEST_LETTERS:
        size -= 1
        font = ImageFont.load_default(size)
    result = Image.new("RGB", (picture.width, picture.height + band), "white")
    result.paste(picture)
    place = (size / 2, picture.height + band / 2)
    ImageDraw.Draw(result).text(place, text, fill=(30, 30, 30), font=font, anchor="lm")
    return result


def _of_the_picture(packet: bytes | None) -> bytes | None:
    """Return a packet without properties of the file that it was written for; None where it is no XMP."""
    root = parse(packet)
    rdf = None if root is None else rdf_of(root)
    if root is None or rdf is None:
        return None
    for described in rdf.iterchildren(DESCRIPTION):
        for name in [name for name in described.attrib if etree.QName(name).namespace in OF_THE_FILE]:
            del described.attrib[name]
        for child in list(described):
            if isinstance(child.tag, str) and etree.QName(child).namespace in OF_THE_FILE:
                described.remove(child)
    return serialise(root)
