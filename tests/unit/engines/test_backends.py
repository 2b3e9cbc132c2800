"""Backends of the inpainter agree with each other, and weights are checked before any work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engines import load_engine, load_rn
from pipeline.engines.backends import Network
from pipeline.engines.backends.export import exported_generator
from pipeline.engines.backends.openvino import OpenVINONetwork
from pipeline.engines.backends.prior import biharmonic_refine, push_pull
from pipeline.engines.backends.torch import TorchNetwork
from pipeline.errors import ConfigurationError, WeightsError
from pipeline.rn import prior as reference
from pipeline.rn.generator import Generator
from pipeline.rn.weights import load_generator, save_generator
from pipeline.settings import settings
from pipeline.simulation.holes import draw_hole
from pipeline.weights import shipped, weights_path

pytestmark = pytest.mark.slow

GREY_LEVEL = 1 / 255


@pytest.fixture(scope="module")
def windows() -> tuple[np.ndarray, np.ndarray]:
    """Photographs with holes of all kinds: (N,3,H,W) and (N,1,H,W)."""
    from skimage import data

    rng = np.random.default_rng(5)
    pictures = [data.astronaut(), data.coffee(), data.chelsea()]
    crops = [picture[40:168, 60:188] / np.float32(255) for picture in pictures]
    holes = np.stack([draw_hole(rng, 128) for _ in crops])[:, None].astype(np.float32)
    images = np.stack([crop.transpose(2, 0, 1) for crop in crops]).astype(np.float32)
    return np.where(holes > 0, np.float32(0), images), holes


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def network(weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Network]]:
    """Return a function that loads the test weights by a backend, with its own cache."""
    monkeypatch.setenv("RESTORATION_CACHE", str(cache))
    settings.cache_clear()
    yield lambda backend: load_rn._load(weights, backend)
    settings.cache_clear()


@pytest.mark.parametrize("shape", [(128, 128), (16, 48), (96, 80), (1, 1), (5, 7)])
def test_the_prior_is_the_networks_own(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.random((*shape, 3), dtype=np.float32)
    for hole in (rng.random(shape) < 0.3, np.zeros(shape, bool), np.ones(shape, bool)):
        planes = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
        expected = reference.push_pull(planes, torch.from_numpy(hole[None, None].astype(np.float32)))
        found = push_pull(image, hole)
        assert np.abs(found - expected[0].numpy().transpose(1, 2, 0)).max() < 1e-6
        bent = reference.biharmonic_refine(expected, torch.from_numpy(hole[None, None].astype(np.float32)), 12)
        assert np.abs(biharmonic_refine(found, hole, 12) - bent[0].numpy().transpose(1, 2, 0)).max() < 1e-5


def disagreement(found: np.ndarray, expected: np.ndarray, holes: np.ndarray) -> tuple[float, float]:
    """Mean and largest difference in the holes, in grey levels; outside there is none."""
    inside = np.broadcast_to(holes > 0, found.shape)
    assert np.array_equal(found[~inside], expected[~inside])
    difference = np.abs(found - expected)[inside] / GREY_LEVEL
    return float(difference.mean()), float(difference.max())


def openvino(path: Path, cache: Path, precision: str) -> OpenVINONetwork:
    """Return the network of a weights file in one precision; a CPU without bf16 computes that in f32."""
    return OpenVINONetwork(exported_generator(path, cache)[0], load_generator(path)[0].config.bends, precision)


@pytest.mark.parametrize(("precision", "most_mean", "most"), [("f32", 0.01, 0.1), ("bf16", 0.5, 4)])
def test_openvino_agrees_with_torch(
    precision: str, most_mean: float, most: float, weights: Path, cache: Path, windows: tuple[np.ndarray, np.ndarray]
) -> None:
    torch_network, openvino_network = TorchNetwork(load_generator(weights)[0]), openvino(weights, cache, precision)
    for part in (np.s_[:, :, :, :], np.s_[:, :, :64, 16:112]):
        images, holes = (np.ascontiguousarray(array[part]) for array in windows)
        mean, largest = disagreement(openvino_network.run(images, holes), torch_network.run(images, holes), holes)
        assert mean < most_mean and largest < most
    # The weights matter: the fill is not just the prior.
    before = push_pull(images[0].transpose(1, 2, 0), holes[0, 0] > 0).transpose(2, 0, 1)
    filled = openvino_network.run(images, holes)[0]
    assert np.abs(filled - before)[:, holes[0, 0] > 0].mean() > GREY_LEVEL


def test_shipped_weights_give_the_same_by_both(
    windows: tuple[np.ndarray, np.ndarray], cache: Path, network: Callable[[str], Network]
) -> None:
    path = weights_path("rn-faithful")
    images, holes = windows
    found, expected = (load_rn._load(path, backend).run(images, holes) for backend in ("openvino", "torch"))
    mean, largest = disagreement(found, expected, holes)
    assert mean <= 0.5 and largest <= 4


def test_fills_in_bf16_stay_close_whatever_is_missing(cache: Path, windows: tuple[np.ndarray, np.ndarray]) -> None:
    images, _ = windows
    rng = np.random.default_rng(3)
    holes = np.zeros((len(images), 1, 128, 128), np.float32)
    holes[0, :, 40, 30] = 1  # a speck: the variance in it is a difference of two sums of one number
    holes[1, :, rng.random((128, 128)) < 0.3] = 1
    holes[2] = 1
    holes[2, :, 60:68, 20:30] = 0  # a known spot, which everything follows from
    path = weights_path("rn-faithful")
    found, expected = (openvino(path, cache, precision).run(images, holes) for precision in ("bf16", "f32"))
    mean, largest = disagreement(found, expected, holes)
    assert mean <= 0.5 and largest <= 4
    assert np.array_equal(found[2], expected[2]), "where so little is known the arithmetic is f32"


def test_a_sharp_network_finds_the_same_noise_in_both(
    weights: Path, windows: tuple[np.ndarray, np.ndarray], tmp_path: Path, cache: Path
) -> None:
    plain, _ = load_generator(weights)
    sharp = Generator(replace(plain.config, noise=0.1, smooth=True))
    sharp.load_state_dict(plain.state_dict())
    path = tmp_path / "sharp.safetensors"
    save_generator(path, sharp, {})
    for part in (np.s_[:, :, :, :], np.s_[:, :, :64, 16:112]):
        images, holes = (np.ascontiguousarray(array[part]) for array in windows)
        found = openvino(path, cache, "f32").run(images, holes)
        expected, before = (TorchNetwork(load_generator(file)[0]).run(images, holes) for file in (path, weights))
        assert disagreement(found, expected, holes)[1] < 0.1
        assert disagreement(found, before, holes)[0] > 0.1, "there is noise"


def test_the_settings_may_ask_for_float32(
    weights: Path,
    windows: tuple[np.ndarray, np.ndarray],
    network: Callable[[str], Network],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network("openvino")
    graphs = sorted((cache / "models").glob("*.onnx"))
    monkeypatch.setenv("RESTORATION_NETWORK_PRECISION", "float32")
    settings.cache_clear()
    found, expected = network("openvino"), openvino(weights, cache, "f32")
    assert " f32 " in found.runtime
    assert np.array_equal(found.run(*windows), expected.run(*windows))
    assert sorted((cache / "models").glob("*.onnx")) == graphs, "exported graphs serve every precision"


def test_float16_agrees_with_float32(weights: Path, windows: tuple[np.ndarray, np.ndarray]) -> None:
    """As on a GPU, here on the CPU."""
    images, holes = windows
    expected = TorchNetwork(load_generator(weights)[0]).run(images, holes)
    half = TorchNetwork(load_generator(weights)[0], half=True)
    assert "float16" in half.runtime
    mean, largest = disagreement(half.run(images, holes), expected, holes)
    assert 0 < mean <= 0.5 and largest <= 4


def test_what_float16_cannot_hold_is_computed_again(weights: Path, windows: tuple[np.ndarray, np.ndarray]) -> None:
    images, holes = windows
    results = []
    for half in (False, True):
        generator, _ = load_generator(weights)
        with torch.no_grad():
            generator.refine.stem.weight.mul_(1e7)
        results.append(TorchNetwork(generator, half=half).run(images, holes))
    assert np.isfinite(results[1]).all()
    assert disagreement(results[1], results[0], holes)[0] < 0.5


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_window_does_not_depend_on_others_in_its_batch(
    backend: str, network: Callable[[str], Network], windows: tuple[np.ndarray, np.ndarray]
) -> None:
    images, holes = windows
    running = network(backend)
    together = running.run(images, holes)
    for number in range(len(images)):
        alone = running.run(images[number : number + 1], holes[number : number + 1])
        assert np.abs(together[number] - alone[0]).max() <= (0 if backend == "openvino" else 1e-4)


def test_windows_of_any_size(network: Callable[[str], Network]) -> None:
    running = network("openvino")
    for height, width in ((64, 160), (16, 16), (160, 64)):
        hole = np.zeros((1, 1, height, width), np.float32)
        hole[:, :, 5:9, 3:12] = 1
        found = running.run(np.full((1, 3, height, width), 0.5, np.float32), hole)
        assert found.shape == (1, 3, height, width) and np.isfinite(found).all()


def test_a_cache_that_cannot_be_written_costs_only_time(weights: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    model, digest = exported_generator(weights, blocked)
    assert isinstance(model, bytes) and len(digest) == 64


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_foreign_and_damaged_weights_are_refused_before_any_work(
    backend: str, weights: Path, tmp_path: Path, network: Callable[[str], Network]
) -> None:
    whole = weights.read_bytes()
    for name, data in {"cut": whole[: len(whole) // 2], "foreign": b"no weights at all", "empty": b""}.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=name):
            load_engine("rn", weights=str(path), device="cpu", backend=backend)
    with pytest.raises(WeightsError, match="nowhere"):
        load_engine("rn", weights="nowhere", device="cpu", backend=backend)


def test_shipped_weights_must_be_those_that_were_shipped(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Callable[[str], Network]
) -> None:
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    (tmp_path / "mine.safetensors").write_bytes(weights.read_bytes())
    digest = load_engine("rn", weights="mine", device="cpu", backend="torch").weights_digest
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  mine.safetensors\n")
    assert load_engine("rn", weights="mine", device="cpu", backend="torch").weights_digest == digest
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  mine.safetensors\n")
    with pytest.raises(WeightsError, match=f"{digest}.*{'0' * 64}"):
        load_engine("rn", weights="mine", device="cpu", backend="torch")


def test_the_digest_is_of_the_weights_not_of_the_backend(weights: Path, network: Callable[[str], Network]) -> None:
    digests = {
        load_engine("rn", weights=str(weights), device="cpu", backend=name).digest for name in ("torch", "openvino")
    }
    assert len(digests) == 1 and len(digests.pop()) == 64


def test_unknown_engines_backends_and_devices_are_named(weights: Path) -> None:
    with pytest.raises(ConfigurationError, match="nonesuch"):
        load_engine("nonesuch")
    with pytest.raises(ConfigurationError, match="backend"):
        load_engine("rn", weights=str(weights), backend="nonesuch")
    with pytest.raises(ConfigurationError, match="CPU only"):
        load_engine("rn", weights=str(weights), device="cuda", backend="openvino")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigurationError, match="cuda"):
            load_engine("rn", weights=str(weights), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_agrees_with_the_cpu(weights: Path, windows: tuple[np.ndarray, np.ndarray]) -> None:
    images, holes = windows
    generators = [load_generator(weights)[0] for _ in range(2)]
    found, expected = (TorchNetwork(generators[n], name).run(images, holes) for n, name in enumerate(("cuda", "cpu")))
    mean, largest = disagreement(found, expected, holes)
    assert mean <= 0.5 and largest <= 4


def test_two_threads_may_fill_at_a_time(
    network: Callable[[str], Network], windows: tuple[np.ndarray, np.ndarray]
) -> None:
    images, holes = windows
    running = network("openvino")
    orders = [[0, 1, 2, 0, 1], [2, 1, 0, 2, 1]]
    alone = [running.run(images[order], holes[order]) for order in orders]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            together = list(pool.map(lambda order: running.run(images[order], holes[order]), orders))
            for one, other in zip(alone, together, strict=True):
                np.testing.assert_array_equal(one, other)
