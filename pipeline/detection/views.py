"""Show a network a window in another size and orientation, and join what it says of two views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class View:
    """One test-time augmentation: how the network is shown a window.

    Attributes:
        scale: factor of its size.
        turn: mirrors or rotates a plane (H,W) or (H,W,C), and is its own inverse.
    """

    scale: float
    turn: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture (H,W,3) as the network is shown it."""
        return np.ascontiguousarray(self.turn(_resize(picture, *self._scaled(*picture.shape[:2]))))

    def invert(self, probability: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
        """Return (rows,columns), the network's answer (padded) to the changed picture, for the original picture."""
        shown = self.turn(np.empty(self._scaled(rows, columns), np.uint8)).shape
        return _resize(np.ascontiguousarray(self.turn(probability[: shown[0], : shown[1]])), rows, columns)

    def _scaled(self, rows: int, columns: int) -> tuple[int, int]:
        return max(1, round(self.scale * rows)), max(1, round(self.scale * columns))


def _resize(plane: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    if plane.shape[:2] == (rows, columns):
        return plane
    how = cv2.INTER_AREA if rows < plane.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (columns, rows), interpolation=how), np.uint8)


#: How the network is shown everything, and then what is doubtful. About unfamiliar damage it is unsure, differently so
#: in each view: the mean of two is right more often than one. The smaller view shows damage without its grain; the
#: larger one, which costs two and a half times as much, is less easily misled by what only looks like damage: tops of
#: clouds, hems, painted lines.
FIRST = View(0.8, lambda plane: plane[::-1, ::-1])
SECOND = View(1.25, lambda plane: plane[:, ::-1])
#: How it is first shown scales of which there is a coarser one: it takes half as long.
QUICK = View(0.6, FIRST.turn)


def _means() -> NDArray[np.uint8]:
    # The ends are a quarter of a step away from 0 and 1, so that their logits are finite and survive the way back.
    shares = np.clip(np.arange(256) / 255, 1 / 1020, 1 - 1 / 1020)
    logits = np.log(shares / (1 - shares))
    return np.round(255 / (1 + np.exp(-(logits[:, None] + logits) / 2))).astype(np.uint8)


#: (256,256) for two probabilities in 1/255: the one whose logit is the mean of theirs, which suits views whose errors
#: are independent.
MEANS = _means()
