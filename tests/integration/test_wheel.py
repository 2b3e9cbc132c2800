"""The wheel holds everything that the program needs, and runs outside of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

ROOT = Path(__file__).parents[2]
#: What the build reads.
SOURCES = ("pipeline", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel, built from a copy so that the checkout stays clean."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(target), str(source)], check=True, capture_output=True, timeout=240)
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of a fresh environment with the wheel; its dependencies are those of this environment."""
    home = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=60)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = home / "lib" / version / "site-packages"
    command = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-index", str(wheel)], check=True, capture_output=True, timeout=120)
    # A path in a .pth file comes after the environment's own packages, and .pth files there are not read: the checkout,
    # which this environment has installed editable, is not reached through it.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "archive-restoration"


def run(program: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder outside of the checkout, without the checkout on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"RESTORATION_CACHE": str(folder / "cache")}
    return subprocess.run(
        [program, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def test_the_wheel_holds_all_data_and_the_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        metadata = archive.read(next(name for name in held if name.endswith(".dist-info/METADATA"))).decode()
    data = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "pipeline").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert data <= held
    assert "License-Expression: Apache-2.0" in metadata
    for name in ("LICENSE", "NOTICE"):
        assert any(path.endswith(f".dist-info/licenses/{name}") for path in held)
    assert not [path for path in held if not path.startswith(("pipeline/", "archive_restoration-"))]


def test_it_is_the_wheel_that_runs(program: Path, tmp_path: Path) -> None:
    found = run(program.with_name("python"), tmp_path, "-c", "import pipeline; print(pipeline.__file__)")
    assert Path(found.stdout.strip()).is_relative_to(program.parents[1])
    version = run(program, tmp_path, "--version")
    assert version.returncode == 0
    assert version.stdout.startswith("archive-restoration ")


def test_it_restores_and_reports_from_any_folder(program: Path, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    Image.fromarray(skimage.data.astronaut()[:128, 100:292]).save(tmp_path / "scans" / "a.png")
    mask = Image.new("L", (192, 128))
    mask.paste(255, (40, 30, 44, 90))
    mask.save(tmp_path / "scans" / "a.mask.png")
    done = run(program, tmp_path, "restore", "scans", "results", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["outcomes"]["restored"] == 1
    assert (tmp_path / "results" / "restored" / "a.png").exists()
    assert Path(summary["report"], "report.pdf").read_bytes().startswith(b"%PDF")
    traced = run(program, tmp_path, "trace", "a.png", "--ledger", "results")
    assert traced.returncode == 0, traced.stderr
    assert "restored" in traced.stdout
