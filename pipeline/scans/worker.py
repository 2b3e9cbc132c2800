"""Run a decoder process: decode one scan after the other until the parent ends or a scan crashes it.

Started by `pipeline.scans.decoder_pool`; a request and an answer are one message each, with a file descriptor.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.mapped import IN_MEMORY, FileData, Mapping, NoRoom
from pipeline.scans.formats import TIFF_MARKS
from pipeline.scans.ipc import send_scan, spooled
from pipeline.scans.model import Scan
from pipeline.scans.rejections import rejection

MESSAGE = 1 << 16
READY, READ = b"ready", b"read"
PR_SET_PDEATHSIG = 1
# A decoder that hangs after its parent's death must end too where the kernel does not kill it.
GRACE = 10.0


def main() -> None:
    """Serve requests from the socket whose descriptor is the first argument; the second is the parent's process id."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _die_with(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE, 1)
        if not message:
            return
        request = json.loads(message)
        signal.setitimer(signal.ITIMER_REAL, request["timeout"] + GRACE)
        answer, descriptor = serve(request, descriptors[0], connection)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _limit_memory(None)
        socket.send_fds(connection, [json.dumps(answer).encode()], [] if descriptor is None else [descriptor])
        if descriptor is not None:
            os.close(descriptor)


def serve(request: dict[str, Any], descriptor: int, connection: socket.socket) -> tuple[dict[str, Any], int | None]:
    """Return the answer to one request, with a descriptor if it is a scan; send `READ` once the file has been read."""
    name = request["name"]
    try:
        data = _read(descriptor, is_private=request["private"])
    except NoRoom as error:
        connection.send(READ)
        return {"room": error.strerror}, None
    except OSError as error:
        connection.send(READ)
        return {"store": str(error)}, None
    connection.send(READ)
    _limit_memory(request["memory"])
    try:
        decoder, limit = _decoder(request["decoder"]), request["max_megapixels"]
        scan = decoder(data, name, max_megapixels=limit, **request["options"])
        del data
        sent, header = send_scan(scan)
    except UnreadableScan as error:
        return {"reason": error.reason, "message": error.message}, None
    except MemoryError:
        return {"reason": Reason.DECODER_MEMORY}, None
    except NoRoom as error:
        return {"room": error.strerror}, None
    except Exception as error:  # any error of a decoder rejects only this file
        wrong = rejection(Reason.UNREADABLE, name, f"{type(error).__name__}: {error}"[:300])
        return {"reason": wrong.reason, "message": wrong.message}, None
    return header, sent


def _read(descriptor: int, *, is_private: bool) -> FileData:
    """Return the bytes of a file, and close it; a large TIFF is mapped and not in memory.

    Args:
        is_private: nobody else can change the file, so that it need not be copied before it is mapped.
    """
    with open(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if size <= IN_MEMORY or os.pread(descriptor, 4, 0) not in TIFF_MARKS:
            return file.read()
        return Mapping.of(descriptor, size) if is_private else spooled(descriptor, size)


def _decoder(path: str) -> Callable[..., Scan]:
    """Return the function `module:name`."""
    module, _, name = path.partition(":")
    decoder: Callable[..., Scan] = getattr(importlib.import_module(module), name)
    return decoder


def _limit_memory(megabytes: float | None) -> None:
    """Limit address space to that much more than is in use now; None removes the limit."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if megabytes is None:
        soft = hard
    else:
        pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
        soft = pages * os.sysconf("SC_PAGE_SIZE") + int(megabytes * 2**20)
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)


if __name__ == "__main__":
    main()
