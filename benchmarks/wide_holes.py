"""At which width a hole is better filled at a smaller scale: `python -m benchmarks.wide_holes --photos DIR`.

Ellipses and blocks of a given inscribed width are cut into held-out photographs, and filled with several values of the
planner's `depth` (pixels further inside a hole than this are seen at half scale or less), the last of which keeps all
at native scale. Of each picture and width the same hole is used throughout. The photographs are those that training
holds out, not the benchmark's, because the planner's constant is chosen by this.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine, Job, inpaint, load_engine, paste
from pipeline.engines.grain import add_grain
from pipeline.evaluation.evaluate import interval
from pipeline.evaluation.evaluation_cases import read_picture
from pipeline.imaging.photo_files import is_held_out, list_photos
from pipeline.metrics import psnr, sharpness

WIDTHS = (24, 36, 48, 72, 96, 144)
DEPTHS = (12, 24, 48, 4096)
SEED = 20260101
PEAK = 255.0


def draw(width: int, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A mask (H,W) of one ellipse or turned block, as wide as that at its narrowest and half as long again."""
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


def figures(
    engine: Engine, clean: NDArray[np.uint8], mask: NDArray[np.uint8], *, grain: bool = False
) -> tuple[float, float]:
    """PSNR of the hole in dB and the share of its fine detail that is there, with or without grain added."""
    damaged = clean.copy()
    damaged[mask > 0] = 0
    (filled,) = inpaint([Job("picture", damaged, mask)], engine)
    if grain:
        filled = add_grain(filled, damaged, mask, seed=1)
    restored = np.rint(paste(damaged, mask, filled) * PEAK).astype(np.uint8)
    hole = (mask > 0).astype(np.uint8)
    return psnr(clean, restored, data_range=PEAK, mask=hole), sharpness(restored, hole, original=clean)


def run(photos: Path, weights: str, limit: int) -> str:
    """The table as Markdown: by width and depth, mean PSNR of the hole and, in brackets, its share of fine detail."""
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
            mask = draw(width, clean.shape[:2], rng)
            for depth in DEPTHS:
                engine.layout = replace(layout, depth=depth)
                found.setdefault((width, str(depth)), []).append(figures(engine, clean, mask))
            engine.layout = layout
            found.setdefault((width, "grain"), []).append(figures(engine, clean, mask, grain=True))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    titles = [f"depth {depth}" if depth < 4096 else "all native" for depth in DEPTHS]
    lines = [
        f"| width | n | {' | '.join(titles)} | depth {layout.depth} with grain | {layout.depth} − native, dB |",
        "|" + "---|" * (len(DEPTHS) + 4),
    ]
    for width in WIDTHS:
        if (width, "grain") not in found:
            continue
        cells = []
        for column in [*map(str, DEPTHS), "grain"]:
            rows = found[width, column]
            cells.append(f"{mean(row[0] for row in rows):.2f} ({mean(row[1] for row in rows):.2f})")
        now, native = found[width, str(layout.depth)], found[width, str(DEPTHS[-1])]
        lead = np.array([one[0] - other[0] for one, other in zip(now, native, strict=True)])
        lines.append(f"| {width} | {len(now)} | {' | '.join(cells)} | {lead.mean():+.2f} ± {interval(lead):.2f} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """The exit code, 0; prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of the training's photographs")
    parser.add_argument("--weights", default="rn-faithful", help="name or file of the weights")
    parser.add_argument("--limit", type=int, default=16, help="photographs (default 16)")
    arguments = parser.parse_args(argv)
    print(run(arguments.photos, arguments.weights, arguments.limit))
    return 0


if __name__ == "__main__":
    sys.exit(main())
