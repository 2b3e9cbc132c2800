"""Name the file that says that a scan's files are being written."""

from __future__ import annotations

import hashlib

from pipeline import storage
from pipeline.stages.batch import FOLDER


def marker_uri(output: str, output_path: str) -> str:
    """Return the URI of the file that lies in the output while a scan's files are written, by whatever process."""
    name = hashlib.sha256(output_path.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return storage.join(output, FOLDER, f"{name}.writing")
