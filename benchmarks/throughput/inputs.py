"""Make an inbox of damaged photographs with their painted masks, of any number, size and share of damage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Photographs of the folder of data, in the order in which they are taken.
FOLDERS = ("photos/public-domain", "photos/cc-by", "photos/unsplash")
WHITE = 245


@dataclass(frozen=True)
class Inbox:
    """What an inbox holds.

    Attributes:
        scans: how many.
        megapixels: of each.
        damage: share of each scan that is painted over, .029 as measured on 100 prints.
        extension: of the scans, `.jpg`, `.png` or `.tif`.
        data: folder with photographs; None for those that scikit-image brings.
    """

    scans: int
    megapixels: float = 1.0
    damage: float = 0.029
    extension: str = ".jpg"
    data: Path | None = None

    def of(self, **changes: float) -> Inbox:
        """Return the same with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


def fill_inbox(inbox: Inbox, folder: Path, *, masks: bool = True) -> Path:
    """Write the scans into a new folder, each with its mask beside it, and return the folder.

    Args:
        masks: without them the detector has to find the damage.
    """
    folder.mkdir(parents=True)
    photographs = _photographs(inbox.data)
    for number in range(inbox.scans):
        pixels, mask = damaged_scan(inbox, number, next(photographs))
        Image.fromarray(pixels).save(folder / f"scan {number:05d}{inbox.extension}", quality=92)
        if masks and inbox.damage:
            Image.fromarray(mask).save(folder / f"scan {number:05d}.mask.png")
    return folder


def damaged_scan(
    inbox: Inbox, number: int, photograph: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a scan (H,W,3) with its damage painted white, and the mask (H,W) of it."""
    width = round((inbox.megapixels * 1e6 * 4 / 3) ** 0.5)
    pixels = mirrored(photograph, round(inbox.megapixels * 1e6 / width), width)
    mask = paint(*pixels.shape[:2], inbox.damage, seed=number)
    pixels[mask > 0] = WHITE
    return pixels, mask


def paint(height: int, width: int, share: float, seed: int) -> NDArray[np.uint8]:
    """Return a mask (H,W) as people paint them: a few strokes and spots, broader than the damage, in some places."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    places = rng.uniform((0.1, 0.1), (0.9, 0.9), (max(1, round(height * width / 250_000)), 2)) * (width, height)
    while cv2.countNonZero(mask) < share * mask.size:
        x, y = (places[rng.integers(len(places))] + rng.normal(0, 60, 2)).astype(int).tolist()
        if rng.random() < 0.6:
            steps = rng.normal(0, 1, (6, 2)) * rng.uniform(8, 40)
            points = np.cumsum(np.vstack([[x, y], steps]), axis=0).astype(np.int32)
            cv2.polylines(mask, [points[:, None]], False, 255, int(rng.integers(4, 13)))
        else:
            axes = (int(rng.integers(5, 40)), int(rng.integers(5, 30)))
            cv2.ellipse(mask, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return mask


def mirrored(photograph: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a photograph repeated to a size and mirrored at each seam: no enlargement softens its grain."""
    down, across = height - photograph.shape[0], width - photograph.shape[1]
    wide = cv2.copyMakeBorder(photograph, 0, max(0, down), 0, max(0, across), cv2.BORDER_REFLECT)
    return np.ascontiguousarray(wide[:height, :width])


def _photographs(data: Path | None) -> Iterator[NDArray[np.uint8]]:
    """Yield photographs (H,W,3) without end, each time in the same order."""
    if data is None:
        import skimage.data

        own = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
        while True:
            yield from own
    files = sorted(file for folder in FOLDERS for file in (data / folder).rglob("*.jpg"))
    if not files:
        raise SystemExit(f"{data}: no photographs below {', '.join(FOLDERS)}")
    # Every seventeenth: neighbours are often of one series.
    while True:
        for first in range(17):
            for file in files[first::17]:
                with Image.open(io.BytesIO(file.read_bytes())) as image:
                    yield np.asarray(image.convert("RGB"))
