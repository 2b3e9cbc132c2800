"""The verb trace: histories, candidates, and what the ledger does not know."""

from __future__ import annotations

import json
from pathlib import Path

from lxml import etree

from pipeline.cli import main


def test_trace_shows_a_history(ledger: Path, capsys) -> None:
    assert main(["trace", "x/a.png"]) == 0
    printed = capsys.readouterr().out
    assert "PSNR 31.25 dB against the original" in printed and "attempt 2" in printed
    assert printed.index("restored") < printed.index("sha256"), "what became of it comes first"
    assert max(map(len, printed.splitlines())) <= 100


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


def test_trace_takes_paths_of_the_output(ledger: Path, capsys) -> None:
    for name in ("restored/x/a.tif", "masks/x/a.png", "sidecars/x/a.json"):
        assert main(["trace", name]) == 0
        assert capsys.readouterr().out.splitlines()[0] == "x/a.png"
    assert main(["trace", "elsewhere/x/a.tif"]) == 1


def test_trace_names_what_it_does_not_know(ledger: Path, tmp_path: Path, capsys) -> None:
    assert main(["trace", "unknown.png"]) == 1
    assert "the ledger knows no scan 'unknown.png'" in capsys.readouterr().err
    assert main(["trace", "x/a.png", "--collection", "other"]) == 1
    capsys.readouterr()
    (tmp_path / "elsewhere").mkdir()
    assert main(["trace", "a.png", "--ledger", str(tmp_path / "elsewhere")]) == 2
    assert "there is no ledger at" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere/ledger.db").exists()


def test_trace_prints_premis(ledger: Path, capfdbinary) -> None:
    assert main(["trace", "44444444", "--format", "premis"]) == 0
    document = etree.fromstring(capfdbinary.readouterr().out)
    names = [one.text for one in document.iter("{http://www.loc.gov/premis/v3}originalName")]
    assert names == ["<b>%0A.png"]


def test_trace_lists_what_fits_all_conditions(ledger: Path, capsys) -> None:
    assert main(["trace", "--part", "A.PNG", "--batch", "b1"]) == 0
    printed = capsys.readouterr().out
    assert "x/a.png" in printed and max(map(len, printed.splitlines())) <= 100
    assert main(["trace", "--part", ".png", "--limit", "1"]) == 0
    assert "… and more" in capsys.readouterr().out
    assert main(["trace", "--part", "none of them"]) == 1
    assert "no scan fits all of this" in capsys.readouterr().err


def test_trace_writes_the_histories_of_many_scans_as_json_and_premis(ledger: Path, capfdbinary) -> None:
    assert main(["trace", "--part", "a.png", "--format", "json"]) == 0
    found = json.loads(capfdbinary.readouterr().out.splitlines()[-1])["scans"]
    assert len(found) > 2 and len({one["scan"]["id"] for one in found}) == len(found)
    assert main(["trace", "--part", "a.png", "--format", "premis"]) == 0
    document = etree.fromstring(capfdbinary.readouterr().out)
    masters = list(document.iter("{http://www.loc.gov/premis/v3}originalName"))
    assert len(masters) == len(found)


def test_trace_finds_pictures_by_the_weights_that_touched_them(ledger: Path, capsys) -> None:
    assert main(["trace", "--weights", "rn-faithful"]) == 1, "the ledger's engine is another one"
    assert main(["trace", "--weights", "nonsense"]) == 2
    assert "no shipped weights" in capsys.readouterr().err
    assert main(["trace", "--since", "lately"]) == 2
    assert "--since" in capsys.readouterr().err
