"""Export a trained detector: calibrated weights, curves, a sheet of held-out pictures, a model card."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipeline.detection.judge import judge_marks
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.marks import MarkedScan
from pipeline.detection.network import DetectorNet
from pipeline.detection.thresholds import Thresholds
from pipeline.detection.weights import load_weights, read_header, save_weights
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.model_card import (
    ModelCard,
    describe_data,
    describe_hardware,
    describe_terms,
    write_model_card,
)
from pipeline.training.common.photos import exclude, excluded, load_photos, split
from pipeline.training.common.weight_interpolation import interpolate_weights
from pipeline.training.detector import distillation_data
from pipeline.training.detector.calibration import PROMISES, calibrate
from pipeline.training.detector.data import CLEAR, DAMAGED, DISTRACTED, SOFT, Sample
from pipeline.training.detector.evidence import gather
from pipeline.training.detector.false_positives import load_false_positives
from pipeline.training.detector.loop import CURVES, FALSE_POSITIVES, DetectorOptions
from pipeline.training.detector.validation import REPORTED, held_out_samples, probabilities, read_scores

WEIGHTS, CARD, CURVES_PICTURE, SHEET = "detector.safetensors", "detector.md", "curves.png", "sheet.png"


def export_run(options: DetectorOptions, network: DetectorNet) -> Path:
    """Calibrate the averaged network of a run and write it to the run's folder; return the path of the weights.

    Curves, sheet and model card are written beside them.
    """
    loaded = load_photos(options.photos)
    used = exclude(loaded, options.exclude)
    training, held = split(used)
    names = training.names + (excluded(loaded, used).names if options.teachers else ())
    state = read_state(options.work / CHECKPOINT)
    facts = {"steps": str(state.step), "pixels": str(state.pixels), "seconds": str(round(state.seconds))}
    init = str(state.facts.get("init", ""))
    weights, mean_with, other_share = options.work / WEIGHTS, "", 1 - options.mean_share
    if options.mean_with is not None:
        other, _, mean_with = load_weights(options.mean_with)
        network = interpolate_weights(network, other, options.mean_share)
    save_weights(weights, network, Thresholds(), facts)
    # The exported file is calibrated, so that rounding to half precision is included.
    evidence = list(gather(LearnedDetector(weights).probabilities, held, options.artefacts))
    limits, table = calibrate(evidence, PROMISES)
    digest = save_weights(weights, network, limits, facts)
    samples = held_out_samples(held, options.artefacts, count=12)
    _draw_curves(options.work)
    _draw_sheet(network, samples, limits, options.work / SHEET)
    card = ModelCard(
        title="Damage detector",
        purpose="Finds dust, hairs, scratches, cracks, creases, tears, losses, flaked emulsion, ink and mould on"
        " scanned photographs, for automatic repair or for suggestion to a reviewer (detector `learned`).",
        network=f"U-Net of depth {network.config.depth} on colour and top-hats at half size, channels"
        f" {network.config.channels()}, {sum(p.numel() for p in network.parameters()):,} parameters, float16.",
        data=describe_data(options.photos, names),
        terms=describe_terms(options.photos),
        training={
            "Damage": "drawn by `pipeline.simulation`" + (" and from scanned artefacts" if options.artefacts else ""),
            "Undamaged": f"35 % of the pictures; {SOFT:.0%} out of focus; {DISTRACTED:.0%} carry text, wires, fences,"
            " lattices, painted lines, rims, lights, patterns, clouds, cloth or a border as hard negatives",
            "Labels": f"what differs visibly ({CLEAR:.0%} of the range); faint and see-through damage is not labelled",
            "Steps": f"{state.step:,} of {options.batch} crops of {options.side}²",
            "Pixels seen": f"{state.pixels / 1e9:.2f} billion in {state.seconds / 3600:.2f} hours",
            **({"Started from": f"weights with sha256 {init}"} if init else {}),
            **_distillation(options),
            **({"Mean with": f"weights with sha256 {mean_with}, {other_share:.0%} of them"} if mean_with else {}),
            "Hardware": describe_hardware(),
            "Held out": f"{len(held)} photographs, and every fifth file of each folder of artefacts",
            "Thresholds": limits.as_json(),
            "sha256": digest,
        },
        tables={"Held-out photographs, undamaged and damaged by simulation (2 px tolerance)": table},
        limits=(
            "Trained on simulated damage: real damage that looks different is missed.",
            "It is not made for see-through damage (stains, water rings, tape, fingerprints).",
            "Light lines in a picture, such as rigging, lattice towers, braid or lettering, and bright tops of clouds"
            " can be taken for damage.",
        ),
        reproduce=(
            f"python -m pipeline train detector PHOTOS --out DIR --steps {state.step} --depth {network.config.depth}"
            f" --width {network.config.width} --widest {network.config.widest} --crop {options.side}"
            f" --batch {options.batch} --hard {options.hard} --rate {options.peak:g} --seed {options.seed}"
            + (" --artefacts ARTEFACTS" if options.artefacts else "")
            + (" --init WEIGHTS" if init else "")
            + " --teacher WEIGHTS" * len(options.teachers)
            + (f" --mean-with WEIGHTS --mean-share {options.mean_share:g}" if mean_with else "")
            + "".join(f" --exclude '{pattern}'" for pattern in options.exclude),
        ),
    )
    write_model_card(options.work / CARD, card)
    return weights


def _distillation(options: DetectorOptions) -> dict[str, str]:
    """Return the card's lines about distillation; none where labels of damage were learned."""
    if not options.teachers:
        return {}
    digests = ", ".join(read_header(path)[2] for path in options.teachers)
    found = load_false_positives(options.work / FALSE_POSITIVES)
    return {
        "Undamaged": f"{distillation_data.UNDAMAGED:.0%} of the pictures;"
        f" {distillation_data.DISTRACTED:.0%} have distractors; {distillation_data.MARKED:.0%} of the crops show"
        " false positives",
        "Labels": "intact pixels are learned as intact; labels of damage are not used",
        "Taught by": f"weights with sha256 {digests}: their logits of mirrored, rotated and scaled crops",
        "False positives shown": f"{len(found):,} pictures of {len({one.photo for one in found}):,} photographs",
    }


