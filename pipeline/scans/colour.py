"""Convert between a scan's own channels and the RGB that detectors and engines work on."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.mapped import release, scratch
from pipeline.scans.depth import to_full_range
from pipeline.scans.model import Scan
from pipeline.scans.tones import stretched, unstretched

FloatImage = NDArray[np.float32]

VERSION = 3
"""Increase it when a fill's colours are brought to a scan's channels differently; it is part of every result's key."""

ROWS = 256


def visible_channels(scan: Scan) -> NDArray[Any]:
    """Return the colour channels at native depth: (H,W) grey or (H,W,3) RGB, without alpha.

    CMYK becomes RGB by (1 - ink) · (1 - black): not the print's exact colour, but monotonic in it and inverted by
    `native_values`.
    """
    pixels = scan.pixels
    if scan.mode == "L":
        return pixels
    if scan.mode == "LA":
        return pixels[..., 0]
    if scan.mode != "CMYK":
        return pixels[..., :3]
    full = np.iinfo(pixels.dtype).max
    result = scratch((*pixels.shape[:2], 3), pixels.dtype)
    # Row by row: products of 16-bit values need 32 bits, which would be a lot of memory for a whole scan.
    for row, inks in zip(result, pixels, strict=True):
        light = full - inks.astype(np.uint32)
        row[:] = (light[:, :3] * light[:, 3:] + full // 2) // full
    return result


def viewed_channels(scan: Scan) -> NDArray[Any]:
    """Return the colour channels as a viewer shows them: tones of linear and very dark scans are stretched."""
    seen = visible_channels(scan)
    if not scan.tones:
        return seen
    result = scratch(seen.shape, seen.dtype)
    for top in range(0, len(seen), ROWS):
        result[top : top + ROWS] = stretched(seen[top : top + ROWS], scan.tones)
        release(seen)
        release(result)
    return result


def colour(scan: Scan) -> FloatImage:
    """Return the scan as a viewer shows it, as RGB (H,W,3), float32 in 0..1; grey is repeated."""
    seen = viewed_channels(scan)
    scale = np.float32(1 / np.iinfo(seen.dtype).max)
    if seen.ndim == 2:
        return np.repeat((seen * scale)[..., None], 3, axis=2)
    result: FloatImage = np.multiply(seen, scale, dtype=np.float32)
    return result


def native_values(scan: Scan, mask: NDArray[np.uint8], colours: FloatImage) -> NDArray[Any]:
    """Return colours in a scan's own channels and depth: (N,) for grey, else (N,C).

    Args:
        mask: (H,W), non-zero at the N damaged pixels.
        colours: (N,3) float32 in 0..1, as `viewed_channels` shows them, in the order of `scan.pixels[mask > 0]`.

    Alpha is kept. In CMYK, black has the same share in a fill's darkness as around the damage, so that both print
    alike. Where the whole picture is neutral, so are the fills. Values of fewer than 8 or 16 bits are rounded to those
    that the scan can store.
    """
    full = np.iinfo(scan.pixels.dtype).max
    light = np.clip(colours, 0.0, 1.0)
    if scan.mode == "L" or scan.mode == "LA":
        light = _grey(light)
    elif is_neutral(scan, mask):
        light = np.repeat(_grey(light)[:, None], 3, axis=1)
    if scan.tones:
        light = unstretched(light, scan.tones)

    def scaled(values: NDArray[Any]) -> NDArray[Any]:
        if bits := scan.info.stored_bits:
            levels: NDArray[Any] = to_full_range(np.rint(values * (2**bits - 1)).astype(np.uint16), bits)
            return levels
        result: NDArray[Any] = np.rint(values * full).astype(scan.pixels.dtype)
        return result

    if scan.mode in ("L", "RGB"):
        return scaled(light)
    if scan.mode == "CMYK":
        return scaled(_inks(light, _black_share(scan, mask)))
    values = _masked(scan.pixels, mask)
    if scan.mode == "LA":
        values[:, 0] = scaled(light)
    else:
        values[:, :3] = scaled(light)
    return values


def _masked(pixels: NDArray[Any], mask: NDArray[np.uint8]) -> NDArray[Any]:
    """Return a copy of the pixels (N,C) where the mask is not 0, in strips: indices take more memory than pixels."""
    strips = []
    for top in range(0, len(pixels), ROWS):
        strips.append(pixels[top : top + ROWS][mask[top : top + ROWS] > 0])
        release(pixels)
    return np.concatenate(strips)


def is_neutral(scan: Scan, mask: NDArray[np.uint8]) -> bool:
    """Return whether a scan in colour is grey: its colour channels are equal at every pixel outside the mask."""
    is_seen = False
    for top in range(0, len(scan.pixels), ROWS):
        rows, intact = scan.pixels[top : top + ROWS], mask[top : top + ROWS] == 0
        is_seen = is_seen or bool(intact.any())
        first, second, third = rows[..., 0], rows[..., 1], rows[..., 2]
        if (((first != second) | (second != third)) & intact).any():
            return False
        release(scan.pixels)
    return is_seen


def _grey(light: FloatImage) -> FloatImage:
    """Return the mean of three channels (N,): for a grey scan an engine returns three nearly equal ones."""
    result: FloatImage = light.mean(axis=-1, dtype=np.float32)
    return result


def _inks(light: FloatImage, share: float) -> FloatImage:
    """Return colours (N,3) as CMYK inks (N,4) in 0..1, of whose darkness black takes a share."""
    black = share * (1 - light.max(axis=1, keepdims=True))
    rest = np.maximum(1 - black, 1e-6)
    return np.concatenate((np.clip(1 - light / rest, 0, 1), black), axis=1)


def _black_share(scan: Scan, mask: NDArray[np.uint8]) -> float:
    """Return the share of black in the darkness around the damage, 0..1, by least squares."""
    damaged = (mask > 0).astype(np.uint8)
    rim = (cv2.dilate(damaged, np.ones((9, 9), np.uint8)) > 0) & (damaged == 0)
    inks = scan.pixels[rim].astype(np.float64) / np.iinfo(scan.pixels.dtype).max
    if not len(inks):
        return 1.0
    dark = 1 - (1 - inks[:, :3].min(axis=1)) * (1 - inks[:, 3])
    weight = float((dark * dark).sum())
    return min(1.0, float((dark * inks[:, 3]).sum()) / weight) if weight else 1.0
