"""Command-line options that the benchmarks share."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

#: Options that say where output goes: not part of the command that a results page shows. True: followed by a value.
OUTPUT = {"--page": True, "--csv": True, "--sheet": True, "--json": False}
#: Options whose value is a place of this machine, and what a results page shows instead.
FOLDERS = {"--data": "DATA", "--out": "RUN", "--url": "URL", "--work": "WORK"}


def benchmark_parser(
    name: str, description: str | None, *, data: str | None = None, needs_data: bool = True, limit: str | None = None
) -> argparse.ArgumentParser:
    """Return the parser of `python -m benchmarks.NAME` with the options that all benchmarks share.

    Args:
        name: of the benchmark's module.
        description: the module's docstring.
        data: what the folder of `--data` must hold; None for a benchmark that reads no data.
        needs_data: whether the benchmark stops without `--data` or BENCH_DATA.
        limit: what `--limit` limits; None for a benchmark without that option.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if data is not None:
        folder = os.environ.get("BENCH_DATA")
        parser.add_argument(
            "--data", type=Path, metavar="DIR", default=Path(folder) if folder else None,
            required=needs_data and not folder, help=f"folder with {data} (default: BENCH_DATA)",
        )  # fmt: skip
    if limit is not None:
        parser.add_argument("--limit", type=int, metavar="N", help=f"at most N {limit}")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write a results page (Markdown) to FILE")
    return parser


def shown_command(name: str, arguments: Sequence[str], *, with_data: bool) -> str:
    """Return the command that repeats a run, without output options and without paths of this machine.

    The folder of `--data` is shown as DATA, that of `--out` as RUN, and of other paths only the last part.

    Args:
        name: of the benchmark's module.
        arguments: the words after the module's name.
        with_data: whether the run had a folder of data; it is then shown also where it came from BENCH_DATA.
    """
    words, given = ["python", "-m", f"benchmarks.{name}"], iter(arguments)
    for word in given:
        option, equals, value = word.partition("=")
        if option in OUTPUT:
            if OUTPUT[option] and not equals:
                next(given, None)
        elif option in FOLDERS:
            if not equals:
                next(given, None)
            words += [option, FOLDERS[option]]
        elif equals:
            words.append(f"{option}={Path(value).name}")
        else:
            words.append(word if word.startswith("-") else Path(word).name)
    if with_data and "--data" not in words:
        words += ["--data", FOLDERS["--data"]]
    return shlex.join(words)
