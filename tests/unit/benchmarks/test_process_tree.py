"""What processes use is read with their children, and the quick reading is never below the exact one."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.process_tree import glance, usage

# A child that holds 64 MiB of its heap and 32 MiB of a file in memory that it has not mapped.
CHILD = """
import os, sys
held = bytearray(64 << 20)
file = os.memfd_create("scan")
os.write(file, bytes(32 << 20))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_child_counts_and_so_does_a_file_in_memory_that_nobody_has_mapped() -> None:
    before = usage(os.getpid()).anonymous
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        assert child.stdout.readline() == "ready\n"
        found, quick = usage(os.getpid()), glance(os.getpid())
        child.stdin.close()
    assert found.anonymous - before > 90
    assert quick.most >= found.total * 0.98, "read at two moments"
    assert child.pid in found.processors and child.pid in quick.processors
