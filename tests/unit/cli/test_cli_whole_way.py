"""The verbs restore and trace, and the command itself: usage, exit codes, one line for each error."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from picture_files import png

from pipeline import __version__
from pipeline.cli import VERBS, main, run
from pipeline.cli.commands.train import NETWORKS
from pipeline.cli.uris import as_ledger_url, as_uri, ledger_url
from pipeline.ledger import Outcome, TaskContext, batches, events, outcomes, publications, scans
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Scan
from pipeline.settings import settings

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("cv2", "numpy", "pandas", "pydantic", "rich", "sqlalchemy", "torch")
RECIPE = "engine: telea\ndetector: none\n"


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run without a ledger in the environment or the working directory."""
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "")
    monkeypatch.delenv("RESTORATION_LEDGER_URL")
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(np.full((40, 50, 3), 120, np.uint8)))
    return folder


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
        end.value.code == 0 and "usage: archive-restoration trace [OPTIONS] NAME-OR-SHA256" in capsys.readouterr().out
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

    monkeypatch.setattr("pipeline.cli.commands.restore.refuse_overlap", interrupt)
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
        (["in", "out", "--recipe", "good.yaml", "--ledger", "oracle9://x/y"], "ledger URL"),
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


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return a ledger with two scans of one name, one of them replaced once."""
    opened = upgrade(f"sqlite:///{tmp_path}/ledger.db")
    fixed = dict.fromkeys(("inbox", "output", "engine", "engine_digest", "code_version"), "x")
    with opened.write() as session:
        batch = batches.open_batch(session, "c", "b1", fixed | {"recipe": {}, "recipe_digest": "r"}).id
        for path, sha256 in (("x/a.png", "1"), ("y/a.png", "2"), ("y/a.png", "3"), ("<b>\n.png", "4")):
            scan = Scan(collection="c", path=path, sha256=sha256 * 64, bytes=10, fingerprint="")
            scan_id = scans.record(session, scan)
            publications.reserve(session, "c", path, scan_id)
            outcomes.record(session, scan_id=scan_id, recipe_digest="r", batch_id=batch, outcome=Outcome.RESTORED)
            context = TaskContext("restore_c", "run", "publish", 3, 2)
            events.append(session, batch, context, [events.EventRecord(scan_id, "publish", figures={"psnr": 31.25})])
    return tmp_path / "ledger.db"


def test_trace_shows_a_history(ledger: Path, capsys) -> None:
    assert main(["trace", "x/a.png"]) == 0
    printed = capsys.readouterr().out
    assert "restored" in printed and "restore_c/run/publish[3] try 2" in printed and "psnr 31.25" in printed


def test_trace_shows_both_contents_of_a_replaced_file(ledger: Path, capsys) -> None:
    assert main(["trace", "y/a.png", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["scans"]
    assert [one["scan"]["sha256"][0] for one in found] == ["2", "3"]
    assert found[0]["outcomes"][0]["outcome"] == "restored" and found[0]["events"][0]["map_index"] == 3


def test_trace_finds_digests_and_shows_names_escaped(ledger: Path, capsys) -> None:
    assert main(["trace", "44444444"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "<b>\\n.png"


def test_trace_lists_candidates(ledger: Path, capsys) -> None:
    assert main(["trace", "a.png"]) == 1
    printed = capsys.readouterr()
    assert "may mean 3 scans" in printed.err and "x/a.png" in printed.err and not printed.out
    assert main(["trace", "a.png", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["candidates"]) == 3


def test_trace_names_what_it_does_not_know(ledger: Path, tmp_path: Path, capsys) -> None:
    assert main(["trace", "unknown.png"]) == 1
    assert "the ledger knows no scan 'unknown.png'" in capsys.readouterr().err
    assert main(["trace", "x/a.png", "--collection", "other"]) == 1
    capsys.readouterr()
    (tmp_path / "elsewhere").mkdir()
    assert main(["trace", "a.png", "--ledger", str(tmp_path / "elsewhere")]) == 2
    assert "there is no ledger at" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere/ledger.db").exists()


def test_folders_become_uris_and_ledger_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_uri("s3://b/x") == "s3://b/x" and as_uri("x") == f"{tmp_path}/x"
    assert ledger_url("/out", None) == "sqlite:////out/ledger.db"
    assert ledger_url("/out", "postgresql://h/d") == "postgresql://h/d"
    assert as_ledger_url(str(tmp_path)) == f"sqlite:///{tmp_path}/ledger.db"
    assert as_ledger_url("my.db") == f"sqlite:///{tmp_path}/my.db"
    remote = ledger_url("s3://b/out", None)
    assert remote.startswith("sqlite:///") and remote == ledger_url("s3://b/out/", None) != ledger_url("s3://b/2", None)
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "sqlite:////elsewhere.db")
    settings.cache_clear()
    assert ledger_url("/out", None) == "sqlite:////elsewhere.db"
