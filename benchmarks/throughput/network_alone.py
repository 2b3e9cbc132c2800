"""Fill the damage of an inbox by the network and nothing else: `python -m benchmarks.throughput.network_alone DIR`.

Scans, masks and the windows cut from them are in memory, nothing is estimated, blended or written. Prints one JSON
object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.engines import Engine, Job, WindowLayout, inpaint, load_engine
from pipeline.engines.interface import BoolMask, FloatImage
from pipeline.settings import Recipe

#: Scans whose windows are in memory at a time.
SCANS = 16


class Recorder:
    """An engine that keeps what it is asked to fill, and fills nothing."""

    name, digest, runtime = "recorder", "0" * 64, "none"

    def __init__(self, layout: WindowLayout) -> None:
        self.layout = layout
        self.calls: list[tuple[FloatImage, BoolMask]] = []

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the windows as they are."""
        self.calls.append((images, holes))
        return images

    def fallback(self) -> Engine | None:
        """Return None: there is no other."""
        return None


def main(folder: Path) -> int:
    """Print seconds, processor seconds and windows; return the exit code, 0."""
    engine = load_engine("rn", weights=Recipe().weights)
    warm = np.zeros((1, 128, 128), np.bool_)
    warm[:, 60:68, 60:68] = True
    engine.fill(np.zeros((1, 128, 128, 3), np.float32), warm)
    clock = processors = 0.0
    windows = pixels = 0
    jobs = _jobs(folder)
    with ThreadPoolExecutor(engine.layout.calls) as threads:
        while calls := _windows(islice(jobs, SCANS), engine.layout):
            started, spent = time.perf_counter(), time.process_time()
            for _ in threads.map(engine.fill, *zip(*calls, strict=True)):
                pass
            clock += time.perf_counter() - started
            processors += time.process_time() - spent
            windows += sum(len(holes) for _, holes in calls)
            pixels += sum(holes.size for _, holes in calls)
    found = {"clock": clock, "processors": processors, "windows": windows, "megapixels": pixels / 1e6}
    print(json.dumps(found | {"runtime": engine.runtime}))
    return 0


def _windows(jobs: Iterator[Job], layout: WindowLayout) -> list[tuple[FloatImage, BoolMask]]:
    """Return what an engine of this layout is asked to fill for some scans, call by call."""
    recorder = Recorder(layout)
    for _ in inpaint(jobs, recorder):
        pass
    return recorder.calls


def _jobs(folder: Path) -> Iterator[Job]:
    for mask in sorted(folder.glob("*.mask.png")):
        stem = mask.name.removesuffix(".mask.png")
        scan = next(one for one in folder.glob(f"{stem}.*") if one != mask)
        with Image.open(scan) as image, Image.open(mask) as marks:
            yield Job(stem, np.asarray(image.convert("RGB")), np.asarray(marks))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
