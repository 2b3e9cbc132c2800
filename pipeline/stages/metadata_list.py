"""Write down what became of a master's metadata: in full for the sidecar, in short for manifest and report."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pipeline.provenance.metadata_reasons import WHY
from pipeline.scans.carried import Carried

#: Changed and lost items that a row of the manifest names; the sidecar names all.
MOST = 25


def in_full(carried: Carried) -> dict[str, Any]:
    """Return the lists as the sidecar has them."""
    return {
        "kept": list(carried.kept),
        "changed": [asdict(change) | {"now": change.now or None} for change in carried.changed],
        "lost": [asdict(loss) | {"reason": WHY[loss.why]} for loss in carried.lost],
    }


def in_short(carried: Carried) -> str:
    """Return the lists as JSON for a row: how many items were kept, and the first that were changed or lost."""
    changed = [[change.what, change.before, change.after, change.now] for change in carried.changed]
    lost = [[loss.what, loss.why] for loss in carried.lost]
    more = max(0, len(changed) - MOST) + max(0, len(lost) - MOST)
    short = {"kept": len(carried.kept), "changed": changed[:MOST], "lost": lost[:MOST], "more": more}
    return json.dumps(short, ensure_ascii=False, separators=(",", ":"))
