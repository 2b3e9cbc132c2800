"""The learned detector: a network's chances at several scales, cut into pieces, each explained."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.finish import finish
from pipeline.damage.levels import Thresholds, levels
from pipeline.damage.luminance import transparent
from pipeline.damage.pieces import Found, explain_pieces
from pipeline.damage.planes import planes
from pipeline.damage.types import Detection, Pixels
from pipeline.errors import WeightsError

if TYPE_CHECKING:
    from pipeline.damage.network import DetectorNet

FORMAT = "damage-detector-1"
WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "detector.safetensors"

#: Windows that the network sees, and how far they overlap: what lies at a rim has half its context.
WINDOW, MARGIN = 512, 48
#: The picture is halved while its short side stays above this: damage grows with the scan, the network's view does not.
COARSEST = 360


class LearnedDetector:
    """A U-Net over windows at the scan's own size and at halves of it.

    Args:
        weights: the weights file; the shipped one when left out.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """

    name = "learned"

    def __init__(self, weights: Path | None = None) -> None:
        self.network, self.thresholds, self.digest = load_weights(weights or WEIGHTS)

    def detect(
        self, pixels: Pixels, *, sensitivity: float = 1.0, dilate: int = 2, max_coverage: float = 0.15
    ) -> Detection:
        """Returns the damage on a scan; see `Detector.detect`."""
        chance = self.chances(pixels)
        outside = transparent(pixels)
        if outside is not None:
            chance[outside] = 0
        unit = max(1.0, float(np.sqrt(chance.size)) / 512)
        repair, suggest = levels(chance, self.thresholds, sensitivity)
        components = explain_pieces(Found(chance, repair, suggest, unit))
        repair[repair > 0] = 255
        return finish(repair, suggest, components, dilate=dilate, max_coverage=max_coverage)

    def chances(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Returns (H,W) uint8, the chance of damage at each pixel in 1/255."""
        picture = as_rgb(pixels)
        result = _level(self.network, picture)
        coarse = picture
        while min(coarse.shape[:2]) // 2 >= COARSEST:
            half = (coarse.shape[1] // 2, coarse.shape[0] // 2)
            coarse = np.asarray(cv2.resize(coarse, half, interpolation=cv2.INTER_AREA), np.uint8)
            found = _level(self.network, coarse)
            size = (result.shape[1], result.shape[0])
            np.maximum(result, cv2.resize(found, size, interpolation=cv2.INTER_LINEAR), out=result)
        return result


def as_rgb(pixels: Pixels) -> NDArray[np.uint8]:
    """Returns a scan of any depth and number of channels as (H,W,3) uint8."""
    eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8)
    if eight.ndim == 2 or eight.shape[2] < 3:
        grey = eight if eight.ndim == 2 else eight[:, :, 0]
        return np.asarray(cv2.merge([np.asarray(grey, np.uint8)] * 3), np.uint8)
    return np.ascontiguousarray(eight[:, :, :3], np.uint8)


def _level(network: DetectorNet, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Chances at one scale, window by window; each window keeps the part that lies far enough from its rim."""
    rows, columns = picture.shape[:2]
    result = np.zeros((rows, columns), np.uint8)
    inner = WINDOW - 2 * MARGIN
    for top in range(0, rows, inner):
        for left in range(0, columns, inner):
            bottom, right = min(rows, top + inner), min(columns, left + inner)
            # Windows are pushed back inside the picture rather than padded: a mirror image is no context.
            first_row = max(0, min(top - MARGIN, rows - WINDOW))
            first_column = max(0, min(left - MARGIN, columns - WINDOW))
            window = picture[first_row : first_row + WINDOW, first_column : first_column + WINDOW]
            chance = window_chances(network, window)
            part = chance[top - first_row : bottom - first_row, left - first_column : right - first_column]
            result[top:bottom, left:right] = part
    return result


def window_chances(network: DetectorNet, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns (H,W) uint8 chances in 1/255 for one window (H,W,3), padded to what the network takes."""
    import torch

    rows, columns = picture.shape[:2]
    down, right = -rows % network.multiple, -columns % network.multiple
    if down or right:
        picture = np.pad(picture, ((0, down), (0, right), (0, 0)), mode="edge" if min(rows, columns) < 2 else "reflect")
    tensor = torch.from_numpy(planes(np.ascontiguousarray(picture))).permute(2, 0, 1)[None]
    tensor = tensor.contiguous(memory_format=torch.channels_last).to(torch.bfloat16) / 255
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        chance = torch.sigmoid(network(tensor).float())[0, 0, :rows, :columns]
    return np.asarray((chance * 255).round().to(torch.uint8).numpy(), np.uint8)


def load_weights(path: Path) -> tuple[DetectorNet, Thresholds, str]:
    """Returns the network in eval mode, its thresholds, and the file's sha256.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load as load_tensors

    from pipeline.damage.network import DetectorNet, NetworkConfig

    try:
        data = path.read_bytes()
        with safe_open(path, framework="pt") as opened:
            metadata = dict(opened.metadata() or {})
        if metadata.get("format") != FORMAT:
            raise WeightsError(f"{path} holds no weights of a damage detector")
        network = DetectorNet(NetworkConfig.from_metadata(metadata))
        tensors = load_tensors(data)
        network.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in tensors.items()})
        limits = Thresholds.from_json(metadata.get("thresholds", "{}"))
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"cannot use the detector's weights {path}: {error}") from error
    network.eval()
    for parameter in network.parameters():
        if not torch.isfinite(parameter).all():
            raise WeightsError(f"{path} holds values that are not finite")
        parameter.requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, limits, hashlib.sha256(data).hexdigest()


def save_weights(path: Path, network: DetectorNet, limits: Thresholds, facts: dict[str, str]) -> str:
    """Writes the network as float16 safetensors that describe themselves; returns the file's sha256."""
    from safetensors.torch import save

    tensors = {
        key: value.detach().cpu().half().contiguous() if value.is_floating_point() else value.detach().cpu()
        for key, value in network.state_dict().items()
    }
    metadata = {
        **facts, **network.config.as_metadata(), "format": FORMAT, "thresholds": limits.as_json(),
    }  # fmt: skip
    data = save(tensors, metadata)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()
