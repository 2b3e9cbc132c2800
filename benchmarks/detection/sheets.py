"""Sheets of real scans, for inspection by eye: `python -m benchmarks.detection.sheets SCANS OUT`.

One sheet a scan: the scan; what would be repaired (red) and suggested (orange); restored with repairs; restored with
suggestions too; and the reference restoration, where one of the same stem is in a folder `references` beside or below
SCANS or is named `<stem>*reference*`. Where there is a reference, the agreement of the masks with its differences from
the scan is printed (see `real.py`): a weak measure, since a restorer also retouches what is not damage.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from benchmarks.detection.datasets import load, pictures
from benchmarks.detection.real import restorer_changes
from benchmarks.detection.restored import fill
from benchmarks.detection.scores import PixelCounts, Plane
from benchmarks.detection.unattended import detect_without_rim
from pipeline.detection.load import load_detector
from pipeline.detection.postprocess import postprocess
from pipeline.detection.types import Detector
from pipeline.engines import Engine, load_engine
from pipeline.settings import Recipe

#: Longest side of a scan on a sheet, and of one that is processed.
SHOWN, LARGEST = 640, 2400
RED, ORANGE = (230, 20, 20), (255, 160, 0)


def main(arguments: list[str] | None = None) -> None:
    """Write the sheets and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--detector", default="classical", help="a name, or learned=FILE")
    parser.add_argument("--engine", default="rn")
    given = parser.parse_args(arguments)
    name, _, weights = given.detector.partition("=")
    detector = load_detector(name, weights=Path(weights) if weights else None)
    engine = load_engine(given.engine)
    given.out.mkdir(parents=True, exist_ok=True)
    total: dict[str, PixelCounts] = {"repair": PixelCounts(), "suggest": PixelCounts()}
    for path in scans_below(given.scans):
        figures = sheet(path, reference_of(path, given.scans), detector, engine, given.out, total)
        print(path.name, json.dumps(figures), flush=True)
    if total["repair"].sums.any():
        print("agreement with all references", json.dumps({level: each.ratios() for level, each in total.items()}))


def scans_below(folder: Path) -> list[Path]:
    """Return the scans below a folder: neither references nor masks."""
    return [
        path
        for path in pictures(folder)
        if not {"references", "masks"} & set(path.relative_to(folder).parts[:-1]) and "reference" not in path.stem
    ]


def reference_of(path: Path, folder: Path) -> Path | None:
    """Return the reference restoration of a scan, or None."""
    for place in (folder / "references", folder.parent / "references", path.parent / "references"):
        for found in sorted(place.glob(f"{path.stem}.*")) if place.is_dir() else ():
            return found
    return next(iter(sorted(path.parent.glob(f"{path.stem}*reference*"))), None)


def sheet(
    path: Path, reference: Path | None, detector: Detector, engine: Engine, out: Path, total: dict[str, PixelCounts]
) -> dict[str, object]:
    """Write `out/STEM.jpg` and return the shares marked, the number of pieces, and the agreement if any."""
    scan = _fitted(_colour(load(path)), LARGEST)
    recipe = Recipe()
    bare = detect_without_rim(detector, scan, recipe)
    found = postprocess(bare.repair, bare.suggest, [], dilate=recipe.dilate, max_coverage=recipe.max_coverage)
    overlay = scan.copy()
    overlay[bare.suggest > 0] = ORANGE
    overlay[bare.repair > 0] = RED
    panels = [scan, overlay, _filled(scan, found.repair, engine), _filled(scan, found.suggest, engine)]
    figures: dict[str, object] = {
        "repair_percent": round(100 * float((bare.repair > 0).mean()), 3),
        "suggest_percent": round(100 * float((bare.suggest > 0).mean()), 3),
        "pieces": len(bare.components),
        "review": found.review,
    }
    if reference is not None:
        wanted = cv2.resize(_colour(load(reference)), scan.shape[1::-1], interpolation=cv2.INTER_AREA)
        panels.append(np.asarray(wanted, np.uint8))
        truth = restorer_changes(scan, np.asarray(wanted, np.uint8))
        for level, mask in (("repair", bare.repair), ("suggest", bare.suggest)):
            one = PixelCounts()
            one.add(mask, truth)
            total[level].add(mask, truth)
            figures[f"agreement_{level}"] = one.ratios()
    row = np.hstack([_fitted(panel, SHOWN) for panel in panels])
    cv2.imwrite(str(out / f"{path.stem}.jpg"), row[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return figures


def _filled(scan: Plane, mask: Plane, engine: Engine) -> Plane:
    return fill(scan, mask, engine) if mask.any() and not mask.all() else scan


def _colour(picture: Plane) -> Plane:
    return picture if picture.ndim == 3 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), np.uint8)


def _fitted(picture: Plane, side: int) -> Plane:
    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main()
