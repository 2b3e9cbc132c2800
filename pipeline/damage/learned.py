"""The learned detector: a network's chances at several scales, cut into pieces, each explained."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.damage import windows
from pipeline.damage.finish import finish
from pipeline.damage.levels import Thresholds, levels
from pipeline.damage.luminance import transparent
from pipeline.damage.pieces import Found, explain_pieces
from pipeline.damage.runners.choose import load_runner
from pipeline.damage.sizes import unit_of
from pipeline.damage.types import Detection, Pixels
from pipeline.errors import WeightsError
from pipeline.machine.files import write_whole

if TYPE_CHECKING:
    from pipeline.damage.network import DetectorNet

log = logging.getLogger(__name__)

FORMAT = "damage-detector-1"
#: Raised when windows, levels or pieces are made otherwise: with the weights it makes the detector's digest.
VERSION = "learned 5"
#: Pixels of a scan from which on the network's memory is given back at once.
LARGE = 16 << 20
WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "detector.safetensors"


class LearnedDetector:
    """A U-Net over windows at the scan's own size and at halves of it.

    Args:
        weights: the weights file; the shipped one when left out.
        device, backend: where and by what the network runs, see `pipeline.machine.place`. The digest does not depend
            on them.

    Raises:
        ConfigurationError: there is no such device or backend.
        WeightsError: the file is missing, damaged or of another kind.
    """

    name = "learned"

    def __init__(self, weights: Path | None = None, *, device: str = "auto", backend: str = "auto") -> None:
        config, self.thresholds, weights_digest = read_header(weights or WEIGHTS)
        self.digest = hashlib.sha256(f"{VERSION} {weights_digest}".encode()).hexdigest()
        self._multiple = 2 ** config["depth"]
        self._runner, self._on_cpu = load_runner(weights or WEIGHTS, device=device, backend=backend)

    @property
    def runtime(self) -> str:
        """What runs the network, for people."""
        return self._runner.runtime

    def detect(
        self, pixels: Pixels, *, precision: float = 0.95, sensitivity: float = 1.0, dilate: int = 2,
        max_coverage: float = 0.15,
    ) -> Detection:  # fmt: skip
        """Returns the damage on a scan; see `Detector.detect`."""
        chance = self.chances(pixels)
        if chance.size >= LARGE:
            # What the network needed while it ran would stand beside the planes of all that follows.
            self._runner.release()
        outside = transparent(pixels)
        if outside is not None:
            chance[outside] = 0
        repair, suggest = levels(chance, self.thresholds, precision=precision, sensitivity=sensitivity)
        components = explain_pieces(Found(chance, repair, suggest, unit_of(chance)))
        repair[repair > 0] = 255
        return finish(repair, suggest, components, dilate=dilate, max_coverage=max_coverage)

    def chances(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Returns (H,W) uint8, the chance of damage at each pixel in 1/255."""
        try:
            return windows.chances(self._runner, pixels, self._multiple)
        except MemoryError:
            if self._runner.runtime.endswith("cpu"):
                raise
            log.warning("the device's memory does not suffice for the detector; it goes on by the CPU")
            self._runner = self._on_cpu()
            return windows.chances(self._runner, pixels, self._multiple)


def read_header(path: Path) -> tuple[dict[str, int], Thresholds, str]:
    """Returns the shape of a network (depth, width, widest), its thresholds, and the file's sha256, without torch.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, framework="np") as opened:
            metadata = dict(opened.metadata() or {})
        if metadata.get("format") != FORMAT:
            raise WeightsError(f"{path} holds no weights of a damage detector")
        shape = {name: int(metadata[name]) for name in ("depth", "width", "widest")}
        return shape, Thresholds.from_json(metadata.get("thresholds", "{}")), digest
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"cannot use the detector's weights {path}: {error}") from error


def load_weights(path: Path) -> tuple[DetectorNet, Thresholds, str]:
    """Returns the network in eval mode, its thresholds, and the file's sha256.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as load_tensors

    from pipeline.damage.network import DetectorNet, NetworkConfig

    shape, limits, digest = read_header(path)
    try:
        network = DetectorNet(NetworkConfig(**shape))
        tensors = load_tensors(path.read_bytes())
        network.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in tensors.items()})
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"cannot use the detector's weights {path}: {error}") from error
    network.eval()
    for parameter in network.parameters():
        if not torch.isfinite(parameter).all():
            raise WeightsError(f"{path} holds values that are not finite")
        parameter.requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, limits, digest


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
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()
