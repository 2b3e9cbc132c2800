"""Figures that a run writes row by row, read back as a table."""

from pathlib import Path

from pipeline.training.common.csv_log import COLUMNS, append_row, read_rows


def test_rows_are_added_below_one_header_and_the_last_of_a_step_counts(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    for step, loss in ((10, 0.5), (30, 0.3), (20, 0.4), (30, 0.25)):
        append_row(path, {"step": step, "loss": loss})
    assert path.read_text().splitlines()[:2] == ["step,loss", "10,0.5"]
    frame = read_rows(path)
    assert frame["step"].tolist() == [10, 20, 30]
    assert frame["loss"].tolist() == [0.5, 0.4, 0.25]


def test_rows_of_a_newer_program_are_read_beside_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text("step,seconds,hole\n1,2,0.3\n" + "2," * (len(COLUMNS) - 1) + "9\n3,4")
    frame = read_rows(path)
    assert frame["step"].tolist() == [1, 2]
    assert frame["hole"].tolist() == [0.3, 2]
    assert frame["spectrum"].tolist()[1] == 9


def test_a_run_that_is_resumed_with_the_loss_in_decibel_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    append_row(path, dict.fromkeys(COLUMNS, 1.0))
    append_row(path, {**dict.fromkeys(COLUMNS, 2.0), "decibels": 17.0})
    frame = read_rows(path)
    assert frame["step"].tolist() == [1, 2]
    assert frame["decibels"].tolist()[1] == 17
