"""At which width a hole is better filled at a smaller scale: `python -m benchmarks.wide_holes`.

Ellipses and blocks of a given inscribed width are cut into held-out photographs and filled with several values of the
planner's `depth` (pixels deeper inside a hole than this are filled at half scale or less), the last of which keeps
everything at native scale. For each picture and width the same hole is used throughout. The photographs are those of
`photos` that training holds out, not those of the quality benchmark, because the planner's constant is chosen by this.
"""

from __future__ import annotations

import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, Section, publish
from pipeline.engines import Engine, Job, inpaint, load_engine, paste
from pipeline.engines.grain import add_grain
from pipeline.evaluation.evaluate import confidence_half_width
from pipeline.evaluation.evaluation_cases import read_picture
from pipeline.imaging.photo_files import is_held_out, list_photos
from pipeline.metrics import psnr, sharpness

WIDTHS = (24, 36, 48, 72, 96, 144)
NATIVE = 4096
"""A depth that no hole reaches: everything is filled at native scale."""
DEPTHS = (12, 24, 48, NATIVE)
SEED = 20260101
PEAK = 255.0


def draw_hole(width: int, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a mask (H,W) of one ellipse or rotated block, `width` wide at its narrowest and half as long again."""
    mask = np.zeros(shape, np.uint8)
    room = min(shape) / 2 - width
    centre = [float(side / 2 + rng.uniform(-room, room)) for side in shape[::-1]]
    angle = float(rng.uniform(0, 180))
    if rng.random() < 0.5:
        axes = (round(0.75 * width), width // 2)
        cv2.ellipse(mask, (round(centre[0]), round(centre[1])), axes, angle, 0, 360, 255, -1)
    else:
        corners = cv2.boxPoints(((centre[0], centre[1]), (1.5 * width, float(width)), angle))
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    return mask


def score_fill(
    engine: Engine, clean: NDArray[np.uint8], mask: NDArray[np.uint8], *, grain: bool = False
) -> tuple[float, float]:
    """Return PSNR of the hole in dB and the share of the original's fine detail in it, with or without added grain."""
    damaged = clean.copy()
    damaged[mask > 0] = 0
    (filled,) = inpaint([Job("picture", damaged, mask)], engine)
    if grain:
        filled = add_grain(filled, damaged, mask, seed=1)
    restored = np.rint(paste(damaged, mask, filled) * PEAK).astype(np.uint8)
    hole = (mask > 0).astype(np.uint8)
    return psnr(clean, restored, data_range=PEAK, mask=hole), sharpness(restored, hole, original=clean)


def measure(photos: Path, weights: str, limit: int) -> Results:
    """Return, by width and depth, the mean PSNR of the hole and its share of fine detail.

    Args:
        photos: folder of the training's photographs.
        weights: name or file.
        limit: at most so many of those that training holds out.
    """
    started = time.monotonic()
    engine: Any = load_engine("rn", weights=weights)
    layout = engine.layout
    names = [name for name in list_photos(photos) if is_held_out(name)]
    names = names[:: max(1, len(names) // limit)][:limit]
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for name in names:
        clean = read_picture(photos / name)
        rng = np.random.default_rng((SEED, zlib.crc32(name.encode())))
        for width in WIDTHS:
            if min(clean.shape[:2]) < 2 * width + 32:
                continue
            mask = draw_hole(width, clean.shape[:2], rng)
            for depth in DEPTHS:
                engine.layout = replace(layout, depth=depth)
                found.setdefault((width, str(depth)), []).append(score_fill(engine, clean, mask))
            engine.layout = layout
            found.setdefault((width, "grain"), []).append(score_fill(engine, clean, mask, grain=True))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = [_row(width, found, layout.depth) for width in WIDTHS if (width, "grain") in found]
    return Results(
        title="Wide holes and grain",
        intro=f"Ellipses and blocks of a given inscribed width in {len(names)} photographs that training holds out."
        " Each cell is the mean PSNR of the hole in dB and, in brackets, the share of the original's fine detail in it."
        " Depth is how deep inside a hole, in pixels, the planner switches to half scale (twice as deep to a quarter,"
        f" and so on); the engine's own is {layout.depth}.",
        sections=[Section("", _table(rows, layout.depth))],
        figures={"pictures": len(names), "depth": layout.depth, "rows": rows},
        notes=("PSNR counts grain as an error twice: the lost noise is missing, and the added noise differs from it.",),
        networks=f"{engine.runtime}, weights {Path(weights).stem}",
        seconds=time.monotonic() - started,
    )


def _row(width: int, found: dict[tuple[int, str], list[tuple[float, float]]], depth: int) -> dict[str, Any]:
    """Return the figures of one width: by depth, with grain, and the lead of the engine's depth over native scale."""
    row: dict[str, Any] = {"width": width, "pictures": len(found[width, "grain"])}
    for column in [*map(str, DEPTHS), "grain"]:
        pairs = found[width, column]
        row[column] = {"psnr_hole": mean(pair[0] for pair in pairs), "sharpness": mean(pair[1] for pair in pairs)}
    own, native = found[width, str(depth)], found[width, str(NATIVE)]
    lead = np.array([one[0] - other[0] for one, other in zip(own, native, strict=True)])
    return {**row, "lead": float(lead.mean()), "lead_interval": confidence_half_width(lead)}


def _table(rows: list[dict[str, Any]], depth: int) -> str:
    titles = [f"depth {value}" if value < NATIVE else "all native" for value in DEPTHS]
    header = ["width", "n", *titles, f"depth {depth} with grain", f"{depth} − native, dB"]
    lines = []
    for row in rows:
        cells = [f"{row[key]['psnr_hole']:.2f} ({row[key]['sharpness']:.2f})" for key in [*map(str, DEPTHS), "grain"]]
        lead = markdown.plus_minus(row["lead"], row["lead_interval"], sign="+")
        lines.append([row["width"], row["pictures"], *cells, lead])
    return markdown.table(header, lines)


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("wide_holes", __doc__, data="photos", limit="photographs (default 16)")
    parser.add_argument("--weights", default="rn-faithful", help="name or file of the weights")
    given = parser.parse_args(words)
    publish("wide_holes", measure(given.data / "photos", given.weights, given.limit or 16), given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
