"""A folder for temporary files that does not outlive its process, however that ends."""

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
    """Give an empty folder of this process, in which libraries put their temporary files too meanwhile.

    Folders of this user's processes that were killed are removed first: nobody else would.
    """
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*"):
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
