"""Fit the classifier of the classical detector: which components are damage.

`python -m pipeline.training.detector.classical_classifier PHOTOS classifier.json --artefacts ARTEFACTS` draws damage
over photographs, extracts components as the detector does, and fits a small network to whether they cover drawn damage.
Thresholds stay in `pipeline.detection.classical.classifier`; set them on clean photographs that were not used here.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.detection.classical.classifier import CLIP, features
from pipeline.detection.classical.components import CUTS, find_components
from pipeline.detection.classical.local_contrast import local_contrast
from pipeline.imaging.luminance import luminance
from pipeline.imaging.resolution import unit_of
from pipeline.simulation import ArtefactBank, simulate
from pipeline.simulation.distractors import add_distractor
from pipeline.training.common.photos import load_photos, split
from pipeline.training.detector.data import SEE_THROUGH

#: A component is damage when at least the first share of it covers drawn damage, intact below the second; others are
#: left out.
ON, OFF = 0.55, 0.2
#: Grey levels by which drawn damage must differ to count.
SEEN = 12
#: Names of collections of old prints, whose real damage is not labelled.
OLD = ("distant-viewing", "LibraryOfCongress", "StephenLear", "Prokudin", "photogrammar", "historic", "ww1")


@dataclass(frozen=True)
class Examples:
    """Components with labels: features (n,18), truth (n,) 0 or 1, weight (n,)."""

    figures: NDArray[np.float64]
    truth: NDArray[np.float64]
    weight: NDArray[np.float64]


def examples(
    pictures: list[NDArray[np.uint8]], bank: ArtefactBank | None, count: int, *, seed: int, smooth: float = 0.2
) -> Examples:
    """Return labelled components of `count` pictures, three in five of them undamaged.

    Args:
        pictures: clean photographs (H,W,3).
        bank: scanned artefacts, or None.
        count: pictures to draw.
        seed: of all random choices.
        smooth: share of pictures that are blurred until no detail is left, and always damaged: examples in which damage
            is unambiguous, which sharp photographs do not give.
    """
    columns: list[NDArray[np.float64]] = []
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        columns.extend(_picture(pictures[int(rng.integers(len(pictures)))], rng, bank, smooth))
    table = np.concatenate(columns) if columns else np.zeros((0, 20))
    return Examples(table[:, :-2], table[:, -2], table[:, -1])


def _picture(
    picture: NDArray[np.uint8], rng: np.random.Generator, bank: ArtefactBank | None, smooth: float
) -> list[NDArray[np.float64]]:
    scale = float(np.exp(rng.uniform(np.log(0.7), np.log(1.4))))
    size = (max(16, round(picture.shape[1] * scale)), max(16, round(picture.shape[0] * scale)))
    shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    picture = np.asarray(shrunk, np.uint8)
    blurred = rng.random() < smooth
    if blurred:
        light = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(5, 25))) * rng.uniform(0.4, 1)
        noise = rng.normal(0, rng.uniform(0, 3), picture.shape[:2])[..., None]
        picture = np.clip(light + noise, 0, 255).astype(np.uint8)
    elif rng.random() < 0.3:
        picture = add_distractor(picture, rng)
    damaged = blurred or rng.random() < 0.4
    ageing = float(rng.uniform(0, 1.2) * (rng.random() < 0.55))
    severity = float(rng.choice([0.4, 0.8, 1.3]))
    result = simulate(picture, rng, None if damaged else [], severity, ageing=ageing, bank=bank)
    difference = np.abs(result.pixels.astype(np.int16) - result.original.astype(np.int16)).max(axis=2)
    truth = np.zeros(difference.shape, np.uint8)
    for name, mask in result.kinds.items():
        if name not in SEE_THROUGH:
            truth |= mask
    near = cv2.dilate(((truth > 0) & (difference >= SEEN)).astype(np.uint8), np.ones((5, 5), np.uint8))
    return _labelled(luminance(result.pixels), np.asarray(near, np.uint8), result.mask)


def _labelled(grey: NDArray[np.uint8], near: NDArray[np.uint8], marked: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    unit = unit_of(grey)
    rows = []
    for found, bright in zip(local_contrast(grey), (True, False), strict=True):
        for cut in CUTS:
            components = find_components(grey, found, bright=bright, cut=cut)
            if not len(components):
                continue
            on = np.bincount(components.labels[near > 0], minlength=len(components) + 1)[1:] / components.area
            touched = np.bincount(components.labels[marked > 0], minlength=len(components) + 1)[1:] / components.area
            damage, intact = on > ON, (on < OFF) & (touched < OFF + 0.05)
            sure = damage | intact
            # A large component weighs more, but no single one dominates.
            weight = np.sqrt(np.minimum(components.area, 400))
            table = np.column_stack([features(components, unit, cut), damage.astype(np.float64), weight])
            rows.append(table[sure])
    return rows


def fit(data: Examples, *, epochs: int = 20, seed: int = 0) -> dict[str, list[object] | float]:
    """Return the classifier's table, as the detector reads it from JSON."""
    torch.manual_seed(seed)
    centre, scale = data.figures.mean(axis=0), data.figures.std(axis=0) + 1e-6
    values = torch.tensor(np.clip((data.figures - centre) / scale, -CLIP, CLIP), dtype=torch.float32)
    truth = torch.tensor(data.truth, dtype=torch.float32)
    weight = torch.tensor(data.weight / data.weight.mean(), dtype=torch.float32)
    first, second, last = nn.Linear(values.shape[1], 64), nn.Linear(64, 32), nn.Linear(32, 1)
    network = nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), last)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3, weight_decay=1e-2)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = 6e-3 * (1 - epoch / epochs) + 1e-4
        for batch in torch.split(torch.randperm(len(truth)), 1024):
            logits = network(values[batch])[:, 0]
            losses = nn.functional.binary_cross_entropy_with_logits(logits, truth[batch], reduction="none")
            optimiser.zero_grad()
            (losses * weight[batch]).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    def plain(tensor: torch.Tensor) -> list[object]:
        result: list[object] = np.round(tensor.detach().numpy().astype(np.float64), 4).tolist()
        return result

    return {
        "mean": np.round(centre, 5).tolist(),
        "scale": np.round(scale, 5).tolist(),
        "w1": plain(first.weight),
        "b1": plain(first.bias),
        "w2": plain(second.weight),
        "b2": plain(second.bias),
        "w3": plain(last.weight[0]),
        "b3": round(float(last.bias.detach()[0]), 4),
    }


def main() -> None:
    """Fit a classifier and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of clean photographs")
    parser.add_argument("target", type=Path, help="JSON file to write")
    parser.add_argument("--artefacts", type=Path, help="folder of scanned artefacts; every fifth is held out")
    parser.add_argument("--pictures", type=int, default=850, help="pictures to draw (default 850)")
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    training, _ = split(load_photos(arguments.photos))
    named = zip(training.names, training.pictures, strict=True)
    modern = [picture for name, picture in named if not any(old.lower() in name.lower() for old in OLD)]
    bank = ArtefactBank.load(arguments.artefacts) if arguments.artefacts else None
    table = fit(examples(modern, bank, arguments.pictures, seed=arguments.seed))
    arguments.target.write_text(json.dumps(table), encoding="utf-8")


if __name__ == "__main__":
    main()
