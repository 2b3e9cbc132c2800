"""Digits with their middle cut out, filled in every way: `python -m benchmarks.digits`.

The folder of data holds `mnist` with the four IDX files. The shipped weights are measured on the test digits, as
`train digits --evaluate` does, which also writes a PDF report.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.arguments import benchmark_parser
from benchmarks.markdown import table
from benchmarks.results_page import Results, Section, publish
from pipeline.engines.digits.weights import FILLERS, file_name, load_network
from pipeline.errors import RestorationError
from pipeline.training.digits.datasets import load_digits
from pipeline.training.digits.evaluate import Evaluation, evaluate, fillers
from pipeline.weights import SHIPPED

LABELS = {
    "masked": "nothing (masked)",
    "telea": "Telea (fast marching)",
    "navier-stokes": "Navier-Stokes",
    "biharmonic": "biharmonic",
    "paper": "the paper's DCGAN",
    "region": "ours",
}


def measure(data: Path, weights: Path, limit: int | None) -> Results:
    """Return what the classifier reads after each way of filling, and PSNR and SSIM of the hole.

    Args:
        data: folder with the four IDX files.
        weights: folder with the weights of the three networks.
        limit: at most so many test digits.

    Raises:
        ConfigurationError: a file is missing or damaged.
        WeightsError: weights are missing or damaged.
    """
    started = time.monotonic()
    digits = load_digits(data).test
    digits = digits.first(limit) if limit else digits
    networks = {name: load_network(weights / file_name(name), name)[1] for name in ("judge", *FILLERS)}
    classifier = networks.pop("judge")
    found = evaluate(digits, classifier, fillers(networks), progress=lambda line: print(line, file=sys.stderr))
    return Results(
        title="Digits with their middle cut out",
        intro=f"{len(digits):,} MNIST test digits with a centred hole, filled in every way, known pixels put back. Read"
        " is the share that the classifier reads correctly, PSNR and SSIM are those of the hole. The classifier reads"
        f" {found.whole:.2%} of the whole digits.",
        sections=[Section("", _table(found))],
        figures={"digits": len(digits), "whole": found.whole, "rows": [asdict(row) for row in found.rows]},
        notes=("PSNR is low for every method: strokes one pixel off cost as much as missing strokes.",),
        networks=f"torch {torch.__version__} float32 on cpu",
        seconds=time.monotonic() - started,
    )


def _table(found: Evaluation) -> str:
    """Return a line for each way of filling, with columns for each size of hole; best figures in bold."""
    sizes = sorted({row.hole for row in found.rows})
    best = {
        (size, name): max(getattr(row, name) for row in found.rows if row.hole == size)
        for size in sizes
        for name in ("accuracy", "psnr_hole", "ssim_hole")
    }
    formats = {"accuracy": ".2%", "psnr_hole": ".2f", "ssim_hole": ".3f"}
    lines = []
    for method, label in LABELS.items():
        cells = []
        for row in found.of(method):
            for name, shape in formats.items():
                text = format(getattr(row, name), shape)
                cells.append(f"**{text}**" if getattr(row, name) == best[row.hole, name] else text)
        lines.append([label, *cells])
    header = [title for size in sizes for title in (f"{size}×{size}: read", "PSNR, dB", "SSIM")]
    return table(["filled by", *header], lines)


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 2 when data or weights cannot be used."""
    words = sys.argv[1:] if argv is None else argv
    parser = benchmark_parser("digits", __doc__, data="mnist", limit="test digits")
    parser.add_argument("--weights", type=Path, default=SHIPPED, metavar="DIR", help="default: the shipped ones")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1, best on a shared machine)")
    given = parser.parse_args(words)
    torch.set_num_threads(given.threads)
    try:
        results = measure(given.data / "mnist", given.weights, given.limit)
    except (RestorationError, OSError) as error:
        print(f"digits: {error}", file=sys.stderr)
        return 2
    publish("digits", results, given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
