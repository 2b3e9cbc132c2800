"""The benchmark of detectors: its figures are what they are called, and every part runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from benchmarks.detection import sheets
from benchmarks.detection.__main__ import main
from benchmarks.detection.bands import Bands
from benchmarks.detection.cost import cost
from benchmarks.detection.damaged import on_damaged
from benchmarks.detection.figures import Curve, Tally
from benchmarks.detection.restored import end_to_end
from benchmarks.detection.sets import Damaged, own
from pipeline.damage import Detection, load_detector
from pipeline.engines import load_engine
from pipeline.training.photos import is_held_out


def empty() -> np.ndarray:
    return np.zeros((60, 80), np.uint8)


class Oracle:
    """Marks what it was told to."""

    name, digest = "oracle", ""

    def __init__(self, mask: np.ndarray, review: str | None = None) -> None:
        self.mask, self.review = mask, review

    def detect(self, pixels: np.ndarray, **_: object) -> Detection:
        return Detection(self.mask, self.mask.copy(), [], self.review)


def test_figures_allow_two_pixels_and_no_more() -> None:
    truth, near, far = empty(), empty(), empty()
    truth[30, 10:70], near[32, 10:70], far[33, 10:70] = 255, 255, 255
    for mask, wanted in ((truth, 1.0), (near, 1.0), (far, 0.0)):
        tally = Tally()
        tally.add(mask, truth)
        found = tally.ratios()
        assert found["precision"] == found["recall"] == wanted
        assert found["dice"] == found["iou"] == float(mask is truth)
    half = empty()
    half[30, 10:40] = 255
    half[5, 10:40] = 255
    tally = Tally()
    tally.add(half, truth)
    assert tally.ratios() == {"precision": 0.5, "recall": 0.5333, "f1": 0.5161, "dice": 0.5, "iou": 0.3333}


def test_a_curve_says_at_each_threshold_what_its_mask_would() -> None:
    rng = np.random.default_rng(1)
    curve, chances, truths = Curve(), [], []
    for _ in range(2):
        chance = rng.integers(0, 256, (40, 50)).astype(np.uint8)
        truth = np.where(rng.random((40, 50)) < 0.02, 255, 0).astype(np.uint8)
        curve.add(chance, truth)
        chances.append(chance)
        truths.append(truth)
    points = curve.points()
    for threshold in (1, 77, 200, 255):
        tally = Tally()
        for chance, truth in zip(chances, truths, strict=True):
            tally.add(np.where(chance >= threshold, 255, 0).astype(np.uint8), truth)
        wanted = tally.ratios()
        found = points[threshold - 1]
        assert [found[key] for key in ("precision", "recall", "f1")] == [
            wanted[key] for key in ("precision", "recall", "f1")
        ]
    perfect = Curve()
    perfect.add(truths[0], truths[0])
    assert perfect.average_precision() == 1


def test_bands_tell_polarity_contrast_and_width() -> None:
    grey, truth, mask = np.full((60, 80), 100, np.uint8), empty(), empty()
    for place, value in ((np.s_[10, 5:60], 250), (np.s_[30:42, 10:22], 85)):
        grey[place], truth[place] = value, 255
    mask[10, 5:60] = 255
    bands = Bands()
    bands.add(mask, truth, grey)
    assert bands.recalls() == {
        "lighter": 1, "darker": 0, "contrast 10-25": 0, "contrast > 60": 1, "width <= 2 px": 1, "width 7-16 px": 0,
    }  # fmt: skip


def test_worse_than_left_alone_is_counted() -> None:
    original = np.asarray(skimage.data.camera()[100:160, 100:180], np.uint8)
    truth = empty()
    truth[20:24, 10:60] = 255
    pixels = np.where(truth > 0, 255, original).astype(np.uint8)
    false = empty()
    false[40:50, 20:60] = 255
    case = Damaged("one", pixels, truth, {}, original)
    detectors = {"right": Oracle(truth), "wrong": Oracle(false), "unsure": Oracle(truth, "too much")}
    found = end_to_end(detectors, load_engine("telea"), [case])
    assert found["right"]["worse_psnr_share"] == found["true masks"]["worse_psnr_share"] == 0
    assert found["right"]["psnr"] > found["alone"]["psnr"] > found["wrong"]["psnr"]
    assert found["wrong"]["worse_psnr_share"] == found["wrong"]["worse_ssim_share"] == 1
    assert found["unsure"]["psnr"] == found["alone"]["psnr"], "what a person must look at first is left alone"


def test_figures_by_kind() -> None:
    truth, hair, dust = empty(), empty(), empty()
    hair[10, 5:60], dust[40:43, 30:33] = 255, 255
    truth = hair | dust
    case = Damaged("one", np.full((60, 80), 90, np.uint8), truth, {"hair": hair, "dust": dust})
    found = on_damaged({"oracle": Oracle(hair)}, [case])["oracle"]
    assert found["repair"]["precision"] == 1
    assert found["repair"]["kinds"]["hair"]["recall"] == 1 and found["repair"]["kinds"]["dust"]["recall"] == 0
    assert "curve" not in found


class Chancy(Oracle):
    """Tells chances too, and counts how often it is asked."""

    asked = 0

    def chances(self, pixels: np.ndarray) -> np.ndarray:
        self.asked += 1
        return self.mask // 2

    def detect(self, pixels: np.ndarray, **_: object) -> Detection:
        chance = self.chances(pixels)
        found = Detection(np.where(chance > 100, 255, 0).astype(np.uint8), self.mask)
        chance[:] = 0  # as detectors do where a scan is transparent
        return found


def test_a_network_is_asked_once_for_mask_and_curve() -> None:
    truth = empty()
    truth[10, 5:60] = 255
    detector = Chancy(truth)
    case = Damaged("one", np.full((60, 80), 90, np.uint8), truth)
    found = on_damaged({"chancy": detector}, [case, case])["chancy"]
    assert detector.asked == 2
    assert found["average_precision"] == 1 and found["repair"]["recall"] == 1
    assert [point["recall"] for point in found["curve"][126:128]] == [1, 0]
    assert detector.chances.__func__ is Chancy.chances, "and is left as it was"  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two pictures of everything."""
    folder = tmp_path_factory.mktemp("data")
    pictures = [skimage.data.astronaut()[:160, :200], skimage.data.coffee()[:160, :200]]
    held = [name for name in (f"{number}.png" for number in range(200)) if is_held_out(name)]
    for part in ("bench-damage/damaged", "bench-damage/masks", "bench/images", "photos", "real/references"):
        (folder / part).mkdir(parents=True)
    for index, picture in enumerate(pictures):
        mask = np.zeros(picture.shape[:2], np.uint8)
        mask[20:140, 60 + 40 * index] = 255
        damaged = np.where(mask[:, :, None] > 0, 255, picture)
        for place, content in {
            f"bench-damage/damaged/{index}.png": damaged, f"bench-damage/masks/{index}.png": mask,
            f"bench/images/{index}.png": picture, f"photos/{held[index]}": picture, "photos/trained.png": picture,
            f"real/{index}.png": damaged, f"real/references/{index}.png": picture,
        }.items():  # fmt: skip
            assert cv2.imwrite(str(folder / place), content if content.ndim == 2 else content[:, :, ::-1])
    return folder


