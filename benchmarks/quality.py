"""Quality of every inpainting engine on the same pictures and masks: `python -m benchmarks.quality`.

`--data` names a folder with `bench/images` (photographs), `bench/masks` (irregular masks, 255 = hole) and `artefacts`
(alpha planes of film artefacts by kind, of which the files at index 0, 5, 10 … are used: training never sees them).
Without it the photographs that ship with scikit-image and drawn holes are used, which is enough to see that everything
runs but does not measure quality.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import markdown, quality_sheet
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, Section, publish
from pipeline.engines import load_engine
from pipeline.evaluation.evaluate import BIN_EDGES, EvaluationCase, confidence_half_width, evaluate, ratio_bin
from pipeline.evaluation.evaluation_cases import centre_square, fit_hole, read_hole, read_picture
from pipeline.imaging.photo_files import list_photos
from pipeline.simulation.holes import draw_hole
from pipeline.training.inpainter.artefact_holes import compose_hole, load_artefacts

if TYPE_CHECKING:
    import pandas as pd

SIDE = 256
SEED = 20260101
CLASSICAL = ("telea", "navier-stokes", "biharmonic")
ENGINES = ("rn", "prior", *CLASSICAL)
SHOWN = ("psnr", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole", "sharpness", "seconds")
NOTES = (
    "Whole-picture PSNR of a composite is the PSNR of the hole plus 10 log10(1 / its share of the picture): compare the"
    " columns of the hole.",
    "Sharpness is the fine detail in the hole as a share of the original's. PSNR rewards blur.",
    "The lead is the difference on the same picture and mask, so that its interval is narrower than the figures'. ± is"
    " the 95 % interval of the mean over pictures.",
)


def _pictures(data: Path | None, limit: int | None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    if data is None:
        import skimage.data

        for name in ("astronaut", "coffee", "chelsea", "rocket")[:limit]:
            yield name, centre_square(np.asarray(getattr(skimage.data, name)(), np.uint8)[..., :3], SIDE)
        return
    folder = data / "bench" / "images"
    names = list_photos(folder)
    for name in names[:: max(1, len(names) // limit)][:limit] if limit else names:
        yield name, centre_square(read_picture(folder / name), SIDE)


def _block(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a hole of one block, a fifth to two fifths of the side, at a random place inside."""
    hole = np.zeros((SIDE, SIDE), np.bool_)
    height, width = (int(value) for value in rng.uniform(0.2, 0.4, 2) * SIDE)
    top, left = int(rng.integers(8, SIDE - height - 8)), int(rng.integers(8, SIDE - width - 8))
    hole[top : top + height, left : left + width] = True
    return hole


def _irregular(data: Path | None) -> dict[str, list[tuple[str, NDArray[np.bool_]]]]:
    """Return irregular masks by ratio bin, at the size of the pictures."""
    by_bin: dict[str, list[tuple[str, NDArray[np.bool_]]]] = {}
    if data is None:
        rng = np.random.default_rng(SEED)
        drawn = [(f"strokes-{index}", draw_hole(rng, SIDE, "strokes")) for index in range(8)]
    else:
        folder = data / "bench" / "masks"
        drawn = [(name, fit_hole(read_hole(folder / name), SIDE, SIDE)) for name in list_photos(folder)]
    for name, hole in drawn:
        if hole.any():
            by_bin.setdefault(ratio_bin(float(hole.mean())), []).append((name, hole))
    return by_bin


