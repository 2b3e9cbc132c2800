"""What a result consists of, read from its sidecar and its masks; never from a path of a request."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import storage
from pipeline.imaging.orientation import upright, upright_size
from pipeline.ledger.reviews import QueueEntry


@dataclass(frozen=True)
class Source:
    """The files of one result.

    Attributes:
        original_uri, restored_uri: of master and derivative; the second empty without one.
        orientation: EXIF orientation of the master.
        width, height: as a viewer shows it.
        components: what the sidecar tells of each component of the mask.
    """

    original_uri: str
    original_sha256: str
    restored_uri: str
    restored_sha256: str
    mask_uri: str
    suggested_uri: str
    orientation: int
    width: int
    height: int
    components: list[dict[str, Any]]
    sidecar: dict[str, Any]

    @property
    def seen(self) -> str:
        """The sha256 of what a person looks at."""
        return self.restored_sha256 or self.original_sha256

    def filled(self) -> NDArray[np.uint8]:
        """Return the mask of what was filled (H,W) uint8 0 or 255, upright; in a review what would be."""
        return self._plane(self.mask_uri)

    def suggested(self) -> NDArray[np.uint8]:
        """Return the mask of open marks (H,W) uint8 0 or 255, upright."""
        return self._plane(self.suggested_uri)

    def _plane(self, uri: str) -> NDArray[np.uint8]:
        if not uri:
            return np.zeros((self.height, self.width), np.uint8)
        with Image.open(io.BytesIO(storage.read_bytes(uri))) as picture:
            stored = np.asarray(picture.convert("L"))
        return np.ascontiguousarray(upright(np.where(stored > 127, np.uint8(255), np.uint8(0)), self.orientation))


def source_of(entry: QueueEntry) -> Source:
    """Return the files of a result.

    Raises:
        FileNotFoundError: the sidecar is gone.
        StoreUnavailable: the store did not answer.
    """
    sidecar = _sidecar(entry.outcome.sidecar_uri, entry.outcome.sidecar_sha256)
    master = sidecar["master"]
    orientation = int(master["orientation"] or 1)
    width, height = upright_size(entry.scan.width, entry.scan.height, orientation)
    outcome = entry.outcome
    return Source(
        original_uri=master["uri"],
        original_sha256=entry.scan.sha256,
        restored_uri=outcome.restored_uri,
        restored_sha256=outcome.restored_sha256,
        mask_uri=outcome.mask_uri,
        suggested_uri=outcome.suggested_uri,
        orientation=orientation,
        width=width,
        height=height,
        components=sidecar["mask"]["components"],
        sidecar=sidecar,
    )


@lru_cache(maxsize=64)
def _sidecar(uri: str, sha256: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(storage.read_bytes(uri))
    return document
