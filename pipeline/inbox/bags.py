"""Whether a BagIt bag has arrived whole: every file that its manifest names is there, with the checksum it names."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline import logs, storage
from pipeline.errors import StoreUnavailable
from pipeline.inbox.bag_manifest import PAYLOAD, BadManifest, manifest_of, parse
from pipeline.inbox.identify import fingerprint
from pipeline.ledger import checksums
from pipeline.ledger.database import Ledger
from pipeline.storage import Entry

# Seconds after which what was calculated is kept: a check that dies repeats no more than this.
KEEP_EVERY = 5.0
# Files that a message names.
NAMED = 3


@dataclass(frozen=True)
class Verdict:
    """What a bag was found to be.

    Attributes:
        whole: whether everything the manifest names is there and unharmed, and nothing else.
        problem: a sentence that names the files, empty when it is whole.
        arriving: whether what is wrong is only that something is not there yet.
        files: that the manifest names.
        read: files whose checksum was calculated now; the others had not changed since they were read before.
    """

    whole: bool
    problem: str = ""
    arriving: bool = False
    files: int = 0
    read: int = 0


def check(root: str, ledger: Ledger) -> Verdict:
    """Return what the bag at a folder or prefix is now.

    Nothing is read before all that the manifest names is there; and nothing is read twice that has not changed.

    Raises:
        StoreUnavailable: store or ledger did not answer.
    """
    try:
        entries = {entry.path: entry for entry in storage.list_files(root)}
        manifest = manifest_of(entries)
        if manifest is None:
            return Verdict(False, "there is no manifest-sha256.txt (or sha512, or md5) yet", arriving=True)
        name, algorithm = manifest
        listed = parse(storage.read_bytes(entries[name].uri), algorithm, name)
    except BadManifest as error:
        return Verdict(False, str(error))
    except FileNotFoundError:
        return Verdict(False, "it was removed while it was looked at", arriving=True)
    found, missing = _paired(root, listed, entries)
    if missing:
        return Verdict(False, _files(missing, "is not there", "are not there"), True, len(listed))
    extra = sorted(_payload(entries) - {entry.path for entry in found.values()})
    if extra:
        return Verdict(False, _files(extra, f"is not in {name}", f"are not in {name}"), False, len(listed))
    return _compared(listed, found, algorithm, ledger)


def _compared(listed: dict[str, str], found: Mapping[str, Entry], algorithm: str, ledger: Ledger) -> Verdict:
    """Return the verdict on a bag in which nothing is missing."""
    marks = {entry.uri: fingerprint(entry) for entry in found.values()}
    with ledger.read() as session:
        digests = checksums.known(session, algorithm, marks)
    new: dict[str, tuple[str, str]] = {}
    kept, read, gone = time.monotonic(), 0, []
    for path, entry in found.items():
        if entry.uri in digests:
            continue
        try:
            digests[entry.uri] = storage.digest(entry.uri, algorithm)
        except StoreUnavailable:
            _keep(ledger, algorithm, new)
            raise
        except OSError:
            gone.append(path)
            continue
        read += 1
        new[entry.uri] = marks[entry.uri], digests[entry.uri]
        if time.monotonic() - kept > KEEP_EVERY:
            _keep(ledger, algorithm, new)
            kept = time.monotonic()
    _keep(ledger, algorithm, new)
    wrong = [path for path, entry in found.items() if digests.get(entry.uri, listed[path]) != listed[path]]
    problem = _files(gone, "cannot be read", "cannot be read") if gone else ""
    if wrong:
        has, have = (f"{verb} not the {algorithm} that the manifest names" for verb in ("has", "have"))
        problem = _files(wrong, has, have)
    return Verdict(not problem, problem, False, len(listed), read)


def _keep(ledger: Ledger, algorithm: str, new: dict[str, tuple[str, str]]) -> None:
    """Write down what was calculated, and forgets it here."""
    if new:
        with ledger.write() as session:
            checksums.record(session, algorithm, new)
    new.clear()


def _paired(root: str, listed: dict[str, str], entries: dict[str, Entry]) -> tuple[dict[str, Entry], list[str]]:
    """Return the files that a manifest names by its spelling of the path, and the names of which there is no file."""
    composed = {unicodedata.normalize("NFC", path): entry for path, entry in entries.items()}
    found, missing = {}, []
    for path in listed:
        entry = entries.get(path) or composed.get(unicodedata.normalize("NFC", path))
        if entry is None and any(part.startswith(".") for part in path.split("/")):
            # A listing leaves hidden names out; a manifest may well have them.
            uri = storage.join(root, path)
            entry = Entry(path, uri, 0, time.time(), "", "file") if storage.exists(uri) else None
        if entry is None or entry.kind != "file":
            missing.append(path)
        else:
            found[path] = entry
    return found, missing


def _payload(entries: dict[str, Entry]) -> set[str]:
    """Return what a bag holds; a folder that is named like an image is no content by itself."""
    return {path for path, entry in entries.items() if path.startswith(PAYLOAD) and entry.kind != "directory"}


def _files(paths: list[str], one: str, many: str) -> str:
    """Return a sentence about files that names the first of them."""
    named = ", ".join(logs.quoted(path) for path in paths[:NAMED])
    rest = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{named}{rest} {one if len(paths) == 1 else many}"
