"""Engines `telea` and `navier-stokes`: two classical methods, by OpenCV."""

from __future__ import annotations

import hashlib
from typing import Literal

import cv2
import numpy as np

from pipeline.engines.interface import BoolMask, Engine, FloatImage, WindowLayout

RADIUS = 3
"""Radius in pixels of the neighbourhood that each missing pixel is computed from; OpenCV's usual one."""

SCALE = np.float32(65535)

METHODS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


class OpenCVEngine:
    """Fill each channel separately, as float32 on the scale of 16 bits: every scan keeps its precision.

    `telea`: Telea, An Image Inpainting Technique Based on the Fast Marching Method, 2004. `navier-stokes`: Bertalmio,
    Bertozzi, Sapiro, Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting, CVPR 2001. OpenCV's Telea adds
    up to 1.4 units to each pixel by a term of direction without regard to the range; on this scale that is nothing,
    and results are 0.2 dB better than on 8-bit pixels.
    """

    layout = WindowLayout(sizes=tuple(range(64, 1025, 16)), context=32, depth=256, batch_pixels=1 << 18)

    def __init__(self, name: Literal["telea", "navier-stokes"]) -> None:
        self.name: str = name
        self.digest = hashlib.sha256(f"opencv {name} radius {RADIUS} float32 x 65535 v1".encode()).hexdigest()
        self.runtime = f"opencv {cv2.__version__} on cpu"

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the windows with their holes filled; see :class:`Engine`."""
        result = np.empty_like(images)
        for image, hole, out in zip(images, holes, result, strict=True):
            mask = hole.astype(np.uint8)
            grey = bool((image[:, :, :1] == image).all())
            for channel in range(1 if grey else 3):
                plane = image[:, :, channel] * SCALE
                out[:, :, channel] = cv2.inpaint(plane, mask, RADIUS, METHODS[self.name]) / SCALE
            if grey:
                out[:, :, 1:] = out[:, :, :1]
        return result

    def fallback(self) -> Engine | None:
        """Return ``None``: this engine runs on the CPU already."""
        return None
