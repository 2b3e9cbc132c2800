"""Arrow's allocators, which have taken processes down, are not used."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import pipeline, pyarrow
from pathlib import Path
print(pyarrow.default_memory_pool().backend_name)
print(*(task.read_text() for task in Path("/proc/self/task").glob("*/comm")))
"""


def test_arrow_starts_no_thread_and_takes_memory_from_the_system() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert said.startswith("system\n")
    assert "jemalloc" not in said


def test_nor_does_it_in_the_process_of_the_tests() -> None:
    import pyarrow

    assert pyarrow.default_memory_pool().backend_name == "system"
    assert not [task for task in Path("/proc/self/task").glob("*/comm") if "jemalloc" in task.read_text()]
