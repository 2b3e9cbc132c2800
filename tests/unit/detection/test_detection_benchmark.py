"""The benchmark of detectors: its figures are what they are called, and every part runs."""

from __future__ import annotations

import csv
import json
import re
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
from benchmarks.detection.datasets import DamagedPicture, foreign_damage, own_damage
from benchmarks.detection.real import on_real, restorer_changes
from benchmarks.detection.restored import end_to_end
from benchmarks.detection.scores import PixelCounts, PrecisionRecallCurve
from benchmarks.detection.unattended import fill_unattended
from pipeline.detection.load import load_detector
from pipeline.detection.postprocess import postprocess
from pipeline.detection.types import Detection
from pipeline.engines import load_engine
from pipeline.imaging.photo_files import is_held_out
from pipeline.masks.compose import compose_mask
from pipeline.scans import Scan, ScanInfo
from pipeline.settings import Recipe

pytestmark = pytest.mark.slow


def empty() -> np.ndarray:
    return np.zeros((60, 80), np.uint8)


class Oracle:
    """Marks a given mask."""

    name, digest = "oracle", ""

    def __init__(self, mask: np.ndarray, review: str | None = None) -> None:
        self.mask, self.review = mask, review

    def detect(self, pixels: np.ndarray, **_: object) -> Detection:
        return Detection(self.mask, self.mask.copy(), [], self.review)


def test_figures_allow_two_pixels_and_no_more() -> None:
    truth, near, far = empty(), empty(), empty()
    truth[30, 10:70], near[32, 10:70], far[33, 10:70] = 255, 255, 255
    for mask, wanted in ((truth, 1.0), (near, 1.0), (far, 0.0)):
        tally = PixelCounts()
        tally.add(mask, truth)
        found = tally.ratios()
        assert found["precision"] == found["recall"] == wanted
        assert found["dice"] == found["iou"] == float(mask is truth)
    half = empty()
    half[30, 10:40] = 255
    half[5, 10:40] = 255
    tally = PixelCounts()
    tally.add(half, truth)
    assert tally.ratios() == {"precision": 0.5, "recall": 0.5333, "f1": 0.5161, "dice": 0.5, "iou": 0.3333}


def test_a_curve_says_at_each_threshold_what_its_mask_would() -> None:
    rng = np.random.default_rng(1)
    curve, chances, truths = PrecisionRecallCurve(), [], []
    for _ in range(2):
        chance = rng.integers(0, 256, (40, 50)).astype(np.uint8)
        truth = np.where(rng.random((40, 50)) < 0.02, 255, 0).astype(np.uint8)
        curve.add(chance, truth)
        chances.append(chance)
        truths.append(truth)
    points = curve.points()
    for threshold in (1, 77, 200, 255):
        tally = PixelCounts()
        for chance, truth in zip(chances, truths, strict=True):
            tally.add(np.where(chance >= threshold, 255, 0).astype(np.uint8), truth)
        wanted = tally.ratios()
        found = points[threshold - 1]
        assert [found[key] for key in ("precision", "recall", "f1")] == [
            wanted[key] for key in ("precision", "recall", "f1")
        ]
    perfect = PrecisionRecallCurve()
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
    case = DamagedPicture("one", pixels, truth, {}, original)
    detectors = {"right": Oracle(truth), "wrong": Oracle(false), "unsure": Oracle(truth, "too much")}
    found = end_to_end(detectors, load_engine("telea"), [case])
    assert found["right"]["worse_psnr_share"] == found["true masks"]["worse_psnr_share"] == 0
    assert found["right"]["psnr"] > found["alone"]["psnr"] > found["wrong"]["psnr"]
    assert found["wrong"]["worse_psnr_share"] == found["wrong"]["worse_ssim_share"] == 1
    assert found["unsure"]["psnr"] == found["alone"]["psnr"], "what a person must look at first is left alone"
    assert [found[name]["review_share"] for name in detectors] == [0, 0, 1]


def test_figures_by_kind() -> None:
    truth, hair, dust = empty(), empty(), empty()
    hair[10, 5:60], dust[40:43, 30:33] = 255, 255
    truth = hair | dust
    case = DamagedPicture("one", np.full((60, 80), 90, np.uint8), truth, {"hair": hair, "dust": dust})
    found = on_damaged({"oracle": Oracle(hair)}, [case])["oracle"]
    assert found["repair"]["precision"] == 1
    assert found["repair"]["kinds"]["hair"]["recall"] == 1 and found["repair"]["kinds"]["dust"]["recall"] == 0
    assert "curve" not in found


def scratched_face() -> tuple[np.ndarray, np.ndarray]:
    """A portrait with a white line across an eye, and the line."""
    truth = np.zeros((512, 512), np.uint8)
    truth[60:200, 221:226] = 255
    return np.where(truth[:, :, None] > 0, 255, skimage.data.astronaut()).astype(np.uint8), truth


