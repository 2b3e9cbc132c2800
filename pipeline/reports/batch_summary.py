"""What a report takes besides its frame, and what it returns: the batch, small pictures, paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.ledger.samples import AuditFigures

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class BatchSummary:
    """One batch, as the first page and the appendix of its report describe it.

    Attributes:
        batch: identifier of the batch, and the name of its folder below `reports/`.
        collection: the collection's name.
        title: the collection's name for people; `collection` when empty.
        language: `en` or `de`.
        timezone: IANA zone in which dates are shown.
        started, finished: when the batch began and ended; a time without a zone counts as UTC.
        recipe: every setting that can change a pixel, as plain values.
        ignored: files in the inbox that are no scans: systems' files, sidecars, and what the collection leaves out.
        unused: masks that were used for no scan, the first of them, each with the reason in English;
            `unused_count` is their number.
        audit: what people said of the random samples of earlier batches.
        outdated: finished results that an earlier recipe or version made, and that this batch has kept.
        ledger_head: position and sha256 of the last event of the collection before the report, `123:ab12…`; with it
            paper and mail bear witness to the ledger. Empty where it is not known.
        seconds_by_stage: seconds of work per stage, in the order of the stages, summed over all tasks.
    """

    batch: str
    collection: str
    started: datetime
    finished: datetime
    title: str = ""
    language: str = "en"
    timezone: str = "UTC"
    dag_id: str = ""
    run_id: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    recipe_digest: str = ""
    ledger_head: str = ""
    engine: str = ""
    engine_digest: str = ""
    code_version: str = ""
    output: str = ""
    inbox: str = ""
    host: str = ""
    outdated: int = 0
    ignored: int = 0
    unused: tuple[tuple[str, str], ...] = ()
    unused_count: int = 0
    audit: AuditFigures = field(default_factory=AuditFigures)
    seconds_by_stage: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The title, or where there is none the collection's name."""
        return self.title or self.collection


@dataclass(frozen=True)
class Preview:
    """Small, upright pictures of one scan; None where there is no such picture.

    Attributes:
        before: the scan as received.
        mask: the scan with its damage marked.
        after: the restored image.
    """

    before: Image
    mask: Image | None = None
    after: Image | None = None


@dataclass(frozen=True)
class ReportFiles:
    """The paths of the files of one report."""

    pdf: Path
    parquet: Path
    csv: Path
