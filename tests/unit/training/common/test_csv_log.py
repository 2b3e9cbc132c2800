"""Rows that a run logs one by one, read back as a table."""

from pathlib import Path

from pipeline.training.common.csv_log import append_row, read_rows


def test_rows_are_added_below_one_header_and_the_last_of_a_step_counts(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    for step, loss in ((10, 0.5), (30, 0.3), (20, 0.4), (30, 0.25)):
        append_row(path, {"step": step, "loss": loss})
    assert path.read_text().splitlines()[:2] == ["step,loss", "10,0.5"]
    frame = read_rows(path)
    assert frame["step"].tolist() == [10, 20, 30]
    assert frame["loss"].tolist() == [0.5, 0.4, 0.25]


def test_a_row_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text("step,seconds,hole\n1,2,0.3\n2,3,0.2\n3,4")
    frame = read_rows(path)
    assert frame["step"].tolist() == [1, 2]
    assert frame["hole"].tolist() == [0.3, 0.2]


def test_a_run_that_is_resumed_with_the_loss_in_decibel_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    columns = ["step", "seconds", "hole", "spectrum"]
    append_row(path, dict.fromkeys(columns, 1.0))
    append_row(path, {**dict.fromkeys(columns, 2.0), "decibels": 17.0})
    append_row(path, dict.fromkeys(columns, 3.0))
    assert path.read_text().splitlines()[0] == "step,seconds,hole,spectrum,decibels"
    frame = read_rows(path)
    assert frame["step"].tolist() == [1, 2, 3]
    assert frame["spectrum"].tolist() == [1, 2, 3]
    assert frame["decibels"].tolist()[1] == 17
    assert frame["decibels"].isna().tolist() == [True, False, True]


def test_rows_of_an_older_program_without_a_column_of_their_own_get_one(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text("step,hole\n1,0.3\n2,0.2,9\n")
    append_row(path, {"step": 3, "hole": 0.1, "decibels": 8.0})
    frame = read_rows(path)
    assert frame["step"].tolist() == [1, 2, 3]
    assert frame["decibels"].tolist()[1:] == [9, 8]
