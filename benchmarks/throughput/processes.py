"""Run a program and measure it: seconds elapsed, processor seconds with those of its children, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """What a program took.

    Attributes:
        clock, processors: seconds elapsed, and of all processors.
        peak: MiB of its largest process.
        answer: the JSON object on the last line of its output.
    """

    clock: float
    processors: float
    peak: float
    answer: dict[str, Any]


def measure_program(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Ran:
    """Return what `python -m …` took, from its start to its end.

    Raises:
        SystemExit: it failed; the message ends with what it wrote.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        program = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=out,
            stderr=err,
        )  # fmt: skip
        _, status, usage = os.wait4(program.pid, 0)
        clock = time.perf_counter() - started
        program.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        lines = out.read().splitlines()
        if program.returncode:
            raise SystemExit(f"{' '.join(arguments[:2])} failed ({program.returncode}): {err.read()[-2000:]}")
    answer = json.loads(lines[-1]) if lines else {}
    return Ran(clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, answer)
