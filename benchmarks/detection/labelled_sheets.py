"""Sheets of labelled scans: the scan; what is right, missed and wrong on it; what an unattended run makes of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.detection.labelled import LabelledScan
from benchmarks.detection.restored import fill
from benchmarks.detection.scores import Plane
from benchmarks.detection.unattended import UnattendedFill
from pipeline.engines import Engine
from pipeline.metrics.tolerance import tolerated

#: Filled: damage or not; damage that is neither filled nor suggested; only suggested: damage or not.
HIT, FALSE, MISSED, SUSPECTED, DOUBTED = (0, 200, 0), (255, 0, 0), (40, 90, 255), (0, 220, 220), (255, 170, 0)
#: Height in pixels from which a scan is shown at its own size; smaller ones are enlarged.
SHOWN = 720


class SheetWriter:
    """Writes a sheet of each labelled scan to `folder/DETECTOR/STEM.png`.

    Left the scan; in the middle, darkened, hits (green), misses (blue), false fills (red), and what is only suggested
    (turquoise where it is damage, else orange), with grey where no one can tell; right the scan as it is filled.
    """

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine = folder, engine

    def __call__(self, detector: str, scan: LabelledScan, unattended: UnattendedFill) -> None:
        """Write the sheet of one scan."""
        folder = self.folder / detector.replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True)
        shown = scan.pixels if scan.pixels.ndim == 3 else np.asarray(cv2.merge([scan.pixels] * 3), np.uint8)
        filled = fill(shown, unattended.fill, self.engine) if unattended.fill.any() else shown
        panels = [_enlarged(panel) for panel in (shown, _overlay(shown, scan, unattended), filled)]
        cv2.imwrite(str(folder / f"{scan.name}.png"), np.hstack(panels)[:, :, ::-1])


def _overlay(shown: Plane, scan: LabelledScan, unattended: UnattendedFill) -> Plane:
    damaged, near = scan.truth > 0, tolerated(scan.truth) > 0
    filled, suspected = unattended.found > 0, unattended.suspected > 0
    result = (shown * 0.6).astype(np.uint8)
    result[scan.ignored] = result[scan.ignored] // 2 + 90
    result[damaged] = MISSED
    result[suspected & ~near] = DOUBTED
    result[damaged & (tolerated(unattended.suspected) > 0)] = SUSPECTED
    result[damaged & (tolerated(unattended.found) > 0)] = HIT
    result[filled & ~near & ~scan.ignored] = FALSE
    return result


def _enlarged(panel: Plane) -> Plane:
    factor = max(1, round(SHOWN / panel.shape[0]))
    return np.asarray(cv2.resize(panel, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8)
