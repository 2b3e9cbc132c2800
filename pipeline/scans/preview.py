"""Draw small pictures for reports, digests and review: upright, in sRGB."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipeline.imaging.reduce import reduce
from pipeline.scans.colour import viewed_channels, visible_channels
from pipeline.scans.model import Scan

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def oriented_preview(source: Scan | NDArray[Any], orientation: int, long_side: int) -> Image.Image:
    """Return an 8-bit picture, `L` or `RGB`, as viewers show it; never larger than the scan.

    Args:
        source: a scan (whose profile is then applied), or pixels (H,W) or (H,W,3 or 4) of uint8 or uint16; a fourth
            channel is ignored.
        orientation: EXIF orientation, 1 to 8.
        long_side: the longer side's maximum in pixels.
    """
    profile = source.metadata.icc if isinstance(source, Scan) else None
    if isinstance(source, Scan) and not (source.mode == "CMYK" and profile):
        # A profile says itself how its tones are shown.
        pixels = visible_channels(source) if profile else viewed_channels(source)
    else:
        pixels = source.pixels if isinstance(source, Scan) else source
    small = _reduced(pixels, long_side)
    is_ink = isinstance(source, Scan) and source.mode == "CMYK" and small.ndim == 3 and small.shape[2] == 4
    if small.ndim == 3 and small.shape[2] != 3 and not is_ink:
        small = small[..., 0] if small.shape[2] < 3 else small[..., :3]
    image = Image.fromarray(np.ascontiguousarray(small), "CMYK" if is_ink else None)
    if profile:
        image = _in_srgb(image, profile)
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _reduced(pixels: NDArray[Any], long_side: int) -> NDArray[np.uint8]:
    """Return pixels in 8 bits, reduced so that the longer side fits."""
    pixels = reduce(pixels, long_side)
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    return pixels.astype(np.uint8, copy=False)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return a picture in sRGB; unconverted where its profile is broken or does not fit."""
    target = "L" if image.mode == "L" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert(target)
    return converted.convert(target) if converted is not None else image.convert(target)
