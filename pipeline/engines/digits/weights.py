"""Read and write weights files of the digit networks, which name the network they hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from torch import nn

from pipeline.engines.digits.classifier import DigitClassifier
from pipeline.engines.digits.dcgan_paper import PaperGenerator
from pipeline.engines.digits.region import RegionGenerator
from pipeline.weights import Kind, read_weights
from pipeline.weights.descriptor import FORMATS, OF_KIND
from pipeline.weights.tensors import load_tensors, save_tensors

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "judge": DigitClassifier,
    "paper": PaperGenerator,
    "region": RegionGenerator,
}
"""The networks by the name that a weights file carries: ``digits-<name>.safetensors``."""

FILLERS = ("paper", "region")


def file_name(network: str) -> str:
    """Return the name of a network's weights file."""
    return f"digits-{network}.safetensors"


def save_network(path: Path, network: str, module: nn.Module, facts: dict[str, str]) -> str:
    """Write a network with its name and ``facts`` (seed, steps, …), and return the file's sha256."""
    described = {**facts, "format": OF_KIND[Kind.DIGITS], "network": network}
    entry = FORMATS[OF_KIND[Kind.DIGITS]].entry or ""
    return save_tensors(path, module, {entry: json.dumps(described, sort_keys=True)})


def load_network(path: Path, *allowed: str) -> tuple[str, nn.Module, str]:
    """Return the name of a weights file's network, the network and the file's sha256.

    The network is in float32, in eval mode and without gradients.

    Args:
        path: of the file.
        allowed: keys of :data:`NETWORKS` that the file may hold; all, when none is named.

    Raises:
        WeightsError: the file is missing, damaged, of another kind, holds another network than those allowed, or
            values that are not finite.
    """
    wanted = allowed or tuple(NETWORKS)
    names = " or ".join(Path(file_name(one)).stem for one in wanted)
    weights = read_weights(path, Kind.DIGITS, remedy=f"give {names}, or train one with `train digits`")
    name = weights.shape["network"]
    if name not in NETWORKS:
        raise weights.damaged(f"network {name!r}")
    if name not in wanted:
        raise weights.refuse(f"holds the digit network {name!r}, not {' or '.join(map(repr, wanted))}")
    return name, load_tensors(NETWORKS[name](), weights), weights.sha256


def read_facts(path: Path) -> dict[str, str]:
    """Return what :func:`save_network` was given with a network: seed, steps and so on."""
    return read_weights(path, Kind.DIGITS).metadata
