"""Dice per epoch by the detector's depth: `python -m benchmarks.depths --data DIR --out RUN`.

The first paper prints Dice per epoch of U-Nets of depth 2 and 5. Here both are trained for equal steps, with equal
seeds and widths, on the same stream of simulated damage, and looked at on the same held-out pictures after each epoch:
soft Dice (the chances themselves against the truth), the mean loss since the last look, precision and recall at a
chance of .9.

DIR holds `photos` and, where there are any, `artefacts`. A run that was broken off goes on from its checkpoints with
the same command; table and curves are in RUN.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.detection.datasets import artefacts_of
from benchmarks.small_detectors import answer, parser_of
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.runtime.atomic_write import write_whole
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.photos import exclude, load_photos
from pipeline.training.common.schedule import Budget
from pipeline.training.detector.loop import CURVES, DetectorOptions, train_detector
from pipeline.training.detector.validation import REPORTED, Score, read_scores


def looks(folder: Path) -> dict[int, Score]:
    """Return the looks of a run at the held-out pictures, by step."""
    return {score.step: score for score in read_scores(folder / CURVES)}


def table(found: dict[int, dict[int, Score]], epoch: int) -> str:
    """Return Markdown from the looks by depth: a line for each epoch, columns for each depth."""
    head = [f"depth {depth}: Dice | loss | precision | recall" for depth in found]
    lines = ["| epoch | step | " + " | ".join(head) + " |", "|---" * (2 + 4 * len(found)) + "|"]
    for step in sorted(set().union(*found.values())):
        cells = []
        for by_step in found.values():
            look = by_step.get(step)
            cells += ["", "", "", ""] if look is None else [f"{value:.3f}" for value in _figures(look)]
        lines.append(f"| {step // epoch} | {step:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _figures(look: Score) -> tuple[float, float, float, float]:
    return look.dice, look.loss, look.precision[REPORTED], look.recall[REPORTED]


def draw(found: dict[int, dict[int, Score]], epoch: int, target: Path) -> None:
    """Draw Dice and loss against epochs, a line for each depth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("dice", "loss"), strict=True):
        for depth, by_step in found.items():
            steps = sorted(by_step)
            axes.plot(
                [step / epoch for step in steps],
                [getattr(by_step[step], name) for step in steps],
                label=f"depth {depth}",
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel({"dice": "Dice on held-out pictures", "loss": "training loss"}[name])
        axes.legend()
    figure.savefig(target, dpi=110)


def run(arguments: argparse.Namespace) -> str:
    """Return the table, after training what is not trained yet."""
    if any(arguments.crop % 2**depth or depth < 1 for depth in arguments.depths):
        raise ValueError(f"--crop must be a multiple of {2 ** max(arguments.depths)}, a depth at least 1")
    photos = exclude(load_photos(arguments.data / "photos"), arguments.exclude)
    found: dict[int, dict[int, Score]] = {}
    text = ""
    for depth in arguments.depths:
        settings = DetectorOptions(
            photos=arguments.data / "photos",
            work=arguments.out / f"depth-{depth}",
            budget=Budget(steps=arguments.steps),
            artefacts=artefacts_of(arguments.data),
            network=NetworkConfig(depth=depth, width=arguments.width, widest=4 * arguments.width),
            batch=arguments.batch,
            side=arguments.crop,
            epoch=arguments.epoch,
            seed=arguments.seed,
        )
        network = train_detector(settings, photos=photos)
        print(f"depth {depth}: {_parameters(network):,} parameters", file=sys.stderr, flush=True)
        if read_state(settings.work / CHECKPOINT).step < arguments.steps:
            raise ValueError("stopped and saved; the same command goes on")
        found[depth] = looks(settings.work)
        text = table(found, arguments.epoch)
        write_whole(arguments.out / "table.md", (text + "\n").encode())
        draw(found, arguments.epoch, arguments.out / "dice.png")
    return text


def _parameters(network: DetectorNet) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def main(argv: list[str] | None = None) -> int:
    """Return the exit code: 0 with the table printed, 2 when it cannot begin, or was stopped."""
    parser = parser_of("depths", __doc__, steps=1000)
    add = parser.add_argument
    add("--depths", type=int, nargs="+", default=[2, 5], help="halvings of the picture (default 2 5)")
    add("--width", type=int, default=16, help="channels at half size (default 16)")
    add("--epoch", type=int, default=100, help="steps between two looks (default 100)")
    add("--seed", type=int, default=1, help="of weights and data (default 1)")
    return answer("depths", run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
