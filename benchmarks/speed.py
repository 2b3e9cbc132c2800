"""Speed of the inpainting network and of whole scans: `python -m benchmarks.speed`.

Measures milliseconds per window by backend and batch, their arithmetic rate as a share of the machine's matrix ceiling
in the same run, and seconds and peak memory for scans of 1, 12 and 50 megapixels with 0.5, 2 and 10 % damage. Each
elapsed time is accompanied by processor time: on a machine with other work, only ratios of the latter are of use.
"""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.pool
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.process_tree import peak_memory
from benchmarks.results_page import Results, Section, publish
from pipeline.engines import Job, inpaint, load_engine
from pipeline.engines.backends.export import exported_generator
from pipeline.engines.backends.openvino import OpenVINONetwork
from pipeline.engines.load_rn import load_rn
from pipeline.engines.pixels import canonical
from pipeline.engines.plan import plan
from pipeline.engines.rn import RnEngine
from pipeline.rn.weights import read_config
from pipeline.runtime.precision import computes_bfloat16
from pipeline.settings import settings
from pipeline.weights import weights_path

SIDES = (256, 512)
BATCHES = (1, 4, 16)
MEGAPIXELS = (1, 12, 50)
SHARES = (0.005, 0.02, 0.10)
MATRIX = 2048
"""Side of the matrices whose product is the ceiling on the CPU."""
NOTES = (
    "On a machine that does other work too, only ratios of processor time are of use.",
    "Of the ceiling: the network's arithmetic rate as a share of that of a large matrix product in the same precision.",
    "Peak memory is that of a fresh process; before is its peak when engine and pictures are loaded.",
)


@dataclass
class Duration:
    """Elapsed seconds, and those of all processors."""

    clock: float = float("inf")
    processors: float = float("inf")


def shortest(work: Callable[[], object], repeats: int = 3) -> Duration:
    """Return the shortest of some runs, after one to warm up."""
    work()
    took = Duration()
    for _ in range(repeats):
        clock, processors = time.perf_counter(), time.process_time()
        work()
        took.clock = min(took.clock, time.perf_counter() - clock)
        took.processors = min(took.processors, time.process_time() - processors)
    return took


def matrix_ceiling(device: str) -> dict[str, float]:
    """Return GFLOP/s of a large matrix product by precision: per core on the CPU, of the whole device on a GPU.

    Without bfloat16 where the CPU does not compute in it: torch imitates it there, for minutes.
    """
    import torch

    found = {}
    precisions = {"float32": torch.float32, "bf16": torch.bfloat16}
    if not computes_bfloat16(torch.device(device)):
        del precisions["bf16"]
    for name, dtype in precisions.items():
        side = MATRIX if device == "cpu" else 8192
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))

        def product(a: torch.Tensor = a, b: torch.Tensor = b) -> None:
            torch.mm(a, b)
            if device != "cpu":
                torch.cuda.synchronize()

        took = shortest(product, 5)
        found[name] = 2 * side**3 / (took.processors if device == "cpu" else took.clock) / 1e9
    return found


def operations(weights: str) -> float:
    """Return the GFLOP of the generator's convolutions and linear layers per megapixel."""
    import torch

    from pipeline.rn.weights import load_generator

    generator, _ = load_generator(weights_path(weights))
    total = 0.0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        total += 2.0 * output.numel() * module.weight[0].numel()  # type: ignore[index,operator,union-attr]

    for module in generator.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(count)
    with torch.inference_mode():
        generator(torch.zeros(1, 3, 256, 256), torch.ones(1, 1, 256, 256))
    return total / 1e9 / (256 * 256 / 1e6)


