"""The folder for temporary files, and those of processes that were killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.stages.tempdir import temporary_folder

DIES = """
import os, signal, tempfile
from pathlib import Path
from pipeline.stages.tempdir import temporary_folder
with temporary_folder() as folder:
    Path(folder, "half").write_bytes(b"x")
    tempfile.mkdtemp()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_removed_with_everything_that_libraries_left_in_it(place: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == place and not list(folder.iterdir())
        assert Path(tempfile.mkdtemp()).parent == folder
    assert not list(place.iterdir()) and tempfile.gettempdir() == str(place)


def test_what_a_killed_process_left_is_removed_and_nothing_else(place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIES], env=os.environ | {"TMPDIR": str(place)}, check=False)
    assert done.returncode == -signal.SIGKILL
    [left] = place.iterdir()
    (place / "restoration~elsewhere~1~1~x").mkdir()
    (place / "another").mkdir()
    with temporary_folder() as other:
        assert not left.exists()
        with temporary_folder():
            assert other.exists(), "that of a living process"
    assert sorted(path.name for path in place.iterdir()) == ["another", "restoration~elsewhere~1~1~x"]
