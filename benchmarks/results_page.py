"""Results of a benchmark, printed and written as a Markdown page."""

from __future__ import annotations

import argparse
import json
import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.arguments import shown_command
from benchmarks.machine import describe_machine
from benchmarks.markdown import table
from pipeline.atomic_write import atomic_write

WIDTH = 120
UNBROKEN = "\0"
"""Replaces a space within code while a paragraph is wrapped."""


@dataclass(frozen=True)
class Section:
    """One part of a results page.

    Attributes:
        title: its heading; empty for a part without one.
        body: Markdown, usually a table.
    """

    title: str
    body: str


@dataclass(frozen=True)
class Results:
    """What a benchmark found.

    Attributes:
        title: of the page.
        intro: what was measured and how, plain text that is wrapped.
        sections: the tables.
        figures: everything in the tables as JSON values.
        notes: how to read the tables, one paragraph each.
        networks: what ran the networks, and in which precision; empty where none ran.
        seconds: how long the run took.
        picture: caption and file of a picture that the page shows; copied beside the page.
    """

    title: str
    intro: str
    sections: Sequence[Section]
    figures: Any
    notes: Sequence[str] = ()
    networks: str = ""
    seconds: float | None = None
    picture: tuple[str, Path] | None = None

    def tables(self) -> str:
        """Return the sections as Markdown."""
        return "\n\n".join(f"## {one.title}\n\n{one.body}" if one.title else one.body for one in self.sections)


def publish(name: str, results: Results, given: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Print results as tables, or as one JSON object with `--json`, and write the page that `--page` names.

    Args:
        name: of the benchmark's module.
        results: what it found.
        given: the parsed arguments, with `json` and `page`.
        arguments: the same as words, for the command on the page.
    """
    if given.page is not None:
        command = shown_command(name, arguments, with_data=bool(getattr(given, "data", None)))
        write_page(given.page, results, command)
    print(json.dumps(_finite(results.figures)) if given.json else results.tables())


def write_page(target: Path, results: Results, command: str) -> Path:
    """Write a results page with date, machine, software and command; return its path.

    Args:
        target: of the page; its folder is made when absent.
        results: what was found.
        command: that repeats the measurement, without paths of this machine.
    """
    facts = {"measured": f"{datetime.now(UTC):%Y-%m-%d}", **describe_machine()}
    if results.networks:
        facts["networks"] = results.networks
    if results.seconds is not None:
        facts["duration"] = f"{results.seconds / 60:.0f} min" if results.seconds >= 60 else f"{results.seconds:.0f} s"
    facts["command"] = f"`{command}`"
    parts = [
        f"# {results.title}",
        _wrapped(results.intro),
        table(("", ""), facts.items()),
        results.tables(),
        *(["## Notes", "\n".join(_wrapped(note, "- ") for note in results.notes)] if results.notes else []),
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    if results.picture is not None:
        caption, file = results.picture
        copy = atomic_write(target.with_suffix(file.suffix), file.read_bytes())
        parts.insert(4, f"![{caption}]({copy.name})")
    return atomic_write(target, ("\n\n".join(parts) + "\n").encode())


def _finite(figures: Any) -> Any:
    """Return the figures with None for what JSON has no number for, such as an infinite PSNR."""
    if isinstance(figures, dict):
        return {str(key): _finite(value) for key, value in figures.items()}
    if isinstance(figures, list | tuple):
        return [_finite(value) for value in figures]
    return None if isinstance(figures, float) and not math.isfinite(figures) else figures


def _wrapped(text: str, bullet: str = "") -> str:
    """Return a paragraph wrapped at WIDTH; code in backticks stays on one line."""
    words = re.sub("`[^`]+`", lambda code: code.group().replace(" ", UNBROKEN), " ".join(text.split()))
    return textwrap.fill(
        words, WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet), break_long_words=False,
        break_on_hyphens=False,
    ).replace(UNBROKEN, " ")  # fmt: skip
