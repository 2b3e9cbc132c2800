"""A folder for temporary files that is removed even when its process is killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.ledger.processes import has_ended, process_name

PREFIX = "restoration~"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield an empty folder, in which libraries put their temporary files too, and remove it afterwards.

    Folders that killed processes of this user left are removed first.
    """
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):
        if has_ended(" ".join(left.name.split("~")[1:4])) and left.lstat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(
        prefix=f"{PREFIX}{'~'.join(process_name().split())}~", ignore_cleanup_errors=True
    ) as own:
        tempfile.tempdir = own
        try:
            yield Path(own)
        finally:
            tempfile.tempdir = before
