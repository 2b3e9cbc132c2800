"""Collect what a report shows of each image: its pictures before and after, and its figures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.escape import one_line
from pipeline.ledger.outcome import Outcome
from pipeline.reports.counts import read_counts
from pipeline.reports.frames import FrameRow
from pipeline.reports.language import NBSP, Language
from pipeline.reports.metadata_list import summarise_row
from pipeline.reports.page_regions import count_regions, describe_regions
from pipeline.reports.preview_jpeg import bytes_per_preview, preview_jpegs
from pipeline.reports.recorded_sentences import translate
from pipeline.reports.suggestions import describe_reasons, with_suggestions

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

    from pipeline.reports.attention import Concern
    from pipeline.reports.batch_summary import Preview

log = logging.getLogger(__name__)

MAX_COMPARISONS = 300
"""Images shown with three pictures each; in a larger batch those that need attention, then the most damaged ones."""
MAX_THUMBNAILS = 120
"""Images without any mark shown with one small picture each."""
THUMBNAIL = 260
WORKERS = 4
"""Images whose pictures are read and encoded at a time: those of a store are long under way."""


@dataclass(frozen=True)
class Panel:
    """One picture of a comparison; without `url` there is none and `caption` says why."""

    caption: str
    alt: str
    url: str = ""


@dataclass(frozen=True)
class Comparison:
    """One image with its pictures and its figures.

    Attributes:
        facts: labels and values.
        reasons: why the image needs attention, the main reason first.
    """

    number: int
    path: str
    outcome: Outcome
    panels: tuple[Panel, ...]
    facts: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Comparisons:
    """All that is shown of a batch's images.

    Attributes:
        images: by number; those that need attention are in order with the others.
        thumbnails: images without any mark, with one picture each.
        files: the JPEG files by the URL under which the templates name them.
        left_out: how many images were left out because of `MAX_COMPARISONS`.
    """

    images: list[Comparison] = field(default_factory=list)
    thumbnails: list[Comparison] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    left_out: int = 0


def collect_comparisons(
    frame: pd.DataFrame,
    concerns: list[Concern],
    previews: Callable[[Any], Preview | None],
    folder: Path,
    t: Language,
) -> Comparisons:
    """Return what is shown of a batch's images, and write their pictures to `folder`; few are in memory at a time.

    Args:
        frame: as `frames.complete_frame` returns it.
        previews: given a row (a pandas Series), the small pictures of its scan, or None; called in threads.
    """
    found = Comparisons()
    reasons = {concern.number: (concern.reason, *concern.details) for concern in concerns}
    chosen, clean, found.left_out = _choose(frame, set(reasons))
    limit = bytes_per_preview(3 * len(chosen) + len(clean))
    rows = [row for _, row in frame[frame["number"].isin(chosen | clean)].iterrows()]

    def draw(row: pd.Series[Any]) -> dict[str, Path | None] | None:
        preview = load_preview(previews, row)
        if preview is None:
            return None
        if row["number"] in clean:
            return _write_pictures(folder, row["number"], {"before": preview.before}, limit, THUMBNAIL)
        parts = {"before": preview.before, "mask": preview.mask, "after": preview.after}
        return _write_pictures(folder, row["number"], parts, limit)

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="comparison") as threads:
        for row, pictures in zip(rows, threads.map(draw, rows), strict=True):
            if pictures is None:
                continue
            number = int(row["number"])
            panels = _panels(found, number, pictures, one_line(row["path"], 120), t)
            if number in clean:
                found.thumbnails.append(Comparison(number, row["path"], Outcome(row["outcome"]), panels, ()))
                continue
            found.images.append(
                Comparison(
                    number=number,
                    path=row["path"],
                    outcome=Outcome(row["outcome"]),
                    panels=panels,
                    facts=tuple(facts(row, t)),
                    reasons=reasons.get(number, ()),
                    notes=tuple(
                        one_line(translate(row[column], t.code), 400)
                        for column in ("mask_note", "notes")
                        if row[column]
                    ),
                )
            )
    return found


def _choose(frame: pd.DataFrame, wanted: set[int]) -> tuple[set[int], set[int], int]:
    """Return the numbers of the images with a comparison, of those with a thumbnail, and how many are left out."""
    suggested = frame["number"].isin(with_suggestions(frame)["number"])
    left = frame["outcome"].isin([Outcome.UNCHANGED, Outcome.QUARANTINED])
    clean = frame.loc[(frame["outcome"] == Outcome.UNCHANGED) & ~suggested, "number"].head(MAX_THUMBNAILS)
    shown = frame[~left | suggested]
    ranked = shown.assign(first=shown["number"].isin(wanted)).sort_values(
        ["first", "coverage", "suggested_share"], ascending=False
    )
    return set(ranked["number"].head(MAX_COMPARISONS)), set(clean), max(0, len(ranked) - MAX_COMPARISONS)


def load_preview(previews: Callable[[Any], Preview | None], row: pd.Series[Any]) -> Preview | None:
    """Return the pictures of one image, loaded; None where they cannot be read, which must not stop the report."""
    try:
        preview = previews(row)
        for picture in (preview.before, preview.mask, preview.after) if preview else ():
            if picture:
                picture.load()
        return preview
    except Exception:
        log.exception("no preview of %s in the report", one_line(str(row["path"])))
        return None


def _write_pictures(
    folder: Path, number: int, parts: dict[str, Image | None], limit: int, long_side: int = 760
) -> dict[str, Path | None]:
    """Write the pictures of one image to `folder`, and return the file of each part, None where there is no picture."""
    there = {role: picture for role, picture in parts.items() if picture is not None}
    written: dict[str, Path | None] = dict.fromkeys(parts)
    for role, data in zip(there, preview_jpegs(there.values(), limit, long_side), strict=True):
        path = folder / f"{number}-{role}.jpg"
        path.write_bytes(data)
        written[role] = path
    return written


def _panels(
    found: Comparisons, number: int, pictures: dict[str, Path | None], name: str, t: Language
) -> tuple[Panel, ...]:
    """Return the panels of one image in their order, and add their files to what is shown."""
    panels = []
    for role, path in pictures.items():
        if path is None:
            panels.append(Panel(t(f"before_after.no_{role}"), ""))
            continue
        url = f"report:image/{number}-{role}.jpg"
        found.files[url] = path
        panels.append(Panel(t(f"before_after.{role}"), t(f"before_after.alt_{role}", name=name), url))
    return tuple(panels)


def facts(row: FrameRow | pd.Series[Any], t: Language) -> list[tuple[str, str]]:
    """Return the figures of one image as label and value; what was not measured is left out."""
    found = []

    def add(key: str, value: str) -> None:
        found.append((t(f"before_after.{key}"), value))

    if _measured(row["coverage"]):
        add("damage", t("before_after.damage_share", share=t.percent(row["coverage"], 2)))
    counted = describe_regions(count_regions([row]), t)
    if counted:
        add("regions", counted)
    elif row["components"] > 0:
        add("regions", t.number(row["components"]))
    if row["suggested"] > 0:
        share = t("before_after.damage_share", share=t.percent(row["suggested_share"], 2))
        why = describe_reasons(read_counts(row["suggested_reasons"]), t)
        add("suggested", f"{t.number(row['suggested'])} · {share}" + (f" · {why}" if why else ""))
    if row["mask_source"] and t.has(f"before_after.source_{row['mask_source']}"):
        add("source", t(f"before_after.source_{row['mask_source']}"))
    if row["engine"]:
        seconds = f" · {t.duration(row['inpaint_seconds'])}" if _measured(row["inpaint_seconds"]) else ""
        add("filled", f"{row['engine']}{seconds}")
    for key, suffix in (("true_hole", "_hole"), ("true_whole", "")):
        if _measured(row[f"psnr{suffix}"]):
            add(key, _quality(row[f"psnr{suffix}"], row[f"ssim{suffix}"], t))
    if _measured(row["baseline_psnr"]):
        add("telea", _quality(row["baseline_psnr"], row["baseline_ssim"], t))
    if _measured(row["estimate_psnr"]):
        add("estimate", estimate(row, t))
    if _measured(row["seam"]):
        add("seam", t.number(row["seam"], 2))
    if row["outside_identical"] is not None:
        add("outside", t("before_after.outside_yes" if row["outside_identical"] else "before_after.outside_no"))
    if row["metadata"]:
        add("metadata", summarise_row(row["metadata"], t))
    if _measured(row["width"]) and _measured(row["height"]):
        depth = f" · {t.number(row['bit_depth'])}{NBSP}{t('before_after.bits')}" if _measured(row["bit_depth"]) else ""
        add("file", f"{row['format']} · {t.number(row['width'])} × {t.number(row['height'])}{depth}")
    return found


def estimate(row: FrameRow | pd.Series[Any], t: Language) -> str:
    """Return the estimate of one image with its range, as text."""
    if not (_measured(row["estimate_low"]) and _measured(row["estimate_high"])):
        return t.decibels(row["estimate_psnr"])
    return t(
        "before_after.estimate_value",
        value=t.decibels(row["estimate_psnr"]),
        low=t.number(row["estimate_low"], 1),
        high=t.number(row["estimate_high"], 1),
    )


def _quality(psnr: float, ssim: float, t: Language) -> str:
    return t.decibels(psnr) + (f" · SSIM{NBSP}{t.number(ssim, 3)}" if _measured(ssim) else "")


def _measured(value: float) -> bool:
    """Return whether a figure was measured: an absent one is NaN, which does not equal itself."""
    return value == value
