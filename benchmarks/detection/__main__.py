"""Damage detectors measured side by side: `python -m benchmarks.detection`.

The folder of data holds, each where there is one, `bench-damage/damaged` and `bench-damage/masks` (pictures damaged by
another simulator, paired by stem), `bench/images` (undamaged), `real-damage` (`images`, some with `references`, a
restorer's work, with `masks`, painted by hand, or with `labels`: 255 damage, 128 no one can tell), and `photos` with
`artefacts`, of which only what training holds out is used: damaged by the project's own simulator, with several kinds
of damage (part `own`) and kind by kind (part `kinds`). None of it may have been used for training. Precision and recall
allow 2 px.

The part `leave-one-out` chooses the constants of the learned detector's judgement anew without each labelled scan, and
measures them on it.

The part `labelled` sets labelled scans beside undamaged photographs and foreign damage, which it measures too. With
`--out RUN` it draws a sheet of each scan in RUN/labelled.

Levels: `repair` is what a detector is sure of, `suggest` adds what it suspects, `filled` is what an unattended run
fills: repairs without the marks that the guards hold back on faces and text, and nothing of the pictures that are
damaged all over (`review share`). The part `restored` is filled in the same way.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from benchmarks.arguments import benchmark_parser
from benchmarks.detection.clean import on_clean
from benchmarks.detection.cost import costs
from benchmarks.detection.damaged import on_damaged
from benchmarks.detection.datasets import ALL_KINDS, evenly_spaced, foreign_damage, own_damage, pictures
from benchmarks.detection.labelled import labelled_scans, on_labelled
from benchmarks.detection.labelled_sheets import SheetWriter
from benchmarks.detection.leave_one_out import leave_one_out
from benchmarks.detection.plot import write_curves
from benchmarks.detection.real import on_real
from benchmarks.detection.restored import end_to_end
from benchmarks.detection.tables import sections
from benchmarks.results_page import Results, publish
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.load import load_detector
from pipeline.detection.types import Detector
from pipeline.engines import load_engine
from pipeline.settings import Recipe

PARTS = ("labelled", "leave-one-out", "foreign", "own", "kinds", "clean", "restored", "real", "cost")
NOTES = (
    "Pixels are pooled over pictures. A marked pixel is right, and a damaged one found, within 2 px; Dice and IoU allow"
    " nothing. Masks are compared as they are written, with their rims, unless the command says --bare.",
    "Recall by appearance: contrast is the difference in grey levels between a connected piece of damage and the ring"
    " around it, width is its greatest stroke width.",
    "See-through damage (stains, water rings, tape, fingerprints, foxing) is not the task of the detector `learned`.",
    "How often these figures were read while choosing: see README.md beside this page.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    given = _parser().parse_args(words)
    cv2.setNumThreads(1)
    started = time.monotonic()
    names = dict(_named(text) for text in given.detector)
    detectors = {label: load_detector(name, weights=weights) for label, (name, weights) in names.items()}
    report = measure(given, names, detectors)
    sets = {part: report[part] for part in ("foreign", "own", "kinds") if part in report}
    if given.out is not None and sets:
        write_curves(given.out, sets)
    for found in (found for part in sets.values() for found in part.values()):
        found.pop("curve", None)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    runtimes = [f"{label}: {found}" for label, one in detectors.items() if (found := getattr(one, "runtime", ""))]
    results = Results(
        title="Damage detection",
        intro="Detectors on pictures damaged by another simulator (foreign), on held-out photographs damaged by this"
        " project's simulator (own), on undamaged photographs and on real scans. None of the pictures was used for"
        " training. Repair is what a detector is sure of, suggest adds what it suspects, filled is what an unattended"
        f" run fills after the guards for coverage, faces and text. Repairs are asked for a precision of"
        f" {given.precision[0]:g} where nothing else is said.",
        sections=sections(report, given.precision[0]),
        figures=report,
        notes=NOTES,
        networks="; ".join(runtimes),
        seconds=time.monotonic() - started,
    )
    publish("detection", results, given, words)
    return 0


def measure(
    given: argparse.Namespace, names: dict[str, tuple[str, Path | None]], detectors: dict[str, Detector]
) -> dict[str, Any]:
    """Return all figures asked for, by part; parts whose pictures are missing are left out.

    The parts `foreign` and `clean` are repeated for each further precision, below `precisions`.

    Args:
        given: the parsed arguments.
        names: name and weights of each detector, by label.
        detectors: the same, loaded.
    """
    data, report = given.data, dict[str, Any]()
    recipe, rim = Recipe(precision=given.precision[0]), given.rim
    if "labelled" in given.parts and (data / "real-damage" / "labels").is_dir():
        sheets = SheetWriter(given.out / "labelled", load_engine(given.engine)) if given.out else None
        report["labelled"] = on_labelled(detectors, labelled_scans(data / "real-damage"), recipe, rim=rim, draw=sheets)
    if "leave-one-out" in given.parts and (data / "real-damage" / "labels").is_dir():
        wanted = {"repair": recipe.precision, "suggest": given.suggest_precision}
        report["leave_one_out"] = {
            label: leave_one_out(one, labelled_scans(data / "real-damage"), recipe, wanted)
            for label, one in detectors.items()
            if isinstance(one, LearnedDetector)
        }
    report |= _at_precision(given, detectors, recipe)
    for precision in given.precision[1:]:
        found = _at_precision(given, detectors, Recipe(precision=precision))
        for detector in found.get("foreign", {}).values():
            detector.pop("curve", None)
        report.setdefault("precisions", {})[f"{precision:g}"] = found
    if (data / "photos").is_dir():
        if "own" in given.parts:
            report["own"] = on_damaged(detectors, own_damage(data, given.own, None), recipe, rim=rim)
        if "kinds" in given.parts:
            cases = own_damage(data, given.own, given.kind or ALL_KINDS)
            report["kinds"] = on_damaged(detectors, cases, recipe, rim=rim)
        if "restored" in given.parts:
            engine = load_engine(given.engine)
            report["restored"] = end_to_end(detectors, engine, own_damage(data, given.own, None), recipe)
    if "real" in given.parts and (data / "real-damage").is_dir():
        report["real"] = on_real(detectors, data / "real-damage", recipe)
    if "cost" in given.parts:
        report["cost"] = costs(names, given.megapixels)
    return report


def _at_precision(given: argparse.Namespace, detectors: dict[str, Detector], recipe: Recipe) -> dict[str, Any]:
    """Return the figures of the parts `foreign` and `clean` with a recipe's precision."""
    data, found = given.data, dict[str, Any]()
    if {"foreign", "labelled"} & {*given.parts} and (data / "bench-damage").is_dir():
        cases = foreign_damage(data / "bench-damage", given.limit, given.without)
        found["foreign"] = on_damaged(detectors, cases, recipe, rim=given.rim)
    if {"clean", "labelled"} & {*given.parts} and (data / "bench" / "images").is_dir():
        paths = evenly_spaced(pictures(data / "bench" / "images"), given.limit)
        found["clean"] = on_clean(detectors, paths, recipe)
    return found


