"""Sign derivatives and access copies, and keep the credentials of masters, which no derivative can carry."""

from __future__ import annotations

import hashlib
import json

from pipeline import storage
from pipeline.provenance.credentials import MEDIA_TYPES, Edit, Parent, Unsigned, is_configured, sign_beside, sign_inside
from pipeline.provenance.sidecar import CredentialsFile, Signed
from pipeline.scans.content_credentials import find_credentials
from pipeline.scans.xmp_disclosure import Disclosure
from pipeline.stages.batch import BatchContext
from pipeline.stages.scan_row import ScanRow

JPEG_ACTIONS = ("c2pa.resized", "c2pa.transcoded")


def credentials_uri(restored_uri: str) -> str:
    """Return the URI of the manifest beside a derivative."""
    return f"{restored_uri[: restored_uri.rindex('.')]}.c2pa"


def publish_credentials(batch: BatchContext, row: ScanRow, restored_uri: str, said: Disclosure) -> Signed | None:
    """Sign a derivative, write its manifest beside it, and return what the sidecar says of it.

    Returns:
        None where no certificate is configured; with a problem and without a file where it could not be signed.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    if not is_configured():
        return None
    uri = credentials_uri(restored_uri)
    media_type = MEDIA_TYPES["TIFF" if restored_uri.endswith(".tif") else "PNG"]
    try:
        with storage.open_read(restored_uri) as picture, storage.open_read(row.uri) as master:
            name = restored_uri.rpartition("/")[2]
            data = sign_beside(picture, media_type, name, _parent(row), master, _edit(row, said))
    except Unsigned as error:
        return Signed(None, None, None, str(error))
    storage.write_bytes(uri, data)
    path = uri.removeprefix(batch.output).lstrip("/")
    return Signed(path, uri, hashlib.sha256(data).hexdigest(), None)


def signed_copy(copy: bytes, row: ScanRow, said: Disclosure) -> bytes:
    """Return an access copy with its manifest in it; as it was where it cannot be signed, as its derivative cannot."""
    if not is_configured():
        return copy
    try:
        with storage.open_read(row.uri) as master:
            name = f"{row.output_path.rpartition('/')[2]}.jpg"
            return sign_inside(copy, MEDIA_TYPES["JPEG"], name, _parent(row), master, _edit(row, said, JPEG_ACTIONS))
    except Unsigned:
        return copy


def keep_master_credentials(batch: BatchContext, row: ScanRow) -> CredentialsFile | None:
    """Write the credentials that a master has itself beside its sidecar, as they are; None where it has none."""
    with storage.open_read(row.uri) as stream:
        data = find_credentials(stream)
    if data is None:
        return None
    path = f"sidecars/{row.output_path}.master.c2pa"
    storage.write_bytes(batch.output_uri(path), data)
    return CredentialsFile(path, batch.output_uri(path), hashlib.sha256(data).hexdigest())


def _parent(row: ScanRow) -> Parent:
    return Parent(row.path.rpartition("/")[2], row.sha256, row.format)


def _edit(row: ScanRow, said: Disclosure, also: tuple[str, ...] = ()) -> Edit:
    """Return what was done; the regions are those of the full picture, which a reduced copy has not."""
    components = [] if also else json.loads(row.components_json or "[]")
    regions = [tuple(one["box"]) for one in components if one["level"] == "repair" and not one.get("left")]
    return Edit(said.source_type, row.engine, row.engine_digest, regions, also)
