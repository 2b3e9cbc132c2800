"""Read libjpeg's first warning about a JPEG's scan data, which no Python binding returns."""

from __future__ import annotations

import os
import sys
import tempfile
import threading

import cv2
import numpy as np

SIGNS = ("Corrupt JPEG data", "Premature end of JPEG")
# Decoding to 1/8 still reads every code word, but skips nearly all arithmetic.
FLAGS = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION
INSUFFICIENT_MEMORY = -4
_LOCK = threading.Lock()


def warning_of(data: bytes) -> str | None:
    """Return libjpeg's first warning about missing or damaged data, or None.

    OpenCV leaves libjpeg's messages on the process's standard error, which is redirected to a file for the time of one
    quick decode. What other threads write meanwhile is passed on.
    """
    with _LOCK, tempfile.TemporaryFile() as caught:
        if sys.stderr is not None:
            sys.stderr.flush()
        kept = _duplicate(2)
        try:
            os.dup2(caught.fileno(), 2)
            cv2.imdecode(np.frombuffer(data, np.uint8), FLAGS)
        except cv2.error as error:
            if error.code == INSUFFICIENT_MEMORY:
                raise MemoryError from error
        finally:
            if kept is None:
                os.close(2)
            else:
                os.dup2(kept, 2)
                os.close(kept)
        caught.seek(0)
        lines = caught.read().splitlines(keepends=True)
    found = None
    for line in lines:
        text = line.decode(errors="replace").strip()
        if text.startswith(SIGNS):
            found = found or text
        elif kept is not None:
            os.write(2, line)
    return found


def _duplicate(descriptor: int) -> int | None:
    """Return a copy of a descriptor; None where it is closed, as a daemon's standard error may be."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None