def cases(data: Path | None, limit: int | None = None, irregular_each: int = 2) -> Iterator[tuple[str, EvaluationCase]]:
    """Yield cases of 256² with the set that each belongs to: `irregular BIN`, `damage` or `blocks`.

    Each picture gets `irregular_each` irregular masks of alternating bins, one composed of held-out artefacts and one
    big block. Which ones follows from the picture's name alone, so that runs can be compared.
    """
    by_bin = _irregular(data)
    order = [name for name in (ratio_bin(edge) for edge in BIN_EDGES[1:]) if name in by_bin]
    artefacts = load_artefacts(data / "artefacts", held_out=True) if data and (data / "artefacts").is_dir() else {}
    for index, (name, picture) in enumerate(_pictures(data, limit)):
        rng = np.random.default_rng((SEED, zlib.crc32(name.encode())))
        for turn in range(min(irregular_each, len(order))):
            label = order[(index * irregular_each + turn) % len(order)]
            mask, hole = by_bin[label][int(rng.integers(len(by_bin[label])))]
            yield f"irregular {label}", EvaluationCase(name, mask, picture, hole)
        shape = compose_hole(artefacts, rng, SIDE) if artefacts else draw_hole(rng, SIDE, "thin")
        yield "damage", EvaluationCase(name, "artefacts" if artefacts else "thin", picture, shape)
        yield "blocks", EvaluationCase(name, "block", picture, _block(rng))


def engine_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per set and engine: means over the pictures and the 95 % interval of PSNR."""
    rows = []
    for label, part in frame.groupby("set", sort=False):
        for engine, mine in part.groupby("engine", sort=False):
            means = {name: float(mine[name].mean()) for name in SHOWN}
            spread = confidence_half_width(mine["psnr"].to_numpy(np.float64))
            rows.append({"set": label, "pictures": len(mine), "engine": engine, **means, "psnr_interval": spread})
    return rows


def engine_table(rows: list[dict[str, Any]]) -> str:
    """Return the engines' rows as Markdown, the best PSNR of each set in bold."""
    best = {row["set"]: max(one["psnr"] for one in rows if one["set"] == row["set"]) for row in rows}
    header = "set", "n", "engine", "PSNR dB", "SSIM", "L1 %", "hole PSNR", "hole SSIM", "hole L1 %", "sharpness", "s"
    lines = [
        (
            row["set"],
            row["pictures"],
            f"**{row['engine']}**" if row["psnr"] == best[row["set"]] else row["engine"],
            markdown.plus_minus(row["psnr"], row["psnr_interval"]),
            f"{row['ssim']:.4f}",
            f"{100 * row['l1']:.3f}",
            f"{row['psnr_hole']:.2f}",
            f"{row['ssim_hole']:.3f}",
            f"{100 * row['l1_hole']:.2f}",
            f"{row['sharpness']:.2f}",
            f"{row['seconds']:.2f}",
        )
        for row in rows
    ]
    return markdown.table(header, lines)


