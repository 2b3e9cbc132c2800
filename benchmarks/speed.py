"""Speed of the network and of whole scans, in one run: `python -m benchmarks.speed`.

Prints milliseconds per window by backend and batch, their arithmetic rate over the machine's own matrix ceiling as
measured in the same run, and seconds and peak memory for scans of 1, 12 and 50 megapixels at 0.5, 2 and 10 % damage.
Beside each time by the clock stands the time of the processors: on a machine that does other work too, only ratios of
the latter are of use.
"""

from __future__ import annotations

import argparse
import multiprocessing
import multiprocessing.pool
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Job, inpaint, load_engine, weights_path
from pipeline.engines.backends.choose import generator_config, load_rn
from pipeline.engines.backends.export import exported
from pipeline.engines.backends.openvino import OpenVINONetwork
from pipeline.engines.pixels import canonical
from pipeline.engines.plan import plan
from pipeline.engines.rn import RnEngine
from pipeline.settings import settings

SIDES = (256, 512)
BATCHES = (1, 4, 16)
MEGAPIXELS = (1, 12, 50)
SHARES = (0.005, 0.02, 0.10)
MATRIX = 2048


@dataclass
class Took:
    """Seconds by the clock and of all processors."""

    clock: float = float("inf")
    processors: float = float("inf")


def best(work: Callable[[], object], repeats: int = 3) -> Took:
    """The shortest of some runs, after one to warm up."""
    work()
    took = Took()
    for _ in range(repeats):
        clock, processors = time.perf_counter(), time.process_time()
        work()
        took.clock = min(took.clock, time.perf_counter() - clock)
        took.processors = min(took.processors, time.process_time() - processors)
    return took


def peak() -> float:
    """The peak of this process's memory in MiB, for the programme it runs now (unlike that of `getrusage`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def ceiling(device: str) -> dict[str, float]:
    """GFLOP/s of a large matrix product by precision: per core on the CPU, of the whole device on a GPU."""
    import torch

    found = {}
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        side = MATRIX if device == "cpu" else 8192
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))

        def product(a: torch.Tensor = a, b: torch.Tensor = b) -> None:
            torch.mm(a, b)
            if device != "cpu":
                torch.cuda.synchronize()

        took = best(product, 5)
        found[name] = 2 * side**3 / (took.processors if device == "cpu" else took.clock) / 1e9
    return found


def operations(weights: str) -> float:
    """GFLOP of the generator's convolutions and layers per megapixel."""
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


def damage(height: int, width: int, share: float, seed: int = 0) -> NDArray[np.uint8]:
    """A mask (H,W) of dust, hairs, scratches and a few flakes, up to a share of the area."""
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
    """A photograph (H,W,3) enlarged to a size."""
    import skimage.data

    return np.asarray(cv2.resize(skimage.data.astronaut(), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def networks(arguments: argparse.Namespace) -> Iterator[RnEngine]:
    """The engine by each backend, OpenVINO in both precisions; where the CPU computes in bf16, that is used."""
    path = weights_path(arguments.weights)
    if arguments.device == "cuda":
        yield load_rn(path, device="cuda")
        return
    yield load_rn(path, device="cpu", backend="torch")
    model, digest = exported(path, settings().cache)
    for precision in ("f32", "bf16"):
        yield RnEngine(OpenVINONetwork(model, generator_config(path).bends, precision), digest)


def windows_table(arguments: argparse.Namespace, ceilings: dict[str, float], giga: float) -> None:
    """Print milliseconds per window by backend, side and batch."""
    device = arguments.device
    columns = ("window", "batch", "ms", "cpu ms", "GFLOP/s", "of ceiling", "ratio")
    print(f"\n{'backend':34} " + " ".join(f"{name:>10}" for name in columns))
    rng = np.random.default_rng(0)
    first: dict[int, float] = {}
    for engine in networks(arguments):
        half = any(name in engine.runtime for name in ("bf16", "float16"))
        for side in SIDES:
            for batch in arguments.batches:
                images = rng.random((batch, side, side, 3), dtype=np.float32)
                holes = np.broadcast_to(damage(side, side, 0.05) > 0, (batch, side, side))
                took = best(lambda e=engine, i=images, h=holes: e.fill(i, h), 2)  # type: ignore[misc]
                spent = took.processors if device == "cpu" else took.clock
                rate = giga * batch * side * side / 1e6 / spent
                each = spent / batch * 1e3
                first.setdefault(side, each)
                print(
                    f"{engine.runtime:34} {side:>9}² {batch:>10} {took.clock / batch * 1e3:10.1f}"
                    f" {took.processors / batch * 1e3:10.1f} {rate:10.0f}"
                    f" {rate / ceilings['bf16' if half else 'float32']:10.0%} {first[side] / each:9.2f}×",
                    flush=True,
                )


@contextmanager
def fresh_process() -> Iterator[multiprocessing.pool.Pool]:
    """A process of its own, so that its peak of memory is that of one case."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        yield pool


def whole_scan(engine_name: str, weights: str, device: str, megapixels: float, share: float) -> dict[str, float]:
    """Figures of one scan, measured in this process."""
    width = int((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = int(megapixels * 1e6 / width)
    mask, colour = damage(height, width, share), picture(height, width)
    engine = load_engine(engine_name, weights=weights, device=device)
    small = damage(256, 256, 0.05)
    list(inpaint([Job("warm", picture(256, 256), small)], engine))
    before = peak()
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
        "peak": peak(),
    }


def scans_table(arguments: argparse.Namespace) -> None:
    """Print seconds and memory of whole scans."""
    print(
        f"\n{'engine':10} {'megapixels':>10} {'damage':>7} {'seconds':>8} {'cpu s':>7} {'planning':>9} {'windows':>8}"
        f" {'windows/scan':>12} {'peak MiB':>9} {'of it before':>12}"
    )
    for name in arguments.engine:
        for megapixels in arguments.megapixels:
            for share in SHARES:
                with fresh_process() as pool:
                    case = (name, arguments.weights, arguments.device, megapixels, share)
                    found = pool.apply(whole_scan, case)
                print(
                    f"{name:10} {megapixels:>10g} {share:>7.1%} {found['clock']:8.2f} {found['processors']:7.2f}"
                    f" {found['planning'] * 1e3:6.0f} ms {found['windows']:8.0f} {found['pixels']:11.2f}×"
                    f" {found['peak']:9.0f} {found['before']:12.0f}",
                    flush=True,
                )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="rn-faithful", help="name of shipped weights or path")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--engine", nargs="+", default=["rn"], help="for whole scans")
    parser.add_argument("--megapixels", nargs="+", type=float, default=MEGAPIXELS, help="for whole scans; none: 0")
    arguments = parser.parse_args()
    arguments.megapixels = [value for value in arguments.megapixels if value > 0]
    cores, load, name = len(os.sched_getaffinity(0)), os.getloadavg()[0], weights_path(arguments.weights).name
    print(f"{cores} cores, load {load:.1f} before, weights {name}")
    ceilings, giga = ceiling(arguments.device), operations(arguments.weights)
    unit = "per core, as are the rates below" if arguments.device == "cpu" else "of the device"
    print(f"matrix ceiling: {', '.join(f'{name} {rate:.0f}' for name, rate in ceilings.items())} GFLOP/s {unit}")
    print(f"network: {giga:.0f} GFLOP per megapixel of windows")
    windows_table(arguments, ceilings, giga)
    scans_table(arguments)


if __name__ == "__main__":
    main()
