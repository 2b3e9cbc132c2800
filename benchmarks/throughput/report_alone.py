"""Write the report of a batch of N scans and nothing else: `python -m benchmarks.throughput.report_alone N`.

Its rows are those of a good night: most scans restored, some to be looked at, a few that could not be read. Prints one
JSON object.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import skimage.data
from PIL import Image

from pipeline.reports import BatchSummary, Preview, write_report
from pipeline.settings import Recipe
from pipeline.stages.order import Stage
from pipeline.stages.scan_row import ScanRow, schema

#: Of a hundred scans so many have this outcome, by the decision that leads to it.
OUTCOMES = (("restored", 80), ("unchanged", 12), ("review", 5), ("quarantined", 2), ("failed", 1))


def row(number: int, rng: np.random.Generator) -> ScanRow:
    """Return one scan's row."""
    outcome = str(rng.choice([name for name, _ in OUTCOMES], p=[share / 100 for _, share in OUTCOMES]))
    more: dict[str, Any] = {}
    if outcome == "restored":
        estimate = float(rng.normal(27, 4))
        more = {
            "engine": "rn", "windows": int(rng.integers(1, 40)), "outside_identical": True, "estimate_psnr": estimate,
            "estimate_low": estimate - 4, "estimate_high": estimate + 4, "estimate_samples": 8,
            "seam": float(rng.normal(0, 0.5)),
        }  # fmt: skip
    elif outcome in ("quarantined", "failed"):
        more = {"reason": "truncated", "message": f"plate {number:06d}.tif is cut off; scan it again."}
    elif outcome == "review":
        more = {"review_reason": "the mask covers a third of the scan"}
    return ScanRow(
        scan_id=number, path=f"box {number // 100:03d}/plate {number:06d}.tif", sha256=f"{number:064x}",
        bytes=3_000_000, format="TIFF", width=1154, height=866, channels=3, bit_depth=8,
        output_path=f"box {number // 100:03d}/plate {number:06d}", decision=outcome, outcome=outcome,
        mask_source="detector", coverage=float(rng.gamma(1, 0.01)), components=int(rng.integers(1, 90)), **more,
    )  # fmt: skip


def main(scans: int) -> int:
    """Print the sizes of a report's files; return the exit code, 0."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame([vars(row(number, rng)) for number in range(scans)], columns=schema(Stage.PUBLISH.step).names)
    picture = Image.fromarray(skimage.data.astronaut()).resize((900, 675))

    def preview(row: Any) -> Preview:
        return Preview(before=picture, mask=picture, after=picture if row["outcome"] == "restored" else None)

    started = datetime(2026, 1, 1, 2, tzinfo=UTC)
    summary = BatchSummary(
        batch="2026-01-01T020000Z-000000", collection="plates", started=started, finished=started + timedelta(hours=3),
        recipe=Recipe().model_dump(mode="json"), recipe_digest="0" * 64, engine="rn", engine_digest="0" * 64,
        code_version="0", output="file:///results", inbox="file:///inbox",
    )  # fmt: skip
    with TemporaryDirectory(prefix="throughput-") as folder:
        files = write_report(frame, summary, preview, Path(folder))
        print(json.dumps({"pdf_bytes": files.pdf.stat().st_size, "csv_bytes": files.csv.stat().st_size}))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
