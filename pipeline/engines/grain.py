"""Add grain to a fill: noise like that of the flat areas around the damage, where a recipe asks for it.

A network trained for the smallest mean error fills a grainy scan too smoothly, and the repair is visible. The noise
is invented: it makes a repair harder to see, not more accurate. It is therefore off by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.interface import Filled, FloatImage
from pipeline.engines.pixels import to_float

VERSION = 1
"""Increase it when the grain comes out differently; it is part of every result's key."""
SIDE = 16
"""Side of the squares of known pixels that grain is estimated from; it is assumed uncorrelated beyond half of it."""
REACH = 64
"""Pixels around a window in which squares are searched."""
ENOUGH = 4096
"""Squares at most; more are sampled at random."""
TILE = 256
"""Side of the noise, which is repeated periodically: no repair shows enough of it for the repetition to be visible."""
TONES = 8
"""Number of ranges of tone, since grain depends on tone."""
FEWEST = 8
"""Squares at least from which a range of tone is estimated."""
FLAT = 1.6
"""A square is flat when its variance is at most so many times that of the quietest fifth of its range of tone. Pure
grain scatters by about a third around its mean; squares with an edge or a texture are far above."""
ROUGH = 0.5
"""Grain is as rough in the light as in the dark: a square is one of grain when its roughness is at least such a share
of that of the quietest fifth of all. Edges and large textures are smoother."""
LOUD = 4.0
"""A range of tone gets at most so many times the median strength: above that it would be texture all over."""
CLIPPED = 0.02
"""Near black and white grain is clipped: squares with such a mean are not used."""


@dataclass(frozen=True)
class Grain:
    """Statistics of a scan's grain.

    Attributes:
        tones: (K,) mean of the channels, 0..1, ascending.
        strength: (K,) standard deviation at each tone, root mean square over the channels, 0..1.
        spectrum: (TILE, TILE/2+1), amplitudes over the frequencies of ``rfft2``, of unit mean power.
        mixing: (3,3), correlates three independent noises as the channels are, at unit mean variance.
        grey: the channels of those squares are identical, so those of the noise must be.
        squares: how many flat squares it was estimated from.
    """

    tones: NDArray[np.float64]
    strength: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    mixing: NDArray[np.float64]
    grey: bool
    squares: int


def add_grain(filled: Filled, colour: NDArray[Any], mask: NDArray[np.uint8], seed: int) -> Filled:
    """Return the fill with the grain of its surroundings and a note; only the note is new where no grain is found.

    A pixel's noise depends on the seed and its position alone, so that a result can be repeated. ``filled`` must have
    been made from the same ``colour`` and ``mask``.

    Args:
        filled: of one scan.
        colour: the scan, (H,W) or (H,W,C), of any kind that :func:`to_float` takes.
        mask: (H,W), not 0 where damaged.
        seed: not negative, e.g. from the scan's sha256.
    """
    rng = np.random.default_rng(seed)
    grain = read_grain(filled, colour, mask, rng)
    if grain is None:
        return replace(filled, notes=[*filled.notes, "no grain added: no flat ground near the damage to read it from"])
    noise = _noise(grain, rng)
    rows, columns = np.nonzero(mask)
    strength = np.interp(filled.pixels.mean(axis=1), grain.tones, grain.strength).astype(np.float32)
    grainy = np.clip(filled.pixels + noise[rows % TILE, columns % TILE] * strength[:, np.newaxis], 0, 1)
    low, high = 100 * grain.strength.min(), 100 * grain.strength.max()
    note = f"grain added, {low:.1f} to {high:.1f} % of the range, read from {grain.squares} squares"
    return replace(filled, pixels=grainy, notes=[*filled.notes, note])


