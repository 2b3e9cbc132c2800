"""Write a BagIt bag (RFC 8493) of results: derivatives, masks, sidecars, PREMIS, reports, and masters or their places.

Memory does not grow with the number of files: manifests, PREMIS and METS grow on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from pipeline import storage
from pipeline.errors import ConfigurationError, RestorationError
from pipeline.escape import quoted
from pipeline.inbox.bagit import PAYLOAD
from pipeline.ledger.current_files import ScanFiles, reload
from pipeline.ledger.database import Ledger
from pipeline.ledger.history import history
from pipeline.preservation.bag_content import Selection, name_in_bag, select_scans
from pipeline.preservation.bag_info import bag_info, last_settings
from pipeline.preservation.bag_manifests import Manifests
from pipeline.preservation.bag_target import BagTarget, open_target
from pipeline.preservation.checked_copy import SHA256, SHA512, Differs, copy_checked, read_checked
from pipeline.preservation.master_places import MASTER, master_uris, recorded_uri
from pipeline.preservation.mets import MetsWriter
from pipeline.provenance.premis import PremisWriter
from pipeline.provenance.premis_history import tell_premis
from pipeline.stages.cleanup import WITHDRAWN
from pipeline.stages.tempdir import temporary_folder
from pipeline.upkeep.outputs import Output, files_below, outputs_at

DECLARED = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PREMIS = "metadata/preservation/premis.xml"
METS = "METS.xml"
REPORTS = "reports"
# Files that an error names.
NAMED = 5
# What changes each time it is read is being changed by somebody.
ATTEMPTS = 3

Progress = Callable[[int, int], object]


class Masters(StrEnum):
    """How masters go into a bag."""

    COPY = "copy"
    """As copies."""
    FETCH = "fetch"
    """By their place and checksum in `fetch.txt`; whoever receives the bag gets them from there."""
    NONE = "none"
    """Not at all; sidecars and PREMIS have their checksums."""


class BagIncomplete(RestorationError):
    """Files are missing or differ from the ledger; the bag is not finished, and the message names the first of them."""


@dataclass
class Bag:
    """A finished bag.

    Attributes:
        files, bytes: of the payload, files to fetch included.
        left_out: scans that were replaced by newer ones while the bag was written.
        wrong, named: files that are missing or differ, and sentences about the first of them; none in a finished bag.
    """

    uri: str
    scans: int = 0
    files: int = 0
    bytes: int = 0
    left_out: int = 0
    wrong: int = 0
    named: list[str] = field(default_factory=list)


def write_bag(
    ledger: Ledger,
    output: Output,
    uri: str,
    *,
    batch: str = "",
    masters: Masters = Masters.COPY,
    sha512: bool = False,
    mets: bool = False,
    progress: Progress | None = None,
) -> Bag:
    """Write a bag of what an output has, and return it; it appears when it is whole.

    Every file is compared with the ledger's checksum while it is copied. The same call continues a bag that was
    interrupted: what is there is read, and not copied again.

    Args:
        uri: of the bag: a folder that does not exist or is empty, or a prefix in a bucket without objects.
        batch: name of a batch, whose results and reports are taken; all of the collection by default.
        mets: also write a METS file around it.
        progress: called with scans done and scans in all.

    Raises:
        ConfigurationError: there is something at the place, it overlaps with what is read, there is no such batch, or
            nothing was published.
        BagIncomplete: files are missing or changed.
        StoreUnavailable, OutputNotWritable: run it again to go on.
    """
    storage.refuse_overlap(uri, output.uri, *output.inboxes)
    selection = select_scans(ledger, output, batch)
    if not selection.scans:
        what = f"batch {batch!r} of {output.collection!r}" if batch else repr(output.collection)
        raise ConfigurationError(f"{what} has no results in {output.uri}: there is nothing to put into a bag")
    described = {
        "collection": output.collection, "output": output.uri, "batch": batch, "masters": str(masters),
        "algorithms": SHA512 if sha512 else SHA256, "mets": str(mets),
    }  # fmt: skip
    target = open_target(uri, described)
    with temporary_folder() as folder:
        writer = _BagWriter(ledger, selection, target, masters, [SHA256, *([SHA512] if sha512 else [])], folder)
        return writer.write(mets=mets, progress=progress)


class _BagWriter:
    """Writes one bag."""

    def __init__(
        self,
        ledger: Ledger,
        selection: Selection,
        target: BagTarget,
        masters: Masters,
        algorithms: Sequence[str],
        folder: Path,
    ) -> None:
        self.ledger, self.selection, self.target, self.masters = ledger, selection, target, masters
        self.output, self.folder = selection.output, folder
        self.manifests = Manifests(folder, algorithms)
        self.mets = MetsWriter(folder)
        self.inboxes = list(reversed(self.output.inboxes))
        self.settings = last_settings(ledger, self.output.collection)
        self.bag = Bag(target.uri)

    def write(self, *, mets: bool, progress: Progress | None) -> Bag:
        """Write everything and return the finished bag."""
        premis = self.folder / "premis.xml"
        with premis.open("wb") as stream, PremisWriter(stream) as writer:
            for page in self.selection.pages(self.ledger):
                for files in page:
                    current = self._add_scan(files)
                    if current is not None:
                        with self.ledger.read() as session:
                            tell_premis(writer, history(session, current.scan))
                    if progress is not None:
                        progress(self.bag.scans + self.bag.left_out, self.selection.scans)
        self._add_reports()
        if self.bag.wrong:
            raise BagIncomplete(self._incomplete())
        self._add_own(PREMIS, premis)
        if mets:
            path = self.folder / METS
            self.mets.write(path, self.settings.get("title") or self.output.collection, PREMIS)
            self._add_own(METS, path)
        self._remove_strays()
        self._finish()
        return self.bag

    def _add_scan(self, files: ScanFiles) -> ScanFiles | None:
        """Add the files of a scan as it is now and return it; None when a newer one has taken its place."""
        for _ in range(ATTEMPTS):
            added, wrong = self._copy_scan(files)
            if not wrong:
                break
            with self.ledger.read() as session:
                current = reload(session, files, self.output.uri)
            if current is None or (self.selection.batch and current.batch != self.selection.batch):
                self.bag.left_out += 1
                return None
            if list(current.published()) == list(files.published()):
                break
            files = current
        self.bag.wrong += len(wrong)
        self.bag.named += wrong[: NAMED - len(self.bag.named)]
        for path, size, digests, fetch in added:
            self._record(path, size, digests, fetch)
        self.bag.scans += 1
        return files

    def _copy_scan(self, files: ScanFiles) -> tuple[list[tuple[str, int, dict[str, str], str]], list[str]]:
        """Copy the files of a scan.

        Returns:
            path, size, digests and URL of each, and a sentence on each that is wrong.
        """
        added, wrong = [], []
        for role, uri, sha256 in files.published():
            if _is_withdrawn(uri, self.output.uri):
                # A person rejected it: sidecar and PREMIS say so.
                continue
            path = name_in_bag(files, role, uri, self.output.uri)
            try:
                added.append((path, *self._copy(uri, path, sha256), ""))
            except (OSError, Differs) as error:
                wrong.append(f"{role} of {quoted(files.scan.path)} {_why(error)}: {uri}")
        for uri in _beside(files, self.output.uri):
            # The ledger has no checksum of it.
            path = name_in_bag(files, "", uri, self.output.uri)
            # `a.png.xmp` may lie beside `a.png` and beside `a.png.png`.
            if PAYLOAD + path in self.manifests:
                continue
            try:
                added.append((path, *self._copy(uri, path, ""), ""))
            except OSError as error:
                wrong.append(f"what lies beside {quoted(files.scan.path)} {_why(error)}: {uri}")
        if self.masters is not Masters.NONE:
            path = name_in_bag(files, MASTER, "", self.output.uri)
            try:
                added.append(self._add_master(files, path))
            except (OSError, Differs) as error:
                wrong.append(f"master of {quoted(files.scan.path)} {_why(error)}")
        return added, wrong

    def _add_master(self, files: ScanFiles, path: str) -> tuple[str, int, dict[str, str], str]:
        """Copy a master, or name its place."""
        places = master_uris(files, self.inboxes)
        uri = next((place for place in places if storage.exists(place)), "")
        if not uri:
            # A name that is not valid text has its place in the sidecar only.
            uri = recorded_uri(files)
        if not uri or not storage.exists(uri):
            raise FileNotFoundError(places[0])
        if self.masters is not Masters.FETCH:
            return path, *self._copy(uri, path, files.scan.sha256), ""
        size, digests = files.scan.bytes, {SHA256: files.scan.sha256}
        if SHA512 in self.manifests.algorithms:
            size, digests = read_checked(uri, self.manifests.algorithms, files.scan.sha256)
        return path, size, digests, _url(uri)

    def _copy(self, uri: str, path: str, sha256: str) -> tuple[int, dict[str, str]]:
        """Copy a file into the bag, unless an earlier attempt has; return its size and digests."""
        target = self.target.join(PAYLOAD + path)
        if sha256 and self.target.resumed and storage.exists(target):
            try:
                return read_checked(target, self.manifests.algorithms, sha256)
            except Differs:
                storage.delete(target)
        return copy_checked(uri, target, self.manifests.algorithms, sha256)

    def _record(self, path: str, size: int, digests: Mapping[str, str], fetch: str = "") -> None:
        """Note a file of the results in the manifests and in METS."""
        self.manifests.add(path, size, digests, fetch)
        self.mets.add(path, size, digests[SHA256])

    def _add_reports(self) -> None:
        """Copy the reports of the batch, or of all, as they are now; the ledger has no checksums of them.

        Those of other collections that publish in the same output are left out.
        """
        here = outputs_at(self.ledger, self.output.uri)
        of_others = {name for one in here if one.collection != self.output.collection for name in one.batches}
        of_others -= {name for one in here if one.collection == self.output.collection for name in one.batches}
        below = storage.join(self.output.uri, REPORTS, *([self.selection.batch] if self.selection.batch else []))
        for entry in files_below(below):
            if not self.selection.batch and entry.path.partition("/")[0] in of_others:
                continue
            path = "/".join(filter(None, (REPORTS, self.selection.batch, entry.path)))
            target = self.target.join(PAYLOAD + path)
            storage.copy(entry.uri, target)
            self._record(path, *read_checked(target, self.manifests.algorithms))

    def _add_own(self, path: str, file: Path) -> None:
        """Add a file that was written for this bag."""
        target = self.target.join(PAYLOAD + path)
        storage.write_file(target, file)
        self.manifests.add(path, *read_checked(str(file), self.manifests.algorithms))

    def _remove_strays(self) -> None:
        """Delete from the payload what an earlier attempt has copied and this one has not."""
        # Only the names of strays are held: the payload may have a million files.
        there = (entry for entry in storage.list_files(self.target.join(PAYLOAD)) if entry.kind == "file")
        for uri in [entry.uri for entry in there if f"{PAYLOAD}{entry.path}" not in self.manifests]:
            storage.delete(uri)

    def _finish(self) -> None:
        """Write tag files and manifests, and let the bag appear."""
        self.bag.files, self.bag.bytes = self.manifests.files, self.manifests.bytes
        info = self.folder / "bag-info.txt"
        text = bag_info(self.settings, self.output.collection, self.selection.batch, self.bag.bytes, self.bag.files)
        info.write_text(text, encoding="utf-8")
        tags = {file.name: file for file in [*self.manifests.complete(), info]}
        for name, file in tags.items():
            storage.write_file(self.target.join(name), file)
        for algorithm in self.manifests.algorithms:
            lines = [f"{hashlib.new(algorithm, DECLARED).hexdigest()}  bagit.txt\n"]
            lines += [f"{storage.digest(str(file), algorithm)}  {name}\n" for name, file in tags.items()]
            storage.write_bytes(self.target.join(f"tagmanifest-{algorithm}.txt"), "".join(lines).encode())
        self.target.finish(DECLARED)

    def _incomplete(self) -> str:
        """Return a sentence about what is wrong."""
        more = self.bag.wrong - len(self.bag.named)
        rest = f", and {more:,} more" if more else ""
        return (
            f"the bag was not finished: {'; '.join(self.bag.named)}{rest}. `fixity` finds all; put the files back, or"
            f" restore them again, then run this again to go on"
        )


def _beside(files: ScanFiles, output: str) -> Iterator[str]:
    """Yield what lies beside results besides what the ledger names: XMP of the archive, a master's own credentials."""
    names = [f"{files.outcome.sidecar_uri.removesuffix('.json')}.master.c2pa"]
    derivative = files.outcome.restored_uri
    if derivative and not _is_withdrawn(derivative, output):
        names += [f"{derivative}.xmp", f"{derivative.rpartition('.')[0]}.xmp"]
    yield from filter(storage.exists, names)


def _is_withdrawn(uri: str, output: str) -> bool:
    return uri.startswith(f"{output}/{WITHDRAWN}/")


def _why(error: Exception) -> str:
    if isinstance(error, Differs):
        return "differs from its recorded checksum"
    return "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"


def _url(uri: str) -> str:
    """Return the URL of a file for fetch.txt: absolute, without white space."""
    if storage.scheme(uri) == "file":
        return storage.local_path(uri).absolute().as_uri()
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{quote(rest, safe='/')}"
