"""The command itself: help, usage, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import __version__
from pipeline.cli import VERBS, main, run
from pipeline.cli.commands.train import NETWORKS

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("cv2", "numpy", "pandas", "pydantic", "rich", "sqlalchemy", "torch")
COMMANDS = [*VERBS, *(f"train {network}" for network in NETWORKS)]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_no_heavy_module(command: str) -> None:
    code = (
        "import sys; from pipeline.cli import main\n"
        f"try: main([*{command.split()}, '--help'])\n"
        f"except SystemExit: print(sorted({{*{HEAVY}}} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_verb(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {verb} " in shown for verb in VERBS) and "exit codes: 0 done; 1 done in part" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_verb_explains_itself(command: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: python -m pipeline {command}" in shown and re.search("^exit codes: 0 ", shown, re.MULTILINE)


def test_usage_names_the_command_that_was_called(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/archive-restoration", "trace", "--help"])
    with pytest.raises(SystemExit) as end:
        run()
    assert (
        end.value.code == 0 and "usage: archive-restoration trace [OPTIONS] [NAME-OR-SHA256]" in capsys.readouterr().out
    )


def test_the_process_ends_with_the_exit_code_of_the_verb(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["archive-restoration", "restore", "absent", "out"])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 2 and capsys.readouterr().err.startswith("restore: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing command"),
        (["polish"], "polish"),
        (["restore", "a"], "restore: Missing argument 'DST'"),
        (["restore", "a", "b", "--limit", "0"], "restore: Invalid value for '--limit'"),
        (["restore", "a", "b", "--ledger", "--json"], "restore: Option '--ledger' requires an argument"),
        (["restore", "a", "b", "--ledger"], "restore: Option '--ledger' requires an argument"),
        (["mask", "a", "b", "--no"], "--no may mean --no-face-guard, --no-infrared, --no-text-guard"),
        (["simulate", "a", "b", "--seed", "x"], "simulate: Invalid value for '--seed'"),
        (["train", "detector", "a", "--out", "b", "--depth", "x"], "train: Invalid value for '--depth'"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    shown = capsys.readouterr().err
    assert end.value.code == 2 and shown.startswith("usage: ") and message in shown.splitlines()[-1]


def test_only_one_limit_of_training_may_be_given(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["train", "inpainter", "photos", "--out", "run", "--steps", "1", "--hours", "1"])
    assert end.value.code == 2 and "give only one of them" in capsys.readouterr().err


def test_negative_numbers_are_values_and_names(capsys) -> None:
    assert main(["simulate", "absent", "out", "--seed", "-1"]) == 2
    assert "cannot be negative" in capsys.readouterr().err
    assert main(["simulate", "-12", "out"]) == 2
    assert "-12" in capsys.readouterr().err


def test_unique_beginnings_of_options_are_enough(capsys) -> None:
    assert main(["simulate", "absent", "out", "--half=2"]) == 2
    assert "--halftone is a share" in capsys.readouterr().err


def test_an_interrupted_verb_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def interrupt(*sources: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.storage.refuse_overlap", interrupt)
    assert main(["restore", "a", "b"]) == 130
    assert capsys.readouterr().err == "\nrestore: interrupted; run the same command again to continue\n"


def test_a_reader_that_has_seen_enough_is_no_error(ledger: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "trace", "x/a.png", "--ledger", str(ledger)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_version_is_shown(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"archive-restoration {__version__}\n"
