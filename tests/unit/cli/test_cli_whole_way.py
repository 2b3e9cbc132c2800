"""The verbs restore and trace, and the command itself: usage, exit codes, one clear line for what is wrong."""

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
from pipeline.cli import VERBS, main
from pipeline.cli.uris import as_url, ledger_of, place
from pipeline.ledger import Outcome, TaskContext, batches, events, outcomes, publications, scans
from pipeline.ledger.migrate import upgrade
from pipeline.ledger.tables import Scan
from pipeline.settings import settings

RECIPE = "engine: telea\ndetector: none\n"


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A shell of its own: no ledger in the environment, nothing near."""
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


def test_help_names_every_verb_and_imports_none_of_them() -> None:
    code = (
        "import sys; from pipeline.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted({'numpy', 'cv2', 'sqlalchemy', 'rich', 'torch'} & sys.modules.keys()))"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert all(f"\n    {verb} " in done.stdout for verb in VERBS)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0 and f"usage: pipeline {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["polish"], ["restore", "a"], ["restore", "a", "b", "--limit", "0"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2 and "usage:" in capsys.readouterr().err


def test_the_version_is_told(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert __version__ in capsys.readouterr().out


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
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    tmp_path: Path, inbox: Path, capsys, arguments: list[str], words: str
) -> None:
    (tmp_path / "good.yaml").write_text(RECIPE)
    (tmp_path / "bad.yaml").write_text("engin: telea\n")
    (tmp_path / "weights.yaml").write_text("engine: rn\nweights: nowhere\n")
    (tmp_path / "file").write_text("x")
    assert main(["restore", *arguments]) == 2
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1 and re.search(words, said.err) and not said.out
    assert not (tmp_path / "out").exists() and not (inbox / "out").exists()


def test_a_clean_inbox_ends_well_and_says_so(tmp_path: Path, inbox: Path, capsys) -> None:
    (tmp_path / "good.yaml").write_text(RECIPE)
    arguments = ["restore", "in", "out", "--recipe", "good.yaml"]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["outcomes"]["unchanged"] == said["received"] == 1
    assert said["suggested"] == {"scans": 0, "marks": 0}
    assert said["ledger"] == f"sqlite:///{tmp_path}/out/ledger.db"
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
def test_marks_that_were_not_filled_are_told(scans: int, marks: int, words: str, capsys) -> None:
    from pipeline.cli.run_summary_console import tell
    from pipeline.stages.run_summary import RunSummary

    outcomes = {"restored": 0, "unchanged": 20}
    tell(RunSummary("out", "sqlite://", received=20, outcomes=outcomes, suggested={"scans": scans, "marks": marks}))
    said = capsys.readouterr().out
    assert (words in said) if words else ("not filled" not in said)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with two scans of one name, one of them replaced once."""
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


def test_trace_tells_a_history(ledger: Path, capsys) -> None:
    assert main(["trace", "x/a.png"]) == 0
    said = capsys.readouterr().out
    assert "restored" in said and "restore_c/run/publish[3] try 2" in said and "psnr 31.25" in said


def test_trace_tells_both_contents_of_a_replaced_file(ledger: Path, capsys) -> None:
    assert main(["trace", "y/a.png", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["scans"]
    assert [one["scan"]["sha256"][0] for one in found] == ["2", "3"]
    assert found[0]["outcomes"][0]["outcome"] == "restored" and found[0]["events"][0]["map_index"] == 3


def test_trace_finds_digests_and_shows_names_escaped(ledger: Path, capsys) -> None:
    assert main(["trace", "44444444"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "<b>\\n.png"


def test_trace_lists_candidates(ledger: Path, capsys) -> None:
    assert main(["trace", "a.png"]) == 1
    said = capsys.readouterr()
    assert "may mean 3 scans" in said.err and "x/a.png" in said.err and not said.out
    assert main(["trace", "a.png", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["candidates"]) == 3


def test_trace_says_what_it_does_not_know(ledger: Path, tmp_path: Path, capsys) -> None:
    assert main(["trace", "unknown.png"]) == 1
    assert "the ledger knows no scan 'unknown.png'" in capsys.readouterr().err
    assert main(["trace", "x/a.png", "--collection", "other"]) == 1
    capsys.readouterr()
    (tmp_path / "elsewhere").mkdir()
    assert main(["trace", "a.png", "--ledger", str(tmp_path / "elsewhere")]) == 2
    assert "there is no ledger at" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere/ledger.db").exists()


def test_places_and_ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place("s3://b/x") == "s3://b/x" and place("x") == f"{tmp_path}/x"
    assert ledger_of("/out", None) == "sqlite:////out/ledger.db"
    assert ledger_of("/out", "postgresql://h/d") == "postgresql://h/d"
    assert as_url(str(tmp_path)) == f"sqlite:///{tmp_path}/ledger.db"
    assert as_url("my.db") == f"sqlite:///{tmp_path}/my.db"
    remote = ledger_of("s3://b/out", None)
    assert remote.startswith("sqlite:///") and remote == ledger_of("s3://b/out/", None) != ledger_of("s3://b/2", None)
    monkeypatch.setenv("RESTORATION_LEDGER_URL", "sqlite:////elsewhere.db")
    settings.cache_clear()
    assert ledger_of("/out", None) == "sqlite:////elsewhere.db"
