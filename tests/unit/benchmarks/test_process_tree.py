"""What processes use is read with their children, and the quick reading is never below the exact one."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.process_tree import glance, usage

# A child that holds 64 MiB of its heap and 32 MiB of a file in memory that it has not mapped.
CHILD = """
import os, sys
held = bytearray(64 << 20)
file = os.memfd_create("scan")
os.write(file, bytes(32 << 20))
print(os.getpid(), flush=True)
sys.stdin.read()
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_a_child_counts_and_so_does_a_file_in_memory_that_nobody_has_mapped() -> None:
    # Not a child of this process, whose own memory may shrink meanwhile by more than that.
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        child = int(parent.stdout.readline())
        found, quick = usage(parent.pid), glance(parent.pid)
        parent.stdin.close()
    assert found.anonymous > 90
    assert quick.most >= found.total * 0.98, "read at two moments"
    assert child in found.processors and child in quick.processors
