"""`check` says everything that is wrong with an installation at once, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from mail_kinds import KindServer, Postbox

from pipeline.cli import main
from pipeline.weights import SHIPPED

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT", raising=False)


def write(folder: Path, text: str) -> Path:
    path = folder / "collections.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def contents(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def test_an_installation_in_order(tmp_path: Path, inbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        'collections:\n  plates: {inbox: in, output: out, schedule: "0 2 * * *", timezone: Europe/Berlin, watch: {}}\n'
    )
    path = write(tmp_path, text)
    before = contents(tmp_path)
    assert main(["check", str(path)]) == 0
    shown = capsys.readouterr().out
    assert f"ledger       {tmp_path}/ledger.db\n" in shown
    assert f"  inbox    {inbox}\n  output   {tmp_path}/out\n" in shown
    assert 'starts   when files arrive, 30 s after the last; "0 2 * * *" in Europe/Berlin, next ' in shown
    assert shown.endswith("\nNothing is wrong.\n")
    # No output, no ledger, no probe.
    assert contents(tmp_path) == before


def test_everything_that_is_wrong_is_named_at_once(
    tmp_path: Path, inbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(inbox)
    (tmp_path / "torn.safetensors").write_bytes((SHIPPED / "rn-faithful.safetensors").read_bytes()[:1000])
    shutil.copy(SHIPPED / "detector.safetensors", tmp_path / "detector.safetensors")
    path = write(
        tmp_path,
        f"""\
collections:
  typo: {{inbox: in, output: o1, titel: x, language: fr}}
  gone: {{inbox: gone, output: o2, masks: m}}
  closed: {{inbox: in, output: file/x}}
  proc: {{inbox: in, output: /proc/x}}
  linked: {{inbox: in, output: link/out}}
  torn: {{inbox: in, output: o3, recipe: {{weights: {tmp_path}/torn.safetensors}}}}
  kind: {{inbox: in, output: o4, recipe: {{weights: {tmp_path}/detector.safetensors}}}}
  absent: {{inbox: in, output: o5, recipe: {{weights: /nowhere.safetensors}}, recipients: [a@example.org]}}
""",
    )
    monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/file/ledger.db")
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "smtp://localhost:1")
    assert main(["check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    wrong = "\n".join(lines[lines.index("", lines.index("absent") + 1) :])
    for expected in (
        "line 2: typo.titel: unknown key",
        "line 2: typo.language: must be 'en' or 'de', not 'fr'",
        f"gone: inbox {tmp_path}/gone does not exist: create it",
        f"gone: masks {tmp_path}/m does not exist",
        f"closed: output {tmp_path}/file/x cannot be created below",
        "proc: output /proc/x cannot be created below /proc",
        f"linked: output {tmp_path}/link/out and inbox {inbox} overlap",
        f"torn: {tmp_path}/torn.safetensors does not hold the weights of an inpainter",
        "kind: ",
        "holds the weights of a damage detector, not of an inpainter",
        "absent: cannot read the weights /nowhere.safetensors: No such file",
        f"ledger: {tmp_path}/file/ledger.db cannot be created: {tmp_path}/file is read-only, or no folder",
        "mail: the mail server localhost:1 (no encryption) cannot be reached (Connection refused)",
        "12 things are wrong.",
    ):
        assert expected in wrong, expected


@pytest.mark.parametrize("text", ["collections:\n\tx: 1\n", "", None])
def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        write(tmp_path, text)
    assert main(["check", "--json"]) == (0 if text == "" else 1)
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == str(tmp_path / "collections.yaml")
    assert [finding["subject"] for finding in found["findings"]] == ([] if text == "" else ["collections"])


def test_a_login_is_tried_and_nothing_is_sent(
    tmp_path: Path, inbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "collections:\n  a: {inbox: in, output: out, recipients: [a@example.org]}\n")
    assert main(["check", str(path)]) == 1
    assert "mail: a names recipients, and AIRFLOW_CONN_SMTP_DEFAULT names no mail server" in capsys.readouterr().out
    server = KindServer(Postbox(), None, None, "anna:right")
    server.start()
    try:
        for password, code in (("right", 0), ("wrong", 1)):
            monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", f"smtp://anna:{password}@localhost:{server.port}")
            assert main(["check", str(path)]) == code
            shown = capsys.readouterr().out
            assert f"mail server  localhost:{server.port} (no encryption)" in shown
            assert ("refused the login of 'anna'" in shown) == (code == 1)
            assert "wrong@" not in shown
    finally:
        server.stop()
    assert server.handler.arrived == []


def test_a_place_that_never_answers_is_not_waited_for(
    tmp_path: Path, inbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "pipe"
    os.mkfifo(weights)  # nobody writes: opening it never ends
    path = write(tmp_path, f"collections:\n  a: {{inbox: in, output: out, recipe: {{weights: {weights}}}}}\n")
    assert main(["check", str(path), "--seconds", "0.3"]) == 1
    assert f"a: the weights {weights} did not answer within 0.3 s" in capsys.readouterr().out
    os.close(os.open(weights, os.O_WRONLY | os.O_NONBLOCK))  # lets the thread end


def test_the_example_is_valid_also_where_it_is_commented_out(tmp_path: Path) -> None:
    from pipeline.settings import load_collections

    text = (ROOT / "collections.example.yaml").read_text(encoding="utf-8")
    _, entries = text.split("collections:\n")
    found = load_collections(write(tmp_path, text))
    assert (len(found.collections), found.problems) == (1, ())
    whole = "collections:\n" + "".join(f"{line.removeprefix('#')}\n" for line in entries.splitlines())
    found = load_collections(write(tmp_path, whole))
    assert ([one.name for one in found.collections], found.problems) == (["first-steps", "glass-plates"], ())
