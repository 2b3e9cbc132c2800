"""Loss and PSNR per epoch, from a run's logs."""

import math
from pathlib import Path

import pytest

from pipeline.training.inpainter.epochs import as_markdown, per_epoch


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Ten photographs, crops of 32²: five crops a row of the log are half an epoch; the fourth row was repeated."""
    lines = ["step,seconds,pixels,rate,loss,hole"]
    lines += [f"{50 * i},{10 * i},{i * 5 * 32 * 32},0.001,{10 - i},{i / 10}" for i in (1, 2, 3, 4, 4, 5, 6)]
    lines[4] = lines[4].replace(",6,0.4", ",99,0.4")
    (tmp_path / "progress.csv").write_text("\n".join(lines))
    (tmp_path / "validation.csv").write_text("step,seconds,psnr,thin\n30,6,20,30\n90,18,21,31\n300,60,24,34\n")
    return tmp_path


def test_an_epoch_is_as_many_crops_as_photographs(run: Path) -> None:
    frame = per_epoch(run, 10, 32)
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert frame["step"].tolist() == [100, 200, 300]
    assert frame["loss"].tolist() == [8.5, 6.5, 4.5]
    assert frame["psnr"].tolist()[::2] == [21, 24]
    assert math.isnan(frame["psnr"][1])


def test_the_table_leaves_out_what_was_not_measured(run: Path) -> None:
    lines = as_markdown(per_epoch(run, 10, 32), {"telea": 19.0}).splitlines()
    assert lines[2:5] == [
        "| 1 | 100 | 0.01 | 8.5000 | 0.1500 | 21.00 |",
        "| 2 | 200 | 0.01 | 6.5000 | 0.3500 |  |",
        "| 3 | 300 | 0.02 | 4.5000 | 0.5500 | 24.00 |",
    ]
    assert lines[-1] == "On the same holes: telea 19.00."


def test_epochs_of_a_long_run_are_grouped(run: Path) -> None:
    lines = [line for line in as_markdown(per_epoch(run, 1, 8), {}).splitlines()[2:] if line]
    # 480 passes over one picture, of which the log's six rows end six.
    assert len(lines) == 6
