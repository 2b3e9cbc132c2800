"""Check that a BagIt bag is valid: every file that its manifest names is there, with the checksum it names."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline import storage
from pipeline.errors import StoreUnavailable
from pipeline.escape import quoted
from pipeline.inbox.bagit import PAYLOAD, InvalidManifest, find_manifest, parse_manifest
from pipeline.inbox.identify import fingerprint
from pipeline.inbox.ignored import Ignored, why_ignored
from pipeline.ledger import checksums
from pipeline.ledger.database import Ledger
from pipeline.storage import Entry

# Seconds between two writes of calculated checksums to the ledger: an interrupted check repeats no more than this.
SAVE_SECONDS = 5.0
# Files that a message names.
NAMED = 3


@dataclass(frozen=True)
class BagCheck:
    """The result of checking a bag.

    Attributes:
        valid: whether everything the manifest names is there with the right checksum, and nothing else.
        problem: a sentence that names the files, empty for a valid bag.
        incomplete: whether the only problem is that something has not arrived yet.
        files: how many the manifest names.
        read: files whose checksum was calculated now; the others have not changed since they were read before.
    """

    valid: bool
    problem: str = ""
    incomplete: bool = False
    files: int = 0
    read: int = 0


def check(root: str, ledger: Ledger) -> BagCheck:
    """Return whether the bag in a folder or prefix is valid now.

    Nothing is read before everything that the manifest names is there, and nothing unchanged is read twice.

    Raises:
        StoreUnavailable: store or ledger did not answer.
    """
    try:
        entries = {entry.path: entry for entry in storage.list_files(root)}
        manifest = find_manifest(entries)
        if manifest is None:
            return BagCheck(False, "there is no manifest-sha256.txt (or sha512, or md5) yet", incomplete=True)
        name, algorithm = manifest
        listed = parse_manifest(storage.read_bytes(entries[name].uri), algorithm, name)
    except InvalidManifest as error:
        return BagCheck(False, str(error))
    except FileNotFoundError:
        return BagCheck(False, "it was removed while it was being checked", incomplete=True)
    found, missing = _match_files(root, listed, entries)
    if missing:
        return BagCheck(False, _describe(missing, "is not there", "are not there"), True, len(listed))
    extra = sorted(_payload(entries) - {entry.path for entry in found.values()})
    if extra:
        return BagCheck(False, _describe(extra, f"is not in {name}", f"are not in {name}"), False, len(listed))
    return _compare_checksums(listed, found, algorithm, ledger)


def _compare_checksums(listed: dict[str, str], found: Mapping[str, Entry], algorithm: str, ledger: Ledger) -> BagCheck:
    """Return the result for a bag in which nothing is missing."""
    fingerprints = {entry.uri: fingerprint(entry) for entry in found.values()}
    with ledger.read() as session:
        digests = checksums.known(session, algorithm, fingerprints)
    unsaved: dict[str, tuple[str, str]] = {}
    saved, read, unreadable = time.monotonic(), 0, []
    for path, entry in found.items():
        if entry.uri in digests:
            continue
        try:
            digests[entry.uri] = storage.digest(entry.uri, algorithm)
        except StoreUnavailable:
            _save(ledger, algorithm, unsaved)
            raise
        except OSError:
            unreadable.append(path)
            continue
        read += 1
        unsaved[entry.uri] = fingerprints[entry.uri], digests[entry.uri]
        if time.monotonic() - saved > SAVE_SECONDS:
            _save(ledger, algorithm, unsaved)
            saved = time.monotonic()
    _save(ledger, algorithm, unsaved)
    wrong = [path for path, entry in found.items() if digests.get(entry.uri, listed[path]) != listed[path]]
    problem = _describe(unreadable, "cannot be read", "cannot be read") if unreadable else ""
    if wrong:
        one, many = (f"{verb} not have the {algorithm} that the manifest names" for verb in ("does", "do"))
        problem = _describe(wrong, one, many)
    return BagCheck(not problem, problem, False, len(listed), read)


def _save(ledger: Ledger, algorithm: str, unsaved: dict[str, tuple[str, str]]) -> None:
    """Write calculated checksums to the ledger, and clear them here."""
    if unsaved:
        with ledger.write() as session:
            checksums.record(session, algorithm, unsaved)
    unsaved.clear()


def _match_files(root: str, listed: dict[str, str], entries: dict[str, Entry]) -> tuple[dict[str, Entry], list[str]]:
    """Return the entries of the files that a manifest names, by the manifest's spelling, and the names without one."""
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
    """Return the paths of a bag's payload, without what a system leaves in every folder that somebody has opened.

    A folder that is named like an image does not count either.
    """
    return {
        path
        for path, entry in entries.items()
        if path.startswith(PAYLOAD) and entry.kind != "directory" and why_ignored(path) is not Ignored.SYSTEM
    }


def _describe(paths: list[str], one: str, many: str) -> str:
    """Return a sentence about files that names the first of them."""
    named = ", ".join(quoted(path) for path in paths[:NAMED])
    rest = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{named}{rest} {one if len(paths) == 1 else many}"
