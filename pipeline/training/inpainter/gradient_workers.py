"""Compute the gradients of a batch by threads, in micro-batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

MicroBatch = tuple[Tensor, ...]
Loss = Callable[[MicroBatch], tuple[Tensor, dict[str, Tensor]]]
MicroBatchResult = tuple[list[Tensor | None], Tensor, dict[str, Tensor]]


PROBE_STEPS = 6
SETTLED_STEPS = 60
"""Steps that each option is timed for, and steps of the faster one until they are timed again."""


class FasterOption:
    """Chooses the faster of two options by timing both, repeatedly: other load on the machine changes."""

    def __init__(self) -> None:
        self._count = 0
        self._seconds = {True: 0.0, False: 0.0}
        self._best = True

    def choose(self) -> bool:
        """Return the option for this step."""
        phase = self._count % (2 * PROBE_STEPS + SETTLED_STEPS)
        return phase < PROBE_STEPS if phase < 2 * PROBE_STEPS else self._best

    def record(self, way: bool, seconds: float) -> None:
        """Record the time of the step that :meth:`choose` was called for."""
        phase = self._count % (2 * PROBE_STEPS + SETTLED_STEPS)
        if phase == 0:
            self._seconds = {True: 0.0, False: 0.0}
        if phase < 2 * PROBE_STEPS:
            self._seconds[way] += seconds
        if phase == 2 * PROBE_STEPS - 1:
            self._best = self._seconds[True] < self._seconds[False]
        self._count += 1


class GradientWorkers:
    """Threads that compute gradients of micro-batches, each with one core.

    On a shared CPU this is twice as fast as running every operation on all cores: an operation waits for its slowest
    core, thousands of times per step; here only the end of a step waits. Where even that is slower, the caller's thread
    computes all micro-batches; both are timed repeatedly. Gradients are added in the order of the micro-batches, so
    that the result does not depend on timing. With ``threads`` 1 or less the caller's thread computes them all (right
    for a GPU). Use as a context manager.
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
        self, parameters: Sequence[Tensor], micro_batches: Sequence[MicroBatch], loss: Loss
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Set ``grad`` of the parameters to the mean over the micro-batches; return the mean loss and terms, detached.

        ``loss`` maps a micro-batch to its scalar loss, a mean over its pictures, and to named scalars for the log. Each
        micro-batch is weighted by its number of pictures (the length of its first tensor).
        """

        def one(micro_batch: MicroBatch) -> MicroBatchResult:
            value, terms = loss(micro_batch)
            grads = torch.autograd.grad(value, list(parameters), allow_unused=True)
            return list(grads), value.detach(), terms

        threaded = self._pool is not None and len(micro_batches) > 1 and self._chooser.choose()
        started = time.monotonic()
        if self._pool is not None and threaded:
            results = list(self._pool.map(one, micro_batches))
        else:
            results = [one(micro_batch) for micro_batch in micro_batches]
        if self._pool is not None and len(micro_batches) > 1:
            self._chooser.record(threaded, time.monotonic() - started)
        counts = [micro_batch[0].shape[0] for micro_batch in micro_batches]
        shares = [count / sum(counts) for count in counts]
        total: list[Tensor | None] = [None] * len(parameters)
        for share, (grads, _, _) in zip(shares, results, strict=True):
            for index, grad in enumerate(grads):
                if grad is None:
                    continue
                held = total[index]
                total[index] = grad.mul(share) if held is None else held.add_(grad, alpha=share)
        for parameter, summed in zip(parameters, total, strict=True):
            # In the parameter's memory format: a fused optimiser reads both in the order of memory and would silently
            # give a channels-last weight the gradients of other elements.
            parameter.grad = None if summed is None else torch.empty_like(parameter).copy_(summed)
        mean = torch.stack([value * share for share, (_, value, _) in zip(shares, results, strict=True)]).sum()
        names = results[0][2]
        terms = {
            name: torch.stack([named[name] * share for share, (_, _, named) in zip(shares, results, strict=True)]).sum()
            for name in names
        }
        return mean, terms