def test_own_pictures_are_held_out_and_the_same_each_time(data: Path) -> None:
    first, second = (list(own(data, 3, ["scratch", "dust"])) for _ in range(2))
    assert all(is_held_out(case.name) for case in first)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))
    assert {kind for case in first for kind in case.kinds} <= {"scratch", "dust"}


def test_every_part_runs(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--data", str(data), "--own", "2", "--engine", "telea", "--out", str(tmp_path), "--detector"]
    main([*given, "classical", "none", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == {"foreign", "own", "kinds", "restored", "clean"}
    assert report["foreign"]["classical"]["suggest"]["recall"] > 0
    assert report["foreign"]["none"]["suggest"]["recall"] == 0
    assert report["clean"]["none"] == {
        "pictures": 2, "repair_percent_mean": 0, "repair_percent_worst": 0, "repair_empty_share": 1,
        "suggest_percent_mean": 0, "suggest_percent_worst": 0, "worst": {},
    }  # fmt: skip
    assert (tmp_path / "curves.png").exists()
    with (tmp_path / "curves.csv").open() as table:
        assert next(csv.reader(table)) == ["set", "detector", "threshold", "precision", "recall", "f1"]
    main([*given, "classical", "--parts", "foreign", "clean"])
    told = capsys.readouterr().out
    assert "foreign   classical  repair" in told and "clean     classical" in told


def test_sheets_show_each_scan_and_tell_agreement(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheets.main([str(data / "real"), str(tmp_path), "--engine", "telea"])
    told = capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.jpg", "1.jpg"]
    assert cv2.imread(str(tmp_path / "0.jpg")).shape == (160, 5 * 200, 3), "five panels: there is a reference"
    assert "agreement with all references" in told and '"agreement_repair"' in told


def test_cost_is_told_beside_inpainting() -> None:
    found = cost("classical", None, 0.3)
    assert found["cpu_seconds_per_megapixel"] > 0 and found["peak_mebibytes"] > 50  # type: ignore[operator]
    assert load_detector("classical").name == "classical"
