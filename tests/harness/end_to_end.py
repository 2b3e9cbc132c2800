"""What end-to-end tests share: a small inbox, the command in a separate process, and checks of its results."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from image_files import png
from PIL import Image
from skimage import data

from pipeline.stages.previews import THUMBS

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "engine: telea\ndetector: none\n"


def damaged_sample(number: int) -> tuple[bytes, bytes, bytes]:
    """Return a damaged picture, its mask and its original, as PNG files."""
    left = 13 * number % 300
    clean = np.ascontiguousarray(data.astronaut()[40:168, left : left + 160])
    mask = np.zeros(clean.shape[:2], np.uint8)
    mask[:, 50:54] = mask[30:36, 10:120] = 255
    damaged = clean.copy()
    damaged[mask > 0] = 255
    return png(damaged), png(mask), png(clean)


def fill_inbox(folder: Path, names: list[str]) -> None:
    """Put damaged pictures into a folder, each with its mask beside it."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        damaged, mask, _ = damaged_sample(number)
        path.write_bytes(damaged)
        path.with_name(f"{path.stem}.mask.png").write_bytes(mask)


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pipeline", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment without variables that choose another ledger, and with one thread per process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESTORATION_", "AWS_"))}
    return kept | {"OMP_NUM_THREADS": "1", "RESTORATION_CODE_VERSION": "test", "PYTHONPATH": str(ROOT), **changes}


def run(*arguments: str | Path, cwd: Path = ROOT, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environment(**changes), capture_output=True, text=True, timeout=240
    )


def restored(*arguments: str | Path, **changes: str) -> dict[str, Any]:
    """Run `restore`, which must succeed, and return its JSON summary."""
    done = run("restore", *arguments, "--json", **changes)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below a folder by name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check_output(output: Path, names: dict[str, str]) -> None:
    """Check that published files are complete and agree with their sidecars.

    Args:
        names: outcome by stem of the output.
    """
    left = [path for path in output.rglob(".*") if path.name not in (".work", THUMBS)]
    assert not left and not list((output / ".work").glob("*")), "temporary files are left"
    found = {}
    for path in sorted((output / "sidecars").rglob("*.json")):
        document = json.loads(path.read_text())
        stem = str(path.relative_to(output / "sidecars"))[: -len(".json")]
        found[stem] = document["outcome"]
        made = document["output"]
        if made:
            data_ = Path(output, made["path"]).read_bytes()
            assert hashlib.sha256(data_).hexdigest() == made["sha256"] and len(data_) == made["bytes"]
            with Image.open(io.BytesIO(data_)) as opened:
                opened.load()
        if document["mask"]["uri"]:
            mask = Path(output, "masks", f"{stem}.png").read_bytes()
            assert hashlib.sha256(mask).hexdigest() == document["mask"]["sha256"]
        if document["mask"]["suggested"]:
            suggested = Path(output, "suggestions", f"{stem}.png").read_bytes()
            assert hashlib.sha256(suggested).hexdigest() == document["mask"]["suggested"]["sha256"]
    assert found == names
    made = {str(path.relative_to(output / "restored").with_suffix("")) for path in (output / "restored").rglob("*.*")}
    assert made == {stem for stem, outcome in names.items() if outcome == "restored"}
