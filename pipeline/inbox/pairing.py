"""Pair scans with the files delivered with them: by name first, then by what a name leaves open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pipeline.inbox.companions import CompanionFiles
from pipeline.inbox.contents import Contents
from pipeline.inbox.ignored import Ignored, why_ignored
from pipeline.inbox.names import CompanionName, companion_name, name_in_masks_folder, normalized, stem
from pipeline.storage import Entry

NO_SCAN = "there is no scan of that name"
FIELDS = {"mask": "mask", "protect": "protect", "ir": "infrared"}
WORDS = {"mask": "mask", "protect": "protected region", "ir": "infrared plane"}


@dataclass(frozen=True)
class UnusedFile:
    """A mask, protected region or infrared plane that is used for no scan.

    Attributes:
        path: relative to the inbox, or to the masks folder.
        why: the end of a sentence about it.
    """

    path: str
    why: str


@dataclass(frozen=True)
class _Given:
    """One file that may belong to a scan; `beside` when it lies in the inbox."""

    entry: Entry
    name: CompanionName
    beside: bool


class Pairing:
    """The companion files of a run by scan. Memory grows with these files, not with the scans.

    Attributes:
        orphaned: files in the inbox that are named like companions and belong to no scan.
        unused: masks and other companions that were used for no scan, and why; without the orphaned ones.
        folder_is_empty: whether the masks folder holds no picture, as one that is not mounted does.
    """

    def __init__(self, folder_is_empty: bool) -> None:
        self.orphaned: list[Entry] = []
        self.unused: list[UnusedFile] = []
        self.folder_is_empty = folder_is_empty
        self._files: dict[str, CompanionFiles] = {}
        self._companions: set[str] = set()

    def of(self, path: str) -> CompanionFiles:
        """Return the files that belong to a scan."""
        return self._files.get(path, CompanionFiles())

    def is_companion(self, path: str) -> bool:
        """Return whether a file of the inbox belongs to a scan, or says by its name that it would."""
        return path in self._companions


def pair(listing: Callable[[], Iterable[Entry]], folder: Iterable[Entry], contents: Contents) -> Pairing:
    """Return which files of an inbox and a masks folder belong to which scan.

    `a.jpg.mask.png` belongs only to `a.jpg`, `a.mask.png` to every scan with that stem that has its size. For each role
    the file beside the scan comes before the one in the masks folder, a PNG before another format. Names are compared
    composed (NFC); one that differs in upper and lower case only is used where no other fits.

    Args:
        listing: returns the entries of the inbox that may be scans or belong to scans, each time anew.
        folder: the entries of the masks folder, or none.
        contents: decides what names leave open.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    given = [_Given(entry, name, True) for entry, name in _named(listing(), companion_name)]
    in_folder = [_Given(entry, name, False) for entry, name in _named(folder, name_in_masks_folder)]
    result = Pairing(not in_folder)
    if not given and not in_folder:
        return result
    sure = {one.entry.path for one in given if one.name.sure}
    exact, loose = _scans_of([*given, *in_folder], (entry for entry in listing() if entry.path not in sure))
    given = _without_pictures(given, exact, contents)
    result._companions = {one.entry.path for one in given}
    pairs = list(_matches([*given, *in_folder], exact, loose, result))
    _assign(_of_its_size(pairs, contents), result)
    return result


def _named(
    entries: Iterable[Entry], name_of: Callable[[str], CompanionName | None]
) -> Iterable[tuple[Entry, CompanionName]]:
    for entry in entries:
        name = name_of(entry.path) if entry.kind == "file" else None
        if name is not None and why_ignored(entry.path) is not Ignored.SYSTEM:
            yield entry, name


Scans = dict[str, list[Entry]]


def _scans_of(given: list[_Given], entries: Iterable[Entry]) -> tuple[Scans, Scans]:
    """Return the scans that companion files name, by that name; and by it without regard to case."""
    wanted = {scan for one in given for scan in one.name.scans}
    folded = {scan.casefold() for scan in wanted}
    exact: Scans = defaultdict(list)
    loose: Scans = defaultdict(list)
    for entry in entries:
        path = normalized(entry.path)
        if entry.kind != "file" or path.casefold().endswith(".xmp"):
            continue
        for name in {path, stem(path)}:
            if name in wanted:
                exact[name].append(entry)
            if name.casefold() in folded:
                loose[name.casefold()].append(entry)
    return exact, loose


