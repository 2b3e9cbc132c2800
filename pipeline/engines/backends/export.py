"""Export the generator as ONNX, once per weights file, into the installation's cache."""

from __future__ import annotations

from pathlib import Path

from pipeline.runtime.graph_cache import cached_graph, to_onnx
from pipeline.weights import Kind, read_weights

VERSION = "onnx-4"
"""Increase it when the exported graph changes."""


def exported_generator(path: Path, cache: Path) -> tuple[Path | bytes, str]:
    """Return the network of a weights file as ONNX, and the file's sha256.

    The graph takes ``prior`` (N,3,H,W), the picture with its hole filled by ``push_pull`` and ``biharmonic_refine``,
    and ``hole`` (N,1,H,W) 0/1, and returns ``change`` (N,3,H,W), what is to be added in the hole; N, H and W are free
    (H, W multiples of 16). The sum is made outside: a graph that computes in bf16 would round it to whole grey levels.

    Args:
        path: of the weights.
        cache: folder; when it cannot be written the graph is returned as bytes, and a warning logged.

    Raises:
        WeightsError: the weights are missing, damaged or of another kind.
    """
    digest = read_weights(path, Kind.INPAINTER).sha256
    return cached_graph(digest, VERSION, cache, lambda: _graph(path, digest)), digest


def _graph(path: Path, digest: str) -> bytes:
    """Return the ONNX file of a weights file."""
    import torch

    from pipeline.rn.generator import Generator
    from pipeline.rn.weights import load_generator

    class AfterPrior(torch.nn.Module):
        """What :class:`Generator` does once the hole is filled smoothly; a test checks that both agree."""

        def __init__(self, generator: Generator) -> None:
            super().__init__()
            self.coarse, self.refine = generator.coarse, generator.refine

        def forward(self, prior: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
            correction, features = self.coarse(prior, hole)
            residual = self.refine(prior + correction * hole, hole, features)
            change: torch.Tensor = (correction + residual) * hole
            return change

    generator, _ = load_generator(path, digest)
    example = (torch.zeros(1, 3, 128, 96), torch.ones(1, 1, 128, 96))
    return to_onnx(AfterPrior(generator), example, ["prior", "hole"], "change")
