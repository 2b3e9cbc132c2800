from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.weights import save_generator


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generator whose heads are far from zero, so that every layer shows in the result (a few grey levels)."""
    torch.manual_seed(3)
    generator = Generator(GeneratorConfig(16, (1, 2), (16, 24, 32), (1, 1), (1, 2)))
    with torch.no_grad():
        generator.coarse.head.weight.normal_(std=0.004)
        generator.refine.head.weight.normal_(std=0.004)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_generator(path, generator, {})
    return path
