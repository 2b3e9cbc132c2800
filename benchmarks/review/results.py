"""Make results to look at: many small ones, and one of a very large scan; each with open marks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import tifffile
from sqlalchemy import select

from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import OutcomeRow, Review, Scan
from pipeline.masks.encode import encode_mask

LARGE = "large.tif"
RECIPE = "engine: telea\ndetector: none\n"
SPECKS = 200


def make_results(folder: Path, small: int, megapixels: float) -> None:
    """Restore scans drawn at random by the ordinary command, into `results` below a folder.

    Args:
        folder: an empty one.
        small: how many scans of .2 megapixels.
        megapixels: of one 16-bit RGB scan more.
    """
    inbox, output = folder / "inbox", folder / "results"
    inbox.mkdir(parents=True)
    rng = np.random.default_rng(4)
    for number in range(small):
        _write(rng, inbox / f"scan {number:03}.tif", (384, 512), np.uint8)
    side = int((megapixels * 1e6 / 1.25) ** 0.5)
    _write(rng, inbox / LARGE, (side, int(1.25 * side)), np.uint16)
    (folder / "recipe.yaml").write_text(RECIPE)
    command = [sys.executable, "-m", "pipeline", "restore", inbox, output, "--recipe", folder / "recipe.yaml"]
    environment = {key: value for key, value in os.environ.items() if key != "RESTORATION_LEDGER_URL"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def add_marks(ledger: Ledger, output: Path) -> None:
    """Draw open marks on every result, as a detector would leave them."""
    rng = np.random.default_rng(6)
    with ledger.write() as session:
        for scan, outcome, review in session.execute(
            select(Scan, OutcomeRow, Review)
            .join(OutcomeRow, OutcomeRow.scan_id == Scan.id)
            .join(Review, Review.scan_id == Scan.id)
        ).tuples():
            mask = np.zeros((scan.height, scan.width), np.uint8)
            for _ in range(SPECKS if scan.path == LARGE else SPECKS // 10):
                at = (int(rng.integers(scan.width)), int(rng.integers(scan.height)))
                cv2.circle(mask, at, int(rng.integers(2, 12)), 255, -1)
            data = encode_mask(mask)
            target = output / "suggestions" / f"{Path(scan.path).stem}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
            outcome.suggested_uri, outcome.suggested_sha256 = str(target), hashlib.sha256(data).hexdigest()
            review.marks, review.kinds, review.state, review.priority = SPECKS, ",dust,", "open", 0.0


def _write(rng: np.random.Generator, path: Path, shape: tuple[int, int], kind: type[np.unsignedinteger]) -> None:
    """Write a scan of clouds with grain and a scratch, and the mask of the scratch."""
    coarse = rng.random((shape[0] // 64 + 2, shape[1] // 64 + 2, 3), np.float32)
    full = np.iinfo(kind).max
    clouds = cv2.resize((coarse * full * 0.8).astype(kind), shape[::-1], interpolation=cv2.INTER_LINEAR)
    clouds += rng.integers(0, full // 16, shape, kind)[..., None]
    mask = np.zeros(shape, np.uint8)
    cv2.line(mask, (shape[1] // 4, 0), (shape[1] // 3, shape[0] - 1), 255, 3)
    clouds[mask > 0] = full
    tifffile.imwrite(path, clouds, photometric="rgb", rowsperstrip=64)
    path.with_name(f"{path.stem}.mask.png").write_bytes(encode_mask(mask))
