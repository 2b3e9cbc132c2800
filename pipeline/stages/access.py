"""Publish access copies of derivatives, where a collection wants them."""

from __future__ import annotations

import hashlib
import io

from PIL import Image

from pipeline import storage
from pipeline.provenance.sidecar import AccessCopy
from pipeline.scans import Scan
from pipeline.scans.access_copy import access_jpeg
from pipeline.scans.xmp_disclosure import Disclosure, disclosed
from pipeline.stages.batch import BatchContext

FOLDER = "access"


def access_uri(batch: BatchContext, stem: str) -> str:
    """Return the URI of the access copy of a scan."""
    return batch.output_uri(FOLDER, f"{stem}.jpg")


def make_access_copy(batch: BatchContext, derivative: Scan, said: Disclosure) -> bytes | None:
    """Return the access copy of a derivative; None where the collection wants none.

    Args:
        derivative: with the disclosure in its XMP.
        said: that disclosure alone, for a packet that is too long for a JPEG.
    """
    wanted = batch.collection.access
    if wanted is None:
        return None
    return access_jpeg(
        derivative,
        long_side=wanted.long_side,
        quality=wanted.quality,
        packets=(derivative.metadata.xmp, disclosed(None, said)),
        note=wanted.note,
    )


def publish_access_copy(batch: BatchContext, stem: str, data: bytes) -> AccessCopy:
    """Write an access copy and return what the sidecar says of it.

    Raises:
        StoreUnavailable, OutputNotWritable: it was not written.
    """
    uri = access_uri(batch, stem)
    storage.write_bytes(uri, data)
    with Image.open(io.BytesIO(data)) as picture:
        width, height = picture.size
    sha256 = hashlib.sha256(data).hexdigest()
    return AccessCopy(f"{FOLDER}/{stem}.jpg", uri, sha256, len(data), width, height)
