"""Reserve names in the output: each belongs permanently to one path of the inbox."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pipeline.ledger.rows import insert
from pipeline.ledger.tables import Publication

# What names in the output end with: a folder that does may meet a file of its name.
OUTPUT_SUFFIXES = (".png", ".tif", ".json", ".xmp")
# Bytes of a name that leave room for `.reason.json` or a distinguishing suffix.
LONGEST = 230


def reserve(session: Session, collection: str, path: str, scan_id: int, found: str = "") -> str:
    """Return the stem under which the results of a path are published; it never changes.

    The first of `box/a.jpg` and `box/a.png` gets `box/a`, the second `box/a.png`, so that neither overwrites the
    other's derivative, mask or sidecar. A bucket may hold `a.tif` and `a.tif/b.tif`, and a disk cannot: the second is
    published below `a.tif~`.

    Args:
        path: relative to the inbox.
        scan_id: of the content that is at the path now.
        found: stem under which its results lie already, which the ledger does not know; empty without any.
    """
    free = candidates(_without_clashes(session, collection, path, scan_id))
    for stem in (*filter(None, (found,)), *free):
        statement = insert(session, Publication).values(
            collection=collection, key=key(stem), stem=stem, path=path, scan_id=scan_id
        )
        session.execute(statement.on_conflict_do_nothing())
        owned = session.scalars(
            select(Publication).where(Publication.collection == collection, Publication.path == path)
        ).first()
        if owned is not None:
            if owned.scan_id != scan_id:
                session.execute(update(Publication).where(Publication.id == owned.id).values(scan_id=scan_id))
            return owned.stem
    raise AssertionError(f"no name is free for {path!r}")  # the last candidate carries a digest of the path


def _without_clashes(session: Session, collection: str, path: str, scan_id: int) -> str:
    """Return a path in which no folder has the name of a file that is published; reserve the names of its folders."""
    folders = path.split("/")[:-1]
    for index, folder in enumerate(folders):
        if not folder.lower().endswith(OUTPUT_SUFFIXES):
            continue
        whole = "/".join(folders[: index + 1])
        statement = insert(session, Publication).values(
            collection=collection,
            key=key(whole.rpartition(".")[0]),
            stem=whole.rpartition(".")[0],
            path=f"{whole}/",
            scan_id=scan_id,
        )
        session.execute(statement.on_conflict_do_nothing())
        owned = select(Publication.id).where(Publication.collection == collection, Publication.path == f"{whole}/")
        if session.scalars(owned).first() is None:
            folders[index] = f"{folder}~"
    return "/".join([*folders, path.rpartition("/")[2]])


def key(stem: str) -> str:
    """Return a stem as a file system that ignores case and Unicode composition compares it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


def shortened(path: str) -> str:
    """Return a path whose name leaves room for a longer suffix; file systems allow 255 bytes."""
    folder, slash, name = path.rpartition("/")
    if len(name.encode()) <= LONGEST:
        return path
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{folder}{slash}{name.encode()[: LONGEST - 10].decode(errors='ignore')}~{mark}"


def candidates(path: str) -> Iterator[str]:
    """Yield the stems under which the results of a path may be published, the first that is free first."""
    folder, slash, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    plain = shortened(folder + slash + (stem if dot and stem else name))
    digest = hashlib.sha256(path.encode()).hexdigest()
    yield from (plain, shortened(path), f"{plain}~{digest[:8]}", f"{folder}{slash}{digest}")
