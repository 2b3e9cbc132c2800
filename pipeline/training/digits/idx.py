"""Read IDX files (the format of MNIST), plain or gzipped; headers are validated."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigurationError

UNSIGNED_BYTE = 0x08
MAX_BYTES = 1 << 30
"""Larger files are refused before memory is allocated: a header may announce any size."""

GZIP_MAGIC = b"\x1f\x8b"
REMEDY = "fetch the file again, or point --data at a folder with the four MNIST files"


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes, uint8 with ``dimensions`` axes (3 for images, 1 for labels).

    Gzip is recognised by its content, not by the name. Raises ``ConfigurationError`` naming the file and the remedy
    when it is missing, truncated, too long or not an IDX file of that shape.
    """
    data = _content(path)
    header = 4 + 4 * dimensions
    if len(data) < header:
        raise ConfigurationError(f"{path} ends inside its header ({len(data)} of {header} bytes): {REMEDY}")
    zeros, kind, axes = struct.unpack_from(">HBB", data)
    if zeros != 0 or kind != UNSIGNED_BYTE or axes != dimensions:
        raise ConfigurationError(
            f"{path} is not an IDX file of unsigned bytes with {dimensions} dimension(s): it begins with "
            f"{data[:4].hex()}, expected {UNSIGNED_BYTE << 8 | dimensions:08x}: {REMEDY}"
        )
    shape: tuple[int, ...] = struct.unpack_from(f">{dimensions}I", data, 4)
    size = math.prod(shape)
    held = len(data) - header
    if held != size:
        sizes = "×".join(str(side) for side in shape)
        trouble = "is truncated" if held < size else "is longer than its header says"
        raise ConfigurationError(f"{path} {trouble}: {sizes} = {size} bytes announced, {held} found: {REMEDY}")
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape).copy()


def _content(path: Path) -> bytes:
    """Return the unpacked bytes of the file."""
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == GZIP_MAGIC
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            data: bytes = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} does not exist: {REMEDY}") from error
    except IsADirectoryError as error:
        raise ConfigurationError(f"{path} is a folder, not an IDX file: {REMEDY}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ConfigurationError(f"{path} is a damaged gzip file ({error}): {REMEDY}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror or error}): {REMEDY}") from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path} holds more than {MAX_BYTES >> 20} MiB: {REMEDY}")
    return data
