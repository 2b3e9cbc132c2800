"""The engine's interface and the types of its inputs and results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.imaging.rectangles import Rect

FloatImage = NDArray[np.float32]
BoolMask = NDArray[np.bool_]


@dataclass(frozen=True)
class WindowLayout:
    """How an engine wants its windows laid out.

    Attributes:
        sizes: the sides a window may have, ascending, multiples of 16; few of them fill batches better.
        context: intact pixels wanted around the damage on each side of a window.
        depth: a hole's pixels that are further than this from the next intact one are filled at a smaller scale,
            where they are not; must be smaller than ``context`` + 8, so that every window sees something intact.
        batch_pixels: pixels of windows in one call of ``fill``; 1 for one window.
        calls: of ``fill`` at a time, in threads.
    """

    sizes: tuple[int, ...]
    context: int
    depth: int
    batch_pixels: int = 1 << 20
    calls: int = 1


class Engine(Protocol):
    """Fills holes in windows; one small module per engine.

    ``digest`` (64 hex digits) changes with everything that can change a pixel: algorithm, its settings, weights.
    ``runtime`` names what computes, for people to read, e.g. ``openvino bf16 on cpu``.
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def runtime(self) -> str: ...

    @property
    def layout(self) -> WindowLayout: ...

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        """Return the windows (N,H,W,3) with their holes filled.

        Args:
            images: (N,H,W,3) float32 in 0..1, zero inside the holes.
            holes: (N,H,W), true where a pixel is missing; each window has at least one intact pixel.

        Returns:
            (N,H,W,3) float32 in 0..1. Only the pixels in the holes are used. A window's result never depends on the
            other windows.

        Raises:
            MemoryError: the batch is too large for the device; the caller halves it.
        """
        ...

    def fallback(self) -> Engine | None:
        """Return the same engine on the CPU, where memory is not the limit, or ``None`` when this one runs there."""
        ...


@dataclass(frozen=True)
class Job:
    """One scan to be inpainted.

    Attributes:
        key: returned with the result.
        colour: (H,W,3) float32 in 0..1; also (H,W) or (H,W,C) and uint8 or uint16, scaled window by window, so that a
            large scan need not be held as floats. An alpha channel is ignored.
        mask: (H,W) uint8, not 0 where damaged.
        unknown: (H,W), not 0 where pixels are missing too and are not to be filled; None for no more than the mask.
        native: fill at the scan's own scale, however deep its holes are.
    """

    key: str
    colour: NDArray[Any]
    mask: NDArray[np.uint8]
    unknown: NDArray[np.uint8] | None = None
    native: bool = False


@dataclass
class Filled:
    """The new pixels of one scan.

    Attributes:
        key: of the job.
        pixels: (N,3) float32 in 0..1, one for each damaged pixel, in the order of `scan[mask != 0]`; (0,3) where
            nothing could be filled.
        windows: for each window that the engine filled, the part of the scan whose damage it fills (its core).
        seconds: this scan's share of the computing time.
        notes: for readers of the sidecar, e.g. that memory ran out and the CPU was used.
    """

    key: str
    pixels: FloatImage
    windows: list[Rect]
    seconds: float
    notes: list[str] = field(default_factory=list)
