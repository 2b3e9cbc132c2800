"""A batch for the tests: photographs that ship with scikit-image, damaged by strokes, with every outcome."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import skimage.data
from PIL import Image

from pipeline.reports import BatchSummary, Preview

HOSTILE = [
    'box 4/<img src=x onerror="alert(1)"> & "quoted".tif',
    "box 4/first line\nsecond line.png",
    "box 4/صورة قديمة من الميناء 1911.png",
    "box 4/plate\u202egnp.exe.png",
    "box 4/" + "a-very-long-name-without-any-break_" * 6 + "end.tif",
    "=HYPERLINK(“http://example.org”).png",
]
PICTURES = ["astronaut", "camera", "chelsea", "coffee", "rocket", "moon", "coins", "page", "cat"]


def batch_summary(**changes: Any) -> BatchSummary:
    """Returns the summary of the sample batch."""
    values: dict[str, Any] = {
        "batch": "2026-11-21T02-00-00_harbour-plates",
        "collection": "harbour-plates",
        "title": "Glass plates of the old harbour",
        "language": "en",
        "timezone": "Europe/Berlin",
        "dag_id": "restore_harbour-plates",
        "run_id": "scheduled__2026-11-21T01:00:00+00:00",
        "started": datetime(2026, 11, 21, 1, 0, 4, tzinfo=UTC),
        "finished": datetime(2026, 11, 21, 1, 9, 51, tzinfo=UTC),
        "recipe": {
            "detector": "classical",
            "level": "repair",
            "sensitivity": 1.0,
            "max_coverage": 0.15,
            "dilate": 2,
            "engine": "rn",
            "weights": "rn-faithful",
        },
        "recipe_digest": "5d41402abc4b2a76b9719d911017c592ae2f7d3f5d41402abc4b2a76b9719d91",
        "engine": "rn",
        "engine_digest": "7d793037a0760186574b0282f2f435e77d793037a0760186574b0282f2f435e7",
        "code_version": "0.1.0+g1780d33",
        "output": "s3://archive/restored/harbour-plates",
        "inbox": "s3://archive/inbox/harbour-plates",
        "host": "worker-3",
        "seconds_by_stage": {
            "receive": 8.2,
            "mask": 31.0,
            "inpaint": 402.0,
            "measure": 118.4,
            "publish": 21.5,
        },
    }
    return BatchSummary(**(values | changes))


def pictures(name: str, side: int = 480, seed: int = 0) -> Preview:
    """Returns a photograph with strokes over it, the strokes marked, and a filled copy."""
    whole = getattr(skimage.data, name)()
    height, width = whole.shape[:2]
    scale = side / max(height, width)
    image = cv2.resize(whole, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    random = np.random.default_rng(seed)
    mask = np.zeros(image.shape[:2], np.uint8)
    h, w = mask.shape
    for _ in range(4):
        points = np.cumsum(random.normal(0, 40, (6, 2)), 0) + random.uniform(0.2, 0.8, 2) * (w, h)
        cv2.polylines(mask, [points.astype(np.int32)], False, 255, int(random.integers(2, 6)), cv2.LINE_AA)
    mask = np.where(mask > 0, 255, 0).astype(np.uint8)
    damaged = image.copy()
    damaged[mask > 0] = 235
    filled = cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    overlay = np.stack([grey // 2 + 110] * 3, -1)
    overlay[mask > 0] = (190, 30, 20)
    return Preview(Image.fromarray(damaged), Image.fromarray(overlay), Image.fromarray(filled))


def row(path: str, outcome: str, **values: Any) -> dict[str, Any]:
    """Returns one line of the frame; figures of a repair where there is one."""
    nan = float("nan")
    common: dict[str, Any] = {
        "scan_id": f"id-{path}",
        "path": path,
        "uri": f"s3://archive/inbox/harbour-plates/{path}",
        "sha256": "ab" * 32,
        "bytes": 2_400_000,
        "outcome": outcome,
        "format": "TIFF",
        "width": 4096.0,
        "height": 3072.0,
        "channels": 1.0,
        "bit_depth": 16.0,
        "orientation": 1.0,
        "reason": None,
        "message": None,
        "same_as": None,
    }
    repaired: dict[str, Any] = {
        "mask_source": "detector",
        "coverage": 0.012,
        "components": 14.0,
        "components_json": json.dumps([{"kind": "scratch", "level": "repair"}]),
        "decision": "fill",
        "mask_seconds": 1.2,
        "engine": "rn",
        "engine_digest": "7d79",
        "windows": 6.0,
        "inpaint_seconds": 7.4,
        "estimate_psnr": 29.4,
        "estimate_low": 27.0,
        "estimate_high": 31.8,
        "estimate_samples": 8.0,
        "seam": 1.04,
        "changed_share": 0.012,
        "outside_identical": True,
        "psnr": nan,
        "ssim": nan,
        "l1": nan,
        "psnr_hole": nan,
        "ssim_hole": nan,
        "l1_hole": nan,
        "baseline_psnr": nan,
        "baseline_ssim": nan,
    }
    return common | (repaired if outcome in ("restored", "review") else {}) | values


def sample() -> tuple[pd.DataFrame, Callable[[Any], Preview | None]]:
    """Returns a frame with all outcomes, and its pictures."""
    known = {"psnr": 41.2, "ssim": 0.9921, "l1": 0.0011, "psnr_hole": 28.3, "ssim_hole": 0.874, "l1_hole": 0.021}
    telea = {"baseline_psnr": 38.9, "baseline_ssim": 0.9873}
    rows = [
        row("box 1/astronaut.tif", "restored", **known, **telea),
        row("box 1/camera.tif", "restored", coverage=0.0041, components=5.0, estimate_psnr=31.2,
            suggested=4.0, suggested_share=0.0021, suggested_kinds='{"dust": 4}'),
        row("box 1/chelsea.png", "restored", **known | {"psnr_hole": 31.0, "psnr": 44.0}, **telea, coverage=0.031),
        row("box 2/coffee.jpg", "restored", mask_source="manual", mask_note="The mask was given inverted.",
            coverage=0.002),
        row("box 2/rocket.tif", "restored", estimate_psnr=19.8, estimate_low=16.9, estimate_high=23.0, coverage=0.052),
        row("box 2/moon.tif", "restored", seam=2.7, coverage=0.0008, components=1.0),
        row("box 3/coins.tif", "review", review_reason="The mask covers 31 % of the image, above the limit of 15 %.",
            coverage=0.31, estimate_psnr=float("nan"), seam=float("nan"), engine=None, outside_identical=None),
        row("box 3/page.tif", "unchanged", coverage=0.0, components=0.0),
        row("box 3/cat.tif", "unchanged", coverage=0.0, components=11.0,
            suggested=11.0, suggested_share=0.0123, suggested_kinds='{"hair": 6, "dust": 5}'),
        row("box 3/torn.tif", "quarantined", reason="truncated", message="The file ends after 1 203 of 4 096 lines.",
            width=float("nan"), height=float("nan")),
        row("box 3/readme.jpg", "quarantined", reason="not-an-image", width=float("nan"), height=float("nan")),
        row("box 3/lost.tif", "failed", message="The worker was stopped twice while filling this image."),
        *(row(name, "restored", coverage=0.003 * (i + 1), estimate_psnr=26.0 + i) for i, name in enumerate(HOSTILE)),
    ]  # fmt: skip
    names = {row["path"]: row["path"].rsplit("/")[-1].rsplit(".")[0] for row in rows}
    places = {row["path"]: place for place, row in enumerate(rows)}

    def previews(row: Any) -> Preview | None:
        path = row["path"]
        if row["outcome"] in ("quarantined", "failed"):
            return None
        place = places[path]
        name = names[path] if names[path] in PICTURES else PICTURES[place % len(PICTURES)]
        found = pictures(name, seed=place)
        if row["outcome"] in ("review", "unchanged"):
            return Preview(
                found.before, found.mask if row["outcome"] == "review" or row["suggested"] > 0 else None, None
            )
        return found

    return pd.DataFrame(rows), previews


def pdf_text(pdf: Path) -> bytes:
    """Returns a PDF's streams unpacked, one after the other, behind what is not packed."""
    data = pdf.read_bytes()
    parts = [data]
    for stream in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S):
        try:
            parts.append(zlib.decompress(stream[1]))
        except zlib.error:
            continue
    return b"\n".join(parts)
