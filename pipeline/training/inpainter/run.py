"""Train the inpainter: read photographs, run the training, draw curves and samples, write the model card."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import torch

from pipeline.imaging.photo_files import is_held_out
from pipeline.rn.config import SIZES
from pipeline.rn.generator import Generator
from pipeline.rn.weights import load_generator
from pipeline.runtime.precision import training_arithmetic
from pipeline.training.common.loop import Report
from pipeline.training.common.model_card import (
    ModelCard,
    describe_data,
    describe_hardware,
    describe_terms,
    write_model_card,
)
from pipeline.training.common.photos import PhotoSet, load_photos
from pipeline.training.inpainter.batches import ARTEFACT_SHARE
from pipeline.training.inpainter.curves import draw_curves
from pipeline.training.inpainter.epochs import write_epochs
from pipeline.training.inpainter.loop import InpainterOptions, InpainterTraining
from pipeline.training.inpainter.losses import LossWeights
from pipeline.training.inpainter.sharp import ADVERSARIAL, TEXTURE, SharpTraining
from pipeline.training.inpainter.validation import baseline_psnr, draw_sheet, fill, fill_prior

log = logging.getLogger(__name__)

NORM_PLACES = {
    "region": "RN-B in the encoders, RN-L in the decoder",
    "coarse": "RN-B in the coarse net, scales for each region without statistics in the refinement",
}
CLASSICAL = ("telea", "navier-stokes", "biharmonic")
LIMITS = (
    "It fills whatever the mask marks: a wrong mask loses real detail.",
    "A hole wider than some 24 pixels is filled softly and at best plausibly; the original is not recovered.",
    "Faces, text and repeated patterns are not understood; check them before publishing.",
    "Trained on photographs shrunk to a short side of about 400 pixels: grain of a high-resolution scan is finer than"
    " that of any training picture, and the fill is smoother than its surroundings.",
    "PSNR rewards blur; compare the sharpness column as well.",
)
SHARP_LIMITS = (
    LIMITS[0],
    "The texture in a hole is invented from noise and its surroundings: it says nothing about the original.",
    "In wide holes the texture can look woven, and faces, text and repeated patterns are not understood.",
    LIMITS[3],
    "It is less faithful than `rn-faithful` by every metric that compares pixels; it is made for viewing.",
)


def train_inpainter(
    photos: Path,
    options: InpainterOptions,
    *,
    resume: bool = False,
    sharp: bool = False,
    start: Path | None = None,
    report: Callable[[Report], None] | None = None,
    validated: Callable[[str], None] | None = None,
) -> Path:
    """Train on the photographs below a folder and return the path of the weights.

    Beside the weights are the checkpoint, ``progress.csv``, ``validation.csv``, ``baselines.json``, ``curves.png``,
    ``samples.png``, loss and PSNR per epoch (``epochs.csv``, ``.md``, ``.png``) and the model card. ``start`` are
    weights to start a new run from, whose size and norm are used when the options name none; ``sharp`` is the
    adversarial phase. ``report`` is called with each report, ``validated`` with a sentence after each validation.
    Raises ``ValueError`` without a photograph, ``WeightsError`` for a checkpoint or start weights that do not fit.
    """
    from pipeline.rn import fused

    generator: Generator | None = None
    if start is not None and not resume:
        generator, digest = load_generator(start)
        norm = options.norm or generator.config.norm
        options = replace(options, size=options.size or size_of(generator), norm=norm, init=digest)
        log.info("starting from the weights %s, sha256 %s", start, digest)
    pictures = load_photos(photos)
    log.info("%d photographs in memory", len(pictures))
    kind = SharpTraining if sharp else InpainterTraining
    training = kind(pictures, options, generator, resume=resume)
    if options.device == "cpu":
        # One core per operation, several operations at a time (see ``gradient_workers``).
        torch.set_num_threads(1 if options.threads > 1 and not sharp else max(1, options.threads))
        fused.enable()
    levels = baseline_psnr(training.validation, CLASSICAL, options.out / "baselines.json")

    def after(scores: dict[str, float]) -> None:
        draw_curves(options.out, levels)
        filled = fill(training.result(), training.validation, training.device)
        columns = {"prior": fill_prior(training.validation), training.weights_name: filled}
        draw_sheet(training.validation, columns, options.out / "samples.png")
        if validated is not None:
            kinds = ", ".join(f"{name} {value:.2f}" for name, value in scores.items() if name != "psnr")
            compared = ", ".join(f"{name} {value:.2f}" for name, value in levels.items())
            validated(f"held-out PSNR {scores['psnr']:.2f} dB ({kinds}); on the same holes {compared}")

    training.run(report, after)
    if (options.out / "progress.csv").exists():  # a run of a few steps has no log
        write_epochs(options.out)
    weights = options.out / f"{training.weights_name}.safetensors"
    write_model_card(weights.with_suffix(".md"), make_model_card(training, photos, pictures, levels, sharp=sharp))
    return weights


def size_of(generator: Generator) -> str:
    """Return the name of a generator's size. Raises ``ValueError`` when it has none."""
    own = generator.config
    for name, config in SIZES.items():
        if replace(config, bends=own.bends, noise=own.noise, smooth=own.smooth, norm=own.norm) == own:
            return name
    raise ValueError(f"the weights have none of the sizes {', '.join(SIZES)}")


