"""Publish IIIF manifests of results, where a collection says under which addresses they are served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from pipeline import storage
from pipeline.ledger.current_files import current_files
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import Batch, OutcomeRow, Publication
from pipeline.provenance import iiif
from pipeline.reports.language import Language
from pipeline.settings import Iiif
from pipeline.stages.derivative_note import derivative_note

# Manifests in one part of a collection: viewers load a part whole.
PART = 1000


def publish_manifest(settings: Iiif | None, output: str, language: str, stem: str, sidecar: Mapping[str, Any]) -> None:
    """Write the manifest of a scan, as its sidecar has it now; nothing without the setting.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    if settings is None:
        return
    data = iiif.manifest(sidecar, stem, _addresses(settings), _words(sidecar, language))
    storage.write_bytes(storage.join(output, iiif.manifest_path(stem)), data)


def publish_manifest_again(settings: Mapping[str, Any], output: str, stem: str, sidecar: Mapping[str, Any]) -> None:
    """Write the manifest of a scan on which a person has decided.

    Args:
        settings: of the collection, as its batch began; empty of an older batch, which has no manifests.
    """
    given = settings.get("iiif")
    addresses = Iiif.model_validate(given) if given else None
    publish_manifest(addresses, output, str(settings.get("language", "en")), stem, sidecar)


def publish_collection(ledger: Ledger, settings: Iiif | None, output: str, name: str, title: str) -> None:
    """Write the collection of all manifests, in parts; nothing without the setting.

    Results of batches that had no such setting have no manifest, and are left out.

    Args:
        output: URI of the collection's results, without a trailing slash.
        name, title: of the collection.

    Raises:
        StoreUnavailable: store or ledger did not answer.
    """
    if settings is None:
        return
    addresses, last, served = _addresses(settings), "", _batches(ledger, name)
    parts: list[tuple[str, str, str]] = []
    while True:
        query = current_files(name, output).with_only_columns(Publication.key, Publication.stem, OutcomeRow.batch_id)
        with ledger.read() as session:
            rows = session.execute(query.where(Publication.key > last).order_by(Publication.key).limit(PART)).all()
        if not rows:
            break
        last, stems = rows[-1].key, [row.stem for row in rows if row.batch_id in served]
        if not stems:
            continue
        address = addresses.collection(len(parts) + 1)
        items = [(addresses.manifest(stem), "Manifest", stem) for stem in stems]
        label = f"{stems[0]} – {stems[-1]}"
        data = iiif.collection(address, label, items)
        storage.write_bytes(storage.join(output, iiif.collection_path(len(parts) + 1)), data)
        parts.append((address, "Collection", label))
    data = iiif.collection(addresses.collection(), title, parts)
    storage.write_bytes(storage.join(output, iiif.collection_path()), data)


def _batches(ledger: Ledger, collection: str) -> set[int]:
    """Return the batches of a collection that have written manifests."""
    with ledger.read() as session:
        settings = session.execute(select(Batch.id, Batch.settings).where(Batch.collection == collection))
        return {key for key, found in settings if found.get("iiif")}


def _addresses(settings: Iiif) -> iiif.Addresses:
    return iiif.Addresses(settings.images, settings.originals or settings.images, settings.files)


def _words(sidecar: Mapping[str, Any], language: str) -> iiif.Words:
    t = Language(language)
    engine, mask = sidecar["engine"] or {}, sidecar["mask"]
    note = ""
    if sidecar["output"]:
        note = derivative_note(mask["coverage"], mask["source"], engine["name"], language)
    return iiif.Words(language, t("iiif.original"), t("iiif.restored"), t("iiif.statement"), note, t("iiif.sidecar"))
