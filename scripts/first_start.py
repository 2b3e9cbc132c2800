"""Offer an example of a collections file to whoever starts for the first time."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from pipeline.settings import load_collections

EXAMPLE = Path(__file__).resolve().parent.parent / "collections.example.yaml"


def offer_example(path: Path) -> None:
    """Create the collections file from the example if there is none and somebody at a terminal agrees.

    Without a terminal the command that creates it is printed.
    """
    if path.exists():
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        command = shlex.join(["cp", str(EXAMPLE), str(path)])
        print(f"There is no collections file; to begin with an example: {command}")
        return
    try:
        answer = input(f"There is no collections file. Create {path} from the example? [Y/n] ")
    except EOFError:
        print()
        return
    if answer.strip().lower() in ("", "y", "yes", "j", "ja"):
        create_example(path)


def create_example(path: Path) -> None:
    """Copy the example, and create the inboxes that it names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(EXAMPLE, path)
    for collection in load_collections(path).collections:
        Path(collection.inbox).mkdir(parents=True, exist_ok=True)
        print(f"Put scans into {collection.inbox}; what is done to them, and where results go, is in {path}.")
