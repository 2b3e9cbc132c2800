"""Count and summarise a batch: outcomes, and measured and estimated quality, which are never mixed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.ledger.outcome import Outcome
from pipeline.reports.page_regions import RegionCounts, count_regions
from pipeline.reports.suggestions import SuggestionCounts, count_suggestions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Quartiles:
    """The quartiles and extremes of one figure over some images.

    Attributes:
        n: how many images have the figure.
        lower, upper: a quarter of the images is below `lower`, a quarter above `upper`.
    """

    n: int
    minimum: float
    lower: float
    median: float
    upper: float
    maximum: float


@dataclass(frozen=True)
class BatchStatistics:
    """The figures of a batch.

    Attributes:
        total: every file that arrived.
        counts: images per outcome; they add up to `total`.
        again: files that were done before, by the reason why they are done again; they count in `total` too.
        copies: images that are byte for byte the same as another one and have its result.
        megapixels: pixels of all images that could be read, in millions.
        bytes: bytes of all files that arrived.
        coverage: share of damaged pixels in 0..1, over images in which damage was found.
        checked, identical: images compared with their master outside the mask, and those found identical there.
        measured: per column (`psnr`, `ssim`, `psnr_hole`, …), over restored images with a known original.
        baseline: per column (`psnr`, `ssim`): ours, and Telea's with the same masks on exactly those images.
        estimate: PSNR in decibels on held-out pixels, over restored images.
        estimate_range: median of the lower and of the upper ends of the images' own ranges.
        seam: seam score, over restored images.
        regions: what was marked on all images together.
        suggestions: what was marked and not filled.
        clean: images left unchanged that have no mark at all.
    """

    total: int
    counts: dict[Outcome, int]
    again: dict[str, int]
    copies: int
    megapixels: float
    bytes: float
    coverage: Quartiles | None
    checked: int
    identical: int
    measured: dict[str, Quartiles]
    baseline: dict[str, tuple[Quartiles, Quartiles]]
    estimate: Quartiles | None
    estimate_range: tuple[float, float] | None
    seam: Quartiles | None
    regions: RegionCounts = field(default_factory=RegionCounts)
    suggestions: SuggestionCounts = field(default_factory=SuggestionCounts)
    clean: int = 0


MEASURED = ("psnr", "ssim", "l1", "psnr_hole", "ssim_hole", "l1_hole")


def batch_statistics(frame: pd.DataFrame) -> BatchStatistics:
    """Return the figures of a batch.

    Args:
        frame: as `frames.complete_frame` returns it.
    """
    counts = frame["outcome"].value_counts()
    restored = frame[frame["outcome"] == Outcome.RESTORED]
    measured = {column: found for column in MEASURED if (found := quartiles(restored[column]))}
    baseline = {}
    for column in ("psnr", "ssim"):
        both = restored[restored[f"baseline_{column}"].notna() & restored[column].notna()]
        ours, telea = quartiles(both[column]), quartiles(both[f"baseline_{column}"])
        if ours and telea:
            baseline[column] = (ours, telea)
    estimate = quartiles(restored["estimate_psnr"])
    low, high = quartiles(restored["estimate_low"]), quartiles(restored["estimate_high"])
    checked = frame["outside_identical"].notna()
    return BatchStatistics(
        total=len(frame),
        counts={outcome: int(counts.get(str(outcome), 0)) for outcome in Outcome},
        again={str(reason): int(n) for reason, n in frame["again"].value_counts(sort=False).items() if reason},
        copies=int((frame["same_as"] != "").sum()),
        megapixels=float((frame["width"] * frame["height"]).sum()) / 1e6,
        bytes=float(frame["bytes"].sum()),
        coverage=quartiles(frame.loc[frame["coverage"] > 0, "coverage"]),
        checked=int(checked.sum()),
        identical=int((frame["outside_identical"] == True).sum()),  # noqa: E712  an object column of True, False, None
        measured=measured,
        baseline=baseline,
        estimate=estimate,
        estimate_range=(low.median, high.median) if low and high else None,
        seam=quartiles(restored["seam"]),
        regions=count_regions(frame.to_dict("records")),
        suggestions=count_suggestions(frame),
        clean=int(((frame["outcome"] == Outcome.UNCHANGED) & ~(frame["suggested"] > 0)).sum()),
    )


def quartiles(values: pd.Series[float]) -> Quartiles | None:
    """Return the quartiles of the finite values; None when there are none.

    An infinite PSNR (an image identical to its original) is left out.
    """
    found = values.to_numpy(dtype=float)
    found = found[np.isfinite(found)]
    if not found.size:
        return None
    return Quartiles(int(found.size), *(float(value) for value in np.quantile(found, [0, 0.25, 0.5, 0.75, 1])))
