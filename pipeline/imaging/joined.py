"""Join what touches: number the groups that pairs of things make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def join_pairs(count: int, one: Indices, other: Indices) -> Indices:
    """Return one number for all things (count,) that pairs (m,), (m,) connect: the least of a group."""
    root = np.arange(count)
    while len(one):
        low = np.minimum(root[one], root[other])
        np.minimum.at(root, root[one], low)
        np.minimum.at(root, root[other], low)
        while (root != (further := root[root])).any():
            root = further
        apart = root[one] != root[other]
        one, other = one[apart], other[apart]
    return root


def expand(starts: Indices, lengths: Indices) -> Indices:
    """Return the numbers of all ranges (n,), one range after the other: each start and what follows it."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)
