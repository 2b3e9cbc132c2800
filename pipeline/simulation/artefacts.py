"""Load scanned artefacts: alpha planes of real hair, lint and dirt, used besides drawn damage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.shapes import Field, Layer

#: Folder of the bank → kind of damage it is drawn for.
FOLDERS = {
    "hair": "hair", "hair-short": "hair", "lint": "lint", "dirt": "dust", "dots": "dust", "spots": "dust",
    "sprinkles": "dust", "smut": "dust", "scratches": "scratch", "stain": "stain",
}  # fmt: skip
HELD_OUT_EVERY = 5


class ArtefactBank:
    """Alpha planes of scanned artefacts by kind of damage.

    Args:
        planes: for each kind, 8-bit grey alpha planes at the size they have on a picture of 512 px.
    """

    def __init__(self, planes: dict[str, list[NDArray[np.uint8]]]) -> None:
        self.planes = planes

    @classmethod
    def load(cls, folder: Path, *, held_out: bool = False, kinds: Sequence[str] = tuple(FOLDERS)) -> ArtefactBank:
        """Return the artefacts below `folder`, one subfolder per kind.

        Args:
            folder: holds `hair/`, `lint/` and so on, each with 8-bit grey images.
            held_out: False leaves out every fifth file of each sorted folder, True returns only those.
            kinds: names of the subfolders to use.
        """
        planes: dict[str, list[NDArray[np.uint8]]] = {}
        for name in kinds:
            files = sorted((folder / name).glob("*.png"))
            for index, path in enumerate(files):
                if (index % HELD_OUT_EVERY == 0) != held_out:
                    continue
                plane = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
                if plane is not None:
                    planes.setdefault(FOLDERS[name], []).append(plane.astype(np.uint8, copy=False))
        return cls(planes)

    def draw(
        self, kind: str, rng: np.random.Generator, shape: tuple[int, int], unit: float, colour: Field, opacity: float,
        magnification: float = 1.0,
    ) -> Layer | None:  # fmt: skip
        """Return one artefact of a kind, rotated, scaled and placed at random; None where there is none of that kind.

        `magnification` multiplies its usual size: an enlarged small negative shows its dust enlarged.
        """
        choices = self.planes.get(kind)
        if not choices:
            return None
        plane = choices[int(rng.integers(len(choices)))]
        scale = min(float(unit * rng.uniform(0.35, 1.1)) * magnification, 2.0 * max(shape) / max(plane.shape))
        size = (max(3, int(plane.shape[1] * scale)), max(3, int(plane.shape[0] * scale)))
        plane = np.asarray(
            cv2.resize(plane, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8
        )
        angle = float(rng.uniform(0, 360))
        side = int(np.hypot(*plane.shape)) + 2
        turn = cv2.getRotationMatrix2D((plane.shape[1] / 2, plane.shape[0] / 2), angle, 1.0)
        turn[0, 2] += (side - plane.shape[1]) / 2
        turn[1, 2] += (side - plane.shape[0]) / 2
        alpha = cv2.warpAffine(plane, turn, (side, side), flags=cv2.INTER_LINEAR).astype(np.float32)
        peak = max(float(alpha.max()), 1.0)
        alpha *= np.float32(opacity / peak)
        top, left = (int(rng.integers(-side // 2, max(1, n - side // 2))) for n in shape)
        return Layer(top, left, alpha, colour, "stain" if kind == "stain" else "cover")
