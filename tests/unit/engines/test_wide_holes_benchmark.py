"""The measurement of wide holes, on scraps."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import wide_holes
from pipeline.engines import load_engine
from pipeline.imaging.photo_files import is_held_out


@pytest.mark.parametrize("width", [24, 72])
def test_a_hole_is_as_wide_as_it_is_called(width: int) -> None:
    for seed in range(8):
        mask = wide_holes.draw_hole(width, (300, 320), np.random.default_rng(seed))
        inscribed = 2 * float(cv2.distanceTransform(mask, cv2.DIST_L2, 5).max())
        assert inscribed == pytest.approx(width, abs=4)


def test_every_width_is_filled_with_every_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(180), np.arange(200))[..., None] / 2
    held, learned = (
        next(f"{n}.png" for n in range(400) if is_held_out(f"{n}.png") is wanted) for wanted in (True, False)
    )
    (tmp_path / "photos").mkdir()
    for name in (held, learned):
        cv2.imwrite(
            str(tmp_path / "photos" / name), np.clip(ramp + rng.normal(0, 5, (180, 200, 3)), 0, 255).astype(np.uint8)
        )
    monkeypatch.setattr(wide_holes, "WIDTHS", (24, 48, 144))
    monkeypatch.setattr(wide_holes, "load_engine", lambda name, weights: load_engine("prior"))
    assert wide_holes.main(["--data", str(tmp_path)]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| 24 | 1 |", "| 48 | 1 |"))]
    assert len(rows) == 2 and all(row.count("(") == len(wide_holes.DEPTHS) + 1 for row in rows)
