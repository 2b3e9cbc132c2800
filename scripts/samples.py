"""The sample inbox of the demo: photographs that ship with scikit-image, damaged, so that originals are known."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pipeline.simulation import simulate


@dataclass(frozen=True)
class SamplePhoto:
    """One photograph of the inbox.

    Attributes:
        path: relative to the inbox; its suffix decides the format.
        source: name of a function of `skimage.data`, or of a file that is bundled with it.
        kinds: of damage to draw; empty for an undamaged scan.
        bits: 8 or 16 for each channel.
        grey: whether it is stored in grey.
        painted: whether a mask is put beside it, as a person would paint it.
    """

    path: str
    source: str
    kinds: tuple[str, ...]
    bits: int = 8
    grey: bool = False
    painted: bool = False


SAMPLES = (
    SamplePhoto("portraits/astronaut.png", "astronaut", ("scratch", "dust", "hair"), painted=True),
    SamplePhoto("portraits/cameraman.tif", "camera", ("scratch", "dust"), bits=16, grey=True),
    SamplePhoto("portraits/Kätzchen (1951).jpg", "chelsea", ("crack", "dust")),
    SamplePhoto("glass plates/moon.png", "moon", ("dust", "hair", "scratch"), bits=16, grey=True),
    SamplePhoto("glass plates/coins.tif", "coins", ("scratch", "flake"), grey=True, painted=True),
    SamplePhoto("album 7/coffee.tif", "coffee", ("crease", "dust"), bits=16),
    SamplePhoto("album 7/rocket.jpg", "rocket", ("scratch", "hair", "dust")),
    SamplePhoto("album 7/motorcycle.png", "motorcycle_left.png", ("tear", "scratch"), painted=True),
    SamplePhoto("album 7/motorcycle, undamaged.png", "motorcycle_right.png", ()),
)


def make(inbox: Path, originals: Path) -> list[str]:
    """Write the inbox, and the undamaged originals to another folder; the same bytes every time.

    Returns:
        The paths of the scans below the inbox, among them two files that cannot be read.
    """
    for number, sample in enumerate(SAMPLES):
        picture = _picture(sample)
        mask = np.zeros(picture.shape[:2], np.uint8)
        if sample.kinds:
            rng = np.random.default_rng(1000 + number)
            damaged = simulate(picture, rng, sample.kinds, severity=0.8, ageing=0.3)
            original, picture, mask = damaged.original, damaged.pixels, damaged.mask
            _write((originals / sample.path).with_suffix(".tif"), original)
        _write(inbox / sample.path, picture)
        if sample.painted:
            _write((inbox / sample.path).with_suffix(".mask.png"), cv2.dilate(mask, np.ones((3, 3), np.uint8)))
    whole = (inbox / "album 7/rocket.jpg").read_bytes()
    (inbox / "album 7/half a file.jpg").write_bytes(whole[: len(whole) // 2])
    (inbox / "notes.jpg").write_text("Box 7: the album of 1951. Two plates are missing.\n", encoding="utf-8")
    return [sample.path for sample in SAMPLES] + ["album 7/half a file.jpg", "notes.jpg"]


def _picture(sample: SamplePhoto) -> NDArray[Any]:
    """Return an undamaged picture at the bit depth of the sample."""
    bundled = Path(skimage.data.data_dir) / sample.source
    picture: NDArray[Any]
    if bundled.suffix:
        picture = np.asarray(Image.open(bundled).convert("RGB"))
    else:
        picture = getattr(skimage.data, sample.source)()
    picture = np.ascontiguousarray(picture[..., :3]) if picture.ndim == 3 else picture
    if sample.bits == 16:
        # With values between the 8-bit levels, as from a scanner.
        smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.6)
        return np.clip(smooth * 257, 0, 65535).round().astype(np.uint16)
    return picture


def _write(path: Path, pixels: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    if path.suffix == ".tif":
        photometric = "rgb" if pixels.ndim == 3 else "minisblack"
        tifffile.imwrite(buffer, pixels, photometric=photometric, compression="zlib", resolution=(300, 300))
    elif pixels.dtype == np.uint16:
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
        buffer.write(cv2.imencode(".png", bgr)[1].tobytes())
    elif path.suffix == ".jpg":
        Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0, dpi=(300, 300))
    else:
        Image.fromarray(pixels).save(buffer, "PNG", dpi=(300, 300))
    path.write_bytes(buffer.getvalue())
