"""Region Normalization against other normalisations: `python -m benchmarks.ablation --out RUN`.

The claim of Yu et al. (AAAI 2020), tested: Region Normalization, batch normalisation, instance normalisation and none
in the same small generator, with a grey constant and with the smooth prior in the hole; in the paper's own form, with
its definition of RN and with ours; and our RN with one part of it changed. Some seeds each, on the same batches.
Every network is trained at a constant rate, so that one run gives both comparisons: after equal steps, and after equal
seconds. Seconds are processor seconds: the cost of a step is measured for all networks in turn, before anything is
trained, because other work on the machine would decide otherwise.

The folder of data holds `photos`. A cell is one network with one seed; a finished cell is not trained again, and one
that was interrupted continues from its checkpoint. Tables of what is finished are written after each cell, the curves
at the end, and both at any time with `--report`. One thread; several of these commands on one folder share its cells,
also on one GPU (`--device cuda`).
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.ablation.cells import FAMILIES, Cell, Plan, networks
from benchmarks.ablation.pictures import RatioSet, fill_prior, scores
from benchmarks.ablation.report import report
from benchmarks.ablation.training import Trainee, measure_costs, read_json, train
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results
from benchmarks.training_runs import add_run, run_training
from pipeline.atomic_write import atomic_write
from pipeline.rn import fused
from pipeline.training.common.photos import load_photos, split
from pipeline.training.inpainter.batches import BatchMaker


def measure(arguments: argparse.Namespace) -> Results:
    """Return the results, after training every cell that is missing unless only a report is wanted.

    Raises:
        ValueError: the folder holds an ablation of another plan, or on other photographs.
    """
    out = arguments.out
    if arguments.report:
        return report(out)
    print("compiled kernel" if fused.enable() else "no compiled kernel", file=sys.stderr)
    (out / "cells").mkdir(parents=True, exist_ok=True)
    photos = load_photos(arguments.data / "photos")
    plan = Plan(arguments.steps, arguments.batch, arguments.crop, arguments.count, photos.digest())
    stored = out / "plan.json"
    if stored.exists() and Plan(**json.loads(stored.read_text())) != plan:
        raise ValueError(f"{out} holds an ablation by another plan, or on other photographs")
    atomic_write(stored, json.dumps(vars(plan), indent=1).encode())
    learned, held = split(photos)
    data = RatioSet(held, size=plan.crop, count=plan.count)
    atomic_write(out / "levels.json", json.dumps(scores(fill_prior(data), data), indent=1).encode())
    wanted = networks(arguments.families)
    costs = read_json(out / "costs.json")
    if any(f"{family}-{norm}" not in costs for family, norm in wanted):
        # All of them again: only what is measured in turn can be compared.
        everything = networks(list(FAMILIES))
        costs = measure_costs(everything, BatchMaker(learned, 0, bank_holes=200), plan)
        atomic_write(out / "costs.json", json.dumps(costs, indent=1).encode())
    # Seed by seed, so that an ablation that was stopped has compared all of them.
    for seed in range(1, arguments.seeds + 1):
        maker: BatchMaker | None = None
        for family, norm in wanted:
            cell = Cell(family, norm, seed)
            with claim(out, cell) as kept:
                if kept is None:
                    continue
                maker = maker or BatchMaker(learned, seed, bank_holes=arguments.holes)
                began = time.monotonic()
                frame = train(Trainee(cell, device=torch.device(arguments.device)), plan, maker, data, kept)
                atomic_write(out / "cells" / f"{cell.name}.csv", frame.to_csv(index=False).encode())
                kept.unlink(missing_ok=True)
            ending = frame.iloc[-1]
            print(
                f"{cell.name}: hole {ending['psnr']:.2f} dB, {ending['spent']:.0f} s of one core,"
                f" {time.monotonic() - began:.0f} s elapsed",
                file=sys.stderr,
                flush=True,
            )
            report(out, curves=False)
    return report(out)


@contextmanager
def claim(out: Path, cell: Cell) -> Iterator[Path | None]:
    """Yield where a cell's checkpoint is kept, or nothing for one that is finished or that another process trains."""
    folder = out / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{cell.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # Looked at with the lock held: the process that had it may just have finished.
        yield None if (out / "cells" / f"{cell.name}.csv").exists() else folder / f"{cell.name}.safetensors"


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 2 when it cannot begin."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("ablation", __doc__, data="photos", needs_data=False)
    add_run(parser)
    add = parser.add_argument
    add("--families", nargs="+", default=["grey", "prior", "paper"], choices=list(FAMILIES), help="networks to train")
    add("--steps", type=int, default=10_000, help="of each network (default 10,000)")
    add("--seeds", type=int, default=3, help="default 3")
    add("--batch", type=int, default=4, help="crops a step (default 4)")
    add("--crop", type=int, default=64, help="side of a crop (default 64)")
    add("--count", type=int, default=100, help="held-out crops for each range of hole ratios (default 100)")
    add("--holes", type=int, default=1500, help="holes in the bank (default 1500)")
    add("--device", default="cpu", help="cpu (default) or cuda; seconds are measured on the processor either way")
    return run_training("ablation", measure, parser, words)


if __name__ == "__main__":
    sys.exit(main())
