"""The engine `dcgan-digits`: digits are filled, known pixels are unchanged, other scans are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.engines import Job, inpaint, load_engine, paste
from pipeline.engines.digits.weights import FILLERS, NETWORKS, file_name, save_network
from pipeline.errors import ConfigurationError, WeightsError
from pipeline.training.digits.holes import centred_hole


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name in NETWORKS:
        save_network(folder / file_name(name), name, NETWORKS[name](), {})
    return folder


@pytest.fixture(params=FILLERS)
def engine(request, weights):
    return load_engine("dcgan-digits", weights=str(weights / file_name(request.param)))


@pytest.fixture(scope="module")
def windows(digits):
    colour = np.repeat(digits.images[:7, ..., np.newaxis] / np.float32(255), 3, axis=3)
    holes = np.stack([centred_hole(10 if index % 2 else 14) for index in range(7)])
    colour[holes] = 0
    return colour, holes


def test_known_pixels_are_kept_and_holes_filled(engine, windows):
    images, holes = windows
    filled = engine.fill(images, holes)
    assert filled.shape == images.shape
    assert filled.dtype == np.float32
    assert np.array_equal(filled[~holes], images[~holes])
    assert (filled[holes] != images[holes]).any()
    assert filled.min() >= 0
    assert filled.max() <= 1
    assert np.array_equal(filled[..., 0], filled[..., 2])


def test_a_digit_s_result_does_not_depend_on_its_batch(engine, windows):
    images, holes = windows
    together = engine.fill(images, holes)
    alone = [engine.fill(images[i : i + 1], holes[i : i + 1])[0] for i in range(len(images))]
    assert np.array_equal(together, np.stack(alone))


def test_it_fills_scans_like_every_engine(engine, digits):
    masks = [np.uint8(255) * centred_hole(14), np.zeros((28, 28), np.uint8)]
    masks[1][20:28, 3:26] = 255
    for image, mask in zip(digits.images[:2], masks, strict=True):
        colour = np.repeat(image[..., np.newaxis], 3, axis=2)
        [done] = inpaint([Job("one", colour, mask)], engine)
        result = paste(colour, mask, done)
        assert result.shape == (28, 28, 3)
        assert np.array_equal(result[mask == 0], (colour / np.float32(255))[mask == 0])


def test_windows_that_are_not_digits_are_refused(engine):
    hole = centred_hole(10)[np.newaxis]
    photograph = np.random.default_rng(0).random((1, 28, 28, 3), dtype=np.float32)
    grey = np.repeat(photograph[..., :1], 3, axis=3)
    with pytest.raises(ConfigurationError, match="a window of 64×48 is not a digit"):
        engine.fill(np.zeros((1, 48, 64, 3), np.float32), np.zeros((1, 48, 64), bool))
    with pytest.raises(ConfigurationError, match="in colour"):
        engine.fill(photograph, hole)
    with pytest.raises(ConfigurationError, match=r"margin is not black.*use `rn` for photographs"):
        engine.fill(grey, hole)


def test_it_is_refused_for_photographs_of_any_size(engine):
    from skimage.data import camera

    mask = np.zeros((512, 512), np.uint8)
    mask[100:104, 60:300] = 255
    with pytest.raises(ConfigurationError, match="28×28, white on black"):
        list(inpaint([Job("photo", camera(), mask)], engine))


def test_the_digest_is_that_of_the_weights(weights):
    digests = {load_engine("dcgan-digits", weights=str(weights / file_name(name))).digest for name in FILLERS}
    assert len(digests) == len(FILLERS)
    assert all(len(digest) == 64 for digest in digests)


def test_foreign_weights_are_refused_before_any_work(weights):
    with pytest.raises(WeightsError, match="holds the digit network 'judge', not 'paper' or 'region'"):
        load_engine("dcgan-digits", weights=str(weights / file_name("judge")))
    with pytest.raises(WeightsError, match="cannot read"):
        load_engine("dcgan-digits", weights=str(weights / "none.safetensors"))
