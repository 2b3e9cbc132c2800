"""Dice per epoch by the detector's depth: `python -m benchmarks.depths --out RUN`.

As in a published comparison of U-Nets of depth 2 and 5, both are trained for equal steps with equal seeds and widths on
the same stream of simulated damage, and evaluated on the same held-out pictures after each epoch: soft Dice (the
probabilities themselves against the truth), the mean loss since the last evaluation, precision and recall at a
probability of .9.

The folder of data holds `photos` and, where there are any, `artefacts`. The same command continues from its checkpoints
after a break; table and curves are in RUN.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks import markdown
from benchmarks.detection.datasets import artefacts_of
from benchmarks.results_page import Results, Section
from benchmarks.training_runs import run_training, training_parser
from pipeline.atomic_write import atomic_write
from pipeline.detection.network import DetectorNet, NetworkConfig
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.photos import exclude, load_photos
from pipeline.training.common.schedule import Budget
from pipeline.training.detector.loop import CURVES, DetectorOptions, train_detector
from pipeline.training.detector.validation import REPORTED, Score, read_scores

PLAN, TABLE, PLOT = "plan.json", "table.md", "dice.png"

#: Evaluations on the held-out pictures, by step.
Evaluations = dict[int, Score]


def read_evaluations(folder: Path) -> Evaluations:
    """Return the evaluations of a run; of a step that was repeated, the last."""
    return {score.step: score for score in read_scores(folder / CURVES)}


def table(found: dict[int, Evaluations], epoch: int) -> str:
    """Return Markdown with a line for each epoch and columns for each depth.

    Args:
        found: evaluations by depth.
        epoch: steps of one.
    """
    header = ["epoch", "step"]
    for depth in found:
        header += [f"depth {depth}: Dice", "loss", "precision", "recall"]
    lines = []
    for step in sorted(set().union(*found.values())):
        cells: list[str] = []
        for by_step in found.values():
            score = by_step.get(step)
            cells += [""] * 4 if score is None else [f"{value:.3f}" for value in _figures(score).values()]
        lines.append([step // epoch, f"{step:,}", *cells])
    return markdown.table(header, lines)


def _figures(score: Score) -> dict[str, float]:
    return {
        "dice": score.dice, "loss": score.loss, "precision": score.precision[REPORTED],
        "recall": score.recall[REPORTED],
    }  # fmt: skip


def draw_curves(found: dict[int, Evaluations], epoch: int, target: Path) -> None:
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


def measure(arguments: argparse.Namespace) -> Results:
    """Return Dice per epoch, after training what is not trained yet.

    Raises:
        ValueError: the arguments do not fit, or training was stopped and saved.
    """
    if any(arguments.crop % 2**depth or depth < 1 for depth in arguments.depths):
        raise ValueError(f"--crop must be a multiple of {2 ** max(arguments.depths)}, a depth at least 1")
    if not arguments.report:
        _train(arguments)
    return report(arguments)


def _train(arguments: argparse.Namespace) -> None:
    photos = exclude(load_photos(arguments.data / "photos"), arguments.exclude)
    plan = {name: getattr(arguments, name) for name in ("width", "batch", "crop", "epoch", "steps", "seed")}
    arguments.out.mkdir(parents=True, exist_ok=True)
    atomic_write(arguments.out / PLAN, json.dumps(plan, indent=1).encode())
    for depth in arguments.depths:
        settings = DetectorOptions(
            photos=arguments.data / "photos",
            work=_folder(arguments.out, depth),
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
            raise ValueError("stopped and saved; the same command continues")
        report(arguments)


def report(arguments: argparse.Namespace) -> Results:
    """Return the results of the depths that RUN holds; table and curves are also written there.

    Raises:
        OSError: RUN is not one.
        ValueError: there are none of these depths.
    """
    out = arguments.out
    plan = json.loads((out / PLAN).read_text())
    epoch = plan["epoch"]
    found = {
        depth: read_evaluations(_folder(out, depth))
        for depth in arguments.depths
        if (_folder(out, depth) / CURVES).exists()
    }
    if not found:
        raise ValueError(f"{out} holds no run of the depths {', '.join(map(str, arguments.depths))}")
    text = table(found, epoch)
    atomic_write(out / TABLE, (text + "\n").encode())
    draw_curves(found, epoch, out / PLOT)
    return Results(
        title="Detector depth",
        intro=f"U-Nets of depth {' and '.join(map(str, found))} with {plan['width']} channels at half size, trained"
        f" from random weights on the same stream of {plan['batch']} crops of {plan['crop']}² a step, an epoch of"
        f" {epoch} steps, one seed. After each epoch: soft Dice on held-out pictures, mean loss, precision and recall"
        " at a probability of .9.",
        sections=[Section("", text)],
        figures={
            str(depth): [{"step": step, **_figures(score)} for step, score in sorted(by_step.items())]
            for depth, by_step in found.items()
        },
        picture=("Dice and loss per epoch of each depth", out / PLOT),
    )


def _folder(out: Path, depth: int) -> Path:
    return out / f"depth-{depth}"


def _parameters(network: DetectorNet) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 2 when it cannot begin or was stopped."""
    words = sys.argv[1:] if argv is None else argv
    parser = training_parser("depths", __doc__, steps=1000)
    add = parser.add_argument
    add("--depths", type=int, nargs="+", default=[2, 5], help="halvings of the picture (default 2 5)")
    add("--width", type=int, default=16, help="channels at half size (default 16)")
    add("--epoch", type=int, default=100, help="steps between two evaluations (default 100)")
    add("--seed", type=int, default=1, help="of weights and data (default 1)")
    return run_training("depths", measure, parser, words)


if __name__ == "__main__":
    sys.exit(main())