def lead_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the lead of `rn` over the best classical engine of each set, taken picture by picture."""
    rows = []
    for label, part in frame.groupby("set", sort=False):
        means = part.groupby("engine")["psnr"].mean()
        classical = [name for name in CLASSICAL if name in means]
        if "rn" not in means or not classical:
            continue
        best = max(classical, key=lambda name: float(means[name]))
        ours, theirs = (part[part["engine"] == name].set_index(["picture", "mask"]) for name in ("rn", best))
        lead = (ours["psnr"] - theirs["psnr"]).to_numpy(np.float64)
        rows.append({
            "set": label, "best_classical": best, "psnr": float(lead.mean()),
            "psnr_interval": confidence_half_width(lead),
            "ssim": float((ours["ssim"] - theirs["ssim"]).mean()), "won": float((lead > 0).mean()),
        })  # fmt: skip
    return rows


def lead_table(rows: list[dict[str, Any]]) -> str:
    """Return the leads as Markdown."""
    lines = [
        (
            row["set"],
            row["best_classical"],
            markdown.plus_minus(row["psnr"], row["psnr_interval"], sign="+"),
            f"{row['ssim']:+.4f}",
            f"{row['won']:.0%}",
        )
        for row in rows
    ]
    return markdown.table(("set", "best classical", "rn - best, dB", "SSIM", "pictures won"), lines)


def measure(data: Path | None, *, limit: int | None = None, engines: tuple[str, ...] = ENGINES,
            csv: Path | None = None, weights: str = "rn-faithful", sheet: Path | None = None) -> Results:  # fmt: skip
    """Return the figures of every engine and the leads of `rn`.

    Args:
        data: folder of the benchmark's data; None for the pictures that ship with scikit-image.
        limit: at most so many pictures.
        engines: by name.
        csv: gets one line per picture, mask and engine.
        weights: name or file of the weights of `rn`.
        sheet: gets a sheet of pictures, see `quality_sheet`.
    """
    labels: dict[tuple[str, str], str] = {}

    def labelled() -> Iterator[EvaluationCase]:
        for label, case in cases(data, limit):
            labels[case.picture, case.mask] = label
            yield case

    started = time.monotonic()
    loaded = {name: load_engine(name, weights=weights) for name in engines}
    frame = evaluate(
        labelled(), loaded, on_restored=lambda case, name, restored: print(".", end="", file=sys.stderr, flush=True)
    )
    print(file=sys.stderr)
    frame["set"] = [labels[row.picture, row.mask] for row in frame.itertuples()]
    frame = frame.sort_values("set", kind="stable", key=lambda column: column.map(_rank))
    irregular = frame[frame["set"].str.startswith("irregular")]
    frame = _stack([frame, irregular.assign(set="irregular, all")])
    if csv is not None:
        frame.to_csv(csv, index=False)
    if sheet is not None:
        quality_sheet.draw_sheet(frame, cases(data, limit), loaded, sheet)
    source = "the data folder" if data else "scikit-image, with drawn holes (not a measure of quality)"
    pictures = frame["picture"].nunique()
    rows, leads = engine_rows(frame), lead_rows(frame)
    name = Path(weights).stem
    return Results(
        title="Quality of the inpainting engines" + ("" if name == "rn-faithful" else f": {name}"),
        intro=f"Every engine fills the same {pictures} pictures of {SIDE}² from {source} with the same masks: irregular"
        " masks by their share of the picture, holes composed of film artefacts (damage), and one big block. None of"
        " the pictures, masks or artefacts was used for training. All engines run as the pipeline runs them: windows"
        " around the damage, wide holes at a smaller scale.",
        sections=[
            Section("Engines", engine_table(rows)),
            *([Section("Lead of rn over the best classical engine", lead_table(leads))] if leads else []),
        ],
        figures={"pictures": pictures, "weights": name, "engines": rows, "leads": leads},
        notes=NOTES,
        networks=f"rn: {loaded['rn'].runtime}, weights {name}" if "rn" in loaded else "",
        seconds=time.monotonic() - started,
    )


def _rank(label: str) -> float:
    order = {f"irregular {ratio_bin(edge)}": position for position, edge in enumerate(BIN_EDGES[1:])}
    return order.get(label, {"damage": 100, "blocks": 101}.get(label, 102))


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 2 when the data folder is not one."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser(
        "quality",
        __doc__,
        data="bench/images, bench/masks and artefacts",
        needs_data=False,
        limit="pictures",
    )
    parser.add_argument("--engine", action="append", help=f"may be repeated (default: {', '.join(ENGINES)})")
    parser.add_argument("--weights", default="rn-faithful", help="name or file of the weights of rn")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one line per picture, mask and engine")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="draw the worst cases of each set, the median and the best"
    )
    given = parser.parse_args(words)
    engines = tuple(given.engine or ENGINES)
    if given.sheet and not {"rn", "telea", "biharmonic"} <= set(engines):
        parser.error("--sheet compares rn with telea and biharmonic: keep them among the engines")
    if given.data is not None and not (given.data / "bench" / "images").is_dir():
        print(f"quality: {given.data} has no bench/images", file=sys.stderr)
        return 2
    results = measure(
        given.data, limit=given.limit, engines=engines, csv=given.csv, weights=given.weights, sheet=given.sheet
    )
    publish("quality", results, given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
