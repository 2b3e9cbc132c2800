"""Say what was delivered and used for no image."""

from __future__ import annotations

from pipeline.escape import visible
from pipeline.reports.batch_summary import BatchSummary
from pipeline.reports.language import Language

# Masks that one sentence names.
NAMED = 5
# The language in which reasons are recorded.
RECORDED_LANGUAGE = "en"


def describe_unused(batch: BatchSummary, t: Language) -> str:
    """Return a sentence that names the masks that were used for no image; empty where all were."""
    if not batch.unused:
        return ""
    named = []
    for path, why in batch.unused[:NAMED]:
        name = visible(path, 60)
        named.append(f"{name} ({visible(why, 160)})" if t.code == RECORDED_LANGUAGE else name)
    more = batch.unused_count - len(named)
    rest = f" {t.count('summary.unused_more', more)}" if more > 0 else ""
    return f"{t.count('summary.unused', batch.unused_count)}: {', '.join(named)}{rest}."