def draw_damage(height: int, width: int, share: float, seed: int = 0) -> NDArray[np.uint8]:
    """Return a mask (H,W) of dust, hairs, scratches and a few flakes that cover at least a share of the area."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    while cv2.countNonZero(mask) < share * mask.size:
        for _ in range(8):
            kind, x, y = rng.random(), int(rng.integers(width)), int(rng.integers(height))
            if kind < 0.5:
                cv2.circle(mask, (x, y), int(rng.integers(1, 8)), 255, -1)
            elif kind < 0.93:
                steps = rng.normal(0, 1, (12, 2)) * rng.uniform(10, 120)
                points = np.cumsum(np.vstack([[x, y], steps]), axis=0).astype(np.int32)
                cv2.polylines(mask, [points[:, None]], False, 255, int(rng.integers(1, 6)))
            elif kind < 0.96:
                cv2.line(mask, (x, y), (int(rng.integers(width)), int(rng.integers(height))), 255, 2)
            else:
                axes = (int(rng.integers(10, 200)), int(rng.integers(10, 100)))
                cv2.ellipse(mask, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return mask


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Return a photograph (H,W,3) enlarged to a size."""
    import skimage.data

    return np.asarray(cv2.resize(skimage.data.astronaut(), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def engines(arguments: argparse.Namespace) -> Iterator[RnEngine]:
    """Yield the engine on each backend, on OpenVINO in both precisions."""
    path = weights_path(arguments.weights)
    if arguments.device == "cuda":
        yield load_rn(path, device="cuda")
        return
    yield load_rn(path, device="cpu", backend="torch")
    model, digest = exported_generator(path, settings().cache)
    for precision in ("f32", "bf16"):
        yield RnEngine(OpenVINONetwork(model, read_config(path).bends, precision), digest)


def measure_windows(arguments: argparse.Namespace, ceilings: dict[str, float], giga: float) -> list[dict[str, Any]]:
    """Return time and arithmetic rate for each backend, side of the window and batch.

    Args:
        arguments: with `weights`, `device` and `batches`.
        ceilings: GFLOP/s of a matrix product by precision.
        giga: GFLOP of the network per megapixel.
    """
    device = arguments.device
    rng = np.random.default_rng(0)
    first: dict[int, float] = {}
    rows = []
    for engine in engines(arguments):
        half = any(name in engine.runtime for name in ("bf16", "float16"))
        for side in SIDES:
            for batch in arguments.batches:
                images = rng.random((batch, side, side, 3), dtype=np.float32)
                holes = np.broadcast_to(draw_damage(side, side, 0.05) > 0, (batch, side, side))
                took = shortest(lambda e=engine, i=images, h=holes: e.fill(i, h), 2)  # type: ignore[misc]
                spent = took.processors if device == "cpu" else took.clock
                rate = giga * batch * side * side / 1e6 / spent
                each = spent / batch * 1e3
                first.setdefault(side, each)
                rows.append({
                    "backend": engine.runtime, "side": side, "batch": batch, "clock_ms": took.clock / batch * 1e3,
                    "processor_ms": took.processors / batch * 1e3, "gflops": rate,
                    "of_ceiling": rate / ceilings["bf16" if half else "float32"], "times_first": first[side] / each,
                })  # fmt: skip
                print(f"{engine.runtime}, {side}², batch {batch}: {each:.1f} ms", file=sys.stderr, flush=True)
    return rows


def windows_table(rows: list[dict[str, Any]]) -> str:
    """Return the windows' figures as Markdown."""
    header = "backend", "window", "batch", "ms", "processor ms", "GFLOP/s", "of the ceiling", "speed against the first"
    lines = [
        (
            row["backend"],
            f"{row['side']}²",
            row["batch"],
            f"{row['clock_ms']:.1f}",
            f"{row['processor_ms']:.1f}",
            f"{row['gflops']:.0f}",
            f"{row['of_ceiling']:.0%}",
            f"{row['times_first']:.2f}×",
        )
        for row in rows
    ]
    return markdown.table(header, lines)


@contextmanager
def fresh_process() -> Iterator[multiprocessing.pool.Pool]:
    """Provide a fresh process, so that its peak of memory is that of one case."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        yield pool


def whole_scan(engine_name: str, weights: str, device: str, megapixels: float, share: float) -> dict[str, float]:
    """Return time, windows and memory of one scan, measured in this process."""
    width = int((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = int(megapixels * 1e6 / width)
    mask, colour = draw_damage(height, width, share), picture(height, width)
    engine = load_engine(engine_name, weights=weights, device=device)
    small = draw_damage(256, 256, 0.05)
    list(inpaint([Job("warm-up", picture(256, 256), small)], engine))
    before = peak_memory()
    clock = time.perf_counter()
    planned = plan(canonical(mask), engine.layout)
    planning = time.perf_counter() - clock
    clock, processors = time.perf_counter(), time.process_time()
    (filled,) = inpaint([Job("scan", colour, mask)], engine)
    return {
        "planning": planning,
        "clock": time.perf_counter() - clock,
        "processors": time.process_time() - processors,
        "windows": len(filled.windows),
        "pixels": sum(window.shape[0] * window.shape[1] for window in planned.windows) / mask.size,
        "before": before,
        "peak": peak_memory(),
    }


def measure_scans(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the figures of whole scans by engine, megapixels and share of damage, each from a fresh process."""
    rows: list[dict[str, Any]] = []
    for name in arguments.engine:
        for megapixels in arguments.megapixels:
            for share in SHARES:
                with fresh_process() as pool:
                    case = (name, arguments.weights, arguments.device, megapixels, share)
                    found = pool.apply(whole_scan, case)
                rows.append({"engine": name, "megapixels": megapixels, "damage": share, **found})
                print(f"{name}, {megapixels:g} MP, {share:.1%}: {found['clock']:.1f} s", file=sys.stderr, flush=True)
    return rows


def scans_table(rows: list[dict[str, Any]]) -> str:
    """Return the figures of whole scans as Markdown."""
    header = (
        "engine", "megapixels", "damage", "seconds", "processor seconds", "planning, ms", "windows",
        "pixels of windows / scan", "peak MiB", "before, MiB",
    )  # fmt: skip
    lines = [
        (
            row["engine"],
            f"{row['megapixels']:g}",
            f"{row['damage']:.1%}",
            f"{row['clock']:.2f}",
            f"{row['processors']:.2f}",
            f"{row['planning'] * 1e3:.0f}",
            f"{row['windows']:.0f}",
            f"{row['pixels']:.2f}",
            f"{row['peak']:,.0f}",
            f"{row['before']:,.0f}",
        )
        for row in rows
    ]
    return markdown.table(header, lines)


def measure(arguments: argparse.Namespace) -> Results:
    """Return the figures of windows and of whole scans."""
    started, load = time.monotonic(), os.getloadavg()[0]
    ceilings, giga = matrix_ceiling(arguments.device), operations(arguments.weights)
    windows = measure_windows(arguments, ceilings, giga)
    scans = measure_scans(arguments)
    per = "a core" if arguments.device == "cpu" else "of the device"
    found = " and ".join(f"{rate:.0f} in {name}" for name, rate in ceilings.items())
    sections = [Section("Windows", windows_table(windows))]
    if scans:
        sections.append(Section("Whole scans", scans_table(scans)))
    return Results(
        title="Speed of the inpainting network",
        intro=f"Time for windows of the network by backend and batch, and time and memory of whole scans. The network"
        f" takes {giga:.0f} GFLOP a megapixel of windows. The ceiling is a product of large matrices, in GFLOP/s {per}:"
        f" {found}. The load of the machine was {load:.1f} before the run.",
        sections=sections,
        figures={"load": load, "ceiling": ceilings, "gflop_per_megapixel": giga, "windows": windows, "scans": scans},
        notes=NOTES,
        networks=f"weights {Path(arguments.weights).stem}; backends and precisions as in the table",
        seconds=time.monotonic() - started,
    )


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 0."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("speed", __doc__)
    parser.add_argument("--weights", default="rn-faithful", help="name or file of the weights")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--engine", nargs="+", default=["rn"], help="for whole scans")
    parser.add_argument("--megapixels", nargs="+", type=float, default=MEGAPIXELS, help="of whole scans; 0 for none")
    given = parser.parse_args(words)
    given.megapixels = [value for value in given.megapixels if value > 0]
    publish("speed", measure(given), given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
