"""Coefficients of the Chebyshev iteration of a prior's refinement, for its implementations in torch and OpenCV."""

from __future__ import annotations

LOWEST, HIGHEST = 1.0, 64.0
"""Between which eigenvalues of the biharmonic operator, on five-point Laplacians of unit spacing, the iteration damps.

The highest is that of a chessboard. Modes under the lowest, those of holes wider than some five pixels, are left much
as they were. Chosen with the number of steps on held-out photographs, see ``docs/results/trials.md``.
"""


def chebyshev_steps(steps: int) -> list[tuple[float, float]]:
    """Return each step's factors of the previous change and of the residual (Saad 2003, algorithm 12.1)."""
    middle, half = (HIGHEST + LOWEST) / 2, (HIGHEST - LOWEST) / 2
    ratio = half / middle
    numbers = [(0.0, 1.0 / middle)] if steps else []
    for _ in range(steps - 1):
        following = 1.0 / (2.0 * middle / half - ratio)
        numbers.append((following * ratio, 2.0 * following / half))
        ratio = following
    return numbers
