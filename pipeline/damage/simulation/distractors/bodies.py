"""Broad, even things of a picture with clean outlines: sheets with hems and seams, posts. Damage has ragged ones."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.simulation.distractors.colours import Picture, own_colour


def sheets(picture: Picture, rng: np.random.Generator) -> Picture:
    """Sails, awnings, tents, doors, boards: smooth, with straight sides, a hem along some of them, seams across."""
    rows, columns = picture.shape[:2]
    result = picture.astype(np.float32)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        reach = float(rng.uniform(0.12, 0.6)) * min(rows, columns)
        turns = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 6))))
        rays = np.stack([np.cos(turns), np.sin(turns) * float(rng.uniform(0.7, 2))], axis=1)
        corners = rng.uniform(0, 1, 2) * [columns, rows] + reach * rays * rng.uniform(0.6, 1.3, (len(turns), 1))
        sheet = np.zeros((rows, columns), np.uint8)
        cv2.fillPoly(sheet, [_eighths(corners)], 255, cv2.LINE_AA, 3)
        base = own_colour(picture, rng, extreme=rng.random() < 0.5, dark=0.3)
        slope = rng.normal(0, 0.35, 2) / [columns, rows]
        paint = base * (1 + slope[0] * (xs - columns / 2) + slope[1] * (ys - rows / 2))[:, :, None]
        for index in range(len(corners)):
            side = np.stack([corners[index], corners[(index + 1) % len(corners)]])
            if rng.random() < 0.5:
                breadth = float(rng.uniform(0.008, 0.06)) * min(rows, columns)
                _stripe(paint, side, 2 * breadth, float(rng.normal(0, 45)))  # the outer half lies beyond the sheet
            if rng.random() < 0.4:
                opposite = corners[(index + 2) % len(corners)]
                _stripe(
                    paint,
                    _sagging(side.mean(axis=0), opposite, rng),
                    float(rng.uniform(1, 4)),
                    float(rng.normal(0, 60)),
                )
        cover = cv2.GaussianBlur(sheet, (0, 0), float(rng.uniform(0.3, 1.5))).astype(np.float32) / np.float32(255)
        result += np.float32(rng.uniform(0.75, 1)) * cover[:, :, None] * (paint - result)
    return np.clip(result, 0, 255).astype(np.uint8)


def posts(picture: Picture, rng: np.random.Generator) -> Picture:
    """Masts, poles, pipes, jambs, legs: straight, tapering, round or flat, often from or to the border."""
    rows, columns = picture.shape[:2]
    result = picture.astype(np.float32)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    lean = float(rng.normal(0, 0.12)) + (np.pi / 2 if rng.random() < 0.25 else 0)
    colour = own_colour(picture, rng, extreme=rng.random() < 0.6)
    for _ in range(int(rng.integers(1, 4))):
        turn = lean + float(rng.normal(0, 0.05))
        foot = rng.uniform([0, 0.5], [1, 1.2]) * [columns, rows]
        length = float(rng.uniform(0.25, 1.3)) * rows
        half = 0.5 * float(rng.uniform(0.006, 0.05)) * min(rows, columns) + 0.5
        along = (xs - foot[0]) * np.sin(turn) - (ys - foot[1]) * np.cos(turn)
        across = (xs - foot[0]) * np.cos(turn) + (ys - foot[1]) * np.sin(turn)
        here = half * (1 - float(rng.uniform(0, 0.6)) * np.clip(along / length, 0, 1))
        cover = np.clip(here - np.abs(across) + 0.5, 0, 1) * np.clip(along + 0.5, 0, 1) * np.clip(length - along, 0, 1)
        lit = float(rng.uniform(-0.7, 0.7))
        shade = 1 - float(rng.uniform(0, 0.4)) * np.square(across / here - lit)
        cover = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), float(rng.uniform(0.3, 1.0)))[:, :, None]
        result += cover * (colour * np.clip(shade, 0, 1.2)[:, :, None].astype(np.float32) - result)
    return np.clip(result, 0, 255).astype(np.uint8)


def _stripe(paint: NDArray[np.float32], points: NDArray[np.float64], breadth: float, change: float) -> None:
    """Makes a stripe along points (N,2) lighter or darker, in place."""
    stripe = np.zeros(paint.shape[:2], np.uint8)
    cv2.polylines(stripe, [_eighths(points)], False, 255, max(1, round(breadth)), cv2.LINE_AA, 3)
    paint += stripe[:, :, None] * np.float32(change / 255)


def _sagging(start: NDArray[np.float64], end: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Points (16,2) from one to the other, along a shallow arc."""
    share = np.linspace(0, 1, 16)[:, None]
    aside = np.array([start[1] - end[1], end[0] - start[0]]) * float(rng.normal(0, 0.08))
    return np.asarray(start + share * (end - start) + 4 * share * (1 - share) * aside, np.float64)


def _eighths(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.round(points * 8).astype(np.int32)
