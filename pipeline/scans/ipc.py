"""Send a scan through a file descriptor: pixels, then everything else as JSON; nothing is pickled."""

from __future__ import annotations

import base64
import errno
import json
import math
import os
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.imaging.mapped import SMALL, Mapping, mapping_of, unnamed_file, write_all
from pipeline.scans.metadata_item import Item
from pipeline.scans.model import Metadata, Scan, ScanInfo
from pipeline.scans.tones import Tones

BLOCK = 1 << 20


def spooled(descriptor: int, size: int) -> Mapping:
    """Return a copy of a file, mapped: it cannot change, and no error of its store can end the process later.

    Raises:
        NoRoom: the disk for temporary files is full.
        OSError: the file cannot be read, or was emptied meanwhile.
    """
    target = unnamed_file(size)
    try:
        at = 0
        while block := os.pread(descriptor, BLOCK, at):
            write_all(target, block, at)
            at += len(block)
        if not at:
            raise OSError(errno.ESTALE, "it was emptied while it was read")
        return Mapping.of(target, at)
    finally:
        os.close(target)


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
    mapped = mapping_of(pixels)
    # Decoded into a file of their own, they need no other.
    is_file = mapped is not None and len(mapped) == pixels.nbytes
    descriptor = os.dup(mapped.descriptor) if mapped is not None and is_file else unnamed_file(pixels.nbytes)
    try:
        if not is_file:
            write_all(descriptor, pixels.reshape(-1).view(np.uint8).data, 0)
        write_all(descriptor, rest, pixels.nbytes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, {"shape": pixels.shape, "dtype": str(pixels.dtype), "bytes": pixels.nbytes, "rest": len(rest)}


def receive_scan(descriptor: int, header: dict[str, Any]) -> Scan:
    """Return the scan in a descriptor; its pixels are read-only, and memory-mapped where they are not small."""
    size, whole = header["bytes"], header["bytes"] + header["rest"]
    data = os.pread(descriptor, whole, 0) if whole <= SMALL else Mapping.of(descriptor, whole)
    count = math.prod(header["shape"])
    pixels = np.frombuffer(data, header["dtype"], count).reshape(header["shape"])
    document = json.loads(data[size:])
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
