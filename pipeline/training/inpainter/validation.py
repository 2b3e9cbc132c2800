"""Validation: fixed crops of held-out photographs with fixed holes, compared with the classical engines."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.imaging.contact_sheet import highlight_hole, write_sheet
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.prior import biharmonic_refine, push_pull
from pipeline.runtime.precision import computes_bfloat16, float32_only
from pipeline.simulation.holes import KINDS, draw_hole
from pipeline.training.common.photos import PhotoSet

Pictures = NDArray[np.float32]
Holes = NDArray[np.bool_]

SEED = 20260101


class ValidationSet:
    """Crops (N,size,size,3) float32 0..1 and holes (N,size,size) bool, the same in every run on the same photographs.

    The kinds of hole alternate; the crops are not augmented.
    """

    def __init__(self, photos: PhotoSet, *, size: int = 256, count: int = 60) -> None:
        rng = np.random.default_rng((SEED, size))
        kinds = list(KINDS)
        pictures, holes = [], []
        self.kinds: list[str] = []
        for index in range(count):
            picture = photos.pictures[index * len(photos) // count if count < len(photos) else index % len(photos)]
            side = min(picture.shape[:2])
            if side < size:
                scale = size / side
                wanted = (max(size, round(picture.shape[1] * scale)), max(size, round(picture.shape[0] * scale)))
                picture = cv2.resize(picture, wanted, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
            top = int(rng.integers(0, picture.shape[0] - size + 1))
            left = int(rng.integers(0, picture.shape[1] - size + 1))
            pictures.append(picture[top : top + size, left : left + size])
            self.kinds.append(kinds[index % len(kinds)])
            holes.append(draw_hole(rng, size, self.kinds[-1]))
        self.pictures: Pictures = np.stack(pictures).astype(np.float32) / np.float32(255.0)
        self.holes: Holes = np.stack(holes)

    def tensors(self, start: int, stop: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return a slice as tensors (n,3,size,size) float32 and (n,1,size,size) float32 on the device."""
        image = torch.from_numpy(self.pictures[start:stop]).permute(0, 3, 1, 2).to(device)
        hole = torch.from_numpy(self.holes[start:stop, None].astype(np.float32)).to(device)
        return image.contiguous(memory_format=torch.channels_last), hole


def composite_psnr(filled: Pictures, clean: Pictures, holes: Holes) -> NDArray[np.float64]:
    """Return the PSNR in dB of each picture (N,) with its known pixels pasted back, peak 1, rounded to 8 bits."""
    composite = np.where(holes[..., None], np.rint(np.clip(filled, 0, 1) * 255) / 255, clean)
    error = np.square(composite.astype(np.float64) - clean).mean(axis=(1, 2, 3))
    result: NDArray[np.float64] = 10.0 * np.log10(1.0 / np.maximum(error, 1e-10))
    return result


def fill(generator: Generator, data: ValidationSet, device: torch.device, *, batch: int = 4) -> Pictures:
    """Return the validation pictures filled by the generator, (N,size,size,3) float32.

    It computes in bfloat16 where the device does, in float32 elsewhere and where the settings ask for it.
    """
    halved = computes_bfloat16(device) and not float32_only()
    was_training = generator.training
    generator.eval()
    parts: list[Pictures] = []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=halved):
        for start in range(0, len(data.pictures), batch):
            output = generator(*data.tensors(start, start + batch, device))
            parts.append(output.float().permute(0, 2, 3, 1).cpu().numpy())
    generator.train(was_training)
    return np.concatenate(parts)


def fill_prior(data: ValidationSet) -> Pictures:
    """Return the validation pictures filled by the prior alone, (N,size,size,3) float32."""
    image, hole = data.tensors(0, len(data.pictures), torch.device("cpu"))
    filled: Pictures = (
        biharmonic_refine(push_pull(image, hole), hole, GeneratorConfig.bends).permute(0, 2, 3, 1).contiguous().numpy()
    )
    return filled


def baseline_psnr(data: ValidationSet, names: tuple[str, ...], cache: Path | None = None) -> dict[str, float]:
    """Return the mean PSNR in dB of the prior and of each classical engine named, on the same pictures and holes.

    They do not change during a run: ``cache`` is a JSON file that stores them for these pictures and holes.
    """
    digest = hashlib.sha256(data.pictures.tobytes() + data.holes.tobytes()).hexdigest()
    if cache is not None:
        kept = read_baseline_psnr(cache, digest)
        if set(kept) == {"prior", *names}:
            return kept
    from pipeline.engines import load_engine  # imported late: only this function needs the engines

    scores = {"prior": float(composite_psnr(fill_prior(data), data.pictures, data.holes).mean())}
    for name in names:
        filled = load_engine(name).fill(data.pictures, data.holes)
        scores[name] = float(composite_psnr(filled, data.pictures, data.holes).mean())
    if cache is not None:
        cache.write_text(json.dumps({"set": digest, "psnr": scores}, indent=1))
    return scores


def read_baseline_psnr(cache: Path, digest: str | None = None) -> dict[str, float]:
    """Return the PSNRs in a cache of :func:`baseline_psnr`; none without one, or when it is of another set."""
    kept = json.loads(cache.read_text()) if cache.exists() else {}
    fits = "psnr" in kept and digest in (None, kept["set"])
    return dict(kept["psnr"]) if fits else {}


def by_kind(scores: NDArray[np.float64], kinds: list[str]) -> dict[str, float]:
    """Return the mean score of each kind of hole."""
    return {
        kind: float(np.mean([score for score, name in zip(scores, kinds, strict=True) if name == kind]))
        for kind in dict.fromkeys(kinds)
    }


def draw_sheet(data: ValidationSet, columns: dict[str, Pictures], target: Path, *, rows: int = 10) -> Path:
    """Write a PNG with a row per picture (damaged, each of ``columns`` (N,S,S,3) float32, truth); return its path."""
    lines = []
    for index in range(min(rows, len(data.pictures))):
        hole, truth = data.holes[index], data.pictures[index]
        fills = [np.where(hole[:, :, None], np.clip(pictures[index], 0, 1), truth) for pictures in columns.values()]
        *filled, clean = (np.rint(picture * 255).astype(np.uint8) for picture in (*fills, truth))
        lines.append([highlight_hole(clean, hole), *filled, clean])
    return write_sheet(target, ["damaged", *columns, "truth"], lines)
