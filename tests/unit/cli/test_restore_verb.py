"""The verb restore: its report, and one line for each error."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.cli import main

RECIPE = "engine: telea\ndetector: none\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent", "out"], "inbox .*absent: there is no such folder"),
        (["in", "in/out"], "never overwritten"),
        (["in", "file/out", "--recipe", "good.yaml"], "cannot be written"),
        (["in", "out", "--recipe", "bad.yaml"], "recipe bad.yaml: .*engin: unknown key"),
        (["in", "out", "--recipe", "none.yaml"], "recipe none.yaml: cannot be read"),
        (["in", "out", "--recipe", "weights.yaml"], "nowhere"),
        (["in", "out", "--recipe", "good.yaml", "--masks", "absent"], "masks .*absent: there is no such folder"),
        (["in", "out", "--recipe", "good.yaml", "--since", "yesterday"], "since 'yesterday': is not a date"),
        (["in", "out", "--recipe", "good.yaml", "--ledger", "oracle9://x/y"], "no URL of a database"),
    ],
)
def test_wrong_configuration_is_one_line_and_nothing_is_written(
    tmp_path: Path, inbox: Path, capsys, arguments: list[str], words: str
) -> None:
    (tmp_path / "good.yaml").write_text(RECIPE)
    (tmp_path / "bad.yaml").write_text("engin: telea\n")
    (tmp_path / "weights.yaml").write_text("engine: rn\nweights: nowhere\n")
    (tmp_path / "file").write_text("x")
    assert main(["restore", *arguments]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.strip().splitlines()) == 1 and re.search(words, printed.err) and not printed.out
    assert not (tmp_path / "out").exists() and not (inbox / "out").exists()


def test_a_clean_inbox_is_reported(tmp_path: Path, inbox: Path, capsys) -> None:
    (tmp_path / "good.yaml").write_text(RECIPE)
    arguments = ["restore", "in", "out", "--recipe", "good.yaml"]
    assert main([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["outcomes"]["unchanged"] == printed["received"] == 1
    assert printed["suggested"] == {"scans": 0, "marks": 0}
    assert printed["ledger"] == f"sqlite:///{tmp_path}/out/ledger.db"
    assert main(arguments) == 0
    assert "Nothing new: 1 scan was done before." in capsys.readouterr().out
    (inbox / "a.png").unlink()
    (tmp_path / "empty").mkdir()
    assert main(["restore", "empty", "out2", "--recipe", "good.yaml"]) == 0
    assert "there is no file in the inbox" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("scans", "marks", "words"),
    [
        (12, 48, "12 scans carry 48 marks that were not filled: look at them (marked in the report, masks in"),
        (1, 1, "1 scan carries 1 mark that was not filled: look at it ("),
        (0, 0, ""),
    ],
)
def test_marks_that_were_not_filled_are_reported(scans: int, marks: int, words: str, capsys) -> None:
    from pipeline.cli.run_summary_console import print_run_summary
    from pipeline.stages.run_summary import RunSummary

    outcomes = {"restored": 0, "unchanged": 20}
    print_run_summary(
        RunSummary("out", "sqlite://", received=20, outcomes=outcomes, suggested={"scans": scans, "marks": marks})
    )
    printed = capsys.readouterr().out
    assert (words in printed) if words else ("not filled" not in printed)
