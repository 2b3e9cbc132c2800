"""Identify the version of the code that made a result."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from pipeline import __version__
from pipeline.settings import settings


@cache
def code_version() -> str:
    """Return the version of this code: as configured, else git's description, else the package's version.

    A trailing `-dirty` means that files were changed since that revision.
    """
    configured = settings().code_version
    if configured:
        return configured
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return __version__
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{found}" if found else __version__