def _draw_curves(work: Path) -> None:
    """Draw loss and Dice per epoch, from the run's log."""
    from matplotlib.figure import Figure

    scores = read_scores(work / CURVES)
    if not scores:
        return
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    steps = [score.step for score in scores]
    # A line through one point would not be seen.
    marker = "." if len(scores) < 30 else None
    upper.plot(steps, [score.loss for score in scores], marker=marker)
    upper.set_ylabel("training loss")
    lower.plot(steps, [score.dice for score in scores], label="Dice", marker=marker)
    lower.plot(steps, [score.recall[REPORTED] for score in scores], label="recall at 0.9", marker=marker)
    lower.plot(steps, [score.precision[REPORTED] for score in scores], label="precision at 0.9", marker=marker)
    lower.set_xlabel("steps")
    lower.set_ylabel("held-out pictures")
    lower.set_ylim(0, 1)
    lower.legend()
    figure.savefig(work / CURVES_PICTURE, dpi=110)


def _draw_sheet(network: DetectorNet, samples: list[Sample], limits: Thresholds, target: Path) -> None:
    """Write a sheet of held-out pictures: input, truth in green, repairs in red and suggestions in orange."""
    rows = []
    for sample in samples:
        probability = probabilities(network, sample.picture)
        truth, found = sample.picture.copy(), sample.picture.copy()
        truth[sample.labels == DAMAGED] = (0, 200, 0)
        judged = judge_marks(MarkedScan(sample.picture, np.round(255 * probability).astype(np.uint8)), limits)
        found[judged.suggest > 0] = (255, 160, 0)
        found[judged.repair > 0] = (255, 0, 0)
        row = np.hstack([sample.picture, truth, found])
        rows.append(cv2.resize(row, (960, 320), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(target), np.vstack(rows)[:, :, ::-1])
