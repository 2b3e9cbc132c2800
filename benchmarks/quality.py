"""Quality of every engine on the same pictures and masks, in one run: `python -m benchmarks.quality`.

`BENCH_DATA` names a folder with `bench/images` (photographs), `bench/masks` (irregular masks, 255 = hole) and
`artefacts` (alpha planes of film artefacts by kind, of which the files at index 0, 5, 10 … are used: training never
sees them). Without it the photographs that ship with scikit-image and drawn holes are used, which is enough to see
that everything runs but no measure of quality.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks import quality_sheet
from pipeline.engines import load_engine
from pipeline.evaluation.evaluate import EDGES, Case, evaluate, interval, ratio_bin
from pipeline.evaluation.evaluation_cases import fit_hole, read_hole, read_picture, square
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


def _pictures(data: Path | None, limit: int | None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    if data is None:
        import skimage.data

        for name in ("astronaut", "coffee", "chelsea", "rocket")[:limit]:
            yield name, square(np.asarray(getattr(skimage.data, name)(), np.uint8)[..., :3], SIDE)
        return
    folder = data / "bench" / "images"
    names = list_photos(folder)
    for name in names[:: max(1, len(names) // limit)][:limit] if limit else names:
        yield name, square(read_picture(folder / name), SIDE)


def _block(rng: np.random.Generator) -> NDArray[np.bool_]:
    """One big block, a fifth to two fifths of the side, somewhere inside."""
    hole = np.zeros((SIDE, SIDE), np.bool_)
    height, width = (int(value) for value in rng.uniform(0.2, 0.4, 2) * SIDE)
    top, left = int(rng.integers(8, SIDE - height - 8)), int(rng.integers(8, SIDE - width - 8))
    hole[top : top + height, left : left + width] = True
    return hole


def _irregular(data: Path | None) -> dict[str, list[tuple[str, NDArray[np.bool_]]]]:
    """Irregular masks by ratio bin, at the size of the pictures."""
    shelves: dict[str, list[tuple[str, NDArray[np.bool_]]]] = {}
    if data is None:
        rng = np.random.default_rng(SEED)
        drawn = [(f"strokes-{index}", draw_hole(rng, SIDE, "strokes")) for index in range(8)]
    else:
        folder = data / "bench" / "masks"
        drawn = [(name, fit_hole(read_hole(folder / name), SIDE, SIDE)) for name in list_photos(folder)]
    for name, hole in drawn:
        if hole.any():
            shelves.setdefault(ratio_bin(float(hole.mean())), []).append((name, hole))
    return shelves


def cases(data: Path | None, limit: int | None = None, irregular_each: int = 2) -> Iterator[tuple[str, Case]]:
    """Cases with the set that each belongs to: ``irregular BIN``, ``damage`` or ``blocks``; 256² pictures.

    Each picture gets ``irregular_each`` irregular masks of bins that take turns, one composed of held-out artefacts
    and one big block. Which follows from the picture's name alone, so that runs can be compared.
    """
    shelves = _irregular(data)
    order = [name for name in (ratio_bin(edge) for edge in EDGES[1:]) if name in shelves]
    artefacts = load_artefacts(data / "artefacts", held_out=True) if data and (data / "artefacts").is_dir() else {}
    for index, (name, picture) in enumerate(_pictures(data, limit)):
        rng = np.random.default_rng((SEED, zlib.crc32(name.encode())))
        for turn in range(min(irregular_each, len(order))):
            label = order[(index * irregular_each + turn) % len(order)]
            mask, hole = shelves[label][int(rng.integers(len(shelves[label])))]
            yield f"irregular {label}", Case(name, mask, picture, hole)
        shape = compose_hole(artefacts, rng, SIDE) if artefacts else draw_hole(rng, SIDE, "thin")
        yield "damage", Case(name, "artefacts" if artefacts else "thin", picture, shape)
        yield "blocks", Case(name, "block", picture, _block(rng))


def table(frame: pd.DataFrame) -> str:
    """The figures as Markdown: means over pictures with the 95 % interval of PSNR, best of each set in bold."""
    lines = [
        "| set | n | engine | PSNR dB | SSIM | L1 % | hole PSNR | hole SSIM | hole L1 % | sharpness | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for label, part in frame.groupby("set", sort=False):
        means = part.groupby("engine", sort=False)[list(SHOWN)].mean()
        best = means["psnr"].idxmax()
        for engine, row in means.iterrows():
            values = part.loc[part["engine"] == engine, "psnr"].to_numpy(np.float64)
            name = f"**{engine}**" if engine == best else str(engine)
            lines.append(
                f"| {label} | {len(values)} | {name} | {row['psnr']:.2f} ± {interval(values):.2f} | {row['ssim']:.4f} |"
                f" {100 * row['l1']:.3f} | {row['psnr_hole']:.2f} | {row['ssim_hole']:.3f} |"
                f" {100 * row['l1_hole']:.2f} | {row['sharpness']:.2f} | {row['seconds']:.2f} |"
            )
    return "\n".join(lines)


def gains(frame: pd.DataFrame) -> str:
    """The lead of `rn` over the best classical engine, set by set and picture by picture, as Markdown.

    The difference is taken on the same picture and mask, so that its interval is much narrower than the figures'.
    """
    lines = ["| set | best classical | rn - best, dB | SSIM | pictures won |", "|---|---|---|---|---|"]
    for label, part in frame.groupby("set", sort=False):
        means = part.groupby("engine")["psnr"].mean()
        rivals = [name for name in CLASSICAL if name in means]
        if "rn" not in means or not rivals:
            continue
        rival = max(rivals, key=lambda name: float(means[name]))
        ours, theirs = (part[part["engine"] == name].set_index(["picture", "mask"]) for name in ("rn", rival))
        lead = (ours["psnr"] - theirs["psnr"]).to_numpy(np.float64)
        similar = float((ours["ssim"] - theirs["ssim"]).mean())
        lines.append(
            f"| {label} | {rival} | {lead.mean():+.2f} ± {interval(lead):.2f} | {similar:+.4f} |"
            f" {(lead > 0).mean():.0%} |"
        )
    return "\n".join(lines)


def run(data: Path | None, *, limit: int | None = None, engines: tuple[str, ...] = ENGINES, csv: Path | None = None,
        weights: str = "rn-faithful", sheet: Path | None = None) -> str:  # fmt: skip
    """The report as Markdown: what was measured, the table, and the leads; a sheet of pictures where one is named."""
    labels: dict[tuple[str, str], str] = {}

    def labelled() -> Iterator[Case]:
        for label, case in cases(data, limit):
            labels[case.picture, case.mask] = label
            yield case

    started = time.monotonic()
    loaded = {name: load_engine(name, weights=weights) for name in engines}
    frame = evaluate(
        labelled(), loaded, seen=lambda case, name, restored: print(".", end="", file=sys.stderr, flush=True)
    )
    print(file=sys.stderr)
    frame["set"] = [labels[row.picture, row.mask] for row in frame.itertuples()]
    frame = frame.sort_values("set", kind="stable", key=lambda column: column.map(_rank))
    irregular = frame[frame["set"].str.startswith("irregular")]
    frame = _stack([frame, irregular.assign(set="irregular, all")])
    if csv is not None:
        frame.to_csv(csv, index=False)
    if sheet is not None:
        quality_sheet.draw(frame, cases(data, limit), loaded, sheet)
    source = "scikit-image's photographs, drawn holes (no measure of quality)" if data is None else "BENCH_DATA"
    runtime = loaded["rn"].runtime if "rn" in loaded else "not run"
    head = (
        f"{frame['picture'].nunique()} pictures of {SIDE}² from {source}; rn: {runtime};"
        f" {time.monotonic() - started:.0f} s. Mean over pictures ± 95 % interval."
    )
    return "\n\n".join([head, table(frame), gains(frame)])


def _rank(label: str) -> float:
    order = {f"irregular {ratio_bin(edge)}": position for position, edge in enumerate(EDGES[1:])}
    return order.get(label, {"damage": 100, "blocks": 101}.get(label, 102))


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def main(argv: list[str] | None = None) -> int:
    """The exit code, 0; prints the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--limit", type=int, help="at most so many pictures")
    parser.add_argument("--engine", action="append", help=f"may be repeated; default {', '.join(ENGINES)}")
    parser.add_argument("--weights", default="rn-faithful", help="name or file of the weights of rn")
    parser.add_argument("--csv", type=Path, help="one line per picture, mask and engine")
    parser.add_argument(
        "--sheet", type=Path, help="PNG or JPEG of the worst cases of each set, the middle and the best"
    )
    args = parser.parse_args(argv)
    if args.sheet and not {"rn", "telea", "biharmonic"} <= set(args.engine or ENGINES):
        parser.error("--sheet compares rn with telea and biharmonic: leave them in")
    given = os.environ.get("BENCH_DATA")
    data = Path(given) if given else None
    if data is not None and not (data / "bench" / "images").is_dir():
        print(f"BENCH_DATA={given} has no bench/images", file=sys.stderr)
        return 2
    engines = tuple(args.engine or ENGINES)
    print(run(data, limit=args.limit, engines=engines, csv=args.csv, weights=args.weights, sheet=args.sheet))
    return 0


if __name__ == "__main__":
    sys.exit(main())