def test_an_unattended_run_fills_what_the_guards_let_pass_and_no_rim_is_counted() -> None:
    portrait, line = scratched_face()
    plain, scratch = np.full((60, 80), 90, np.uint8), empty()
    scratch[10, 5:60] = 255
    case = DamagedPicture("plain", plain, scratch, {"scratch": scratch})
    found = on_damaged({"oracle": Oracle(scratch)}, [case])["oracle"]
    assert found["filled"] == found["repair"] and found["review_share"] == 0
    unattended = fill_unattended(plain, Oracle(scratch).detect(plain), Recipe())
    assert np.array_equal(unattended.found, scratch) and np.array_equal(unattended.fill & scratch, scratch)
    found = on_damaged({"oracle": Oracle(line)}, [DamagedPicture("portrait", portrait, line)])["oracle"]
    assert found["repair"]["recall"] == 1 and found["filled"]["recall"] == 0, "a line on a face waits for a person"
    assert found["review_share"] == 0
    assert not fill_unattended(portrait, Oracle(line).detect(portrait), Recipe()).fill.any()
    assert not fill_unattended(plain, Oracle(scratch, "too much").detect(plain), Recipe()).fill.any()
    # Coverage is that of the damage without its rim, as in a run.
    for share, review in ((0.9, True), (1.1, False)):
        limited = Recipe(max_coverage=share * 55 / plain.size)
        assert fill_unattended(plain, Oracle(scratch).detect(plain), limited).review == review


class Finishing(Oracle):
    """Ends as real detectors do: with a rim, and coverage asked of it."""

    def detect(self, pixels: np.ndarray, *, dilate: int = 2, max_coverage: float = 0.15, **_: object) -> Detection:
        return postprocess(self.mask, self.mask, [], dilate=dilate, max_coverage=max_coverage, pixels=pixels)


@pytest.mark.parametrize(
    ("changes", "review", "filled"),
    [
        ({}, [False, False], [0, 1]),
        ({"face_guard": False, "dilate": 4}, [False, False], [1, 1]),
        ({"text_guard": False}, [False, False], [0, 2]),
        ({"max_coverage": 0.0005}, [True, True], [0, 0]),
    ],
)
def test_the_benchmark_fills_what_the_pipeline_fills(
    changes: dict[str, object], review: list[bool], filled: list[int]
) -> None:
    recipe = Recipe(engine="telea", **changes)
    sheet, marks_on_sheet = np.full((300, 600), 215, np.uint8), np.zeros((300, 600), np.uint8)
    cv2.putText(sheet, "Harbour of Luebeck 1893", (40, 80), cv2.FONT_HERSHEY_DUPLEX, 1.0, 60, 2, cv2.LINE_AA)
    marks_on_sheet[70:73, 120:123] = marks_on_sheet[200, 50:200] = 255  # a speck on a letter, a scratch on paper
    reviews, pieces = [], []
    for pixels, mask in (scratched_face(), (sheet, marks_on_sheet)):
        mode, channels = ("RGB", 3) if pixels.ndim == 3 else ("L", 1)
        scan = Scan(pixels, ScanInfo("PNG", pixels.shape[1], pixels.shape[0], channels, 8, 1, 1, mode))
        detector = Finishing(mask)
        marks = compose_mask(scan, recipe, detector)
        unattended = fill_unattended(pixels, detector.detect(pixels, dilate=0), recipe)
        assert unattended.review == bool(marks.review)
        assert np.array_equal(unattended.fill, np.zeros_like(marks.fill) if marks.review else marks.fill)
        assert not (unattended.found & ~mask).any()
        reviews.append(unattended.review)
        pieces.append(cv2.connectedComponents(unattended.found)[0] - 1)
    assert reviews == review and pieces == filled


class Chancy(Oracle):
    """Gives probabilities too, and counts how often it is asked."""

    asked = 0

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        self.asked += 1
        return self.mask // 2

    def detect(self, pixels: np.ndarray, **_: object) -> Detection:
        chance = self.probabilities(pixels)
        found = Detection(np.where(chance > 100, 255, 0).astype(np.uint8), self.mask)
        chance[:] = 0  # as detectors do where a scan is transparent
        return found


def test_a_network_is_asked_once_for_mask_and_curve() -> None:
    truth = empty()
    truth[10, 5:60] = 255
    detector = Chancy(truth)
    case = DamagedPicture("one", np.full((60, 80), 90, np.uint8), truth)
    found = on_damaged({"chancy": detector}, [case, case])["chancy"]
    assert detector.asked == 2
    assert found["average_precision"] == 1 and found["repair"]["recall"] == 1
    assert [point["recall"] for point in found["curve"][126:128]] == [1, 0]
    assert detector.probabilities.__func__ is Chancy.probabilities, "and is left as it was"  # type: ignore[attr-defined]


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


