"""Detectors measured side by side, in one run.

    python -m benchmarks.detection --data DIR [--detector classical learned learned=WEIGHTS …] [--out DIR] [--json]

DIR holds, each where there is one, `bench-damage/damaged` and `bench-damage/masks` (another simulator's, paired by
stem), `bench/images` (undamaged), `real-damage` (`images`, some with `references`, a restorer's work, or `masks`,
painted by hand), and `photos` with `artefacts`, of which only what training holds out is used: damaged
by the project's own simulator, once kind by kind and once as kinds are met together. None of it may have been used for
training or tuning. Precision and recall allow 2 px. Bands are recalls. With --out the curves are drawn there.

Levels: `repair` is what a detector is sure of, `suggest` adds what it doubts, `filled` is what a night fills without a
person: repairs that the guards for coverage, faces and text let pass, and nothing of the pictures that they keep for
review (`review share`). The part `restored` is filled in the same way.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from benchmarks.detection.clean import on_clean
from benchmarks.detection.cost import costs
from benchmarks.detection.damaged import LEVELS, on_damaged
from benchmarks.detection.plot import write_curves
from benchmarks.detection.real import on_real
from benchmarks.detection.restored import end_to_end
from benchmarks.detection.sets import ALL_KINDS, every, foreign, own, pictures
from pipeline.detection.load import load_detector
from pipeline.engines import load_engine
from pipeline.settings import Recipe

PARTS = ("foreign", "own", "kinds", "clean", "restored", "real", "cost")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print tables, or one JSON object."""
    given = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    names = dict(_named(text) for text in given.detector)
    report = measure(given, names)
    sets = {part: report[part] for part in ("foreign", "own", "kinds") if part in report}
    if given.out is not None and sets:
        write_curves(given.out, sets)
    for found in (found for part in sets.values() for found in part.values()):
        found.pop("curve", None)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    if given.json:
        print(json.dumps(report))
    else:
        tell(report)


def measure(given: argparse.Namespace, names: dict[str, tuple[str, Path | None]]) -> dict[str, Any]:
    """Return all figures asked for, by part; parts whose pictures are missing are left out."""
    detectors = {label: load_detector(name, weights=weights) for label, (name, weights) in names.items()}
    data, report = given.data, dict[str, Any]()
    kinds, recipe, rim = given.kind or ALL_KINDS, Recipe(precision=given.precision), given.rim
    if "foreign" in given.parts and (data / "bench-damage").is_dir():
        report["foreign"] = on_damaged(
            detectors, foreign(data / "bench-damage", given.limit, given.without), recipe, rim=rim
        )
    if (data / "photos").is_dir():
        if "own" in given.parts:
            report["own"] = on_damaged(detectors, own(data, given.own, None), recipe, rim=rim)
        if "kinds" in given.parts:
            report["kinds"] = on_damaged(detectors, own(data, given.own, kinds), recipe, rim=rim)
        if "restored" in given.parts:
            report["restored"] = end_to_end(detectors, load_engine(given.engine), own(data, given.own, None), recipe)
    if "clean" in given.parts and (data / "bench" / "images").is_dir():
        report["clean"] = on_clean(detectors, every(pictures(data / "bench" / "images"), given.limit), recipe)
    if "real" in given.parts and (data / "real-damage").is_dir():
        report["real"] = on_real(detectors, data / "real-damage", recipe)
    if "cost" in given.parts:
        report["cost"] = costs(names, given.megapixels)
    return report


def tell(report: dict[str, Any]) -> None:
    """Print the figures as lines of text."""
    for part in ("foreign", "own", "kinds"):
        for name, found in report.get(part, {}).items():
            for level in LEVELS:
                figures = dict(found[level])
                bands, kinds = figures.pop("bands"), figures.pop("kinds")
                print(f"{part:9} {name:10} {level:8}", *(f"{key} {value:.3f}" for key, value in figures.items()))
                print(f"{'':29}", *(f"{band}: {value:.3f};" for band, value in bands.items()))
                if kinds:
                    # Precision is that of a kind only where it was the picture's only one.
                    shown = ("recall", "precision") if part == "kinds" else ("recall",)
                    told = (f"{kind} {'/'.join(f'{each[key]:.2f}' for key in shown)};" for kind, each in kinds.items())
                    print(f"{'':29}", "/".join(shown) + " by kind:", *told)
            print(f"{part:9} {name:10} review share {found['review_share']:.3f}")
            if "average_precision" in found:
                print(f"{part:9} {name:10} average precision {found['average_precision']:.3f}")
    for part in ("clean", "real", "cost"):
        for name, found in report.get(part, {}).items():
            for figures in found if isinstance(found, list) else [found]:
                print(f"{part:9} {name:10}", *(f"{key} {value}" for key, value in figures.items()))
    for name, found in report.get("restored", {}).items():
        print(f"restored  {name:10}", found)


def _named(text: str) -> tuple[str, tuple[str, Path | None]]:
    """A label, the detector's name and its weights, from `classical`, `learned` or `learned=path/to/a.safetensors`."""
    name, _, weights = text.partition("=")
    return (f"{name}:{Path(weights).stem}", (name, Path(weights))) if weights else (name, (name, None))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    place = os.environ.get("BENCH_DATA")
    add("--data", type=Path, default=Path(place) if place else None, required=not place, help="default: BENCH_DATA")
    add("--detector", nargs="+", default=["classical"], metavar="NAME", help="one or more; learned=FILE takes weights")
    add("--parts", nargs="+", choices=PARTS, default=PARTS[:-1], help="what is measured (default: all but cost)")
    add("--kind", nargs="+", choices=ALL_KINDS, help="kinds of the part `kinds`, e.g. one that training was without")
    add("--limit", type=int, default=None, help="pictures of the parts `foreign` and `clean`; all when left out")
    add("--without", nargs="+", default=[], metavar="STEM", help="left out of the part `foreign`, e.g. what was seen")
    add("--precision", type=float, default=0.95, help="that a recipe wants of repairs (default .95)")
    add("--rim", action="store_true", help="masks with their rim, as they are written; else as they are found")
    add("--own", type=int, default=64, help="pictures of the parts `own`, `kinds` and `restored`")
    add("--engine", default="rn", help="fills the masks of the part `restored`")
    add("--megapixels", nargs="+", type=float, default=[12.0], help="sizes of the part `cost`")
    add("--out", type=Path, default=None, help="folder for curves.png, curves.csv and figures.json")
    add("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    main()
