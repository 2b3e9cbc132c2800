"""The sharp variant: its noise, in the hole alone and the same each time, and a decoder that enlarges smoothly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.rn.config import SIZES, GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.noise import SIDE, NoiseTile
from pipeline.rn.weights import load_generator, save_generator


def test_noise_is_in_the_hole_alone_and_the_same_each_time() -> None:
    hole = torch.zeros(2, 1, 48, 64)
    hole[0, :, 8:40, 8:40] = 1
    noise = NoiseTile().eval()(hole)
    assert noise.shape == hole.shape
    assert not noise[hole == 0].any()
    assert 0.7 < noise[hole == 1].std() < 1.3
    assert torch.equal(noise, NoiseTile().eval()(hole))


def test_pictures_of_a_training_batch_get_different_noise_again_and_again_the_same() -> None:
    hole = torch.ones(2, 1, 32, 32)
    hole[1, :, 0, 0] = 0
    tile = NoiseTile().train()
    noise = tile(hole)
    assert not torch.equal(noise[0, 0, 1:], noise[1, 0, 1:])
    assert torch.equal(noise, tile(hole))


def test_noise_has_no_direction() -> None:
    tile = NoiseTile().tile[0, 0]

    def alike(down: int, across: int) -> float:
        return float((tile * tile.roll((down, across), (0, 1))).mean())

    assert alike(0, 5) == pytest.approx(alike(5, 0), abs=0.02)
    assert alike(3, 4) == pytest.approx(alike(0, 5), abs=0.02), "slantwise as along the rows"
    assert alike(0, 5) > 0.15 and abs(alike(0, 40)) < 0.05


def test_noise_repeats_beyond_the_tile() -> None:
    noise = NoiseTile().eval()(torch.ones(1, 1, 16, SIDE + 16))
    assert torch.equal(noise[..., :16], noise[..., SIDE:])


def test_a_file_says_whether_there_is_noise(tmp_path: Path) -> None:
    torch.manual_seed(1)
    sharp = Generator(replace(SIZES["light"], noise=0.1)).eval()
    for parameter in sharp.refine.head.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    save_generator(tmp_path / "sharp.safetensors", sharp, {})
    loaded, _ = load_generator(tmp_path / "sharp.safetensors")
    assert loaded.config.noise == 0.1
    image, hole = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    hole[..., 8:24, 8:24] = 1
    plain = Generator(SIZES["light"]).eval()
    plain.load_state_dict(loaded.state_dict())
    assert not torch.equal(loaded(image, hole), plain(image, hole)), "the noise reaches the fill"
    assert torch.equal(loaded(image, hole)[:, :, :8], image[:, :, :8])


def test_what_is_enlarged_smoothly_shows_no_blocks(tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_generator(tmp_path / "sharp.safetensors", Generator(replace(SIZES["light"], noise=0.1, smooth=True)), {})
    smooth, _ = load_generator(tmp_path / "sharp.safetensors")
    blocky = Generator(replace(smooth.config, smooth=False)).eval()
    blocky.load_state_dict(smooth.state_dict())
    small = torch.rand(1, 2, 8, 8)
    for generator, jumps in ((smooth, False), (blocky, True)):
        steps = generator.refine.enlarge(small).diff().abs().flatten(0, 2)
        between, within = steps[:, 1:-1:2].mean(), steps[:, ::2].mean()
        assert (within == 0) == jumps and between > 0, "a step in the middle of a cell, or none but at its border"


def test_older_files_have_no_noise() -> None:
    text = SIZES["light"].to_json()
    assert GeneratorConfig.from_json(text.replace('"noise": 0.0, ', "")) == SIZES["light"]
    assert GeneratorConfig.from_json(text.replace('"smooth": false, ', "")) == SIZES["light"]
    with pytest.raises(ValueError, match="not a generator configuration"):
        GeneratorConfig.from_json(text.replace('"noise"', '"hum"'))
