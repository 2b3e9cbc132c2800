"""The benchmark on scans labelled by hand: what no one can tell is left out, and half a scratch is counted."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from benchmarks.detection.__main__ import main
from benchmarks.detection.labelled import LabelledScan, labelled_scans, on_labelled
from pipeline.detection.types import Detection

pytestmark = pytest.mark.slow


class Marks:
    """Marks given masks."""

    name, digest = "marks", ""

    def __init__(self, repair: np.ndarray, suggest: np.ndarray) -> None:
        self.found = Detection(repair, repair | suggest)

    def detect(self, pixels: np.ndarray, **_: object) -> Detection:
        return self.found


def blank() -> np.ndarray:
    return np.zeros((120, 160), np.uint8)


def scan(truth: np.ndarray, ignored: np.ndarray | None = None) -> LabelledScan:
    return LabelledScan("one", np.full((120, 160), 90, np.uint8), truth, (blank() if ignored is None else ignored) > 0)


def test_what_no_one_can_tell_counts_neither_way() -> None:
    truth, ignored, mask = blank(), blank(), blank()
    truth[20, 10:150] = 255
    ignored[60:90, 20:120] = 255
    mask[20, 10:80] = mask[70:72, 30:60] = 255
    mask[110, 0:70] = 255
    found = on_labelled({"marks": Marks(mask, truth)}, [scan(truth, ignored)])["marks"]
    assert found["filled"]["precision"] == found["repair"]["precision"] == 0.5
    assert found["filled"]["recall"] == pytest.approx(0.5143), "half of the line and 2 px"
    assert found["suggest"]["recall"] == 1
    assert found["filled"]["recall_interval"] == [0.514, 0.514], "of one scan every draw is the same"


@pytest.mark.parametrize(("share", "half"), [(0.1, 0), (0.5, 1), (0.9, 0), (1.0, 0), (0.0, 0)])
def test_half_a_scratch_is_counted_and_a_speck_is_not(share: float, half: int) -> None:
    truth, mask = blank(), blank()
    truth[20, 10:150] = truth[60:64, 60:64] = truth[80:96, 20:40] = 255
    mask[20, 10 : 10 + round(140 * share)] = mask[60:62, 60:62] = mask[80:96, 20:40] = 255
    found = on_labelled({"marks": Marks(mask, mask)}, [scan(truth)])["marks"]
    assert found["half_filled"] == {"pieces": 2, "half": half, "share": half / 2}
    assert found["broad_recall"]["filled"] == 1, "the broad piece is found, whatever becomes of the scratch"


def test_on_intact_scans_the_area_that_is_marked_wrongly_counts() -> None:
    truth, mask = blank(), blank()
    truth[20, 10:20] = 255
    mask[20, 10:20] = mask[80:84, 30:78] = 255
    found = on_labelled({"marks": Marks(mask, mask)}, [scan(truth), scan(blank()), scan(mask)])["marks"]
    assert found["scans"] == 3 and found["intact"]["scans"] == 2
    assert found["intact"]["filled"]["mean"] == pytest.approx(100 * (4 * 48 + 202) / 2 / (120 * 160), abs=1e-4)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one labelled scan, and nothing else to measure."""
    for part in ("images", "labels"):
        (tmp_path / "real-damage" / part).mkdir(parents=True)
    picture = skimage.data.astronaut()[:160, 200:400, ::-1].copy()
    label = np.zeros(picture.shape[:2], np.uint8)
    label[100:103, 20:180], label[:20] = 255, 128
    picture[label == 255] = 255
    cv2.imwrite(str(tmp_path / "real-damage/images/a.png"), picture)
    cv2.imwrite(str(tmp_path / "real-damage/labels/a.png"), label)
    return tmp_path


def test_the_part_prints_a_table_and_draws_sheets(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(data), "--detector", "classical", "--parts", "labelled", "--engine", "telea"]
    main([*words, "--out", str(tmp_path / "run"), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == {"labelled"}
    assert report["labelled"]["classical"]["rows"][0]["damaged_percent"] == pytest.approx(100 * 480 / (160 * 200))
    sheet = cv2.imread(str(tmp_path / "run" / "labelled" / "classical" / "a.png"))
    assert sheet.shape == (160 * 4, 3 * 200 * 4, 3)
    main([*words, "--bare"])
    assert "## Real scans labelled by hand, one by one" in capsys.readouterr().out


def test_a_label_without_its_scan_is_named(data: Path) -> None:
    label = data / "real-damage/labels/a.png"
    cv2.imwrite(str(label), np.zeros((9, 9), np.uint8))
    with pytest.raises(ValueError, match="of another size"):
        list(labelled_scans(data / "real-damage"))
    label.rename(label.with_name("b.png"))
    with pytest.raises(ValueError, match="has no scan of its stem"):
        list(labelled_scans(data / "real-damage"))
