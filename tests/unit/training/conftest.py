"""A folder of small photographs, a tiny network and options for runs of a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from pipeline.rn import config, fused
from pipeline.rn.config import GeneratorConfig
from pipeline.training.common.schedule import Budget
from pipeline.training.inpainter.loop import InpainterOptions

TINY = GeneratorConfig(8, (1, 2), (8, 8, 8), (1, 1), (1, 2))


def scene(seed: int, height: int = 96, width: int = 120) -> np.ndarray:
    """A picture (H,W,3) uint8 with slopes, shapes and a little noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.stack([rows * 1.5, columns * 1.2, (rows + columns) * 0.8], axis=2) + rng.normal(
        0, 3, (height, width, 3)
    )
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    for _ in range(5):
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(picture, centre, int(rng.integers(5, 25)), colour, -1)
    return picture


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    (folder / "below").mkdir()
    for index in range(8):
        name = f"below/{index}.jpg" if index % 2 else f"{index}.png"
        cv2.imwrite(str(folder / name), scene(index))
    (folder / "notes.txt").write_text("not a picture")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`light` is a tiny network, nothing is compiled, one core an operation."""
    monkeypatch.setitem(config.SIZES, "light", TINY)
    monkeypatch.setattr(fused, "enable", lambda: False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_options(tmp_path: Path) -> Callable[..., InpainterOptions]:
    def make(steps: int, name: str = "run", **changes: Any) -> InpainterOptions:
        standard: dict[str, Any] = {
            "size": "light", "crop": 32, "batch": 4, "micro_batch": 2, "validation_size": 48, "validation_count": 5,
            "bank_holes": 8, "warm_up": 2,
        }  # fmt: skip
        return InpainterOptions(out=tmp_path / name, budget=Budget(steps=steps), **{**standard, **changes})

    return make
