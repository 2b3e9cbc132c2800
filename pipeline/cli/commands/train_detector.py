"""`train detector PHOTOS --out DIR`: train the learned damage detector, with resume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    artefacts_option,
    check_training_folder,
    mean_options,
    training_budget,
    training_options,
)
from pipeline.cli.console import NothingDone, nothing_done_on_error, print_line, training_progress
from pipeline.cli.values import ABOVE_ZERO, NOT_NEGATIVE, PATH, POSITIVE, SEED
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from pipeline.training.detector.validation import Score

EPILOG = """\
exit codes: 0 the run is complete, or was stopped and saved; 2 it could not start (the reason is named)

examples: train detector photos/ --out run/ --steps 40000
          train detector photos/ --out run/ --steps 40000 --resume"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("photos", metavar="PHOTOS", type=PATH, help="folder of clean photographs, with sub-folders")
@training_options
@mean_options("average the trained network with these weights before it is calibrated, e.g. those it started from")
@artefacts_option("folder of scanned film artefacts (PNG alpha planes by kind)")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="leave out pictures with such names below PHOTOS, e.g. those with real dust",
)
@click.option(
    "--teacher",
    "teachers",
    type=PATH,
    multiple=True,
    metavar="WEIGHTS",
    help="correct a trained network (--init) instead of training on simulated damage: learn what these weights predict"
    " on mirrored, turned and smaller copies, and that what --init marks on PHOTOS is undamaged. Pictures that"
    " --exclude leaves out are learned from too, without labels. May be given several times",
)
@click.option("--depth", type=click.IntRange(1, 6), default=5, help="halvings of the picture in the U-Net (default 5)")
@click.option("--width", type=POSITIVE, default=32, help="channels at half size (default 32)")
@click.option("--widest", type=POSITIVE, default=128, help="most channels of a level (default 128)")
@click.option("--batch", type=POSITIVE, default=6, help="crops a step (default 6)")
@click.option("--hard", type=NOT_NEGATIVE, default=1, help="how many of them fooled the network before (default 1)")
@click.option("--crop", type=POSITIVE, default=256, help="side of a crop in pixels (default 256)")
@click.option("--rate", type=ABOVE_ZERO, default=2e-3, help="peak learning rate (default 2e-3)")
@click.option(
    "--epoch", type=POSITIVE, default=400, help="steps between validations on held-out pictures (default 400)"
)
@click.option(
    "--threads",
    type=POSITIVE,
    default=2,
    help="cores to train on (default 2; 1 where other work shares them: each operation waits for the slower core)",
)
@click.option("--workers", type=POSITIVE, default=1, help="processes that draw damage (default 1)")
@click.option("--seed", type=SEED, default=7, help="default 7")
def command(
    photos: Path,
    out: Path,
    resume: bool,
    steps: int | None,
    hours: float | None,
    until: str | None,
    init: Path | None,
    mean_with: Path | None,
    mean_share: float,
    artefacts: Path | None,
    exclude: tuple[str, ...],
    teachers: tuple[Path, ...],
    depth: int,
    width: int,
    widest: int,
    batch: int,
    hard: int,
    crop: int,
    rate: float,
    epoch: int,
    threads: int,
    workers: int,
    seed: int,
) -> int:
    """Train the damage detector on simulated damage over the photographs below a folder.

    Checkpoint, curves of loss and Dice, a sheet of held-out pictures, weights and model card are written to --out; the
    same command with --resume continues after any break. Ctrl-C saves and stops.
    """
    import cv2
    import torch

    from pipeline.detection.network import NetworkConfig
    from pipeline.training.detector.export import export_run
    from pipeline.training.detector.loop import DetectorOptions, train_detector

    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    from pipeline.weights.shipped import weights_path

    with nothing_done_on_error():
        if crop % 2**depth:
            raise NothingDone(f"--crop must be a multiple of {2**depth} at this depth")
        check_training_folder(out, photos, artefacts, resume=resume)
        if not 0 <= hard < batch:
            raise NothingDone("--hard must be smaller than --batch")
        if teachers and init is None and not resume:
            raise NothingDone("--teacher corrects a trained network: name it with --init")
        options = DetectorOptions(
            photos=photos,
            work=out,
            budget=training_budget(steps, hours, until),
            artefacts=artefacts,
            exclude=exclude,
            network=NetworkConfig(depth, width, widest),
            init=init and weights_path(str(init)),
            mean_with=mean_with,
            mean_share=mean_share,
            teachers=teachers,
            batch=batch,
            hard=hard,
            side=crop,
            peak=rate,
            epoch=epoch,
            workers=workers,
            seed=seed,
        )
        with training_progress() as report:
            network = train_detector(options, _print_score, report, searched=_print_searched)
        weights = export_run(options, network)
    print(weights)
    return 0


def _print_score(score: Score) -> None:
    """Print one line an epoch."""
    from pipeline.training.detector.validation import REPORTED, THRESHOLDS

    precision, recall, clean = (values[REPORTED] for values in (score.precision, score.recall, score.clean))
    print_line(
        f"validated on held-out pictures after step {score.step:>7,}  loss {score.loss:.4f}  Dice {score.dice:.3f}"
        f"  at {THRESHOLDS[REPORTED]:g}: precision {precision:.3f} recall {recall:.3f} clean {clean:.4%}"
    )


def _print_searched(count: int, photos: int) -> None:
    """Print one line every hundred photographs that were searched for false positives."""
    if count % 100 == 0 or count == photos:
        print_line(f"searched {count:,} of {photos:,} photographs for false positives")
