"""Backends of the learned detector: all say the same, none needs what the machine lacks, large scans fit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipeline.detection import cover, learned, views, windows
from pipeline.detection.features import compute_features
from pipeline.detection.learned import LearnedDetector
from pipeline.detection.load import load_detector
from pipeline.detection.network import DetectorNet, NetworkConfig, predict_logits
from pipeline.detection.runners import Features, Runner, Sink
from pipeline.detection.runners.choose import load_runner
from pipeline.detection.runners.quantise import quantise
from pipeline.detection.runners.torch import TorchRunner
from pipeline.detection.thresholds import Thresholds
from pipeline.detection.weights import WEIGHTS, load_weights, save_weights
from pipeline.errors import ConfigurationError, WeightsError
from pipeline.runtime.precision import computes_bfloat16
from pipeline.settings import settings


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network whose probabilities take every value."""
    torch.manual_seed(1)
    network = DetectorNet(NetworkConfig(depth=2, width=8, widest=8))
    picture = compute_features(np.ascontiguousarray(skimage.data.astronaut()[:256, :256]))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        network(torch.from_numpy(picture[None]) / 255)  # from now on it knows the statistics that it removes
        network.head.weight.mul_(4)
        network.head.bias.zero_()  # type: ignore[union-attr]
    network.eval()
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, network, Thresholds(), {})
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.getbasetemp() / "detector-cache"
    monkeypatch.setenv("RESTORATION_CACHE", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def answers(runner: Runner, shown: list[Features]) -> list[np.ndarray]:
    """What a runner says to each window."""
    found: dict[int, np.ndarray] = {}

    def into(number: int) -> Sink:
        return lambda probability: found.__setitem__(number, probability.copy())

    runner.run((each, into(number)) for number, each in enumerate(shown))
    return [found[number] for number in range(len(shown))]


@pytest.fixture(scope="module")
def shown() -> list[Features]:
    """Windows of several sizes."""
    picture = skimage.data.astronaut()
    return [
        compute_features(np.ascontiguousarray(picture[box])) for box in (np.s_[:128, :96], np.s_[200:328, 100:196])
    ] + [compute_features(np.ascontiguousarray(picture[40:104, 60:252]))]


def test_backends_agree(weights: Path, shown: list[Features]) -> None:
    exact = answers(TorchRunner(load_weights(weights)[0], dtype=torch.float32), shown)
    assert np.ptp(exact[0]) > 100, "the network says something"
    others = {
        "torch": load_runner(weights, device="cpu", backend="torch")[0],
        "as on a GPU": TorchRunner(load_weights(weights)[0], dtype=torch.float16),
    }
    for name, runner in others.items():
        for found, wanted in zip(answers(runner, shown), exact, strict=True):
            difference = np.abs(found.astype(int) - wanted.astype(int))
            # These weights are steep, so that rounding shows more than in a trained network.
            assert difference.mean() < 1 and difference.max() <= 25, name


def test_eight_bits_say_what_floating_point_numbers_say() -> None:
    picture = skimage.data.astronaut()[:256].copy()
    cv2.line(picture, (20, 10), (480, 230), (235, 230, 220), 2)
    cv2.line(picture, (500, 20), (60, 250), (20, 20, 20), 3)
    shown = [compute_features(picture)]
    network = load_weights(WEIGHTS)[0]
    (exact,) = answers(TorchRunner(network, dtype=torch.float32), shown)
    (rounded,) = answers(TorchRunner(quantise(network), dtype=torch.float32), shown)
    (found,) = answers(load_runner(WEIGHTS, device="cpu", backend="openvino")[0], shown)
    assert (exact > 128).sum() > 500, "there is something to be said"
    difference = found.astype(int) - exact.astype(int)
    assert np.abs(difference).max() <= 40 and np.abs(difference).mean() < 1
    assert np.count_nonzero((found > 128) != (exact > 128)) < 0.1 * (exact > 128).sum()
    # A value midway between two steps may be rounded either way.
    difference = found.astype(int) - rounded.astype(int)
    assert np.abs(difference).max() <= 16 and np.abs(difference).mean() < 0.4, "OpenVINO computes the rounded network"


def test_sums_of_two_products_fit_into_sixteen_bits(weights: Path) -> None:
    network = quantise(load_weights(weights)[0])
    for block in (block for pair in (*network.down, network.deep, *network.up) for block in pair):
        given = block[0]
        steps = given.convolution.weight / given.steps[:, None, None, None]
        assert 2 * 255 * float(steps.detach().abs().max().round()) < 2**15


def test_the_settings_may_ask_for_float32(
    weights: Path, shown: list[Features], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(load_runner(weights, device="cpu", backend="openvino")[0], shown)
    graphs = sorted((cache / "models").glob("*.onnx"))
    monkeypatch.setenv("RESTORATION_NETWORK_PRECISION", "float32")
    settings.cache_clear()
    whole = load_runner(weights, device="cpu", backend="openvino")[0]
    assert " int8 " in whole.runtime and all(map(np.array_equal, answers(whole, shown), before))
    assert sorted((cache / "models").glob("*.onnx")) == graphs, "exported graphs serve every precision"
    runner = load_runner(weights, device="cpu", backend="torch")[0]
    assert " float32 " in runner.runtime
    exact = answers(TorchRunner(load_weights(weights)[0], dtype=torch.float32), shown)
    assert all(map(np.array_equal, answers(runner, shown), exact))


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_training_scores_a_network_in_the_precision_asked_for(
    weights: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setenv("RESTORATION_NETWORK_PRECISION", precision)
    settings.cache_clear()
    network = load_weights(weights)[0]
    seen = torch.zeros(1, 9, 32, 32, dtype=torch.uint8)
    with torch.inference_mode():
        scored = predict_logits(network, seen)
    quick = torch.bfloat16 if computes_bfloat16(seen.device) else torch.float32
    assert scored.dtype == (torch.float32 if precision == "float32" else quick)
    assert predict_logits(network, seen).dtype == quick, "a training step stays in bfloat16 where there is one"


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_a_window_does_not_depend_on_the_others(weights: Path, shown: list[Features], backend: str) -> None:
    runner = load_runner(weights, device="cpu", backend=backend)[0]
    together = answers(runner, shown * 3)
    for number, each in enumerate(shown):
        (alone,) = answers(runner, [each])
        assert np.array_equal(alone, together[number]) and np.array_equal(alone, together[number + 3])


def test_what_float16_cannot_hold_is_computed_again(weights: Path, shown: list[Features]) -> None:
    network = load_weights(weights)[0]
    with torch.no_grad():
        network.down[0][0][0].weight.mul_(1e6)  # type: ignore[index,union-attr,operator]
    exact, half = (answers(TorchRunner(network, dtype=dtype), shown) for dtype in (torch.float32, torch.float16))
    for found, wanted in zip(half, exact, strict=True):
        assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1


def test_devices_and_backends_that_do_not_exist_are_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nonesuch"):
        LearnedDetector(weights, backend="nonesuch")
    with pytest.raises(ConfigurationError, match="CPU only"):
        LearnedDetector(weights, device="cuda", backend="openvino")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigurationError, match="finds none here"):
            LearnedDetector(weights, device="cuda")
    with pytest.raises(WeightsError, match="absent"):
        load_detector("learned", weights=tmp_path / "absent.safetensors", backend="openvino")


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_memory_is_released_and_allocated_again(weights: Path, shown: list[Features], backend: str) -> None:
    runner = load_runner(weights, device="cpu", backend=backend)[0]
    wanted = answers(runner, shown)
    runner.release()
    for one, again in zip(wanted, answers(runner, shown), strict=True):
        assert np.array_equal(one, again)


def test_the_network_s_memory_is_released_after_a_large_scan(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = LearnedDetector(weights, device="cpu", backend="torch")
    released: list[bool] = []
    monkeypatch.setattr(detector._runner, "release", lambda: released.append(True), raising=False)
    detector.detect(skimage.data.camera()[:96, :80])
    assert not released, "of a small one it would cost more time than it is worth"
    monkeypatch.setattr(learned, "LARGE", 96 * 80)
    detector.detect(skimage.data.camera()[:96, :80])
    assert released


class Full:
    """A device whose memory has run out."""

    runtime = "torch float16 on cuda"

    def run(self, windows: object) -> None:
        raise MemoryError("out of memory")


def test_the_cpu_takes_over_from_a_full_device(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = LearnedDetector(weights, device="cpu", backend="torch")
    picture = skimage.data.camera()[:96, :80]
    wanted = detector.probabilities(picture)
    monkeypatch.setattr(detector, "_runner", Full())
    assert np.abs(detector.probabilities(picture).astype(int) - wanted.astype(int)).mean() < 5, "in 8 bits"
    assert detector._runner.runtime.endswith("cpu")


class Brightness:
    """Says of each pixel how bright it is, so that every place's answer is known."""

    runtime = "none"

    def run(self, windows: object) -> None:
        for each, sink in windows:  # type: ignore[attr-defined]
            assert each.shape[1] % 32 == 0 and each.shape[2] % 32 == 0
            sink(each[0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (97, 64), (500, 1300)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_windows_cover_every_pixel_once_and_in_place(
    shape: tuple[int, int], dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", 160)
    monkeypatch.setattr(cover, "LARGEST", 256)
    for name in ("FIRST", "QUICK", "SECOND"):
        monkeypatch.setattr(windows, name, views.View(1.0, getattr(views, name).turn))
    picture = np.random.default_rng(3).integers(0, 256, (*shape, 3)).astype(dtype)
    picture = picture if dtype is np.uint8 else picture * np.uint16(257)
    assert np.array_equal(windows.probabilities(Brightness(), picture, 32), windows.as_rgb(picture)[:, :, 0])


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (97, 64), (300, 340)])
def test_scaled_and_rotated_views_answer_for_the_same_place(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", 160)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    picture = np.dstack([(40 + 0.3 * rows + 0.15 * columns).astype(np.uint8)] * 3)
    said = windows.probabilities(Brightness(), picture, 32)
    assert np.abs(said.astype(int) - picture[:, :, 0]).max() <= 2


class Changing:
    """Is surer of one look than of the next, and remembers how much it was shown."""

    runtime = "none"

    def __init__(self, probabilities: list[int]) -> None:
        self.probabilities, self.shown = probabilities, list[tuple[int, ...]]()

    def run(self, shown: object) -> None:
        for each, sink in shown:  # type: ignore[attr-defined]
            self.shown.append(each.shape[1:])
            sink(np.full(each.shape[1:], self.probabilities[len(self.shown) - 1], np.uint8))


def test_the_answer_is_the_mean_of_both_looks_logits() -> None:
    picture = np.zeros((40, 50, 3), np.uint8)
    for said, wanted in (([128, 128], 128), ([230, 25], 128), ([255, 0], 128), ([255, 255], 255)):
        probability = windows.probabilities(Changing(said), picture, 32)
        assert np.abs(probability.astype(int) - wanted).max() <= 2
    assert (np.diag(views.MEANS) == np.arange(256)).all(), "two looks that agree"


def test_what_is_not_doubtful_is_looked_at_once() -> None:
    runner = Changing([cover.COARSEST.least - 1])
    found = windows.probabilities(runner, np.zeros((300, 310, 3), np.uint8), 32)
    assert (found == cover.COARSEST.least - 1).all() and runner.shown == [(256, 256)], "once, at .8 of its size"


def test_scales_of_which_there_is_a_coarser_one_are_shown_smaller() -> None:
    runner = Changing([0, 0])
    windows.probabilities(runner, np.zeros((800, 800, 3), np.uint8), 32)
    assert runner.shown == [(480, 480), (320, 320)], "at .6 of its size, and half of it at .8"


def test_what_a_finer_scale_is_as_sure_of_is_not_looked_at_again() -> None:
    found = np.zeros((800, 800), np.uint8)
    found[400:410, 300:420] = 200
    finer = windows._halve_nearby(found)
    assert finer.shape == (400, 400) and finer[199:206, 149:211].min() == 200 and np.count_nonzero(finer) == 7 * 62
    for known, shown in ((None, 2), (np.full((300, 310), 90, np.uint8), 1), (np.full((300, 310), 89, np.uint8), 2)):
        runner = Changing([90, 0])
        windows.probabilities(runner, np.zeros((300, 310, 3), np.uint8), 32, known)
        assert len(runner.shown) == shown


@pytest.mark.parametrize("length", [161, 256, 319, 1000, 1024, 1025])
def test_nothing_is_kept_that_lies_near_a_cut(length: int) -> None:
    found = cover.spans(length, 160, 48, 40)
    assert found[0].begin == 0 and found[-1].end == length
    assert {one.last - one.first for one in found} in ({120}, {160})
    for one, after in pairwise(found):
        assert one.end == after.begin
        assert one.last - one.end >= 48 and after.begin - after.first >= 48


@pytest.mark.parametrize("shape", [(30, 20), (700, 1700), (1500, 333), (2048, 2048)])
@pytest.mark.parametrize("share", [0.002, 0.05, 1.0])
@pytest.mark.parametrize("doubt", [cover.COARSEST, cover.FINER])
def test_every_doubtful_square_is_looked_at_once_more(shape: tuple[int, int], share: float, doubt: cover.Doubt) -> None:
    rng = np.random.default_rng(5)
    squares = (-(-shape[0] // cover.TILE), -(-shape[1] // cover.TILE))
    doubtful = rng.random(squares) < share
    times, shown = np.zeros(shape, int), 0
    for down, across in cover.cover(doubtful, shape, doubt):
        for one, length in zip((down, across), shape, strict=True):
            assert 0 <= one.first <= one.begin < one.end <= one.last <= length
            assert one.begin - one.first >= doubt.margin or one.first == 0
            assert one.last - one.end >= doubt.margin or one.last == length
            assert one.last - one.first <= cover.LARGEST
        times[down.begin : down.end, across.begin : across.end] += 1
        shown += (down.last - down.first) * (across.last - across.first)
    wanted = np.kron(doubtful, np.ones((cover.TILE, cover.TILE), bool))[: shape[0], : shape[1]]
    assert times.max(initial=0) <= 1 and times[wanted].all()
    assert shown <= 1.4 * times.size, "at most everything and the margins"


def test_doubtful_is_what_has_some_doubtful_pixels_or_a_sure_one() -> None:
    probability = np.full((70, 100), 31, np.uint8)
    probability[0, : cover.ENOUGH] = 32
    probability[40, 40 : 39 + cover.ENOUGH] = 32
    probability[69, 99] = cover.SPECK
    assert np.argwhere(cover.find_doubtful(probability, 32)).tolist() == [[0, 0], [2, 3]]


def test_few_windows_cover_what_lies_together() -> None:
    doubtful = np.zeros((40, 40), bool)
    doubtful[2:6, 3:5] = doubtful[30, 30] = True
    found = sorted(cover.cover(doubtful, (1280, 1280), cover.COARSEST))
    assert [(down.begin, down.end, across.begin, across.end) for down, across in found] == [
        (64, 192, 96, 160), (960, 992, 960, 992),
    ]  # fmt: skip


def test_coarser_scales_raise_the_probability_and_strips_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (50, 40)).astype(np.uint8)
    wanted = cv2.resize(coarse, (80, 100), interpolation=cv2.INTER_LINEAR)
    monkeypatch.setattr(windows, "ROWS", 7)
    result = np.zeros((101, 81), np.uint8)
    windows.raise_to_at_least(result, coarse)
    assert np.array_equal(result[:100, :80], wanted)
    assert not result[100].any() and not result[:, 80].any()
    picture = rng.integers(0, 256, (61, 43, 3)).astype(np.uint8)
    wanted = cv2.resize(picture[:60, :42], (21, 30), interpolation=cv2.INTER_AREA)
    assert np.array_equal(windows.halve(picture), wanted)