def test_pictures_that_were_looked_at_can_be_left_out(data: Path) -> None:
    folder = data / "bench-damage"
    assert [case.name for case in foreign_damage(folder, without=["0"])] == ["1.png"]
    assert [case.name for case in foreign_damage(folder, 1, without=["0"])] == ["1.png"]
    with pytest.raises(ValueError, match="has the stem 7, 8"):
        list(foreign_damage(folder, without=["8", "0", "7"]))


def test_own_pictures_are_held_out_and_the_same_each_time(data: Path) -> None:
    first, second = (list(own_damage(data, 3, ["scratch", "dust"])) for _ in range(2))
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
        "filled_percent_mean": 0, "filled_percent_worst": 0, "filled_empty_share": 1,
        "suggest_percent_mean": 0, "suggest_percent_worst": 0, "suggest_empty_share": 1, "worst": {},
    }  # fmt: skip
    assert (tmp_path / "curves.png").exists()
    with (tmp_path / "curves.csv").open() as table:
        assert next(csv.reader(table)) == ["set", "detector", "threshold", "precision", "recall", "f1"]
    page = tmp_path / "pages" / "detection.md"
    assert main([*given, "classical", "--parts", "foreign", "clean", "--page", str(page)]) == 0
    printed = capsys.readouterr().out
    assert "## Foreign damage\n" in printed and "## Undamaged photographs\n" in printed
    rows = [line for line in printed.splitlines() if line.startswith("| classical |")]
    assert [row.split(" | ")[1] for row in rows] == ["repair", "suggest", "filled", "2"]
    assert re.fullmatch(r".* \| [01]\.\d{3} \|", rows[2]), "the share that is kept for review"
    written = page.read_text()
    assert written.startswith("# Damage detection\n") and printed.strip() in written
    assert str(data) not in written and "--data DATA" in written and "--page" not in written
    main([*given, "none", "--parts", "foreign", "clean", "--precision", "0.95", "0.9", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == {"foreign", "clean", "precisions"} and report["precisions"].keys() == {"0.9"}
    assert report["precisions"]["0.9"].keys() == {"foreign", "clean"}
    main([*given, "none", "--parts", "foreign", "--without", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["foreign"]["none"]["filled"]["precision"] == 1


def test_sheets_show_each_scan_and_print_agreement(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheets.main([str(data / "real"), str(tmp_path), "--engine", "telea"])
    printed = capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.jpg", "1.jpg"]
    assert cv2.imread(str(tmp_path / "0.jpg")).shape == (160, 5 * 200, 3), "five panels: there is a reference"
    assert "agreement with all references" in printed and '"agreement_repair"' in printed


def test_cost_is_measured_beside_inpainting() -> None:
    found = cost("classical", None, 0.3, damaged=True)
    assert found["cpu_seconds_per_megapixel"] > 0 and found["peak_mebibytes"] > 50  # type: ignore[operator]
    assert load_detector("classical").name == "classical"


def test_a_restorer_changed_what_was_retouched_and_not_what_was_toned(tmp_path: Path) -> None:
    clean = cv2.resize(skimage.data.camera(), (320, 320), interpolation=cv2.INTER_AREA)
    damaged, painted = clean.copy(), np.zeros(clean.shape, np.uint8)
    cv2.line(painted, (20, 40), (300, 120), 255, 3)
    damaged[painted > 0] = 250
    toned = np.clip(clean.astype(np.float32) * 0.8 + 30, 0, 255).astype(np.uint8)
    found = restorer_changes(damaged, cv2.merge([toned] * 3))
    tally = PixelCounts()
    tally.add(found, painted)
    assert tally.ratios()["precision"] > 0.6  # detail beside it counts as changed too
    assert tally.ratios()["recall"] > 0.8
    assert not restorer_changes(clean, toned).any()

    for folder, name, picture in (
        ("images", "a", damaged), ("references", "a", toned), ("images", "b", damaged), ("masks", "b", painted)
    ):  # fmt: skip
        (tmp_path / folder).mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / folder / f"{name}.png"), picture)
    restored, by_hand = on_real({"oracle": Oracle(painted)}, tmp_path)["oracle"]
    assert restored["of_repair_changed_percent"] > 80 > 10 > restored["changed_percent"]
    assert by_hand["repair_precision"] == by_hand["suggest_recall"] == 1.0
    (nothing, _) = on_real({"oracle": Oracle(np.zeros_like(painted))}, tmp_path)["oracle"]
    assert nothing["of_repair_changed_percent"] is None, "of nothing no share was changed"
