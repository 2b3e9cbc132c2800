"""What a result consists of, read from its sidecar and its masks; never from a path of a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline import storage
from pipeline.imaging.connected_components import ConnectedComponents
from pipeline.imaging.orientation import upright_size
from pipeline.ledger.reviews import QueueEntry
from pipeline.review.pictures.planes import MaskFile, read_components


@dataclass(frozen=True)
class Source:
    """The files of one result.

    Attributes:
        original_uri, restored_uri: of master and derivative; the second empty without one.
        orientation: EXIF orientation of the master.
        width, height: as a viewer shows it.
        components: what the sidecar says of each component of the mask.
    """

    original_uri: str
    original_sha256: str
    restored_uri: str
    restored_sha256: str
    mask_uri: str
    mask_sha256: str
    suggested_uri: str
    suggested_sha256: str
    orientation: int
    width: int
    height: int
    components: list[dict[str, Any]]
    sidecar: dict[str, Any]

    @property
    def seen(self) -> str:
        """The sha256 of what a person looks at."""
        return self.restored_sha256 or self.original_sha256

    def filled(self) -> ConnectedComponents:
        """Return what was filled, upright; nothing where there is no derivative."""
        return self._components([(self.mask_uri, self.mask_sha256)] if self.restored_uri else [])

    def open(self) -> ConnectedComponents:
        """Return what was left to a person, upright: of a scan without a derivative all that is marked."""
        files = [(self.suggested_uri, self.suggested_sha256)]
        if not self.restored_uri:
            files.append((self.mask_uri, self.mask_sha256))
        return self._components(files)

    def _components(self, files: list[MaskFile]) -> ConnectedComponents:
        there = tuple(file for file in files if file[0])
        return read_components(there, self.orientation, (self.height, self.width))


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
        mask_sha256=outcome.mask_sha256,
        suggested_uri=outcome.suggested_uri,
        suggested_sha256=outcome.suggested_sha256,
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
