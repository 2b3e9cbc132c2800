"""Fill the damage of an inbox by the network and nothing else: `python -m benchmarks.throughput.network_alone DIR`.

Scans and masks are in memory, nothing is estimated and nothing written. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.engines import Job, inpaint, load_engine
from pipeline.settings import Recipe


def main(folder: Path) -> int:
    """Print seconds, processor seconds and windows; return the exit code, 0."""
    engine = load_engine("rn", weights=Recipe().weights)
    warm = np.zeros((128, 128), np.uint8)
    warm[60:68, 60:68] = 255
    list(inpaint([Job("warm", np.zeros((128, 128, 3), np.uint8), warm)], engine))
    clock = processors = 0.0
    windows = pixels = 0
    fill = engine.fill

    def counted(images: np.ndarray, holes: np.ndarray) -> np.ndarray:
        nonlocal clock, processors, windows, pixels
        started, spent = time.perf_counter(), time.process_time()
        result = fill(images, holes)
        clock += time.perf_counter() - started
        processors += time.process_time() - spent
        windows, pixels = windows + len(holes), pixels + holes.size
        return result

    engine.fill = counted  # type: ignore[method-assign]
    for _ in inpaint(_jobs(folder), engine):
        pass
    found = {"clock": clock, "processors": processors, "windows": windows, "megapixels": pixels / 1e6}
    print(json.dumps(found | {"runtime": engine.runtime}))
    return 0


def _jobs(folder: Path) -> Iterator[Job]:
    for mask in sorted(folder.glob("*.mask.png")):
        stem = mask.name.removesuffix(".mask.png")
        scan = next(one for one in folder.glob(f"{stem}.*") if one != mask)
        with Image.open(scan) as image, Image.open(mask) as marks:
            yield Job(stem, np.asarray(image.convert("RGB")), np.asarray(marks))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
