"""The same scan and recipe give the same bytes: with any neighbours, in any chunks, on one core or two, repeatedly."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage import data
from small_project import Project, clean, damaged

from pipeline.settings import Recipe, settings
from pipeline.stages.batch import open_ledger

pytestmark = pytest.mark.slow

ON_SOME_CORES = """
import os, sys
cores = sorted(os.sched_getaffinity(0))[: int(sys.argv[1])]
os.sched_setaffinity(0, cores)
sys.path[:0] = [sys.argv[2]]
from pathlib import Path
from small_project import Project
from pipeline.settings import Recipe
from pipeline.stages.batch import open_ledger
project = Project(Path(sys.argv[3]), Path(sys.argv[4]), open_ledger(), {"recipe": Recipe(grain=True)})
project.restore(project.receive())
"""

Run = Callable[..., dict[str, str]]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Three scans: two with painted masks, of which one has 16 bits and fills a window, and one for the detector."""
    folder = tmp_path / "in"
    folder.mkdir()
    project = Project(folder, tmp_path / "unused", None)  # type: ignore[arg-type]
    project.put("a.png", 1)
    project.put("b.png", 2, painted=False)
    large = np.ascontiguousarray(data.astronaut()[:300, :400]).astype(np.uint16) * 257
    mask = np.tile(damaged(3)[1], (4, 4))[:300, :400]
    large[mask > 0] = 65535
    tifffile.imwrite(folder / "c.tif", large, photometric="rgb")
    tifffile.imwrite(folder / "c.mask.tif", mask)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Restore a folder into an output and a ledger of their own; returns the digests of what it published."""
    count = 0

    def restored(folder: Path, *, cores: int = 0, **changes: int) -> dict[str, str]:
        nonlocal count
        count += 1
        output = tmp_path / f"out{count}"
        monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/ledger{count}.db")
        settings.cache_clear()
        if cores:
            harness = str(Path(__file__).parents[2] / "harness")
            words = [sys.executable, "-c", ON_SOME_CORES, str(cores), harness, str(folder), str(output)]
            subprocess.run(words, check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        else:
            project = Project(folder, output, open_ledger(), {"recipe": Recipe(grain=True), **changes})
            project.restore(project.receive())
        files = sorted(path for part in ("restored", "masks", "suggestions") for path in output.glob(f"{part}/*"))
        return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    yield restored
    settings.cache_clear()


def test_neither_neighbours_nor_chunks_nor_repetition_change_a_byte(inbox: Path, run: Run, tmp_path: Path) -> None:
    together = run(inbox, chunk_scans=50)
    assert {"restored/a.png", "restored/c.tif", "masks/c.png"} <= set(together)
    assert run(inbox, chunk_scans=50) == together
    assert run(inbox, chunk_scans=1) == together
    alone: dict[str, str] = {}
    for name in ("a", "b", "c"):
        own = tmp_path / f"only {name}"
        own.mkdir()
        for path in inbox.glob(f"{name}.*"):
            shutil.copy(path, own)
        alone |= run(own)
    assert alone == together


def test_the_number_of_cores_changes_no_byte(inbox: Path, run: Run) -> None:
    one = run(inbox, cores=1)
    assert "restored/c.tif" in one
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine has one core")
    assert run(inbox, cores=2) == one == run(inbox)


def test_the_pictures_are_different_ones() -> None:
    assert not np.array_equal(clean(1), clean(2))
