"""A small inbox with scans of several kinds, and their outcomes."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import skimage.data
from image_files import png, saved
from PIL import Image


def scratched(name: str, extension: str = ".png") -> tuple[bytes, bytes]:
    """Return a bundled picture with a white scratch, and the mask of that scratch, as files."""
    picture = np.ascontiguousarray(getattr(skimage.data, name)()[:192, :256])
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.line(mask, (20, 30), (220, 150), 255, 3)
    picture[mask > 0] = 255
    kind = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[extension]
    return saved(Image.fromarray(picture), kind), png(mask)


# What must become of these files of the inbox.
EXPECTED = {
    "box 1/Grüße <b>.png": "restored",
    "half.png": "quarantined",
    "notes.jpg": "quarantined",
}


def inbox() -> dict[str, bytes]:
    """Return a small inbox by name: one scan with its mask, one without, one undamaged, two that cannot be read."""
    scan, mask = scratched("astronaut")
    other, _ = scratched("camera", ".tif")
    return {
        "box 1/Grüße <b>.png": scan,
        "box 1/Grüße <b>.mask.png": mask,
        "box 1/grey.tif": other,
        "half.png": scan[: len(scan) // 2],
        "notes.jpg": b"no picture at all",
    }


def outcomes(report: bytes) -> dict[str, str]:
    """Return the outcome of each scan from a batch's table."""
    return {row["path"]: row["outcome"] for row in pq.read_table(io.BytesIO(report)).to_pylist()}


def write_inbox(folder: Path) -> dict[Path, bytes]:
    """Write the small inbox into a folder, and return what each file holds."""
    files = {folder / name: data for name, data in inbox().items()}
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return files
