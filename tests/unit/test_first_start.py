"""Where there is no collections file, `make up` offers the example at a terminal, and names the command elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.settings import load_collections

ROOT = Path(__file__).parents[2]
CODE = "import sys; from pathlib import Path; from first_start import offer_example; offer_example(Path(sys.argv[1]))"


def offer(path: Path, answer: str | None) -> str:
    """Return what is printed, at a terminal with an answer or without one."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"}
    command = [sys.executable, "-c", CODE, str(path)]
    if answer is None:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return done.stdout
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # the other side is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_it_is_created_with_its_inbox_when_somebody_agrees(tmp_path: Path) -> None:
    path = tmp_path / "my archive" / "collections.yaml"
    shown = offer(path, "\n")
    (collection,) = load_collections(path).collections
    assert Path(collection.inbox).is_dir() and Path(collection.inbox).is_relative_to(path.parent)
    assert f"Put scans into {collection.inbox}" in shown.replace("\r\n", "")


@pytest.mark.parametrize("answer", ["n\n", "\x04"])
def test_it_is_not_created_when_nobody_agrees(tmp_path: Path, answer: str) -> None:
    assert "Create" in offer(tmp_path / "collections.yaml", answer)
    assert not list(tmp_path.iterdir())


def test_without_a_terminal_the_command_is_named(tmp_path: Path) -> None:
    path = tmp_path / "my archive.yaml"
    command = offer(path, None).rpartition("example: ")[2]
    subprocess.run(command, shell=True, check=True)
    assert load_collections(path).collections
    # What is there is never asked about.
    assert not offer(path, "\n").strip()
