"""Sizes of a picture's levels, each half of the one before, for viewing in tiles."""

from __future__ import annotations

TILE = 512
FIRST_SIDE = 2560
"""Longest side of the level that is kept beside results: a window full, and no more than a megabyte as a JPEG file."""


def half(length: int) -> int:
    """Return half of a length, rounded up."""
    return (length + 1) // 2


def levels_of(width: int, height: int) -> int:
    """Return how many levels there are: level 0 is the picture, each further one half of it, the last one tile."""
    levels = 1
    while max(width, height) > TILE:
        width, height, levels = half(width), half(height), levels + 1
    return levels


def level_size(width: int, height: int, level: int) -> tuple[int, int]:
    """Return width and height of a level."""
    for _ in range(level):
        width, height = half(width), half(height)
    return width, height


def first_level(width: int, height: int) -> int:
    """Return the largest level that is no longer than `FIRST_SIDE`; 0 for a small picture."""
    level = 0
    while max(level_size(width, height, level)) > FIRST_SIDE:
        level += 1
    return level
