"""Detectors measured: precision, recall, F1, Dice and IoU on damaged pictures, false marks on clean ones, speed.

    python -m benchmarks.detection --data DIR [--detector classical learned] [--json]

DIR holds `bench-damage/damaged` and `bench-damage/masks` (paired by stem) and `bench/images` (undamaged). None of it
may have been used for training or tuning. Precision and recall allow 2 px, since nobody can say where a soft edge ends.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.damage import Detector, load_detector

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}
NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
LEVELS = ("repair", "suggest")


def pictures(folder: Path) -> list[Path]:
    """Returns every picture below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def load(path: Path) -> NDArray[np.uint8]:
    """Returns a picture as it is stored, grey or RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L" if image.mode in ("L", "1", "I;16") else "RGB"))


def counts(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns marked and right, marked, damaged and found (both with tolerance), overlap and union (without)."""
    marked, damaged = mask > 0, truth > 0
    right = marked & (cv2.dilate(truth, NEAR) > 0)
    found = damaged & (cv2.dilate(mask, NEAR) > 0)
    sums = [right, marked, found, damaged, marked & damaged, marked | damaged]
    return np.array([float(np.count_nonzero(item)) for item in sums])


def on_damaged(detector: Detector, folder: Path) -> dict[str, dict[str, float]]:
    """Returns figures by level over all pictures of a set, pixels pooled."""
    masks = {path.stem: path for path in pictures(folder / "masks")}
    totals = {level: np.zeros(6) for level in LEVELS}
    for path in pictures(folder / "damaged"):
        picture = load(path)
        truth = (load(masks[path.stem]) >= 128).astype(np.uint8) * 255
        found = detector.detect(picture, dilate=0)
        for level in LEVELS:
            totals[level] += counts(getattr(found, level), truth if truth.ndim == 2 else truth.max(axis=2))
    return {level: ratios(total) for level, total in totals.items()}


def ratios(total: NDArray[np.float64]) -> dict[str, float]:
    """Returns precision, recall, F1, Dice and IoU."""
    right, marked, found, damaged, overlap, union = total
    precision, recall = right / max(marked, 1), found / max(damaged, 1)
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        "dice": round(2 * overlap / max(marked + damaged, 1), 4),
        "iou": round(overlap / max(union, 1), 4),
    }


def on_clean(detector: Detector, folder: Path) -> dict[str, float]:
    """Returns how much of undamaged pictures is marked, in per cent of the area, and the seconds a megapixel."""
    shares: dict[str, list[float]] = {level: [] for level in LEVELS}
    seconds = megapixels = 0.0
    worst = ("", 0.0)
    for path in pictures(folder):
        picture = load(path)
        started = time.process_time()
        found = detector.detect(picture, dilate=0)
        seconds += time.process_time() - started
        megapixels += picture.shape[0] * picture.shape[1] / 1e6
        for level in LEVELS:
            shares[level].append(float(np.count_nonzero(getattr(found, level))) / (picture.shape[0] * picture.shape[1]))
        if shares["repair"][-1] > worst[1]:
            worst = (path.name, shares["repair"][-1])
    repair, suggest = (np.array(shares[level]) * 100 for level in LEVELS)
    return {
        "pictures": len(repair),
        "repair_percent_mean": round(float(repair.mean()), 4),
        "repair_percent_worst": round(float(repair.max()), 4),
        "repair_empty_share": round(float((repair == 0).mean()), 3),
        "suggest_percent_mean": round(float(suggest.mean()), 4),
        "cpu_seconds_per_megapixel": round(seconds / megapixels, 3),
        "worst": worst[0],
    }


def main() -> None:
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--detector", nargs="+", default=["classical"], help="one or more")
    parser.add_argument("--large", type=float, default=0.0, help="also time a picture of so many megapixels")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    report: dict[str, object] = {}
    for name in arguments.detector:
        detector = load_detector(name)
        damaged = on_damaged(detector, arguments.data / "bench-damage")
        clean = on_clean(detector, arguments.data / "bench" / "images")
        report[name] = {"damaged": damaged, "clean": clean}
        if arguments.large:
            report[name]["large"] = on_large(detector, arguments.large)  # type: ignore[index]
        if not arguments.json:
            for level in LEVELS:
                print(f"{name:10} {level:8}", *(f"{key} {value:.3f}" for key, value in damaged[level].items()))
            print(f"{name:10} clean   ", *(f"{key} {value}" for key, value in clean.items()))
            print(f"{name:10} large   ", report[name].get("large", ""))  # type: ignore[attr-defined]
    if arguments.json:
        print(json.dumps(report))


def on_large(detector: Detector, megapixels: float) -> dict[str, float]:
    """Returns seconds and the process's peak memory for one large picture."""
    import skimage.data

    side = int(np.sqrt(megapixels * 1e6))
    picture = cv2.resize(skimage.data.astronaut(), (side, side), interpolation=cv2.INTER_CUBIC)
    started = time.process_time()
    detector.detect(picture.astype(np.uint8, copy=False))
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"megapixels": megapixels, "cpu_seconds": round(seconds, 1), "peak_megabytes": round(peak)}


if __name__ == "__main__":
    main()
