"""Cost of detection beside inpainting: seconds and peak memory of one picture, each in a fresh process."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.detection.scores import Plane
from benchmarks.speed import draw_damage, peak_memory


def picture(megapixels: float) -> Plane:
    """Return a photograph (H,W,3) repeated to a size, by tiles: no blank areas, no enlargement's blur."""
    import skimage.data

    side = round((megapixels * 1e6) ** 0.5)
    tile = np.asarray(skimage.data.astronaut(), np.uint8)
    result = np.empty((side, side, 3), np.uint8)
    for top in range(0, side, len(tile)):
        for left in range(0, side, len(tile)):
            place = result[top : top + len(tile), left : left + len(tile)]
            place[:] = tile[: place.shape[0], : place.shape[1]]
    return result


def cost(name: str, weights: Path | None, megapixels: float, threads: int = 1) -> dict[str, float | str]:
    """Return processor seconds and clock seconds a megapixel and the peak in MiB; measured in this process.

    Args:
        name: a detector, or `inpainting` for engine `rn` on 2 % damage.
        weights: of the learned detector; the shipped ones when None.
        megapixels: of the picture.
        threads: that OpenCV may use.
    """
    from pipeline.detection.load import load_detector
    from pipeline.engines import Job, inpaint, load_engine

    cv2.setNumThreads(threads)
    scan = picture(megapixels)
    small = scan[:256, :256]
    if name == "inpainting":
        engine, mask = load_engine("rn"), draw_damage(*scan.shape[:2], 0.02)
        runtime = getattr(engine, "runtime", "")
        list(inpaint([Job("warm", small, draw_damage(256, 256, 0.05))], engine))
        started = (time.process_time(), time.perf_counter())
        list(inpaint([Job("scan", scan, mask)], engine))
    else:
        detector = load_detector(name, weights=weights)
        runtime = getattr(detector, "runtime", "")
        detector.detect(small)
        started = (time.process_time(), time.perf_counter())
        detector.detect(scan)
    spent, clock = time.process_time() - started[0], time.perf_counter() - started[1]
    return {
        "megapixels": megapixels,
        "cpu_seconds_per_megapixel": round(spent / megapixels, 3),
        "seconds_per_megapixel": round(clock / megapixels, 3),
        "peak_mebibytes": round(peak_memory()),
        "runtime": runtime,
    }


def costs(names: dict[str, tuple[str, Path | None]], sizes: list[float]) -> dict[str, list[dict[str, float | str]]]:
    """Return the cost of each detector (by label: name and weights) and of inpainting, for each size."""
    report: dict[str, list[dict[str, float | str]]] = {}
    for label, (name, weights) in {"inpainting": ("inpainting", None), **names}.items():
        for size in sizes:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                report.setdefault(label, []).append(pool.apply(cost, (name, weights, size)))
    return report
