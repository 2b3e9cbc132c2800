"""IDX files, the format of MNIST."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_idx(path: Path, values: NDArray[Any]) -> None:
    """Write an array of unsigned bytes as a plain IDX file, or gzipped when the name ends in ``.gz``."""
    exact = np.ascontiguousarray(values, dtype=np.uint8)
    header = struct.pack(f">HBB{exact.ndim}I", 0, 0x08, exact.ndim, *exact.shape)
    data = header + exact.tobytes()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