def make_model_card(
    training: InpainterTraining, photos: Path, pictures: PhotoSet, levels: dict[str, float], *, sharp: bool = False
) -> ModelCard:
    """Return the model card of a run in its present state."""
    options, state = training.options, training.state
    scores = training.scores or training.validate()
    count = sum(parameter.numel() for parameter in training.generator.parameters())
    kinds = [name for name in scores if name != "psnr"]
    table = ["| engine | PSNR, dB |", "|---|---|", f"| **rn** | **{scores['psnr']:.2f}** |"]
    table += [f"| {name} | {value:.2f} |" for name, value in levels.items()]
    table += ["", "By kind of hole: " + ", ".join(f"{name} {scores[name]:.2f}" for name in kinds) + "."]
    held = sum(is_held_out(name) for name in pictures.names)
    weights = options.out / f"{training.weights_name}.safetensors"
    init = state.facts.get("init", "")
    other, share = training.other_digest, options.mean_share
    arguments = {
        "--steps": state.step, "--seed": options.seed, "--crop": options.crop, "--batch": options.batch,
        "--rate": options.peak_rate, "--decibels": options.weights.decibels,
    }  # fmt: skip
    defaults = {"--crop": InpainterOptions.crop, "--batch": InpainterOptions.batch, "--decibels": LossWeights.decibels}
    return ModelCard(
        title=f"Model card: {training.weights_name}",
        purpose="Fills holes in photographs from what surrounds them, in two stages, with Region Normalization. "
        + ("Sharper and less faithful: not for an archive." if sharp else "The default engine's weights."),
        network=f"Size `{options.size}`: {count / 1e6:.2f} million parameters, stored in half precision. Push-pull"
        " prior, coarse net at 1/8, refinement U-Net on the unshuffled picture; "
        + NORM_PLACES[options.norm]
        + " (Yu et al., AAAI 2020, arXiv 1911.10375; the two stages are this project's own). Statistics per picture and"
        " region." + (" Texture is made from noise in the hole (`pipeline/rn/noise.py`)." if sharp else ""),
        data=describe_data(photos, pictures.names)
        + f"\n\n{held} of them, chosen by a hash of the file name, were held out for validation.",
        terms=describe_terms(photos),
        training={
            "steps": f"{state.step:,} of {options.batch} crops of {options.crop}² (larger ones in the last fifth)",
            "pixels seen": f"{state.pixels / 1e9:.2f} × 10⁹",
            "time": f"{state.seconds / 3600:.2f} h, breaks not counted",
            "hardware": describe_hardware(),
            "arithmetic": training_arithmetic(training.device),
            "optimiser": f"AdamW, {options.peak_rate:g}, decay .05 on kernels, clipped at 1; averaged weights",
            "loss": ", ".join(f"{name} {weight:g}" for name, weight in vars(options.weights).items())
            + (f", texture {TEXTURE:g}, adversarial {ADVERSARIAL:g}" if sharp else ""),
            "seed": str(options.seed),
            **({"started from": f"weights with sha256 {init}"} if init else {}),
            **({"mean": f"{share:.0%} of these weights, the rest of those with sha256 {other}"} if other else {}),
            "holes": "drawn (`pipeline/simulation/holes.py`)"
            + (f", {ARTEFACT_SHARE:.0%} composed of scanned film artefacts (MIT licence)" if options.artefacts else ""),
            **({"sha256": f"`{sha256(weights.read_bytes()).hexdigest()}`"} if weights.exists() else {}),
        },
        reproduce=(
            f"python -m pipeline train inpainter PHOTOS --out RUN --size {options.size} --norm {options.norm} "
            + " ".join(f"{name} {value}" for name, value in arguments.items() if value != defaults.get(name))
            + (" --artefacts ARTEFACTS" if options.artefacts else "")
            + (" --sharp --weights WEIGHTS" if sharp and init else " --init WEIGHTS" if init else "")
            + (f" --mean-with OTHER --mean-share {share:g}" if other else ""),
        ),
        limits=SHARP_LIMITS if sharp else LIMITS,
        tables={f"Held-out crops of {options.validation_size}², whole picture": "\n".join(table)},
    )
