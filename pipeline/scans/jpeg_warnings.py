"""What libjpeg thinks of a JPEG's scan data: its first warning, which no Python binding hands out."""

from __future__ import annotations

import os
import sys
import tempfile
import threading

import cv2
import numpy as np

SIGNS = ("Corrupt JPEG data", "Premature end of JPEG")
# A decode to 1/8 still reads every code word, but skips nearly all arithmetic.
FLAGS = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION
_LOCK = threading.Lock()


def warning_of(data: bytes) -> str | None:
    """Returns libjpeg's first warning about missing or damaged data, or None.

    OpenCV leaves libjpeg's messages on the process's standard error; for the time of one quick decode that leads into
    a file. What others write meanwhile is passed on.
    """
    with _LOCK, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            os.dup2(caught.fileno(), 2)
            cv2.imdecode(np.frombuffer(data, np.uint8), FLAGS)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        caught.seek(0)
        lines = caught.read().splitlines(keepends=True)
    found = None
    for line in lines:
        text = line.decode(errors="replace").strip()
        if text.startswith(SIGNS):
            found = found or text
        elif lines:
            os.write(2, line)
    return found