def _without_pictures(given: list[_Given], exact: Scans, contents: Contents) -> list[_Given]:
    """Return the companion files without pictures that only happen to be named like one."""
    open_pairs = {
        one.entry.path: (one.entry, scan)
        for one in given
        if not one.name.sure
        for name in one.name.scans
        for scan in exact.get(name, ())[:1]
        if scan.path != one.entry.path
    }
    masks = {entry.path for entry, _ in contents.masks(open_pairs.values())}
    return [one for one in given if one.name.sure or one.entry.path in masks]


@dataclass(frozen=True)
class _Pair:
    """A companion file and a scan to which its name belongs; lower ranks come first."""

    rank: tuple[bool, bool, bool, str]
    given: _Given
    scan: Entry
    note: str


def _matches(given: list[_Given], exact: Scans, loose: Scans, result: Pairing) -> Iterable[_Pair]:
    """Yield companion files with the scans that they name; those that name none are orphaned or unused."""
    paths = {one.entry.path for one in given if one.beside}
    for one in given:
        found = next(((name, exact[name]) for name in one.name.scans if name in exact), None)
        note = ""
        if found is None:
            found = next(((name, loose[name.casefold()]) for name in one.name.scans if name.casefold() in loose), None)
            if found is not None and len({scan.path for scan in found[1]}) > 1:
                result.unused.append(UnusedFile(one.entry.path, "several scans have its name in another case"))
                result._companions |= {one.entry.path} if one.beside else set()
                continue
            note = "names differ in upper and lower case" if found is not None else ""
        scans = [scan for scan in found[1] if scan.path not in paths] if found is not None else []
        if found is None or not scans:
            _leave(one, result)
        for scan in scans:
            assert found is not None
            whole = normalized(scan.path).casefold() == found[0].casefold()
            rank = (not one.beside, not whole, not one.entry.path.lower().endswith(".png"), one.entry.path)
            yield _Pair(rank, one, scan, note)


def _leave(one: _Given, result: Pairing) -> None:
    """Record a companion file without a scan."""
    if one.name.role == "xmp":
        return
    if one.beside:
        result.orphaned.append(one.entry)
    else:
        result.unused.append(UnusedFile(one.entry.path, NO_SCAN))


def _of_its_size(pairs: list[_Pair], contents: Contents) -> list[_Pair]:
    """Return the pairs without masks of another size, where another scan of that name has the mask's."""
    by_file: dict[str, list[_Pair]] = defaultdict(list)
    for one in pairs:
        if one.given.name.role in ("mask", "protect"):
            by_file[one.given.entry.uri].append(one)
    several = [one for group in by_file.values() if len(group) > 1 for one in group]
    fitting = {(mask.uri, scan.uri) for mask, scan in contents.fitting((one.given.entry, one.scan) for one in several)}
    fits = {mask for mask, _ in fitting}
    left = {
        (one.given.entry.uri, one.scan.uri)
        for one in several
        if one.given.entry.uri in fits and (one.given.entry.uri, one.scan.uri) not in fitting
    }
    return [one for one in pairs if (one.given.entry.uri, one.scan.uri) not in left]


def _assign(pairs: list[_Pair], result: Pairing) -> None:
    """Give each scan the first file of each role, and record the others as unused."""
    used, passed_over = set(), {}
    for one in sorted(pairs, key=lambda one: one.rank):
        files = result.of(one.scan.path)
        if one.given.name.role == "xmp":
            result._files[one.scan.path] = replace(files, xmp=(*files.xmp, one.given.entry))
            continue
        field = FIELDS[one.given.name.role]
        taken: Entry | None = getattr(files, field)
        if taken is None:
            used.add(one.given.entry.uri)
            note = f"{_name(one.given.entry)} belongs to {_name(one.scan)}: {one.note}" if one.note else ""
            note = "; ".join(filter(None, (files.note, note)))
            result._files[one.scan.path] = files.with_file(field, one.given.entry, note)
        else:
            why = f"{_name(taken)} was taken as the {WORDS[one.given.name.role]} of {_name(one.scan)} instead"
            passed_over[one.given.entry.uri] = UnusedFile(one.given.entry.path, why)
            note = "; ".join(filter(None, (files.note, f"{_name(one.given.entry)} is there too and was not used")))
            result._files[one.scan.path] = replace(files, note=note)
    result.unused += [unused for uri, unused in passed_over.items() if uri not in used]


def _name(entry: Entry) -> str:
    return entry.path.rpartition("/")[2]
