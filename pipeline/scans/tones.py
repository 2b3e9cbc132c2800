"""Show the tones of linear and of very dark scans as a viewer would, and bring colours back to the scan's own tones.

Detectors and networks know pictures whose tones are spread for the eye. In a scan whose values are proportional to
light, and above all in one whose brightest area has some hundredths of the range, they would see black.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.mapped import release

VERSION = 1
"""Increase it when tones are chosen or stretched differently; it is part of every result's key."""

FULL = 65535
#: A scan is dark whose brightest area is below this share of the range.
DARK = 1 / 8
#: The brightest area is shown at this share of the range, so that brighter specks still differ from it.
HEADROOM = 0.9
#: White is this much above the brightest area.
MARGIN = 1.25
SIDE = 1024
#: Rows of the sample that are read at a time.
ROWS = 64
SPECK = 5
LEAST = 16
# Of PNG: cICP's transfer characteristic (ITU-T H.273), gAMA's value.
LINEAR_TRANSFER, LINEAR_GAMMA = 8, 100_000
NONE: Mapping[bytes, bytes] = {}


@dataclass(frozen=True, slots=True)
class Tones:
    """How a scan's values are shown: those up to `white` through the transfer curve of sRGB (IEC 61966-2-1).

    Attributes:
        white: 16-bit value of the scan shown as white, or just below it where brighter values are possible.
    """

    white: int

    @property
    def top(self) -> float:
        """How bright `white` is shown, 0..1."""
        return 1.0 if self.white >= FULL else HEADROOM

    @property
    def note(self) -> str:
        """What was done, as a sentence without a full stop."""
        kind = "linear" if self.white >= FULL else f"very dark, with white at {self.white / FULL:.1%} of the range"
        return f"its tones are {kind}: they were judged and filled as a viewer shows them"


def find_tones(pixels: NDArray[Any], profile: bytes | None, chunks: Mapping[bytes, bytes] = NONE) -> Tones | None:
    """Return how the tones of a scan have to be stretched; None for 8 bits and for ordinary tones.

    Args:
        pixels: (H,W) or (H,W,C), grey or RGB without alpha.
        profile: ICC profile; it may declare linear tones whatever the picture.
        chunks: of a PNG, which may do the same.
    """
    if pixels.dtype != np.uint16 or not pixels.size:
        return None
    bright = _brightest_area(pixels)
    if LEAST <= bright < DARK * FULL:
        return Tones(round(bright * MARGIN))
    return Tones(FULL) if _is_declared_linear(profile, chunks) else None


def _brightest_area(pixels: NDArray[np.uint16]) -> float:
    """Return how bright the brightest area is, 0..65535; specks and thin lines, which may be damage, do not count."""
    step = max(1, -(-max(pixels.shape[:2]) // SIDE))
    strips = []
    for top in range(0, len(pixels), ROWS * step):
        strips.append(pixels[top : top + ROWS * step : step, ::step].copy())
        release(pixels)
    sample = np.concatenate(strips)
    sample = sample.max(axis=2) if sample.ndim == 3 else sample
    return float(np.percentile(cv2.medianBlur(np.ascontiguousarray(sample), SPECK), 99.9))


def _is_declared_linear(profile: bytes | None, chunks: Mapping[bytes, bytes]) -> bool:
    """Return whether metadata declare linear values; in PNG, cICP comes before a profile, that before sRGB and gAMA."""
    if b"cICP" in chunks:
        return chunks[b"cICP"][1:2] == bytes([LINEAR_TRANSFER])
    if profile:
        return is_linear(profile)
    return b"sRGB" not in chunks and chunks.get(b"gAMA") == LINEAR_GAMMA.to_bytes(4, "big")


def is_linear(profile: bytes | None) -> bool:
    """Return whether the curves of an ICC profile (grey or RGB) are straight lines."""
    if not profile or len(profile) < 132:
        return False
    count = min(int.from_bytes(profile[128:132], "big"), 200)
    curves = []
    for at in range(132, 132 + 12 * count, 12):
        name, start, size = profile[at : at + 4], *(int.from_bytes(profile[n : n + 4], "big") for n in (at + 4, at + 8))
        if name in (b"kTRC", b"rTRC", b"gTRC", b"bTRC"):
            curves.append(_is_straight(profile[start : start + size]))
    return bool(curves) and all(curves)


def _is_straight(curve: bytes) -> bool:
    """Return whether a curve of a profile is a straight line: no points, a gamma of 1, or points in a row."""
    if curve[:4] == b"para" and len(curve) >= 16:
        return curve[8:10] == b"\0\0" and abs(struct.unpack(">i", curve[12:16])[0] / 65536 - 1) < 0.01
    if curve[:4] != b"curv" or len(curve) < 12:
        return False
    count = int.from_bytes(curve[8:12], "big")
    points = np.frombuffer(curve[12 : 12 + 2 * count], ">u2").astype(np.float64)
    if len(points) != count or count == 1:
        return count == 1 and len(points) == 1 and abs(points[0] / 256 - 1) < 0.01
    return bool(np.abs(points - np.linspace(0, FULL, count)).max(initial=0) < 0.005 * FULL)


def stretched(values: NDArray[np.uint16], tones: Tones) -> NDArray[np.uint16]:
    """Return the values of a scan, of any shape, as they are shown."""
    return np.take(_table(tones), values)


def unstretched(light: NDArray[np.float32], tones: Tones) -> NDArray[np.float32]:
    """Return shown colours in 0..1 in the scan's own tones, 0..1; what is brighter than white becomes white."""
    shown = np.clip(light / np.float32(tones.top), 0, 1).astype(np.float64)
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    result: NDArray[np.float32] = (linear * (tones.white / FULL)).astype(np.float32)
    return result


@lru_cache(maxsize=8)
def _table(tones: Tones) -> NDArray[np.uint16]:
    """Return how each of the 65,536 values is shown."""
    values = np.arange(FULL + 1, dtype=np.float64)
    linear = np.minimum(values / tones.white, 1)
    shown = tones.top * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    beyond = (values - tones.white) / max(1, FULL - tones.white)
    shown += (1 - tones.top) * np.clip(beyond, 0, 1)
    table: NDArray[np.uint16] = np.rint(np.clip(shown, 0, 1) * FULL).astype(np.uint16)
    return table
