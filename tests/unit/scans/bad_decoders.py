"""Decoders that do what a bad file can make a decoder do; the tests of the sandbox name them."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import numpy as np

from pipeline.imaging.mapped import NoRoom
from pipeline.scans import Scan
from pipeline.scans import decode as good

USES = 0


def segfault(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    ctypes.string_at(0)
    return good(data, name, max_megapixels=max_megapixels)


def aborts(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    os.abort()


def exits(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    os._exit(3)


def hangs(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    # PyDLL keeps the interpreter's lock, as a decoder that never comes back may.
    ctypes.PyDLL(None).sleep(600)
    raise AssertionError


def bloats(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    hoard = []
    while True:
        hoard.append(np.ones(16 << 20, np.uint8))


def is_killed(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    raise AssertionError


def raises(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    raise ZeroDivisionError("of its own making")


def prints(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    os.write(1, b"decoder speaking")
    return good(data, name, max_megapixels=max_megapixels)


def crashes_when_used_before(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    global USES
    USES += 1
    if USES > 1:
        os.abort()
    return good(data, name, max_megapixels=max_megapixels)


def finds_no_room(data: bytes, name: str, *, max_megapixels: float) -> Scan:
    raise NoRoom(28, "/scratch: no room")
