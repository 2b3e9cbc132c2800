"""All stages over folders, by the command line: once, twice, killed at every stage, and two concurrent runs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from email import message_from_bytes, policy
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from end_to_end import RECIPE, check_output, command, damaged_sample, digests, environment, fill_inbox, restored
from PIL import Image

from pipeline.cli import main
from pipeline.provenance.sidecar import SCHEMA

NAMES = ["Größe & Maß.png", "new\nline.png", "<b>bold</b>.png", 'box 1/it\'s "quoted".png', "box 1/deep/a.png"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def ledger(output: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(output / "ledger.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_folder_is_restored_and_then_done(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    fill_inbox(inbox, NAMES)
    damaged, mask, clean = damaged_sample(0)
    raw = os.fsencode(inbox) + b"/caf\xe9.png"
    Path(os.fsdecode(raw)).write_bytes(damaged)
    (inbox / "untouched.jpg").write_bytes(clean)
    (inbox / "a.png").write_bytes(damaged)
    (inbox / "a.tif").write_bytes(clean)
    (inbox / "cut.png").write_bytes(damaged[: len(damaged) // 2])
    (inbox / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (inbox / "folder.png").mkdir()
    (inbox / "nowhere.png").symlink_to("nothing")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/a.png").write_bytes(mask)
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals/Größe & Maß.png").write_bytes(clean)
    before = digests(inbox)

    said = restored(
        inbox, output, "--recipe", recipe, "--masks", tmp_path / "masks", "--originals", tmp_path / "originals"
    )
    assert said["received"] == 12 and said["ignored"] == {"system": 1}
    assert said["outcomes"] == {"restored": 7, "unchanged": 2, "review": 0, "quarantined": 3, "failed": 0}
    assert said["metrics"]["psnr"]["images"] == said["metrics"]["telea_psnr"]["images"] == 1
    assert len(said["attention"]) >= 3 and said["seconds_by_stage"].keys() >= {"receive", "inpaint", "publish"}
    assert digests(inbox) == before
    stems = {name.removesuffix(".png"): "restored" for name in NAMES}
    check_output(
        output, stems | {"a": "restored", "a.tif": "restored", "caf%E9": "unchanged", "untouched": "unchanged"}
    )
    schema = json.loads(SCHEMA.read_text())
    for path in (output / "sidecars").rglob("*.json"):
        jsonschema.validate(json.loads(path.read_text()), schema, format_checker=jsonschema.FormatChecker())

    report = Path(said["report"])
    table = pd.read_parquet(report / "report.parquet")
    assert len(table) == 12 and set(table["outcome"]) == {"restored", "unchanged", "quarantined"}
    assert table.loc[table["outcome"] == "restored", "outside_identical"].all()
    assert (report / "report.pdf").read_bytes().startswith(b"%PDF") and (report / "report.csv").exists()
    mail = message_from_bytes((report / "digest.eml").read_bytes(), policy=policy.default)
    assert mail["Subject"] and any(part.get_content_type() == "application/pdf" for part in mail.walk())
    quarantine = output / "quarantine" / report.name
    assert (quarantine / "cut.png").exists() and (quarantine / "folder.png.reason.json").exists()

    with Image.open(inbox / "new\nline.png") as master, Image.open(output / "restored/new\nline.png") as made:
        with Image.open(output / "masks/new\nline.png") as marked:
            outside = np.asarray(marked) == 0
        assert np.array_equal(np.asarray(master)[outside], np.asarray(made)[outside])

    again = restored(inbox, output, "--recipe", recipe, "--masks", tmp_path / "masks")
    assert (again["received"], again["known"], again["report"]) == (0, 12, "")
    monkeypatch.delenv("RESTORATION_LEDGER_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["trace", "<b>bold</b>.png", "--ledger", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "restored" in printed and "publish" in printed
    assert main(["trace", "new\nline.png", "--ledger", str(output), "--json"]) == 0
    story = json.loads(capsys.readouterr().out)["scans"][0]
    assert [one["stage"] for one in story["events"]] == ["receive", "mask", "inpaint", "measure", "publish", "publish"]
    assert main(["trace", str(output / "restored/box 1/deep/a.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scans"][0]["scan"]["path"] == "box 1/deep/a.png"


BOUNDARIES = [
    "chunks/*.received.parquet",
    "masks/*.png",
    "filled/*.npy",
    "chunks/*.inpainted.parquet",
    "previews/3-*",
    "chunks/*.published.parquet",
]


def test_a_run_killed_at_every_stage_is_continued(tmp_path: Path, recipe: Path) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    names = [f"{number}.png" for number in range(6)]
    fill_inbox(inbox, names)
    before = digests(inbox)
    killed = 0
    for pattern in BOUNDARIES:
        process = subprocess.Popen(command("restore", inbox, output, "--recipe", recipe), env=environment())
        while process.poll() is None and not any((output / ".work").glob(f"*/{pattern}")):
            time.sleep(0.002)
        if process.poll() is None:
            killed += 1
            process.send_signal(signal.SIGKILL)
        process.wait()
    said = restored(inbox, output, "--recipe", recipe)
    assert killed >= len(BOUNDARIES) - 1, "too fast to be killed"
    assert said["received"] == 6 and said["outcomes"]["restored"] == 6 and len(said["batches"]) == 1
    assert digests(inbox) == before
    check_output(output, {str(number): "restored" for number in range(6)})
    assert len(list((output / "reports").glob("*/report.pdf"))) == 1
    assert ledger(output, "SELECT count(*), count(DISTINCT scan_id) FROM ledger_outcomes") == [(6, 6)]
    published = "SELECT count(*) FROM ledger_events WHERE stage = 'publish' AND decision = 'restored'"
    assert ledger(output, published) == [(6,)], "a scan was published twice"
    assert ledger(output, "SELECT count(*) FROM ledger_claims") == [(0,)]


def test_two_concurrent_runs_share_the_work(tmp_path: Path, recipe: Path) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    fill_inbox(inbox, [f"{number}.png" for number in range(8)])
    line = [*command("restore", inbox, output, "--recipe", recipe), "--json", "--limit"]
    first, second = (
        subprocess.Popen([*line, limit], env=environment(), stdout=subprocess.PIPE, text=True) for limit in ("4", "8")
    )
    said = [json.loads(process.communicate(timeout=240)[0].splitlines()[-1]) for process in (first, second)]
    restored(inbox, output, "--recipe", recipe)
    assert sum(one["outcomes"].get("failed", 0) for one in said) == 0
    check_output(output, {str(number): "restored" for number in range(8)})
    published = "SELECT count(*), count(DISTINCT scan_id) FROM ledger_events WHERE decision = 'restored'"
    assert ledger(output, published) == [(8, 8)]
