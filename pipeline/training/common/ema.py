"""The exponential moving average of a network's weights: what is validated and shipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Network = TypeVar("Network", bound=nn.Module)


class ModelEma(AveragedModel, Generic[Network]):
    """An average that starts as a copy of the network, in eval mode and without gradients; see ``module``.

    Buffers are copied from the network at each update. With ``use_buffers`` those that hold fractions (the running
    statistics of batch normalisation) are averaged like weights, and counters keep their first value.
    """

    module: Network

    def __init__(self, network: Network, *, use_buffers: bool = False) -> None:
        super().__init__(network, use_buffers=use_buffers)
        self.eval().requires_grad_(False)
        # The first update averages too: with a count of 0 the library would copy the network once more.
        self.n_averaged.fill_(1)

    def update(self, network: Network, decay: float) -> None:
        """Update the average in place: decay × average + (1 - decay) × network."""
        lerp = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

        def average(held: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
            if held[0].is_floating_point():
                lerp(held, current, count)

        self.multi_avg_fn = average
        self.update_parameters(network)
