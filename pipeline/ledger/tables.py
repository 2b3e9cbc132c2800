"""The ledger's tables: scans, batches, outcomes, events, decisions and what coordinates runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Every table has this prefix, because the ledger may share a database with other applications.
PREFIX = "ledger_"


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, with time zone and in UTC on every database (SQLite stores no time zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite generates ids only in a column declared exactly as INTEGER.
Key = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of the ledger's tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy requires this name
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        int: BigInteger,
        float: Float,
    }


class Scan(Base):
    """One content at one path of one collection; a file replaced under the same name is a new scan.

    `sha256` is empty for what has no readable bytes (a directory with an image's name, a dangling link).
    `fingerprint` is the size and tag of the file when these bytes were read, empty when it is not reliable.
    """

    __tablename__ = PREFIX + "scans"
    __table_args__ = (
        UniqueConstraint("collection", "path", "sha256", name="uq_ledger_scans"),
        Index("ix_ledger_scans_content", "sha256", "collection"),
        Index("ix_ledger_scans_path", "path"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    format: Mapped[str] = mapped_column(String(32), default="")
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    channels: Mapped[int] = mapped_column(default=0)
    bit_depth: Mapped[int] = mapped_column(default=0)
    fingerprint: Mapped[str] = mapped_column(Text, default="")
    first_seen: Mapped[datetime]


class Batch(Base):
    """One run over one collection.

    `settings` are those of the collection as the batch began, empty in older batches.
    `owner` (column `holder`) names the only process that works on it, empty when a scheduler's tasks do.
    `claimed_elsewhere` (column `elsewhere`) counts the scans that another batch has claimed. `attempt` identifies the
    attempt of `receive` whose chunks are used. `work_seconds` is the work of all its tasks, 0 until it is done.
    """

    __tablename__ = PREFIX + "batches"
    __table_args__ = (
        UniqueConstraint("collection", "name", name="uq_ledger_batches"),
        Index("ix_ledger_batches_name", "name"),
        Index("ix_ledger_batches_digests", "engine_digest", "recipe_digest"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    inbox: Mapped[str] = mapped_column(Text)
    output: Mapped[str] = mapped_column(Text)
    recipe: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    recipe_digest: Mapped[str] = mapped_column(String(64))
    engine: Mapped[str] = mapped_column(String(64))
    engine_digest: Mapped[str] = mapped_column(Text)
    code_version: Mapped[str] = mapped_column(Text)
    dag_id: Mapped[str] = mapped_column(Text, default="")
    run_id: Mapped[str] = mapped_column(Text, default="")
    host: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column("holder", Text, default="")
    attempt: Mapped[str] = mapped_column(String(32), default="")
    chunks: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    claimed_elsewhere: Mapped[int] = mapped_column("elsewhere", default=0)
    more: Mapped[bool] = mapped_column(default=False)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    work_seconds: Mapped[float] = mapped_column(default=0.0)
    started: Mapped[datetime]
    finished: Mapped[datetime | None]


class OutcomeRow(Base):
    """The outcome of a scan under a recipe: exactly one row for each pair."""

    __tablename__ = PREFIX + "outcomes"
    __table_args__ = (
        UniqueConstraint("scan_id", "recipe_digest", name="uq_ledger_outcomes"),
        Index("ix_ledger_outcomes_batch", "batch_id", "outcome"),
        Index("ix_ledger_outcomes_recipe", "recipe_digest", "scan_id"),
        Index("ix_ledger_outcomes_recorded", "recorded", "scan_id"),
        Index("ix_ledger_outcomes_restored", "restored_sha256", "scan_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id))
    recipe_digest: Mapped[str] = mapped_column(String(64))
    batch_id: Mapped[int] = mapped_column(ForeignKey(Batch.id))
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    mask_given: Mapped[str] = mapped_column(Text, default="")
    restored_uri: Mapped[str] = mapped_column(Text, default="")
    restored_sha256: Mapped[str] = mapped_column(String(64), default="")
    restored_bytes: Mapped[int] = mapped_column(default=0)
    mask_uri: Mapped[str] = mapped_column(Text, default="")
    mask_sha256: Mapped[str] = mapped_column(String(64), default="")
    suggested_uri: Mapped[str] = mapped_column(Text, default="")
    suggested_sha256: Mapped[str] = mapped_column(String(64), default="")
    sidecar_uri: Mapped[str] = mapped_column(Text, default="")
    sidecar_sha256: Mapped[str] = mapped_column(String(64), default="")
    access_uri: Mapped[str] = mapped_column(Text, default="")
    access_sha256: Mapped[str] = mapped_column(String(64), default="")
    credentials_uri: Mapped[str] = mapped_column(Text, default="")
    credentials_sha256: Mapped[str] = mapped_column(String(64), default="")
    code_version: Mapped[str] = mapped_column(Text, default="")
    recorded: Mapped[datetime]


class Chain(Base):
    """The chain of a collection's events, see `pipeline.ledger.chain`; that of the ledger as a whole has no name.

    `length` is the number of its events, `head` the sha256 of the last one. The row is locked while events are added.
    """

    __tablename__ = PREFIX + "chains"
    __table_args__ = (UniqueConstraint("collection", name="uq_ledger_chains"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    length: Mapped[int]
    head: Mapped[str] = mapped_column(String(64))


class Event(Base):
    """One event of a scan or a batch; the database refuses to change or delete it.

    `previous` is the sha256 of the event before it in its chain. The database refuses events that are in no chain; the
    columns allow null only because SQLite cannot forbid it in a table that exists.
    """

    __tablename__ = PREFIX + "events"
    __table_args__ = (
        Index("ix_ledger_events_scan", "scan_id", "id"),
        Index("ix_ledger_events_batch", "batch_id", "scan_id", "id"),
        Index("ix_ledger_events_chain", "chain_id", "position", unique=True),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    scan_id: Mapped[int | None] = mapped_column(ForeignKey(Scan.id))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey(Batch.id))
    stage: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(48), default="")
    decision: Mapped[str] = mapped_column(String(48), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seconds: Mapped[float] = mapped_column(default=0.0)
    dag_id: Mapped[str] = mapped_column(Text, default="")
    run_id: Mapped[str] = mapped_column(Text, default="")
    task_id: Mapped[str] = mapped_column(Text, default="")
    map_index: Mapped[int] = mapped_column(default=-1)
    try_number: Mapped[int] = mapped_column(default=0)
    host: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    chain_id: Mapped[int | None]
    position: Mapped[int | None]
    previous: Mapped[str | None] = mapped_column(String(64))


class Decision(Base):
    """A person's decision about a result.

    `by` is the user's id, `seen` the sha256 of the derivative, or of the master, that was looked at, `previous` the
    state of the review before.
    """

    __tablename__ = PREFIX + "decisions"
    __table_args__ = (
        Index("ix_ledger_decisions_scan", "scan_id", "id"),
        Index("ix_ledger_decisions_by", "by", "scan_id"),
        Index("ix_ledger_decisions_by_name", "by_name", "scan_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id))
    recipe_digest: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="")
    mask_uri: Mapped[str] = mapped_column(Text, default="")
    by_name: Mapped[str] = mapped_column(Text, default="")
    seen: Mapped[str] = mapped_column(String(64), default="")
    previous: Mapped[str] = mapped_column(String(16), default="")
    at: Mapped[datetime]


FILTERS = ("outcome", "kinds", "reasons", "recorded", "decided_by")
"""Columns that the queue is filtered by, beside collection, batch and state."""


class Review(Base):
    """What people are asked about one result, and how far they are; the key is that of the outcome.

    `version` changes with every decision, so that the second of two people is told. `kinds` and `reasons` are those of
    the open marks as `,dust,scratch,`, so that a part of the text finds one; `recorded` is the time of the result.
    """

    __tablename__ = PREFIX + "reviews"
    __table_args__ = (
        UniqueConstraint("scan_id", "recipe_digest", name="uq_ledger_reviews"),
        # What is left out by a filter, counted or summed is read from the index alone: a row is read only to be shown.
        Index("ix_ledger_reviews_queue", "collection", "state", "priority", "id", "marks", *FILTERS),
        Index("ix_ledger_reviews_batch", "batch_id", "state", "priority", "id"),
        Index("ix_ledger_reviews_state", "state", "priority", "id", *FILTERS),
        Index("ix_ledger_reviews_order", "priority", "id", *FILTERS),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id))
    recipe_digest: Mapped[str] = mapped_column(String(64))
    batch_id: Mapped[int] = mapped_column(ForeignKey(Batch.id))
    collection: Mapped[str] = mapped_column(String(63))
    outcome: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    priority: Mapped[float]
    marks: Mapped[int]
    kinds: Mapped[str] = mapped_column(Text, default="")
    reasons: Mapped[str] = mapped_column(Text, default="")
    recorded: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=0)
    decided_by: Mapped[str] = mapped_column(Text, default="")
    decided: Mapped[datetime | None]


class Sample(Base):
    """A repair that nobody had seen, drawn at random at the end of its batch for a person to look at.

    `sha256` is that of the derivative that was drawn: a decision about a later one says nothing about it. `verdict` is
    empty until somebody has decided.
    """

    __tablename__ = PREFIX + "samples"
    __table_args__ = (
        UniqueConstraint("batch_id", "scan_id", name="uq_ledger_samples"),
        Index("ix_ledger_samples_batch", "collection", "batch_id", "verdict"),
        Index("ix_ledger_samples_scan", "scan_id", "recipe_digest"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    batch_id: Mapped[int] = mapped_column(ForeignKey(Batch.id))
    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id))
    recipe_digest: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(8), default="")
    drawn: Mapped[datetime]


class StorageUse(Base):
    """The room that an output took when it was measured last."""

    __tablename__ = PREFIX + "usage"
    __table_args__ = (UniqueConstraint("collection", "output", name="uq_ledger_usage"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    output: Mapped[str] = mapped_column(Text)
    files: Mapped[int]
    bytes: Mapped[int]
    at: Mapped[datetime]


class Publication(Base):
    """The path of the inbox that owns a name in the output.

    `stem` is the name below restored/, masks/, suggestions/ and sidecars/ without its extension; `key` is the stem as a
    file system that ignores case and Unicode composition compares it, so that names do not clash there either.
    """

    __tablename__ = PREFIX + "publications"
    __table_args__ = (
        UniqueConstraint("collection", "key", name="uq_ledger_publications_key"),
        UniqueConstraint("collection", "path", name="uq_ledger_publications_path"),
        Index("ix_ledger_publications_stem", "stem"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    key: Mapped[str] = mapped_column(Text)
    stem: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id))


class Claim(Base):
    """The batch that is working on a scan, so that two runs on one collection never do the same work."""

    __tablename__ = PREFIX + "claims"
    __table_args__ = (Index("ix_ledger_claims_batch", "batch_id"),)

    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id), primary_key=True)
    recipe_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey(Batch.id))
    expires: Mapped[datetime]


class Checksum(Base):
    """A file's digest as last calculated, so that an unchanged file is not read again.

    `place` is the sha256 of algorithm and URI, because some databases cannot index long names.
    """

    __tablename__ = PREFIX + "checksums"

    place: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]


class FixityCheck(Base):
    """When the files of a scan were last read and compared with the ledger, and what was wrong then.

    `problems` has what was wrong by role of the file (`master`, `derivative`, …): a word of `fixity.Problem`.
    """

    __tablename__ = PREFIX + "fixity_checks"
    __table_args__ = (Index("ix_ledger_fixity_checks_oldest", "checked", "scan_id"),)

    scan_id: Mapped[int] = mapped_column(ForeignKey(Scan.id), primary_key=True)
    checked: Mapped[datetime]
    problems: Mapped[dict[str, Any]] = mapped_column(default=dict)


class FixityRound(Base):
    """One check of a collection's files, which goes on in another process when its own is killed.

    `wanted` is how many scans it is to read, `owner` (column `holder`) the process that does, `active` when that
    process last said so, `found` what was read and what was wrong so far.
    """

    __tablename__ = PREFIX + "fixity_rounds"
    __table_args__ = (Index("ix_ledger_fixity_rounds_collection", "collection", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    output: Mapped[str] = mapped_column(Text)
    wanted: Mapped[int]
    owner: Mapped[str] = mapped_column("holder", Text)
    found: Mapped[dict[str, Any]] = mapped_column(default=dict)
    begun: Mapped[datetime]
    active: Mapped[datetime]
    ended: Mapped[datetime | None]


class Notice(Base):
    """A notice that is sent to people once; `subject` identifies it, e.g. `late 2026-11-20`."""

    __tablename__ = PREFIX + "notices"
    __table_args__ = (UniqueConstraint("collection", "subject", name="uq_ledger_notices"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection: Mapped[str] = mapped_column(String(63))
    subject: Mapped[str] = mapped_column(String(128))
    message: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
