"""List the kinds of damage by name, and how often each occurs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.simulation import generic, lines, losses, paper, spots
from pipeline.simulation.context import Context
from pipeline.simulation.shapes import Layer

#: Name → function that draws it.
KINDS: dict[str, Callable[[Context], list[Layer]]] = {
    "dust": spots.dust,
    "hair": lines.hair,
    "lint": lines.lint,
    "scratch": lines.scratch,
    "crack": lines.crack,
    "crease": lines.crease,
    "tear": paper.tear,
    "lost-corner": paper.lost_corner,
    "flake": spots.flake,
    "ink": spots.ink,
    "foxing": spots.foxing,
    "mould": spots.mould,
    "stain": spots.stain,
    "water-ring": spots.water_ring,
    "fingerprint": spots.fingerprint,
    "tape": paper.tape,
    "loss": losses.loss,
    "vague": generic.draw_generic,
}

#: Probability of each kind on a worn picture when no kinds are asked for; opaque damage first. `vague` is drawn only in
#: training, since it resembles no particular damage, and `loss` only on request or in training: it ruins a picture.
ODDS: dict[str, float] = {
    "dust": 0.75, "hair": 0.4, "lint": 0.25, "scratch": 0.6, "crack": 0.35, "crease": 0.3, "tear": 0.25,
    "lost-corner": 0.2, "flake": 0.4, "ink": 0.08, "foxing": 0.08, "mould": 0.06, "stain": 0.04, "water-ring": 0.02,
    "fingerprint": 0.02, "tape": 0.02,
}  # fmt: skip


def usual_kinds(rng: np.random.Generator, severity: float) -> list[str]:
    """Return names of kinds that occur together on a picture of a severity, at least one."""
    odds = min(1.3, 0.5 + 0.5 * severity)
    chosen = [name for name, share in ODDS.items() if rng.random() < share * odds]
    return chosen or [str(rng.choice(["dust", "scratch", "hair"]))]
