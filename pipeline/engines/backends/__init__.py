"""Backends that run the inpainting network: one interface, one module per backend."""

from __future__ import annotations

from typing import Protocol

from pipeline.engines.interface import FloatImage


class Network(Protocol):
    """A generator ready to run.

    Attributes:
        runtime: what computes, for people to read, e.g. ``openvino bf16 on cpu``.
        batch_pixels: pixels of windows in one call that make good use of the device; 1 for one window.
        calls: at a time, in threads, that make good use of it.
    """

    @property
    def runtime(self) -> str: ...

    @property
    def batch_pixels(self) -> int: ...

    @property
    def calls(self) -> int: ...

    def run(self, images: FloatImage, holes: FloatImage) -> FloatImage:
        """Return pictures (N,3,H,W) float32 0..1 with their holes (N,1,H,W) 0/1 filled; H, W multiples of 16.

        Raises:
            MemoryError: the batch does not fit the device's memory.
        """
        ...