def _named(text: str) -> tuple[str, tuple[str, Path | None]]:
    """Return a label, the detector's name and its weights, of `classical`, `learned` or `learned=FILE.safetensors`."""
    name, _, weights = text.partition("=")
    return (f"{name}:{Path(weights).stem}", (name, Path(weights))) if weights else (name, (name, None))


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser(
        "detection",
        __doc__,
        data="bench-damage, bench, photos, artefacts and real-damage, each where there is one",
        limit="pictures of the parts foreign and clean",
    )
    add = parser.add_argument
    add("--detector", nargs="+", default=["classical"], metavar="NAME", help="one or more; learned=FILE takes weights")
    add(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=[one for one in PARTS if one not in ("leave-one-out", "cost")],
        help="what is measured (default: all but leave-one-out and cost)",
    )
    add("--kind", nargs="+", choices=ALL_KINDS, help="kinds of the part kinds, e.g. one that training was without")
    add("--without", nargs="+", default=[], metavar="STEM", help="left out of the part foreign")
    add(
        "--precision", nargs="+", type=float, default=[0.9], metavar="P",
        help="that a recipe asks of repairs (default .9); the parts foreign and clean are repeated for further values",
    )  # fmt: skip
    add(
        "--suggest-precision", type=float, default=0.6, metavar="P",
        help="that the part leave-one-out wants of suggestions (default .6)",
    )  # fmt: skip
    add("--bare", dest="rim", action="store_false", help="compare masks without the rims with which they are written")
    add("--own", type=int, default=64, metavar="N", help="pictures of the parts own, kinds and restored (default 64)")
    add("--engine", default="rn", help="fills the masks of the part restored")
    add("--megapixels", nargs="+", type=float, default=[12.0], help="sizes of the part cost")
    add("--out", type=Path, default=None, metavar="RUN", help="folder for curves.png, curves.csv and figures.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
