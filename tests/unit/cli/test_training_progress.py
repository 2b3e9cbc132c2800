"""The progress of a training in a log."""

import pytest

from pipeline.cli.console import training_progress
from pipeline.training.common.loop import Report


def test_a_log_gets_one_line_per_report(capsys: pytest.CaptureFixture[str]) -> None:
    with training_progress() as show:
        for step in (50, 100):
            show(Report(step, step / 200, {"loss": 0.25}, 1e-3, 2.0, 0.015, 61.0))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "step      50   25.0%  loss 0.2500  rate 1.0e-03  2.00 steps/s  waiting for data 1.5%  left 0:01:01",
        "step     100   50.0%  loss 0.2500  rate 1.0e-03  2.00 steps/s  waiting for data 1.5%  left 0:01:01",
    ]
