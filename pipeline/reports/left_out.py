"""Say what was delivered and used for no image."""

from __future__ import annotations

from pipeline.escape import visible
from pipeline.reports.batch_summary import BatchSummary
from pipeline.reports.language import Language
from pipeline.reports.recorded_sentences import translate

# Masks that one sentence names.
NAMED = 5


def describe_unused(batch: BatchSummary, t: Language) -> str:
    """Return a sentence that names the masks that were used for no image; empty where all were."""
    if not batch.unused:
        return ""
    named = []
    for path, why in batch.unused[:NAMED]:
        name = visible(path, 60)
        named.append(f"{name} ({visible(translate(why, t.code), 160)})")
    more = batch.unused_count - len(named)
    rest = f" {t.count('summary.more', more)}" if more > 0 else ""
    return f"{t.count('summary.unused', batch.unused_count)}: {', '.join(named)}{rest}."
