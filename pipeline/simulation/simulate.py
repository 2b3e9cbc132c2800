"""Simulate damage on a picture: the damaged copy, the undamaged original, and masks of what is visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.types import Pixels
from pipeline.simulation.ageing import add_grain, age
from pipeline.simulation.ageing import halftone as ageing_halftone
from pipeline.simulation.artefacts import ArtefactBank
from pipeline.simulation.context import Context
from pipeline.simulation.kinds import KINDS, usual_kinds
from pipeline.simulation.shapes import Field, Layer

#: A pixel counts as damaged when it differs by this share of the range plus this multiple of the grain.
VISIBLE, VISIBLE_GRAIN = 0.03, 0.7
#: Strongest grain drawn with variety, as a standard deviation in shares of the range.
STRONGEST_GRAIN = 0.11


@dataclass(frozen=True)
class Damaged:
    """A damaged picture with its truth.

    Attributes:
        pixels: the damaged copy; shape and dtype of the input.
        original: the same picture, aged in the same way, without the damage: the truth for a restoration.
        mask: (H,W) uint8, 255 where damage is visible.
        kinds: the same for each kind drawn.
    """

    pixels: Pixels
    original: Pixels
    mask: NDArray[np.uint8]
    kinds: dict[str, NDArray[np.uint8]]


def simulate(
    pixels: Pixels,
    rng: np.random.Generator,
    kinds: Sequence[str] | None = None,
    severity: float = 1.0,
    *,
    ageing: float = 0.7,
    halftone: float = 0.0,
    variety: float = 0.0,
    bank: ArtefactBank | None = None,
) -> Damaged:
    """Return a damaged, aged copy of a picture; the same `rng` state gives the same result.

    Damage grows with the picture: at 512 px a hair is a pixel or two wide, at 5,000 px ten times that.

    Args:
        pixels: (H,W), (H,W,2), (H,W,3) or (H,W,4), uint8 or uint16; an alpha channel stays as it is.
        rng: source of every random draw.
        kinds: names from `KINDS`; None chooses some by how often they occur.
        severity: 0.3 is a few specks, 1 a worn picture, 2 a ruined one.
        ageing: 0 leaves tones unchanged, 1 fades as in a typical album.
        halftone: share of pictures that become halftone prints before they age; at 0 it draws nothing from `rng`.
        variety: how often scale, tone and share of dark damage are unusual, and damage lies under the fading instead of
            over it. Without it synthetic labels overfit to one simulator. At 0 it draws nothing from `rng`.
        bank: scanned artefacts to use besides drawn ones.

    Raises:
        ValueError: an unknown kind, or an array that is not a picture.
    """
    unknown = set(kinds or ()) - KINDS.keys()
    if unknown:
        raise ValueError(f"unknown kind of damage: {', '.join(sorted(unknown))} (known: {', '.join(KINDS)})")
    picture, rebuild = _as_colour(pixels)
    grey = pixels.ndim == 2 or pixels.shape[2] == 2
    shape = (picture.shape[0], picture.shape[1])
    unit = max(0.6, float(np.sqrt(shape[0] * shape[1])) / 512) * float(rng.uniform(0.7, 1.4))
    if halftone > 0 and rng.random() < halftone:
        picture = ageing_halftone(picture, rng, unit)
    early = variety > 0 and rng.random() < 0.7 * variety
    if variety > 0 and rng.random() < variety:
        unit *= float(np.exp(rng.uniform(-0.5, 0.6)))
    strength, later = ageing * float(rng.uniform(0.3, 1.3)), int(rng.integers(2**32)) if early else 0
    aged = picture if early else age(picture, rng, strength, unit, colour=not grey)
    context = _draw_context(rng, shape, unit, severity, bank, variety, grey=grey)
    chosen = list(kinds) if kinds is not None else usual_kinds(rng, severity)

    damaged = aged.copy()
    grain = float(rng.choice([0.0, 0.01, 0.02, 0.04]) * rng.uniform(0.5, 1.3)) * min(1.0, ageing * 1.5)
    coarse, dyed = 0.0, False
    if variety > 0 and rng.random() < 0.5 * variety:
        grain, coarse = float(rng.uniform(0, STRONGEST_GRAIN)), float(rng.uniform(0, 1.2))
        dyed = not grey and rng.random() < 0.3
    threshold = np.float32(VISIBLE + VISIBLE_GRAIN * grain)
    masks: dict[str, NDArray[np.uint8]] = {}
    for name in chosen:
        mask = np.zeros(shape, np.uint8)
        for layer in KINDS[name](context):
            _blend(damaged, layer, mask, threshold / 4, grey=grey)
        masks[name] = mask
    if early:
        damaged, aged = (
            age(image, np.random.default_rng(later), strength, unit, colour=not grey) for image in (damaged, aged)
        )
    # Faint layers may add up to something visible, and a later layer may restore the picture's own tone.
    seen = np.abs(damaged - aged).max(axis=2) > threshold
    union = np.where(seen, np.uint8(255), np.uint8(0))
    for mask in masks.values():
        mask[~seen] = 0
    # Film grain would lie under dust and not on bare paper, but a scanner's noise lies over everything.
    seed = int(rng.integers(2**32))
    damaged, aged = (
        add_grain(image, np.random.default_rng(seed), grain, unit, coarse=coarse, dyed=dyed)
        for image in (damaged, aged)
    )
    return Damaged(rebuild(damaged), rebuild(aged), union, {k: m for k, m in masks.items() if m.any()})


def _draw_context(
    rng: np.random.Generator,
    shape: tuple[int, int],
    unit: float,
    severity: float,
    bank: ArtefactBank | None,
    variety: float,
    *,
    grey: bool,
) -> Context:
    warmth = 0.0 if grey else float(rng.uniform(0, 0.16))
    paper = np.array([1.0, 1 - 0.35 * warmth, 1 - warmth], np.float32) * np.float32(rng.uniform(0.9, 1.0))
    bright = float(rng.choice([0.97, 0.85, 0.5, 0.1], p=[0.45, 0.3, 0.15, 0.1]))
    if variety > 0 and rng.random() < variety:
        bright = float(rng.uniform(0, 1))
    softness = float(rng.uniform(0.25, 0.9)) * max(0.7, 0.6 * unit)
    return Context(rng, shape, unit, paper, bright, softness, severity, bank, variety)


def _blend(picture: Field, layer: Layer, mask: NDArray[np.uint8], threshold: np.float32, *, grey: bool) -> None:
    """Blend one layer over the picture, in place, and mark in `mask` where it changes more than `threshold`."""
    rows, columns = mask.shape
    height, width = layer.alpha.shape
    top, left = max(0, layer.top), max(0, layer.left)
    bottom, right = min(rows, layer.top + height), min(columns, layer.left + width)
    if top >= bottom or left >= right:
        return
    inside = (slice(top - layer.top, bottom - layer.top), slice(left - layer.left, right - layer.left))
    box = (slice(top, bottom), slice(left, right))
    alpha = layer.alpha[inside][:, :, None]
    colour = layer.colour[inside] if layer.colour.ndim == 3 else layer.colour
    if grey:
        colour = np.broadcast_to(colour.mean(axis=-1, keepdims=True), colour.shape)
    before = picture[box]
    if layer.mode == "stain":
        after = before * (1 - alpha * (1 - colour))
    elif layer.mode == "shade":
        after = np.clip(before + alpha * colour, 0, 1)
    else:
        after = before + alpha * (colour - before)
    mask[box][np.abs(after - before).max(axis=2) > threshold] = 255
    picture[box] = after


def _as_colour(pixels: Pixels) -> tuple[Field, _Rebuild]:
    """Return the picture as float32 (H,W,3) in 0..1, and the function that converts back."""
    if pixels.ndim not in (2, 3) or pixels.size == 0 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"not a picture: shape {pixels.shape}, {pixels.dtype}")
    planes = pixels if pixels.ndim == 3 else pixels[:, :, None]
    colour = planes[:, :, :3] if planes.shape[2] >= 3 else planes[:, :, :1]
    scale = np.float32(np.iinfo(pixels.dtype).max)
    picture = colour.astype(np.float32) / scale
    if picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    return picture, _Rebuild(pixels, float(scale))


@dataclass(frozen=True)
class _Rebuild:
    """Convert float pictures back to the shape and depth of the input."""

    pixels: Pixels
    scale: float

    def __call__(self, picture: Field) -> Pixels:
        values = np.round(picture * np.float32(self.scale)).astype(self.pixels.dtype)
        if self.pixels.ndim == 2:
            return np.ascontiguousarray(values[:, :, 0])
        result = self.pixels.copy()
        if self.pixels.shape[2] >= 3:
            result[:, :, :3] = values
        else:
            result[:, :, 0] = values[:, :, 0]
        return result
