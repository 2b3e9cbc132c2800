"""Files that appear under their name whole or not at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY = re.compile(r"\.part-\d+-[0-9a-f]{32}")
"""Names of what is being written, or of what a killed writer left."""


def temporary_name() -> str:
    """Return a hidden name that no other writer has.

    It does not hold the target's name: a target of 255 bytes leaves no room for more.
    """
    return f".part-{os.getpid()}-{uuid.uuid4().hex}"


@contextmanager
def atomic_path(path: Path, *, synced: bool = False) -> Iterator[Path]:
    """Yield a free path beside a file; when the block ends, what was written there takes the file's name in one step.

    When the block raises, an existing file stays as it was, and nothing is left beside it.

    Args:
        path: in a folder that exists.
        synced: whether the content is on the disk before it gets its name, so that no power cut can leave half of it.
    """
    # Not mkstemp, whose files nobody else may read.
    temporary = path.parent / temporary_name()
    try:
        yield temporary
        if synced:
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def atomic_write(path: Path, data: bytes, *, synced: bool = False) -> Path:
    """Write data as the whole content of a file, atomically, and return its path; see `atomic_path`."""
    with atomic_path(path, synced=synced) as temporary:
        temporary.write_bytes(data)
    return path
