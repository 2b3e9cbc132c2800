"""Held-out crops with holes of three ranges of size, and what is measured on them."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.imaging.types import Hole
from pipeline.metrics import sharpness, ssim
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.prior import biharmonic_refine, push_pull
from pipeline.simulation.holes import draw_hole
from pipeline.training.common.photos import PhotoSet
from pipeline.training.inpainter.validation import Pictures, ValidationSet

RATIOS: dict[str, tuple[float, float]] = {"thin": (0.001, 0.1), "10-30 %": (0.1, 0.3), "30-60 %": (0.3, 0.6)}
"""Share of the crop that is missing; the thin ones are lines and dust, the others of every kind."""
BAND = 3
"""Width in pixels of the band along the rim in which border artefacts are looked for."""
EDGES = 0.9
"""Quantile of the original's gradient in the hole above which a pixel is on an edge."""
FIGURES = ("psnr", "ssim", "rim_psnr", "rim_step", "sharpness", "edges")
SEED = 20260201


class RatioSet:
    """Crops (N,S,S,3) float32 0..1 with holes (N,S,S) bool, `count` of each range of `RATIOS`."""

    def __init__(self, photos: PhotoSet, *, size: int, count: int) -> None:
        base = ValidationSet(photos, size=size, count=count * len(RATIOS))
        rng = np.random.default_rng((SEED, size))
        self.pictures = base.pictures
        # Ranges alternate, so that each sees photographs from all of the set.
        self.ranges = [list(RATIOS)[index % len(RATIOS)] for index in range(len(self.pictures))]
        self.holes = np.stack([_draw(rng, size, name) for name in self.ranges])

    def batches(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pictures (n,3,S,S) and holes (n,1,S,S), float32."""
        for start in range(0, len(self.pictures), count):
            part = slice(start, start + count)
            image = torch.from_numpy(self.pictures[part]).permute(0, 3, 1, 2)
            yield image, torch.from_numpy(self.holes[part, None].astype(np.float32))


def _draw(rng: np.random.Generator, size: int, name: str) -> Hole:
    """Return a hole in a range; holes are joined until they are large enough."""
    low, high = RATIOS[name]
    while True:
        hole = draw_hole(rng, size, "thin" if name == "thin" else None)
        while hole.mean() < low:
            hole = hole | draw_hole(rng, size)
        if hole.mean() <= high:
            return hole


def fill(network: nn.Module, data: RatioSet, device: torch.device, *, batch: int = 10) -> Pictures:
    """Return the pictures (N,S,S,3) float32 with their holes filled."""
    parts = []
    with torch.no_grad():
        for image, hole in data.batches(batch):
            output = network(image.to(device), hole.to(device))
            parts.append(output.float().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(parts)


def fill_prior(data: RatioSet) -> Pictures:
    """Return the pictures filled by the smooth prior alone."""
    parts = []
    for image, hole in data.batches(10):
        filled = biharmonic_refine(push_pull(image, hole), hole, GeneratorConfig.bends)
        parts.append(filled.permute(0, 2, 3, 1).numpy())
    return np.concatenate(parts)


def scores(filled: Pictures, data: RatioSet) -> dict[str, float]:
    """Return the mean of each figure over all pictures, and over those of each range (`psnr@thin`).

    Figures, all of the hole alone, known pixels pasted back:

    - `psnr`, `ssim`: against the original, peak 1.
    - `rim_psnr`: of the hole's outermost 3 pixels.
    - `rim_step`: mean absolute difference between neighbours on both sides of the rim over that of the original;
      above 1 the border shows, below 1 it is washed out.
    - `sharpness`: mean Laplacian over that of the original (`pipeline.metrics.sharpness`).
    - `edges`: gradient on the original's strongest tenth of the hole over the original's own.
    """
    rows = [
        _figures(np.where(hole[..., None], np.clip(one, 0, 1), clean), clean, hole)
        for one, clean, hole in zip(filled, data.pictures, data.holes, strict=True)
    ]
    result = {}
    for name in FIGURES:
        values = np.array([row[name] for row in rows])
        result[name] = float(np.nanmean(values))
        for ratio in RATIOS:
            inside = np.array([one == ratio for one in data.ranges])
            result[f"{name}@{ratio}"] = float(np.nanmean(values[inside]))
    return result


def _figures(after: NDArray[np.float32], clean: NDArray[np.float32], hole: Hole) -> dict[str, float]:
    outside = (~hole).astype(np.uint8)
    near = cv2.dilate(outside, np.ones((2 * BAND + 1, 2 * BAND + 1), np.uint8)) > 0
    slope, true_slope = _gradient(after), _gradient(clean)
    strong = hole & (true_slope >= np.quantile(true_slope[hole], EDGES))
    return {
        "psnr": _psnr(after, clean, hole),
        "ssim": ssim(after, clean, data_range=1.0, mask=hole),
        "rim_psnr": _psnr(after, clean, hole & near),
        "rim_step": _step(after, hole) / max(_step(clean, hole), 1e-6),
        "sharpness": sharpness(after, hole, original=clean),
        "edges": float(slope[strong].mean() / max(float(true_slope[strong].mean()), 1e-6)),
    }


def _psnr(after: NDArray[np.float32], clean: NDArray[np.float32], where: Hole) -> float:
    error = np.square(after[where].astype(np.float64) - clean[where]).mean()
    return float(-10.0 * np.log10(max(error, 1e-10)))


def _gradient(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the size of the luminance's gradient (H,W), by Sobel."""
    grey = pixels.mean(axis=2)
    result: NDArray[np.float32] = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return result


def _step(pixels: NDArray[np.float32], hole: Hole) -> float:
    """Return the mean absolute difference of neighbours of which one is in the hole; `nan` where there are none."""
    across = np.abs(np.diff(pixels, axis=1)).mean(axis=2)[hole[:, 1:] != hole[:, :-1]]
    down = np.abs(np.diff(pixels, axis=0)).mean(axis=2)[hole[1:] != hole[:-1]]
    joined = np.concatenate([across, down])
    return float(joined.mean()) if joined.size else float("nan")