def read_grain(filled: Filled, colour: NDArray[Any], mask: NDArray[np.uint8], rng: np.random.Generator) -> Grain | None:
    """Return the grain of the flat known squares around the windows of a fill, or ``None`` where there are too few."""
    squares = np.array(list(_squares(filled, mask)), np.intp).reshape(-1, 2)
    if len(squares) > ENOUGH:
        squares = squares[np.sort(rng.choice(len(squares), ENOUGH, replace=False))]
    parts = [to_float(colour[top : top + SIDE, left : left + SIDE]) for top, left in squares]
    usable = [part for part in parts if np.isfinite(part).all() and CLIPPED < part.mean() < 1 - CLIPPED]
    if len(usable) < FEWEST:
        return None
    values = np.stack(usable).astype(np.float64)
    residual = _without_slope(values)
    variance = residual.var(axis=(1, 2)).mean(axis=1)
    rough = _roughness(residual, variance)
    grainy = rough >= ROUGH * np.median(rough[variance <= np.quantile(variance, 0.2)])
    values, residual, variance = values[grainy], residual[grainy], variance[grainy]
    tone = values.mean(axis=(1, 2, 3))
    tones, strengths, flat = [], [], np.zeros(len(values), np.bool_)
    for members in np.array_split(np.argsort(tone, kind="stable"), max(1, min(TONES, len(values) // FEWEST))):
        quiet = members[variance[members] <= FLAT * np.quantile(variance[members], 0.2)]
        flat[quiet] = True
        tones.append(float(tone[quiet].mean()))
        strengths.append(float(np.sqrt(variance[quiet].mean())))
    flat &= variance > 0
    if not flat.any():
        return None
    # Normalised, so that each square counts by its shape and not by its strength.
    unit = residual[flat] / np.sqrt(variance[flat])[:, np.newaxis, np.newaxis, np.newaxis]
    channels = np.einsum("nyxa,nyxb->ab", unit, unit) / (len(unit) * SIDE**2)
    mixing = _square_root(channels * 3 / np.trace(channels))
    grey = bool((values[flat] == values[flat][..., :1]).all())
    covariance = _covariance(unit)
    strength = np.minimum(strengths, LOUD * np.median(strengths)) * np.sqrt(covariance[0, 0])
    return Grain(np.array(tones), strength, _spectrum(covariance), mixing, grey, int(flat.sum()))


def _square_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric square root of a positive semidefinite matrix (n,n).

    Eigenvalues within rounding of 0 count as 0: what is left of them depends on the CPU's linear algebra, and their
    roots would be a hundred million times as large.
    """
    eigenvalues, vectors = np.linalg.eigh(matrix)
    rounding = eigenvalues[-1] * len(matrix) * np.finfo(np.float64).eps
    result: NDArray[np.float64] = vectors * np.sqrt(np.where(eigenvalues > rounding, eigenvalues, 0)) @ vectors.T
    return result


def _squares(filled: Filled, mask: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Yield top and left of every undamaged square of the scan's grid near a window, once each."""
    seen: set[tuple[int, int]] = set()
    for rect in filled.windows:
        near = rect.grow(REACH, mask.shape)
        for top in range(-(-near.top // SIDE) * SIDE, near.bottom - SIDE + 1, SIDE):
            for left in range(-(-near.left // SIDE) * SIDE, near.right - SIDE + 1, SIDE):
                if (top, left) not in seen:
                    seen.add((top, left))
                    if not mask[top : top + SIDE, left : left + SIDE].any():
                        yield top, left


def _without_slope(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squares (N,S,S,C) minus their least-squares planes, that is, without mean and slopes."""
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    power = SIDE * float(np.square(axis).sum())
    centred = values - values.mean(axis=(1, 2), keepdims=True)
    down = np.einsum("nyxc,y->nc", centred, axis)[:, np.newaxis, np.newaxis] / power
    across = np.einsum("nyxc,x->nc", centred, axis)[:, np.newaxis, np.newaxis] / power
    plane = axis[:, np.newaxis, np.newaxis] * down + axis[:, np.newaxis] * across
    result: NDArray[np.float64] = centred - plane
    return result


def _roughness(residual: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N,) the mean squared difference of neighbours over twice the variance; white noise has 1, a slope 0."""
    down = np.square(np.diff(residual, axis=1)).mean(axis=(1, 2, 3))
    across = np.square(np.diff(residual, axis=2)).mean(axis=(1, 2, 3))
    result: NDArray[np.float64] = (down + across) / 4 / np.maximum(variance, 1e-12)
    return result


def _covariance(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the autocovariance (2S,2S), by lag and wrapped, of squares of grain (N,S,S,C) of unit variance.

    Averaged over squares and channels, by the number of pairs at each lag (Wiener-Khinchin). Mean and slopes were
    removed from the squares, and with them some of soft grain's own variance: the covariance is too low by about the
    same at every lag, which is measured where there should be none. Tapered to zero at half a square.
    """
    size = 2 * SIDE
    power = np.square(np.abs(np.fft.rfft2(unit, (size, size), axes=(1, 2)))).mean(axis=(0, 3))
    lags = np.minimum(np.arange(size), size - np.arange(size))
    covariance = np.fft.irfft2(power, (size, size)) / np.outer(*[np.maximum(SIDE - lags, 1)] * 2)
    furthest = np.maximum.outer(lags, lags)
    covariance -= covariance[abs(furthest - SIDE // 2) <= 1].mean()
    fading = np.clip((lags - SIDE // 4) / (SIDE // 4), 0, 1)
    taper = 0.5 + 0.5 * np.cos(np.pi * fading)
    result: NDArray[np.float64] = covariance * np.outer(taper, taper)
    return result


def _spectrum(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amplitudes (TILE, TILE/2+1), of unit mean power, of noise with an autocovariance (2S,2S)."""
    whole = np.zeros((TILE, TILE))
    place = np.arange(2 * SIDE) - SIDE
    whole[np.ix_(place, place)] = covariance[np.ix_(place, place)]
    density = np.maximum(np.fft.rfft2(whole).real, 0)
    # The mean over all frequencies, of which rfft2 leaves out the mirrored half.
    mean = (2 * density.sum() - density[:, 0].sum() - density[:, -1].sum()) / TILE**2
    result: NDArray[np.float64] = np.sqrt(density / mean)
    return result


def _noise(grain: Grain, rng: np.random.Generator) -> FloatImage:
    """Return a periodic tile (TILE,TILE,3) of the grain, of zero mean and unit mean variance over the channels."""
    white = np.fft.rfft2(rng.standard_normal((TILE, TILE, 3)), axes=(0, 1))
    shaped = np.fft.irfft2(white * grain.spectrum[:, :, np.newaxis], (TILE, TILE), axes=(0, 1))
    shaped = (shaped - shaped.mean(axis=(0, 1))) / shaped.std(axis=(0, 1))
    result: FloatImage = (shaped @ grain.mixing).astype(np.float32)
    if grain.grey:
        # The columns of the mixing are equal but for rounding, which differs between CPUs.
        result[..., 1:] = result[..., :1]
    return result
