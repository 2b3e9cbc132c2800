"""Files of every format with random damage go through all stages: no task crashes, nothing is lost, nothing broken."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from image_files import png
from PIL import Image
from small_project import Project, project
from sqlalchemy import select

from pipeline.ledger.tables import OutcomeRow, Scan
from pipeline.scans.decoder_warnings import collected
from pipeline.scans.tiff_segments import ABOUT_TAGS, DAMAGE
from pipeline.settings import settings
from pipeline.stages import manifest
from tests.faults.mutations import GREY, KINDS, mutated

__all__ = ["project"]

SHORT, FULL, BATCH = 100, 2000, 250
#: Seconds that a decoder may take here.
TIMEOUT = 20.0


@pytest.mark.timeout(3600)
def test_no_damaged_file_stops_a_run_is_lost_or_published_broken(
    project: Project, full: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = request.config.getoption("--seed")
    monkeypatch.setenv("RESTORATION_SCAN_TIMEOUT", str(TIMEOUT))
    monkeypatch.setenv("RESTORATION_MAX_MEGAPIXELS", "20")
    settings.cache_clear()
    random = np.random.default_rng(seed)
    count = FULL if full else SHORT
    originals = {name: make() for name, (_, make) in KINDS.items()}
    mask = np.zeros(GREY.shape, np.uint8)
    mask[30:50, 40:70] = 255
    project.changes["batch_scans"] = count
    found: Counter[str] = Counter()
    slowest, names = 0.0, sorted(KINDS)
    for first in range(0, count, BATCH):
        masters: dict[Path, bytes] = {}
        for number in range(first, min(count, first + BATCH)):
            kind = names[number % len(names)]
            path = project.inbox / f"{number:04}-{kind}{KINDS[kind][0]}"
            masters[path] = mutated(originals[kind], random)
            path.write_bytes(masters[path])
            path.with_name(f"{path.stem}.mask.png").write_bytes(png(mask))
        started = time.monotonic()
        rows = [row for chunk in project.restore(project.receive()) for row in manifest.read(chunk)]
        slowest = max(slowest, *(row.mask_seconds for row in rows if row.mask_seconds == row.mask_seconds))
        print(f"{len(rows)} files in {time.monotonic() - started:.1f} s")
        assert sorted(row.path for row in rows) == sorted(path.name for path in masters)
        for row in rows:
            where = f"seed {seed}: {row.path}"
            assert row.outcome in ("restored", "unchanged", "review", "quarantined"), f"{where}: {row.message}"
            found[row.outcome] += 1
            if row.outcome == "quarantined":
                _check_quarantine(project, row.path, masters[project.inbox / row.path])
            if row.restored_uri:
                _check_readable(Path(row.restored_uri), where)
        for path, content in masters.items():
            assert path.read_bytes() == content
            path.unlink()
            path.with_name(f"{path.stem}.mask.png").unlink()
    with project.ledger.read() as session:
        outcomes = session.execute(select(Scan.path).join(OutcomeRow, OutcomeRow.scan_id == Scan.id)).scalars().all()
    assert len(outcomes) == len(set(outcomes)) == count
    assert slowest < TIMEOUT + 10
    assert found["restored"] and found["quarantined"]
    print(f"seed {seed}: {dict(found)}, slowest {slowest:.1f} s")


def _check_quarantine(project: Project, name: str, content: bytes) -> None:
    """Check that the copy in quarantine is whole, and that its reason says what to do."""
    folder = project.output / "quarantine" / f"b{project.batches}"
    assert (folder / name).read_bytes() == content
    reason = json.loads((folder / f"{name}.reason.json").read_text())
    assert ";" in reason["message"] or reason["message"].endswith(".")


def _check_readable(path: Path, where: str) -> None:
    """Check that other programs read a derivative without a warning: libpng in Pillow; tifffile and libtiff."""
    content = path.read_bytes()
    if path.suffix == ".png":
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
        return
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.pages[0].asarray().size, where
    with collected() as messages:
        try:
            imagecodecs.tiff_decode(content, verbose=1)
        except (imagecodecs.TiffError, NotImplementedError):
            # Its front end does not unpack every number of bits; libtiff's own tool does.
            subprocess.run(["tiffinfo", "-d", str(path)], check=True, capture_output=True)
    # Tags that were damaged in the master are kept as they are, and libtiff warns of them.
    assert not [text for text in messages if DAMAGE.search(text) and not ABOUT_TAGS.search(text)], where
