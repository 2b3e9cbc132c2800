"""Hold what all damage on one picture has in common: scale, paper, polarity, sharpness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.simulation.artefacts import ArtefactBank
from pipeline.simulation.shapes import Field, noise


@dataclass(frozen=True)
class Context:
    """The picture that damage is drawn for.

    Attributes:
        rng: source of every random draw.
        shape: rows and columns.
        unit: pixels of one unit of size; 1 at about 512 px.
        paper: colour (3,) of bare paper.
        bright: share of line and dust damage that is brighter than the picture.
        softness: blur of damage edges in pixels.
        severity: scales numbers and sizes; 1 is a worn picture.
        bank: scanned artefacts to use beside drawn ones, or None.
        variety: how often an unusual tone is drawn, 0..1.
    """

    rng: np.random.Generator
    shape: tuple[int, int]
    unit: float
    paper: Field
    bright: float
    softness: float
    severity: float
    bank: ArtefactBank | None
    variety: float = 0.0

    @property
    def short(self) -> int:
        """Return the short side in pixels."""
        return min(self.shape)

    def count(self, low: float, high: float) -> int:
        """Return a random number of instances; between the bounds at severity 1."""
        return max(1, round(float(self.rng.uniform(low, high)) * self.severity))

    def random_point(self) -> NDArray[np.float64]:
        """Return a random point (x, y) in the picture."""
        return np.asarray(self.rng.uniform(0, 1, 2) * np.array([self.shape[1], self.shape[0]]), np.float64)

    def tone(self) -> Field:
        """Return the colour (3,) of dust, hair or a scratch: near white or near black; with `variety` any."""
        if self.variety > 0 and self.rng.random() < 0.5 * self.variety:
            if self.rng.random() < 0.2:  # a layer of colour film scratched through, a dye, rust
                return np.asarray(self.rng.uniform(0, 1, 3), np.float32)
            tint = 1 + self.rng.normal(0, 0.06, 3)
            return np.asarray(np.clip(self.rng.uniform(0, 1) * tint, 0, 1), np.float32)
        if self.rng.random() < self.bright:
            return (self.paper * np.float32(self.rng.uniform(0.88, 1.03))).clip(0, 1)
        return np.full(3, self.rng.uniform(0.0, 0.16), np.float32)

    def bare_paper(self, shape: tuple[int, int]) -> Field:
        """Return bare paper (h,w,3) for a `shape` (h,w): fibres, blotches, a little dirt."""
        rough = 1.0 if self.variety == 0 else float(np.exp(self.rng.uniform(0, 1.4) * self.variety))
        texture = 0.018 * noise(self.rng, shape, 4 * self.unit, 2) + 0.02 * noise(self.rng, shape, 40 * self.unit, 2)
        texture = texture * np.float32(rough)
        dull = self.variety > 0 and self.rng.random() < 0.5 * self.variety
        level = np.float32(self.rng.uniform(0.55, 0.9) if dull else self.rng.uniform(0.86, 1.0))
        return np.asarray(np.clip(self.paper * level + texture[:, :, None], 0, 1), np.float32)

    def magnification(self) -> float:
        """Return by how much scanned artefacts are enlarged: 1, with `variety` sometimes up to 4."""
        if self.variety == 0 or self.rng.random() >= 0.4 * self.variety:
            return 1.0
        return float(np.exp(self.rng.uniform(0, np.log(4.0))))

    def wear(self, shape: tuple[int, int], cell: float) -> Field:
        """Return (h,w) in 0..1: how much is left of something worn, in patches of `cell` units."""
        worn = noise(self.rng, shape, cell * self.unit, 3) * np.float32(0.5) + np.float32(self.rng.uniform(0.3, 0.9))
        return np.asarray(np.clip(worn, 0, 1), np.float32)

    def opacity(self, low: float = 0.45) -> float:
        """Return a random opacity from `low` to 1, mostly high."""
        return float(low + (1 - low) * self.rng.beta(2.0, 1.0))
