"""Sections of the detection benchmark's results page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.detection.damaged import LEVELS
from benchmarks.detection.labelled_tables import labelled_sections, left_out_section
from benchmarks.markdown import table
from benchmarks.results_page import Section

Report = dict[str, Any]

TITLES = {"foreign": "Foreign damage", "own": "Own damage", "kinds": "Own damage, one kind a picture"}
SCORES = ("precision", "recall", "f1", "dice", "iou")


def sections(report: Report, precision: float) -> list[Section]:
    """Return the tables of all parts that were measured.

    Args:
        report: what the benchmark found, by part.
        precision: that was asked of repairs in all parts.
    """
    result = labelled_sections(report) if "labelled" in report else []
    if report.get("leave_one_out"):
        result.append(left_out_section(report["leave_one_out"]))
    for part, title in TITLES.items():
        if part in report:
            result += _damaged(report[part], title, with_precision=part == "kinds")
    if "clean" in report:
        result.append(Section("Undamaged photographs", _clean(report["clean"])))
    if "precisions" in report:
        everything = {f"{precision:g}": report, **report["precisions"]}
        result.append(Section("Foreign damage and undamaged photographs by precision", _precisions(everything)))
    if "restored" in report:
        result.append(Section("Own damage, filled end to end", _restored(report["restored"])))
    if "real" in report:
        result += _real(report["real"])
    if "cost" in report:
        result.append(Section("Cost", _cost(report["cost"])))
    return result


def _damaged(part: Report, title: str, *, with_precision: bool) -> list[Section]:
    """Return scores by level, then recall by appearance and by kind, where known."""
    header = ("detector", "level", "precision", "recall", "F1", "Dice", "IoU", "average precision", "review share")
    lines = [
        (
            detector,
            level,
            *(f"{found[level][score]:.3f}" for score in SCORES),
            _figure(found.get("average_precision")) if level == LEVELS[0] else "",
            f"{found['review_share']:.3f}" if level == "filled" else "",
        )
        for detector, found in part.items()
        for level in LEVELS
    ]
    result = [Section(title, table(header, lines))]
    for key, name in (("bands", "appearance"), ("kinds", "kind")):
        names = list(dict.fromkeys(one for found in part.values() for level in LEVELS for one in found[level][key]))
        if names:
            precise = with_precision and key == "kinds"
            what = "recall / precision" if precise else "recall"
            result.append(Section(f"{title}: {what} by {name}", _by_name(part, key, names, precise)))
    return result


def _by_name(part: Report, key: str, names: Iterable[str], precise: bool) -> str:
    """Return a line for each band or kind, a column for each detector and level.

    The precision of a kind is known only where it was the picture's only one.
    """
    columns = [(detector, level) for detector in part for level in LEVELS]
    lines = []
    for name in names:
        cells = []
        for detector, level in columns:
            found = part[detector][level][key].get(name)
            if found is None or key == "bands":
                cells.append(_figure(found))
            else:
                cells.append(f"{found['recall']:.2f}" + (f" / {found['precision']:.2f}" if precise else ""))
        lines.append([name, *cells])
    return table(["", *(f"{detector}, {level}" for detector, level in columns)], lines)


def _clean(part: Report) -> str:
    header = ("detector", "pictures", "repaired area: mean", "worst", "nothing on", "suggested area: mean", "worst",
              "worst pictures")  # fmt: skip
    lines = [
        (
            detector,
            found["pictures"],
            f"{found['repair_percent_mean']:.4f} %",
            f"{found['repair_percent_worst']:.2f} %",
            f"{found['repair_empty_share']:.0%}",
            f"{found['suggest_percent_mean']:.2f} %",
            f"{found['suggest_percent_worst']:.2f} %",
            ", ".join(f"{name} {share:.2f} %" for name, share in found["worst"].items()),
        )
        for detector, found in part.items()
    ]
    return table(header, lines)


def _precisions(reports: dict[str, Report]) -> str:
    """Return a line for each precision and detector: repairs, what is filled, and harm to undamaged photographs."""
    header = ("precision asked for", "detector", "repair: precision", "recall", "filled: precision", "recall",
              "undamaged: mean", "worst", "nothing on")  # fmt: skip
    lines = []
    for precision, report in sorted(reports.items(), key=lambda item: float(item[0])):
        for detector in report.get("foreign", report.get("clean", {})):
            cells: list[str] = []
            damaged, clean = report.get("foreign", {}).get(detector), report.get("clean", {}).get(detector)
            for level in ("repair", "filled"):
                cells += [_figure(damaged and damaged[level][score]) for score in ("precision", "recall")]
            cells += ["", "", ""] if clean is None else [
                f"{clean['repair_percent_mean']:.4f} %", f"{clean['repair_percent_worst']:.2f} %",
                f"{clean['repair_empty_share']:.0%}",
            ]  # fmt: skip
            lines.append([precision, detector, *cells])
    return table(header, lines)


def _restored(part: Report) -> str:
    header = (
        "masks",
        "PSNR, dB",
        "SSIM",
        "worse than alone by PSNR",
        "by SSIM",
        "largest loss, dB",
        "review share",
    )
    lines = []
    for name, found in part.items():
        if name == "pictures":
            continue
        compared = "worse_psnr_share" in found
        lines.append((
            "none (left alone)" if name == "alone" else name,
            f"{found['psnr']:.2f}",
            f"{found['ssim']:.3f}",
            f"{found['worse_psnr_share']:.0%}" if compared else "",
            f"{found['worse_ssim_share']:.0%}" if compared else "",
            f"{found['largest_loss_db']:.2f}" if compared else "",
            f"{found['review_share']:.0%}" if "review_share" in found else "",
        ))  # fmt: skip
    intro = f"{part['pictures']} pictures. What the guards keep for review counts as left alone."
    return f"{intro}\n\n{table(header, lines)}"


def _real(part: Report) -> list[Section]:
    """Return real scans with a mask painted by hand, and those with a restorer's version."""
    painted, restored = [], []
    for detector, rows in part.items():
        for row in rows:
            if "changed_percent" in row:
                cells = [
                    _figure(row[key], 1)
                    for key in ("changed_percent", "of_repair_changed_percent", "of_suggest_changed_percent")
                ]
                areas = [_figure(row[f"{level}_percent"]) for level in ("repair", "suggest")]
                restored.append([row["picture"], detector, *cells, *areas])
            else:
                keys = [f"{level}_{score}" for level in ("repair", "suggest") for score in ("precision", "recall")]
                painted.append([row["picture"], detector, *(_figure(row[key]) for key in keys)])
    result = []
    if painted:
        header = ("scan", "detector", "repair: precision", "recall", "suggest: precision", "recall")
        result.append(Section("Real scans with a mask painted by hand", table(header, painted)))
    if restored:
        header = ("scan", "detector", "changed by the restorer: of the scan, %", "of what is repaired, %",
                  "of what is suggested, %", "repaired area, %", "suggested area, %")  # fmt: skip
        result.append(Section("Real scans with a restorer's version", table(header, restored)))
    return result


def _cost(part: Report) -> str:
    header = (
        "2 % damaged, or clean; networks' precision", "megapixels", "processor seconds a megapixel", "of inpainting",
        "seconds a megapixel", "peak, MiB", "runs on",
    )  # fmt: skip
    lines = [
        (
            name if name.startswith("inpainting") else f"mask stage, {name}",
            f"{row['megapixels']:g}",
            f"{row['cpu_seconds_per_megapixel']:.2f}",
            _figure(row.get("of_inpainting"), 2),
            f"{row['seconds_per_megapixel']:.2f}",
            f"{row['peak_mebibytes']:,}",
            row["runtime"],
        )
        for name, rows in part.items()
        for row in rows
    ]
    return table(header, lines)


def _figure(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
