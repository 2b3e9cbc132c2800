"""Engine `biharmonic`: smooth continuation by the biharmonic equation, of scikit-image."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.engines.interface import BoolMask, Engine, FloatImage, WindowLayout


class BiharmonicEngine:
    """Solve the biharmonic equation in each hole, in float64; all bit depths keep their precision.

    Damelin and Hoang, On Surface Completion and Image Inpainting by Biharmonic Functions, 2018. The time grows faster
    than the area of a hole.
    """

    name = "biharmonic"
    layout = WindowLayout(sizes=tuple(range(64, 513, 16)), context=32, depth=36, batch_pixels=1 << 18)

    def __init__(self) -> None:
        from importlib.metadata import version

        self.digest = hashlib.sha256(b"scikit-image biharmonic v1").hexdigest()
        self.runtime = f"scikit-image {version('scikit-image')} on cpu"

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the windows with their holes filled; see :class:`Engine`."""
        from skimage.restoration import inpaint_biharmonic

        result = np.empty_like(images)
        for image, hole, out in zip(images, holes, result, strict=True):
            grey = bool((image[:, :, :1] == image).all())
            planes = image[:, :, :1] if grey else image
            out[:] = inpaint_biharmonic(planes.astype(np.float64), hole, split_into_regions=True, channel_axis=2)
        return result

    def fallback(self) -> Engine | None:
        """Return ``None``: this engine runs on the CPU already."""
        return None
