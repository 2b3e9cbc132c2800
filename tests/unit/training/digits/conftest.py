"""Digits drawn for the tests: seven strokes with some noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from idx_files import write_idx
from PIL import Image, ImageDraw

from pipeline.training.digits.datasets import Digits

#        top  upper-left  upper-right  middle  lower-left  lower-right  bottom
STROKES = ["1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011"]
CORNERS = {"a": (9, 5), "b": (18, 5), "c": (9, 13), "d": (18, 13), "e": (9, 22), "f": (18, 22)}
ENDS = ["ab", "ac", "bd", "cd", "ce", "df", "ef"]


def draw_digits(count: int, seed: int = 0) -> Digits:
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=count).astype(np.uint8)
    images = np.zeros((count, 28, 28), np.uint8)
    for index, label in enumerate(labels):
        canvas = Image.new("L", (84, 84))
        pen = ImageDraw.Draw(canvas)
        places = {name: tuple(3 * (np.array(at) + rng.normal(0, 0.7, 2))) for name, at in CORNERS.items()}
        for on, ends in zip(STROKES[label], ENDS, strict=True):
            if on == "1":
                pen.line([*places[ends[0]], *places[ends[1]]], fill=255, width=int(rng.integers(5, 9)))
        images[index] = np.asarray(canvas.resize((28, 28), Image.Resampling.BOX))
    return Digits(images, labels)


@pytest.fixture(scope="session")
def digits() -> Digits:
    return draw_digits(240)


@pytest.fixture(scope="session")
def folder(tmp_path_factory, digits):
    """The four files, two of them gzipped."""
    place = tmp_path_factory.mktemp("mnist")
    test = draw_digits(40, seed=1)
    write_idx(place / "train-images-idx3-ubyte.gz", digits.images)
    write_idx(place / "train-labels-idx1-ubyte", digits.labels)
    write_idx(place / "t10k-images-idx3-ubyte", test.images)
    write_idx(place / "t10k-labels-idx1-ubyte.gz", test.labels)
    return place


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
