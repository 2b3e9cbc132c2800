"""Fits the judge over pieces to whether they lie on damage."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from pipeline.damage.piece_judge import CLIP, FIGURES, PieceJudge
from pipeline.training.detector_evidence import PieceTable

HIDDEN, STEPS, BATCH, RATE, DECAY = 12, 800, 512, 1e-2, 0.02


def fit_judge(table: PieceTable, use: NDArray[np.bool_], seed: int = 0) -> PieceJudge:
    """Returns a judge fitted to the pieces that `use` (n) chooses; the same table and seed give the same judge.

    A piece is damage when more than half of its pixels that count are. It weighs the root of its area: a large false
    mark is worse than a speck, and there are fewer of them.

    Raises:
        ValueError: no piece, or none that counts.
    """
    use = use & (table.counts[:, 1] > 0)
    if not use.any():
        raise ValueError("there is no piece to learn from: the network marks nothing on the held-out photographs")
    mean, scale = table.figures[use].mean(axis=0), table.figures[use].std(axis=0) + 1e-6
    values = torch.tensor(np.clip((table.figures[use] - mean) / scale, -CLIP, CLIP), dtype=torch.float32)
    wanted = torch.tensor(table.counts[use, 2] > 0.5 * table.counts[use, 1], dtype=torch.float32)
    weight = torch.tensor(np.sqrt(table.counts[use, 0]), dtype=torch.float32)
    weight /= weight.mean()
    generator = torch.Generator().manual_seed(seed)
    first, second = nn.Linear(FIGURES, HIDDEN), nn.Linear(HIDDEN, 1)
    for layer in (first, second):
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=generator)
        nn.init.zeros_(layer.bias)
    optimiser = torch.optim.AdamW([*first.parameters(), *second.parameters()], RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        drawn = torch.randint(len(values), (BATCH,), generator=generator)
        answer = second(torch.tanh(first(values[drawn])))[:, 0]
        loss = F.binary_cross_entropy_with_logits(answer, wanted[drawn], weight=weight[drawn])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    numbers = [tensor.detach().double().numpy() for tensor in (first.weight, first.bias, second.weight[0])]
    return PieceJudge(mean, scale, numbers[0], numbers[1], numbers[2], float(second.bias.detach()))


def can_be_fitted(table: PieceTable) -> bool:
    """Whether pieces that count lie on photographs of either half, so that each can be judged by the other."""
    counting = table.counts[:, 1] > 0
    return all(bool((counting & (table.photo % 2 == side)).any()) for side in (0, 1))


def cross_fitted(table: PieceTable) -> NDArray[np.float64]:
    """Returns (n) chances of all pieces, each by a judge that saw nothing of its photograph."""
    chances = np.zeros(len(table.photo))
    for side in (0, 1):
        own = table.photo % 2 == side
        if own.any():
            chances[own] = fit_judge(table, ~own).chances(table.figures[own])
    return chances
