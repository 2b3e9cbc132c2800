"""Read the files of one scan again and compare them with the checksums in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline import storage
from pipeline.errors import StoreUnavailable
from pipeline.escape import error_line
from pipeline.ledger.current_files import ScanFiles, reload
from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import now
from pipeline.ledger.tables import Claim
from pipeline.preservation.master_places import MASTER, master_uris, recorded_uri
from pipeline.stages.writing_marker import marker_uri

# A scan whose files change each time they are read is left for the next round.
ATTEMPTS = 3


class Problem(StrEnum):
    """What is wrong with a file."""

    DIFFERS = "differs"
    """It is there, with another checksum than the ledger's."""
    MISSING = "missing"
    """It is not there; a master may have been moved away by whoever delivered it."""
    UNREADABLE = "unreadable"
    """It is there and cannot be read: no permission, or an archive tier of a store."""


@dataclass(frozen=True)
class Finding:
    """One file that is not as the ledger has it.

    Attributes:
        role: `master`, or as `ledger.outcome_files` names it.
        sha256: as recorded.
        found: sha256 as read, empty where nothing was.
        detail: why it cannot be read.
    """

    path: str
    role: str
    uri: str
    problem: Problem
    sha256: str
    found: str = ""
    detail: str = ""


@dataclass
class Checked:
    """One scan whose files were read.

    Attributes:
        busy: a run or a reviewer was working on it, so that nothing can be said of what was wrong.
        digests: sha256 as read by role of the file.
    """

    scan_id: int
    findings: list[Finding] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    busy: bool = False


def check_scan(
    ledger: Ledger,
    files: ScanFiles,
    output: str,
    inboxes: Sequence[str],
    *,
    masters: bool = True,
    pace: Callable[[int], object] | None = None,
) -> Checked:
    """Return what a scan's files are now, in constant memory.

    What seems wrong while a run or a reviewer replaces files is read again with what the ledger has by then.

    Args:
        inboxes: of the collection, the latest first.
        masters: also read the master.
        pace: called with the bytes of each block.

    Raises:
        StoreUnavailable: the store or the ledger did not answer.
    """
    for _ in range(ATTEMPTS):
        checked = _read(files, inboxes, masters, pace)
        if not checked.findings:
            return checked
        if storage.exists(marker_uri(output, files.stem)):
            break
        with ledger.read() as session:
            if _is_claimed(session, files.scan.id):
                break
            current = reload(session, files, output)
        if current is None:
            # Another content was received under this path, or the output was moved.
            break
        if list(current.published()) == list(files.published()):
            return checked
        files = current
    checked.busy = True
    return checked


def _is_claimed(session: Session, scan_id: int) -> bool:
    """Return whether a run works on a scan."""
    claim = select(Claim.scan_id).where(Claim.scan_id == scan_id, Claim.expires > now())
    return session.scalars(claim.limit(1)).first() is not None


def _read(files: ScanFiles, inboxes: Sequence[str], masters: bool, pace: Callable[[int], object] | None) -> Checked:
    """Return what was read of every file that the ledger names."""
    checked = Checked(files.scan.id)
    if masters:
        _compare(checked, files, MASTER, master_uris(files, list(inboxes)), files.scan.sha256, pace)
        last = checked.findings[-1] if checked.findings else None
        if last is not None and last.problem is Problem.MISSING and (recorded := recorded_uri(files)):
            checked.findings.pop()
            uris = master_uris(files, list(inboxes), recorded)
            _compare(checked, files, MASTER, uris, files.scan.sha256, pace)
    for role, uri, sha256 in files.published():
        _compare(checked, files, role, [uri], sha256, pace)
    return checked


def _compare(
    checked: Checked,
    files: ScanFiles,
    role: str,
    uris: Sequence[str],
    expected: str,
    pace: Callable[[int], object] | None,
) -> None:
    """Add the checksum of the first of some places where the file is, and what is wrong with it."""
    for uri in uris:
        try:
            found = storage.digest(uri, "sha256", pace)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except StoreUnavailable:
            raise
        except OSError as error:
            why = error_line(error)
            checked.findings.append(Finding(files.scan.path, role, uri, Problem.UNREADABLE, expected, detail=why))
            return
        checked.digests[role] = found
        if found != expected:
            checked.findings.append(Finding(files.scan.path, role, uri, Problem.DIFFERS, expected, found))
        return
    checked.findings.append(Finding(files.scan.path, role, uris[0], Problem.MISSING, expected))
