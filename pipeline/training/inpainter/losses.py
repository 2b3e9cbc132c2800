"""The reconstruction losses of the inpainter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.rn.generator import Stages

AREA_FLOOR = 0.02
NEARLY_RIGHT = 1e-4


@dataclass(frozen=True)
class LossWeights:
    """The weight of each term. Zero leaves a term out."""

    hole: float = 1.0
    everywhere: float = 0.05
    gradient: float = 0.25
    coarse: float = 0.3
    rmse: float = 0.5
    spectrum: float = 0.05
    decibels: float = 0.0


def hole_l1(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the mean absolute error in the hole per picture, scalar.

    It is sum |o - t| in the hole / (its area + 2 % of the picture): with the 2 % a hole of three pixels does not weigh
    as much as a third of the picture. All (N,C,H,W), hole (N,1,H,W)
    0/1.
    """
    error = (output - target).abs().mean(dim=1, keepdim=True) * hole
    return (error.mean(dim=(1, 2, 3)) / (hole.mean(dim=(1, 2, 3)) + AREA_FLOOR)).mean()


def hole_rmse(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the root mean squared error in the hole per picture, scalar, with the same floor on the area.

    The optimum of L1 is the median of what may be there, that of a squared error the mean, which PSNR rewards.
    """
    return (_squared(output, target, hole) + 1e-6).sqrt().mean()


def hole_decibels(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the squared error in the hole in decibels above 10⁻⁴ (40 dB), mean over the pictures, scalar.

    Like a negative PSNR: a nearly correct fill of a scratch counts as much as a poor fill of a lost corner, as in a
    mean of PSNR; in the other terms the corner counts by its larger error. Never negative; errors below 40 dB count
    less and less.
    """
    return (10.0 * torch.log10(1.0 + _squared(output, target, hole) / NEARLY_RIGHT)).mean()


def _squared(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the mean squared error in the hole of each picture (N,), with the floor on the area."""
    error = (output - target).square().mean(dim=1, keepdim=True) * hole
    return error.mean(dim=(1, 2, 3)) / (hole.mean(dim=(1, 2, 3)) + AREA_FLOOR)


def gradient_l1(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the mean absolute error of horizontal and vertical differences (edges), over the hole's area, scalar."""
    difference = output - target
    across = (difference[..., :, 1:] - difference[..., :, :-1]).abs().mean(dim=(1, 2, 3))
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean(dim=(1, 2, 3))
    return ((across + down) / (hole.mean(dim=(1, 2, 3)) + AREA_FLOOR)).mean()


def spectrum_l1(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the mean absolute error of the orthonormal Fourier coefficients, over the root of the hole's area, scalar.

    The error is zero outside the hole, so that its spectrum grows with the root of the area. Missing texture weighs
    more than in L1.
    """
    spectrum = torch.fft.rfft2((output - target).float(), norm="ortho").abs().mean(dim=(1, 2, 3))
    result: Tensor = (spectrum / (hole.mean(dim=(1, 2, 3)) + AREA_FLOOR).sqrt()).mean()
    return result


def reconstruction(
    stages: Stages, target: Tensor, hole: Tensor, weights: LossWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum, scalar, and each term by name, detached, for the log.

    ``target`` is (N,3,H,W) float32 0..1, ``hole`` (N,1,H,W) float32 0/1.
    """
    final = stages.final
    terms = {
        "hole": (weights.hole, hole_l1(final, target, hole)),
        "everywhere": (weights.everywhere, (final - target).abs().mean()),
        "gradient": (weights.gradient, gradient_l1(final, target, hole)),
        "coarse": (weights.coarse, hole_l1(stages.coarse, target, hole)),
        "prior": (0.0, hole_l1(stages.prior, target, hole)),  # weight 0: logged for comparison
    }
    if weights.rmse:
        terms["rmse"] = (weights.rmse, hole_rmse(final, target, hole))
    if weights.spectrum:
        terms["spectrum"] = (weights.spectrum, spectrum_l1(final, target, hole))
    if weights.decibels:
        terms["decibels"] = (weights.decibels, hole_decibels(final, target, hole))
    total = torch.stack([weight * value for weight, value in terms.values()]).sum()
    return total, {name: value.detach() for name, (_, value) in terms.items()}
