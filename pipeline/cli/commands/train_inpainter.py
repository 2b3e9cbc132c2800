"""`train inpainter PHOTOS --out DIR`: train the inpainting network, with resume."""

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
from pipeline.cli.values import ABOVE_ZERO, PATH, POSITIVE, SEED, Number
from pipeline.cli.verbs import Verb

if TYPE_CHECKING:
    from pipeline.training.common.schedule import Budget

EPILOG = """\
exit codes: 0 the run is complete, or was stopped and saved; 2 it could not start (the reason is named)

examples: train inpainter photos/ --out run/ --init rn-faithful --hours 8
          train inpainter photos/ --out run/ --init rn-faithful --hours 8 --resume"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("photos", metavar="PHOTOS", type=PATH, required=False, help="folder of photographs, with sub-folders")
@training_options
@click.option("--epochs", is_flag=True, help="train nothing, write loss and PSNR per epoch of the run in --out")
@click.option(
    "--size",
    type=click.Choice(("light", "deep", "medium", "wide")),
    help="default medium, or that of --init; deep contains light, wide contains deep: they can start from such weights",
)
@click.option(
    "--norm",
    type=click.Choice(("region", "coarse")),
    help="normalise by region everywhere, or in the coarse net only, which fills faster (default coarse, or as the"
    " weights that it starts from); coarse can start from region",
)
@click.option(
    "--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", help="cpu, cuda or auto (default)"
)
@click.option("--batch", type=POSITIVE, default=8, help="crops a step (default 8)")
@click.option("--crop", type=POSITIVE, default=128, help="side of a crop in pixels, a multiple of 32 (default 128)")
@click.option("--rate", type=ABOVE_ZERO, help="peak learning rate (default 1e-3, with --sharp 1e-4)")
@click.option(
    "--decibels",
    type=Number(min=0),
    default=0.0,
    metavar="WEIGHT",
    help="also lower the hole's squared error in decibel, what a mean of PSNR measures (default 0; .02 weighs twice"
    " the other terms); for the end of a run",
)
@click.option("--threads", type=POSITIVE, default=2, help="cores to train on (default 2)")
@click.option("--seed", type=SEED, default=1, help="default 1")
@artefacts_option("folder of scanned film artefacts (PNG alpha planes by kind)")
@click.option("--sharp", is_flag=True, help="the last phase, for texture, from --weights")
@click.option("--weights", type=PATH, help="where --sharp starts (default: the shipped faithful weights)")
@mean_options(
    "average the trained network with these weights before it is measured and written: those it started from or, with"
    " --sharp and for less of it, the faithful ones"
)
def command(
    photos: Path | None,
    out: Path,
    resume: bool,
    steps: int | None,
    hours: float | None,
    until: str | None,
    init: Path | None,
    epochs: bool,
    size: str | None,
    norm: str | None,
    device: str,
    batch: int,
    crop: int,
    rate: float | None,
    decibels: float,
    threads: int,
    seed: int,
    artefacts: Path | None,
    sharp: bool,
    weights: Path | None,
    mean_with: Path | None,
    mean_share: float,
) -> int:
    """Train the inpainting network on the photographs below a folder.

    Checkpoint, curves, samples, weights and model card are written to --out; the same command with --resume continues
    after any break, on the same or another device. Ctrl-C saves and stops.
    """
    from pipeline.rn.weights import DEFAULT
    from pipeline.training.common.checkpoint import CHECKPOINT, read_state
    from pipeline.training.inpainter.epochs import write_epochs
    from pipeline.training.inpainter.loop import InpainterOptions
    from pipeline.training.inpainter.losses import LossWeights
    from pipeline.training.inpainter.run import train_inpainter
    from pipeline.weights.shipped import weights_path

    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    with nothing_done_on_error():
        if epochs:
            print(write_epochs(out))
            return 0
        if photos is None:
            raise NothingDone("name the folder of photographs")
        if crop % 32:
            raise NothingDone("--crop must be a multiple of 32")
        check_training_folder(out, photos, artefacts, resume=resume)
        if sharp and init:
            raise NothingDone("--init is for the faithful phase; --sharp starts from --weights")
        # Empty: as in the weights that it starts from.
        from_weights = sharp or init is not None
        facts = read_state(out / CHECKPOINT).facts if resume and None in (size, norm) else {}
        if size is None:
            size = facts["size"] if resume else "" if from_weights else "medium"
        if norm is None:
            norm = facts.get("norm", "region") if resume else "" if from_weights else "coarse"
        options = InpainterOptions(
            out=out,
            budget=training_budget(steps, hours, until),
            size=size,
            norm=norm,
            crop=crop,
            batch=batch,
            peak_rate=rate or (1e-4 if sharp else 1e-3),
            seed=seed,
            device=device,
            artefacts=artefacts,
            threads=threads,
            weights=LossWeights(decibels=decibels),
            mean_with=mean_with,
            mean_share=mean_share,
        )
        with training_progress() as report:
            trained = train_inpainter(
                photos,
                options,
                resume=resume,
                sharp=sharp,
                start=(weights or DEFAULT) if sharp else init and weights_path(str(init)),
                report=report,
                validated=print_line,
            )
    print(trained)
    _print_what_next(out, options.budget, trained)
    return 0


def _print_what_next(out: Path, budget: Budget, weights: Path) -> None:
    """Say how to go on with a run that was stopped, or how to use the weights of a complete one."""
    from pipeline.training.common.checkpoint import CHECKPOINT, read_state

    state = read_state(out / CHECKPOINT)
    if budget.progress(state.step, state.seconds) < 1.0:
        print_line(f"stopped after {state.step:,} steps and saved; the same command with --resume continues")
        return
    print_line(f"curves and samples: {out / 'curves.png'}, {out / 'samples.png'}")
    print_line(f"to use it, set in the recipe of a collection:  weights: {weights.absolute()}")
