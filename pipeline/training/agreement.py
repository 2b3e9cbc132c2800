"""Agreement: what mirrored and turned copies of a picture are to be told alike, also where nobody knows the truth.

On damage drawn as in training a network hardly differs between such copies; on another hand's it does, and what all
copies together say is better than what one does. Photographs with old damage of their own cannot be labelled, but they
can be asked for that (Tarvainen and Valpola, NeurIPS 2017: the teacher is the moving average of the student).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

#: What the network is asked of at once: as mirrored and turned, and back.
Symmetry = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
#: How many of the eight copies the teacher sees of each crop, and what disagreement weighs beside the labels' loss.
COPIES, WEIGHT = 4, 2.0


def symmetry(index: int) -> Symmetry:
    """The symmetry 0 to 7 of the square on (N,C,S,S), and its inverse: quarter turns, from 4 on after a mirror."""
    turns, mirrored = index % 4, index >= 4

    def there(planes: Tensor) -> Tensor:
        return torch.rot90(planes.flip(3) if mirrored else planes, turns, (2, 3))

    def back(planes: Tensor) -> Tensor:
        turned = torch.rot90(planes, -turns, (2, 3))
        return turned.flip(3) if mirrored else turned

    return there, back


@torch.no_grad()
def opinion(teacher: Callable[[Tensor], Tensor], planes: Tensor, rng: np.random.Generator) -> Tensor:
    """The chances (N,1,S,S) float32 of the mean logits of some copies of planes (N,C,S,S)."""
    total = torch.zeros(())
    for index in rng.choice(8, COPIES, replace=False).tolist():
        there, back = symmetry(index)
        total = total + back(teacher(there(planes)).float())
    return torch.sigmoid(total / COPIES)


def disagreement(logits: Tensor, chance: Tensor) -> Tensor:
    """Binary cross-entropy of logits (N,1,S,S) against chances of the same shape, the mean weighted; scalar."""
    return WEIGHT * F.binary_cross_entropy_with_logits(logits.float(), chance)
