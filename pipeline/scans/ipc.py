"""Send a scan through a file descriptor: pixels, then everything else as JSON; nothing is pickled."""

from __future__ import annotations

import base64
import json
import mmap
import os
import tempfile
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.scans.metadata_item import Item
from pipeline.scans.model import Metadata, Scan, ScanInfo
from pipeline.scans.tones import Tones


def anonymous_file() -> int:
    """Return the descriptor of an unnamed file, in memory where the system supports it; it cannot be left behind."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("scan", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all bytes; one call of the system writes at most 2 GB."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def send_scan(scan: Scan) -> tuple[int, dict[str, Any]]:
    """Write a scan to an unnamed file; return its descriptor and the header that `receive_scan` needs."""
    pixels = np.ascontiguousarray(scan.pixels)
    metadata = asdict(scan.metadata)
    document = {
        "info": asdict(scan.info),
        "metadata": metadata,
        "doubt": scan.doubt,
        "notes": scan.notes,
        "carried": [asdict(item) for item in scan.carried],
        "white": scan.tones.white if scan.tones else None,
    }
    rest = json.dumps(document, default=_text).encode()
    descriptor = anonymous_file()
    write_all(descriptor, pixels.reshape(-1).view(np.uint8).data)
    write_all(descriptor, rest)
    return descriptor, {"shape": pixels.shape, "dtype": str(pixels.dtype), "bytes": pixels.nbytes, "rest": len(rest)}


def receive_scan(descriptor: int, header: dict[str, Any]) -> Scan:
    """Return the scan in a descriptor; its pixels are memory-mapped and writable."""
    size = header["bytes"]
    mapped = mmap.mmap(descriptor, size + header["rest"], access=mmap.ACCESS_COPY)
    pixels = np.frombuffer(mapped, header["dtype"], count=int(np.prod(header["shape"]))).reshape(header["shape"])
    document = json.loads(mapped[size:])
    found = document["metadata"]
    for key in ("icc", "icc_name", "exif", "xmp", "iptc", "photoshop"):
        found[key] = _bytes(found[key])
    found["dpi"] = tuple(found["dpi"]) if found["dpi"] else None
    found["png_chunks"] = tuple((_bytes(kind), _bytes(content)) for kind, content in found["png_chunks"])
    carried = tuple(Item(**item | {"numbers": tuple(item["numbers"])}) for item in document["carried"])
    tones = Tones(document["white"]) if document["white"] else None
    info, notes = ScanInfo(**document["info"]), tuple(document["notes"])
    return Scan(pixels, info, Metadata(**found), document["doubt"], notes, carried, tones)


def _text(value: Any) -> str:
    """Return bytes as text for JSON."""
    return base64.b85encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    """Return text from `_text` as bytes again."""
    return None if value is None else base64.b85decode(value)
