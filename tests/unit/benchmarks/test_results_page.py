"""Results pages: facts, tables, command without paths of this machine, valid JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser, shown_command
from benchmarks.results_page import Results, Section, publish, write_page


def results(**changes: object) -> Results:
    given: dict[str, object] = {
        "title": "Title", "intro": "word " * 60, "sections": [Section("Part", "| a |\n|---|\n| 1 |")],
        "figures": {"rows": [{"psnr": math.inf, "n": 2}]}, "notes": ["note " * 40], "networks": "openvino bf16",
    }  # fmt: skip
    return Results(**{**given, **changes})  # type: ignore[arg-type]


def test_a_page_has_date_machine_versions_precision_command_and_tables(tmp_path: Path) -> None:
    text = write_page(tmp_path / "below" / "page.md", results(seconds=125.0), "python -m benchmarks.x").read_text()
    for expected in (
        "# Title\n", "| measured | 20", "| processor | ", " cores", "| software | Python 3.", "torch 2.",
        "| networks | openvino bf16 |", "| duration | 2 min |", "| command | `python -m benchmarks.x` |",
        "## Part\n\n| a |", "## Notes\n\n- note",
    ):  # fmt: skip
        assert expected in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120


def test_a_page_takes_its_picture_along(tmp_path: Path) -> None:
    plot = tmp_path / "curves.png"
    plot.write_bytes(b"png")
    page = write_page(tmp_path / "docs" / "depths.md", results(picture=("Curves", plot)), "command")
    assert "![Curves](depths.png)" in page.read_text() and page.with_suffix(".png").read_bytes() == b"png"


def test_json_has_no_number_that_json_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    given = benchmark_parser("x", None).parse_args(["--json"])
    publish("x", results(), given, ["--json"])
    assert json.loads(capsys.readouterr().out) == {"rows": [{"psnr": None, "n": 2}]}


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--data", "/home/me/data", "--limit", "2"], "--data DATA --limit 2"),
        (["--data=/home/me/data", "--page", "docs/x.md", "--json", "--own", "3"], "--data DATA --own 3"),
        (["--limit", "2", "--csv=a.csv"], "--limit 2 --data DATA"),
        (
            ["--out", "/tmp/run", "--weights", "/home/me/a b.safetensors"],
            "--out RUN --weights 'a b.safetensors' --data DATA",
        ),
        (["--detector", "learned=/home/me/d.safetensors", "none"], "--detector learned=d.safetensors none --data DATA"),
    ],
)
def test_a_shown_command_names_no_folder_of_this_machine(arguments: list[str], shown: str) -> None:
    assert shown_command("x", arguments, with_data=True) == f"python -m benchmarks.x {shown}"


def test_a_benchmark_without_data_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", "/home/me/data")
    assert shown_command("speed", [], with_data=False) == "python -m benchmarks.speed"


def test_data_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", "/data")
    assert benchmark_parser("x", None, data="photos").parse_args([]).data == Path("/data")
    monkeypatch.delenv("BENCH_DATA")
    with pytest.raises(SystemExit):
        benchmark_parser("x", None, data="photos").parse_args([])


def test_cells_and_spreads() -> None:
    assert markdown.table(("a", "b", "c"), [(1, None, "")]).splitlines() == [
        "| a | b | c |",
        "|---|---|---|",
        "| 1 | | |",
    ]
    assert markdown.plus_minus(1.234, 0.1) == "1.23 ± 0.10"
    assert markdown.plus_minus(1.234, math.nan, sign="+") == "+1.23"
