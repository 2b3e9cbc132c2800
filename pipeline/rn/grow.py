"""A deeper generator that begins where a trained one stands."""

from __future__ import annotations

import torch

from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator

BOUNDS = (".settle.hole_scale", ".settle.known_scale")
"""The scales of a residual block's second normalisation: at zero the block adds nothing, and still learns."""


def grow(trained: Generator, config: GeneratorConfig) -> Generator:
    """Returns a generator of shape ``config`` that fills every hole as ``trained`` does.

    Blocks that ``trained`` lacks are put behind its own and add nothing at first, so that further training begins from
    the trained function and not from chance (the deepening of Net2Net, Chen et al., ICLR 2016, with a residual
    block's scale at zero in the place of an identity layer). Raises ``ValueError`` when ``config`` has fewer blocks,
    other widths, or other dilations in the blocks that both have.
    """
    ours, theirs = config, trained.config
    shared = zip(
        (ours.coarse_dilations, ours.dilations), (theirs.coarse_dilations, theirs.dilations), strict=True
    )  # fmt: skip
    if any(long[: len(short)] != short for long, short in shared) or ours.start != theirs.start:
        raise ValueError(f"{ours} does not contain {theirs}")
    deep = Generator(config)
    begun, state = trained.state_dict(), deep.state_dict()
    if any(name not in state or state[name].shape != value.shape for name, value in begun.items()):
        raise ValueError(f"{ours} does not contain {theirs}")
    with torch.no_grad():
        for name, value in state.items():
            if name in begun:
                value.copy_(begun[name])
            elif name.endswith(BOUNDS):
                value.zero_()
    return deep
