"""Cost of the mask stage beside inpainting: seconds and peak memory of one picture, each in a fresh process."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.detection.scores import Plane
from benchmarks.speed import draw_damage, peak_memory

#: What networks compute in, as the settings ask for it: what is quickest here, and as on CPUs without bfloat16.
PRECISIONS = ("auto", "float32")
#: Share of the picture that is damaged.
SHARE = 0.02


def picture(megapixels: float) -> Plane:
    """Return a photograph (H,W,3) repeated to a size, mirrored at each seam: no blank areas, no enlargement's blur."""
    import skimage.data

    side = round((megapixels * 1e6) ** 0.5)
    tile = np.asarray(skimage.data.astronaut(), np.uint8)
    result = np.empty((side, side, 3), np.uint8)
    for row, top in enumerate(range(0, side, len(tile))):
        for column, left in enumerate(range(0, side, len(tile))):
            place = result[top : top + len(tile), left : left + len(tile)]
            turned = tile[:: -1 if row % 2 else 1, :: -1 if column % 2 else 1]
            place[:] = turned[: place.shape[0], : place.shape[1]]
    return result


def cost(name: str, weights: Path | None, megapixels: float, damaged: bool, threads: int = 1) -> dict[str, float | str]:
    """Return processor seconds and clock seconds a megapixel and the peak in MiB; measured in this process.

    Args:
        name: a detector, for the mask stage with its guards, or `inpainting` for engine `rn`.
        weights: of the learned detector; the shipped ones when None.
        megapixels: of the picture.
        damaged: whether `SHARE` of it is painted white; inpainting fills that.
        threads: that OpenCV may use.
    """
    from pipeline.detection.load import load_detector
    from pipeline.engines import Job, inpaint, load_engine
    from pipeline.masks.compose import compose_mask
    from pipeline.scans import Scan, ScanInfo
    from pipeline.settings import Recipe

    cv2.setNumThreads(threads)
    pixels, mask = picture(megapixels), None
    small = pixels[:256, :256]
    if damaged:
        mask = draw_damage(*pixels.shape[:2], SHARE)
        pixels[mask > 0] = 245
    if name == "inpainting":
        assert mask is not None
        engine = load_engine("rn")
        runtime = getattr(engine, "runtime", "")
        list(inpaint([Job("warm", small, draw_damage(256, 256, 0.05))], engine))
        started = (time.process_time(), time.perf_counter())
        list(inpaint([Job("scan", pixels, mask)], engine))
    else:
        detector = load_detector(name, weights=weights)
        runtime = getattr(detector, "runtime", "")
        detector.detect(small)
        scan = Scan(pixels, ScanInfo("PNG", pixels.shape[1], pixels.shape[0], 3, 8, 1, 1, "RGB"))
        started = (time.process_time(), time.perf_counter())
        compose_mask(scan, Recipe(), detector)
    spent, clock = time.process_time() - started[0], time.perf_counter() - started[1]
    return {
        "megapixels": megapixels,
        "cpu_seconds_per_megapixel": round(spent / megapixels, 3),
        "seconds_per_megapixel": round(clock / megapixels, 3),
        "peak_mebibytes": round(peak_memory()),
        "runtime": runtime,
    }


def costs(names: dict[str, tuple[str, Path | None]], sizes: list[float]) -> dict[str, list[dict[str, float | str]]]:
    """Return the cost of inpainting and of each detector's mask stage, damaged and clean, for each precision and size.

    Args:
        names: name and weights of each detector, by label.
        sizes: in megapixels.
    """
    report: dict[str, list[dict[str, float | str]]] = {}
    for precision in PRECISIONS:
        for size in sizes:
            baseline = _measured(precision, ("inpainting", None, size, True))
            report.setdefault(f"inpainting, {precision}", []).append(baseline)
            for label, (name, weights) in names.items():
                for state in ("damaged", "clean"):
                    found = _measured(precision, (name, weights, size, state == "damaged"))
                    ratio = float(found["cpu_seconds_per_megapixel"]) / float(baseline["cpu_seconds_per_megapixel"])
                    report.setdefault(f"{label}, {state}, {precision}", []).append(
                        found | {"of_inpainting": round(ratio, 2)}
                    )
    return report


def _measured(precision: str, given: tuple[str, Path | None, float, bool]) -> dict[str, float | str]:
    """Return the cost in a process of its own, whose networks compute in a precision."""
    before = os.environ.get("RESTORATION_NETWORK_PRECISION")
    os.environ["RESTORATION_NETWORK_PRECISION"] = precision
    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(cost, given)
    finally:
        if before is None:
            del os.environ["RESTORATION_NETWORK_PRECISION"]
        else:
            os.environ["RESTORATION_NETWORK_PRECISION"] = before
