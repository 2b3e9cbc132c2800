"""Gradients of one batch, computed in pieces by a few threads that share the work as they get to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

Piece = tuple[Tensor, ...]
Loss = Callable[[Piece], tuple[Tensor, dict[str, Tensor]]]
Outcome = tuple[list[Tensor | None], Tensor, dict[str, Tensor]]


PROBE_STEPS = 6
SETTLED_STEPS = 60


class FasterOption:
    """Finds out by trying which of two ways is quicker at present, and asks again every so often.

    Other work on the machine comes and goes; what is right at midnight is wrong at noon.
    """

    def __init__(self) -> None:
        self._count = 0
        self._seconds = {True: 0.0, False: 0.0}
        self._best = True

    def choose(self) -> bool:
        """The way to take for this step."""
        phase = self._count % (2 * PROBE_STEPS + SETTLED_STEPS)
        return phase < PROBE_STEPS if phase < 2 * PROBE_STEPS else self._best

    def record(self, way: bool, seconds: float) -> None:
        """What the step that :meth:`choose` chose for took."""
        phase = self._count % (2 * PROBE_STEPS + SETTLED_STEPS)
        if phase == 0:
            self._seconds = {True: 0.0, False: 0.0}
        if phase < 2 * PROBE_STEPS:
            self._seconds[way] += seconds
        if phase == 2 * PROBE_STEPS - 1:
            self._best = self._seconds[True] < self._seconds[False]
        self._count += 1


class GradientWorkers:
    """Threads that each take the next piece of a batch, run it forward and backward, and come back for more.

    On a CPU that others use as well this is twice as fast as letting every operation use all cores: an operation
    waits for its slowest core, thousands of times a step; here only the end of a step waits. Every thread computes
    with one core. Where even that wait costs more than it brings, the caller's thread does all pieces; which of the
    two is right is tried every so often. The pieces' gradients are added in their order, so that the result does not
    depend on who was quicker. With ``threads`` 1 or less the caller's thread does it all (right for a GPU). Use as a
    context manager.
    """

    def __init__(self, threads: int) -> None:
        self._chooser = FasterOption()
        self._pool = (
            ThreadPoolExecutor(
                threads, thread_name_prefix="gradients", initializer=torch.set_num_threads, initargs=(1,)
            )
            if threads > 1
            else None
        )

    def __enter__(self) -> GradientWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self, parameters: Sequence[Tensor], pieces: Sequence[Piece], loss: Loss
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Set ``grad`` of the parameters to the mean over the pieces; return the mean loss and terms, detached.

        ``loss`` maps a piece to its scalar loss and to named scalars for the log; it must be a mean over the piece's
        pictures, and each piece is weighted by its number of pictures (its first tensor's length).
        """

        def one(piece: Piece) -> Outcome:
            value, terms = loss(piece)
            grads = torch.autograd.grad(value, list(parameters), allow_unused=True)
            return list(grads), value.detach(), terms

        together = self._pool is not None and len(pieces) > 1 and self._chooser.choose()
        started = time.monotonic()
        if self._pool is not None and together:
            outcomes = list(self._pool.map(one, pieces))
        else:
            outcomes = [one(piece) for piece in pieces]
        if self._pool is not None and len(pieces) > 1:
            self._chooser.record(together, time.monotonic() - started)
        counts = [piece[0].shape[0] for piece in pieces]
        shares = [count / sum(counts) for count in counts]
        total: list[Tensor | None] = [None] * len(parameters)
        for share, (grads, _, _) in zip(shares, outcomes, strict=True):
            for index, grad in enumerate(grads):
                if grad is None:
                    continue
                held = total[index]
                total[index] = grad.mul(share) if held is None else held.add_(grad, alpha=share)
        for parameter, summed in zip(parameters, total, strict=True):
            # Laid out like the parameter: a fused optimiser walks both side by side in memory and would otherwise
            # give a channels-last weight the gradient of another element, without a word.
            parameter.grad = None if summed is None else torch.empty_like(parameter).copy_(summed)
        mean = torch.stack([value * share for share, (_, value, _) in zip(shares, outcomes, strict=True)]).sum()
        names = outcomes[0][2]
        terms = {
            name: torch.stack(
                [named[name] * share for share, (_, _, named) in zip(shares, outcomes, strict=True)]
            ).sum()
            for name in names
        }
        return mean, terms
