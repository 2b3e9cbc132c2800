"""Hole masks composed of scanned film artefacts, with the shapes of real dust, hairs and scratches."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Hole

Alpha = NDArray[np.uint8]

HOLD_OUT_EVERY = 5


def load_artefacts(folder: Path, *, held_out: bool = False) -> dict[str, list[Alpha]]:
    """Return the artefacts' alpha planes (H,W) uint8 by kind, a kind being a folder of PNG files.

    Of each kind the files at index 0, 5, 10 … in sorted order are held out for measuring; with ``held_out`` those are
    returned, otherwise the rest. A folder without artefacts gives an empty result.
    """
    artefacts: dict[str, list[Alpha]] = {}
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        planes: list[Alpha] = []
        for index, path in enumerate(sorted(kind.glob("*.png"))):
            if (index % HOLD_OUT_EVERY == 0) != held_out:
                continue
            plane = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
            if plane is not None:
                planes.append(plane.astype(np.uint8, copy=False))
        if planes:
            artefacts[kind.name] = planes
    return artefacts


def _stamp(canvas: NDArray[np.uint8], plane: Alpha, rng: np.random.Generator) -> None:
    """Draw an artefact on the canvas at a random place, rotated and scaled at random."""
    size = canvas.shape[0]
    scale = float(rng.uniform(0.35, 1.1)) * min(1.0, size / max(plane.shape))
    turn = cv2.getRotationMatrix2D((plane.shape[1] / 2, plane.shape[0] / 2), float(rng.uniform(0, 360)), scale)
    turn[:, 2] += rng.uniform(0, size, 2) - np.array([plane.shape[1] / 2, plane.shape[0] / 2])
    placed = cv2.warpAffine(plane, turn, (size, size), flags=cv2.INTER_LINEAR)
    np.maximum(canvas, placed.astype(np.uint8, copy=False), out=canvas)


def compose_hole(artefacts: dict[str, list[Alpha]], rng: np.random.Generator, size: int) -> Hole:
    """Return a hole (size,size) bool of one to eight artefacts, mostly dilated by a pixel; not empty, at most 40 %."""
    kinds = list(artefacts)
    for _ in range(50):
        canvas = np.zeros((size, size), np.uint8)
        for _ in range(int(rng.integers(1, 9))):
            planes = artefacts[kinds[int(rng.integers(len(kinds)))]]
            _stamp(canvas, planes[int(rng.integers(len(planes)))], rng)
        mask = (canvas > 60).astype(np.uint8)
        if rng.random() < 0.7:
            mask = cv2.dilate(mask, np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)
        if 0 < mask.mean() <= 0.4:
            return mask > 0
    mask = np.zeros((size, size), np.uint8)
    mask[size // 2] = 1
    return mask > 0
