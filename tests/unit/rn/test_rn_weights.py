"""Weights files."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import WeightsError
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.generator import Generator
from pipeline.rn.weights import DEFAULT, load_generator, read_config, save_generator
from pipeline.weights import Kind, read_weights

TINY = GeneratorConfig(8, (1, 2), (8, 8, 8), (1, 1), (1, 2))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_generator(tmp_path / "w.safetensors", Generator(TINY), {"steps": "12"})
    return tmp_path / "w.safetensors"


def test_a_file_describes_itself(saved: Path) -> None:
    generator, digest = load_generator(saved)
    assert digest == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert generator.config == TINY
    assert not generator.training
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    assert read_config(saved) == TINY
    assert read_weights(saved, Kind.INPAINTER).metadata["steps"] == "12"
    again = saved.with_name("again.safetensors")
    save_generator(again, generator, {"steps": "12"})
    assert again.read_bytes() == saved.read_bytes()
    assert {path.name for path in saved.parent.iterdir()} == {"w.safetensors", "again.safetensors"}


def test_another_digest_than_expected_is_refused(saved: Path) -> None:
    with pytest.raises(WeightsError, match=r"w\.safetensors.*found sha256 [0-9a-f]{64}, expected abc"):
        load_generator(saved, "abc")


def test_a_missing_file_names_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors.*expected sha256 abc"):
        load_generator(tmp_path / "gone.safetensors", "abc")


@pytest.mark.parametrize("length", [0, 5, 200, -100])
def test_a_truncated_file_is_refused(saved: Path, length: int) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(WeightsError, match="found sha256"):
        load_generator(saved)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, foreign)
    pickled = tmp_path / "pickled.safetensors"
    torch.save({"a": torch.zeros(3)}, pickled)
    text = tmp_path / "text.safetensors"
    text.write_text("not weights at all, but long enough to have a header length")
    for path in (foreign, pickled, text):
        with pytest.raises(WeightsError, match="does not hold the weights of an inpainter"):
            load_generator(path)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    generator = Generator(TINY)
    with torch.no_grad():
        generator.coarse.stem.weight[0, 0, 0, 0] = float("inf")
    save_generator(tmp_path / "w.safetensors", generator, {})
    with pytest.raises(WeightsError, match="not finite"):
        load_generator(tmp_path / "w.safetensors")


@pytest.mark.skipif(not DEFAULT.exists(), reason="no weights are shipped yet")
def test_the_shipped_weights_load_and_have_a_card() -> None:
    generator, _ = load_generator(DEFAULT)
    assert DEFAULT.stat().st_size < 16 * 2**20
    assert DEFAULT.with_suffix(".md").exists()
    assert sum(parameter.numel() for parameter in generator.parameters()) > 1e6
