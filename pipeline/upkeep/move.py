"""Record in the ledger that an output was moved, after checking that its files have arrived."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from pipeline import storage
from pipeline.errors import ConfigurationError
from pipeline.ledger import TaskContext, batches, events
from pipeline.ledger.database import Ledger
from pipeline.ledger.outcome_files import FILES
from pipeline.ledger.tables import Batch, Decision, FixityRound, OutcomeRow
from pipeline.upkeep.outputs import files_below, outputs_at


@dataclass
class Moved:
    """What was found at the new place.

    Attributes:
        files: how many files the ledger names.
        missing: names below the output that are not there; with checksums, also those that differ.
    """

    files: int = 0
    missing: list[str] = field(default_factory=list)


def check_moved(ledger: Ledger, old: str, new: str, *, checksums: bool = False) -> Moved:
    """Return whether the files that the ledger names below an old output lie below a new one.

    Args:
        old, new: outputs without a trailing slash.
        checksums: also read every file and compare its sha256.

    Raises:
        ConfigurationError: the ledger knows no such output, or a batch is under way in it.
        StoreUnavailable: the store did not answer.
    """
    for output in outputs_at(ledger, old):
        if output.unfinished:
            raise ConfigurationError(
                f"batch {output.unfinished[0]} of {output.collection!r} is under way in {old}; let it finish first"
            )
    there = {entry.path for entry in files_below(new)}
    found = Moved()
    with ledger.read() as session:
        for _, uri, sha256 in FILES:
            for named, expected in session.execute(select(uri, sha256).where(_is_below(uri, old))):
                found.files += 1
                name = named.removeprefix(old).lstrip("/")
                if name not in there or (checksums and storage.sha256(storage.join(new, name)) != expected):
                    found.missing.append(name)
    return found


def move(ledger: Ledger, old: str, new: str) -> None:
    """Record that everything below an old output lies below a new one.

    Raises:
        ConfigurationError: a batch began in it since its files were checked.
    """
    with ledger.write() as session:
        begun = select(Batch.id).where(Batch.output.in_([old, f"{old}/"]), Batch.state.in_(batches.UNFINISHED))
        if session.scalars(begun.limit(1)).first() is not None:
            raise ConfigurationError(f"a batch began in {old} meanwhile; let it finish, then run this again")
        for _, uri, _ in FILES:
            moved = case((_is_below(uri, old), new + func.substr(uri, len(old) + 1)), else_=uri)
            session.execute(update(OutcomeRow).where(_is_below(uri, old)).values({uri.key: moved}))
        decided = Decision.mask_uri
        moved = case((_is_below(decided, old), new + func.substr(decided, len(old) + 1)), else_=decided)
        session.execute(update(Decision).where(_is_below(decided, old)).values(mask_uri=moved))
        session.execute(update(FixityRound).where(FixityRound.output == old).values(output=new))
        here = or_(Batch.output == old, Batch.output == f"{old}/")
        moved_of = session.scalars(select(Batch.collection).where(here).distinct().order_by(Batch.collection)).all()
        session.execute(update(Batch).where(here).values(output=new))
        record = events.EventRecord(None, "move", decision="moved", figures={"from": old, "to": new})
        for collection in moved_of:
            events.append(session, None, TaskContext(), [record], collection=collection)


def _is_below(uri: InstrumentedAttribute[str], root: str) -> ColumnElement[bool]:
    # Not LIKE, which ignores upper and lower case on SQLite.
    return func.substr(uri, 1, len(root) + 1) == f"{root}/"
