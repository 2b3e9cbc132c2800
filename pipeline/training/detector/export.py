"""The end of a detector's training: thresholds from held-out pictures, weights, curves, a sheet, a model card."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from pipeline.detection.learned import LearnedDetector
from pipeline.detection.network import DetectorNet
from pipeline.detection.thresholds import Thresholds, apply_thresholds
from pipeline.detection.weights import load_weights, read_header, save_weights
from pipeline.training.common.checkpoint import CHECKPOINT, read_state
from pipeline.training.common.model_card import ModelCard, describe_data, describe_hardware, write_model_card
from pipeline.training.common.photos import exclude, excluded, load_photos, split
from pipeline.training.common.weight_interpolation import interpolate_weights
from pipeline.training.detector import distillation_data
from pipeline.training.detector.calibration import PROMISES, calibrate
from pipeline.training.detector.data import CLEAR, DAMAGED, DISTRACTED, SOFT, Sample
from pipeline.training.detector.evidence import gather
from pipeline.training.detector.false_positives import load_false_positives
from pipeline.training.detector.loop import CURVES, FALSE_POSITIVES, DetectorOptions
from pipeline.training.detector.validation import REPORTED, held_out_samples, probabilities, read_scores

log = logging.getLogger(__name__)

WEIGHTS, CARD, CURVES_PICTURE, SHEET = "detector.safetensors", "detector.md", "curves.png", "sheet.png"


def export_run(run: DetectorOptions, network: DetectorNet) -> Path:
    """Return the path of the weights, written to the run's folder with curves, sheet and card beside them.

    Args:
        run: what was trained.
        network: its averaged network.
    """
    loaded = load_photos(run.photos)
    used = exclude(loaded, run.exclude)
    training, held = split(used)
    seen = training.names + (excluded(loaded, used).names if run.teachers else ())
    progress = read_state(run.work / CHECKPOINT)
    facts = {"steps": str(progress.step), "pixels": str(progress.pixels), "seconds": str(round(progress.seconds))}
    begun = str(progress.facts.get("init", ""))
    weights, mixed = run.work / WEIGHTS, ""
    if run.mean_with is not None:
        other, _, mixed = load_weights(run.mean_with)
        network = interpolate_weights(network, other, run.mean_share)
    save_weights(weights, network, Thresholds(), facts)
    # What ships is calibrated, rounded weights and all, by the way that scans take through it.
    evidence = list(gather(LearnedDetector(weights).probabilities, held, run.artefacts))
    limits, table = calibrate(evidence, PROMISES)
    digest = save_weights(weights, network, limits, facts)
    samples = held_out_samples(held, run.artefacts, count=12)
    _draw_curves(run.work)
    _draw_sheet(network, samples, limits, run.work / SHEET)
    card = ModelCard(
        title="Damage detector",
        purpose="Finds dust, hairs, scratches, cracks, creases, tears, losses, flaked emulsion, ink and mould on"
        " scanned photographs, for repair unseen or for suggestion to a reviewer (detector `learned`).",
        network=f"U-Net of depth {network.config.depth} on colour and top-hats at half size, channels"
        f" {network.config.channels()}, {sum(p.numel() for p in network.parameters()):,} parameters, float16.",
        data=describe_data(run.photos, seen),
        training={
            "Damage": "drawn by `pipeline.simulation`" + (" and from scanned artefacts" if run.artefacts else ""),
            "Undamaged": f"35 % of the pictures; {SOFT:.0%} out of focus; {DISTRACTED:.0%} carry text, wires, fences,"
            " lattices, painted lines, rims, lights, patterns, clouds, cloth or a border as hard negatives",
            "Labels": f"what differs visibly ({CLEAR:.0%} of the range); faint and see-through damage counts neither"
            " way",
            "Steps": f"{progress.step:,} of {run.batch} crops of {run.side}²",
            "Pixels seen": f"{progress.pixels / 1e9:.2f} billion in {progress.seconds / 3600:.2f} hours",
            **({"Begun from": f"weights with sha256 {begun}"} if begun else {}),
            **_taught(run),
            **({"Mean with": f"weights with sha256 {mixed}, {1 - run.mean_share:.0%} of them"} if mixed else {}),
            "Hardware": describe_hardware(),
            "Held out": f"{len(held)} photographs, and every fifth file of each folder of artefacts",
            "Thresholds": limits.as_json(),
            "sha256": digest,
        },
        tables={"Held-out photographs, undamaged and damaged by simulation (2 px tolerance)": table},
        limits=(
            "Learned from simulated damage: what real damage shares with it is found, what it does not is missed.",
            "See-through damage (stains, water rings, tape, fingerprints) is not its task.",
            "Light lines in a picture, such as rigging, lattice towers, braid or lettering, and bright tops of clouds"
            " can be taken for damage.",
        ),
        reproduce=(
            f"python -m pipeline train detector PHOTOS --out DIR --steps {progress.step} --depth {network.config.depth}"
            f" --width {network.config.width} --widest {network.config.widest} --crop {run.side} --batch {run.batch}"
            f" --hard {run.hard} --rate {run.peak:g} --seed {run.seed}"
            + (" --artefacts ARTEFACTS" if run.artefacts else "")
            + (" --init WEIGHTS" if begun else "")
            + " --teacher WEIGHTS" * len(run.teachers)
            + (f" --mean-with WEIGHTS --mean-share {run.mean_share:g}" if mixed else "")
            + "".join(f" --exclude '{pattern}'" for pattern in run.exclude),
        ),
    )
    write_model_card(run.work / CARD, card)
    return weights


def _taught(run: DetectorOptions) -> dict[str, str]:
    """Who taught the network, where labels of damage did not."""
    if not run.teachers:
        return {}
    digests = ", ".join(read_header(path)[2] for path in run.teachers)
    false = load_false_positives(run.work / FALSE_POSITIVES)
    return {
        "Undamaged": f"{distillation_data.UNDAMAGED:.0%} of the pictures;"
        f" {distillation_data.DISTRACTED:.0%} carry what looks like damage"
        f" and is none; {distillation_data.MARKED:.0%} of the crops are false marks",
        "Labels": "what is labelled intact is taught as intact; nothing else of the labels counts",
        "Taught by": f"weights with sha256 {digests}: what they say of the crops from several sides",
        "False marks shown": f"{len(false):,} pictures, of {len({one.photo for one in false}):,} photographs",
    }


def _draw_curves(work: Path) -> None:
    """Loss and Dice per epoch as a picture, from the run's own log."""
    from matplotlib.figure import Figure

    scores = read_scores(work / CURVES)
    if not scores:
        return
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    steps = [score.step for score in scores]
    upper.plot(steps, [score.loss for score in scores])
    upper.set_ylabel("training loss")
    lower.plot(steps, [score.dice for score in scores], label="Dice")
    lower.plot(steps, [score.recall[REPORTED] for score in scores], label="recall at 0.9")
    lower.plot(steps, [score.precision[REPORTED] for score in scores], label="precision at 0.9")
    lower.set_xlabel("steps")
    lower.set_ylabel("held-out pictures")
    lower.set_ylim(0, 1)
    lower.legend()
    figure.savefig(work / CURVES_PICTURE, dpi=110)


def _draw_sheet(network: DetectorNet, samples: list[Sample], limits: Thresholds, target: Path) -> None:
    """Held-out pictures: as given, with the truth in green, with repair in red and suggestions in orange."""
    rows = []
    for sample in samples:
        chance = probabilities(network, sample.picture)
        truth, found = sample.picture.copy(), sample.picture.copy()
        truth[sample.labels == DAMAGED] = (0, 200, 0)
        repair, suggest = apply_thresholds(np.round(255 * chance).astype(np.uint8), limits)
        found[suggest > 0] = (255, 160, 0)
        found[repair > 0] = (255, 0, 0)
        row = np.hstack([sample.picture, truth, found])
        rows.append(cv2.resize(row, (960, 320), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(target), np.vstack(rows)[:, :, ::-1])
