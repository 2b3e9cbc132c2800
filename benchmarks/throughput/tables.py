"""Tables and plot of the throughput benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.markdown import table
from benchmarks.results_page import Section

NOTES = (
    "Rows kept from an earlier time are of the program of that time, see *When*.",
    "Processor seconds are those of all processes and threads. Where other work shares the machine, only their ratios"
    " are of use, and even these grow by some 10 % with what the other work takes from the caches.",
    "Network alone: the calls of the network on the windows over the damage, with their priors, as many at a time as in"
    " a run.",
    "Steps are measured in the thread that takes them, so the network, which has threads of its own, shows only its"
    " elapsed seconds. Reading and decoding happen in a process of their own: its processor seconds are in the whole.",
    "Imports, decoders, the network and the libraries of the report cost the same however many scans there are: with"
    " few they weigh most, and runs of different numbers of scans are not compared.",
    "With found masks, scans on which nothing is sure enough are not filled; the network alone fills the painted masks"
    " of all of them.",
    "The estimate is filled together with the damage; its windows are counted as cost of the damage's windows.",
)


def sections(figures: dict[str, Any]) -> list[Section]:
    """Return the tables of the parts that were measured."""
    found = []
    runs = _ordered(figures)
    if runs:
        found.append(Section("Whole runs", _runs(runs)))
        found.append(Section("Stages and steps", _stages(runs)))
    for name, key, title in (
        ("damage", "damage", "Cost against damage"),
        ("size", "megapixels", "Cost against the size of the scans"),
        ("collection", "scans", "Cost against the number of scans"),
        ("memory", "scans", "Memory against the number of scans"),
        ("report", "scans", "The report alone"),
    ):
        if name in figures:
            found.append(Section(title, _series(figures[name], key)))
    if "arrivals" in figures:
        one = figures["arrivals"]
        text = f"{one['at_once']} runs with {one['images']} images, started at once: the last ended after"
        found.append(
            Section("Uploads at once", f"{text} {one['last']:.1f} s, {one['seconds_an_image']:.1f} s an image.")
        )
    if "airflow" in figures:
        found.append(Section("Airflow", _airflow(figures["airflow"])))
    if "estimate" in figures:
        found.append(Section("The estimate beside the truth", _estimate(figures["estimate"])))
    if figures.get("parts"):
        found.append(Section("When", _when(figures["parts"])))
    header = ("ratio, less is better", "measured")
    found.append(
        Section("Ratios", table(header, [(name, f"{value:.2f}") for name, value in figures["ratios"].items()]))
    )
    return found


def plot(figures: dict[str, Any], folder: Path) -> tuple[str, Path] | None:
    """Return caption and file of a picture: where the processor seconds of each run go."""
    runs = _ordered(figures)
    if not runs:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 0.6 * len(runs)), layout="constrained")
    axes = figure.subplots()
    names = list(dict.fromkeys(name for run in runs.values() for name in run["stages"]))
    left = dict.fromkeys(runs, 0.0)
    for number, name in enumerate([*names, "start, decoders"]):
        for label, run in runs.items():
            stages = {one: found["processors"] for one, found in run["stages"].items()}
            rest = run["processors"] - sum(stages.values())
            value = (rest if name == "start, decoders" else stages.get(name, 0.0)) / run["network"]["processors"]
            axes.barh(
                label, value, left=left[label], color=f"C{number}", label=name if label in list(runs)[:1] else None
            )
            left[label] += value
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xlabel="processor seconds, network alone = 1")
    axes.legend(ncols=4, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0))
    file = folder / "throughput.png"
    figure.savefig(file, dpi=110)
    return "Processor seconds by stage, beside the network's own", file


def _ordered(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the whole runs by what they are called, painted masks first."""
    return dict(sorted(figures.get("runs", {}).items(), reverse=True))


def _runs(runs: dict[str, dict[str, Any]]) -> str:
    header = (
        "run", "scans", "restored", "seconds", "processor seconds", "network alone, s", "network alone, processor s",
        "over network", "over network, processor", "peak MiB",
    )  # fmt: skip
    return table(header, [
        (
            name, run["scans"], run["outcomes"]["restored"], f"{run['clock']:.1f}", f"{run['processors']:.1f}",
            f"{run['network']['clock']:.1f}", f"{run['network']['processors']:.1f}",
            f"{run['over_network']['clock']:.2f}",
            f"{run['over_network']['processors']:.2f}", f"{run['peak']:,.0f}",
        )
        for name, run in runs.items()
    ])  # fmt: skip


def _stages(runs: dict[str, dict[str, Any]]) -> str:
    """Return processor milliseconds a scan by stage, and of the steps inside them."""
    rows = []
    for part, key in (("stages", "processors"), ("steps", "processor")):
        for name in dict.fromkeys(one for run in runs.values() for one in run[part]):
            found = [run[part].get(name, {}).get(key, 0.0) / run["scans"] for run in runs.values()]
            shown = f"**{name}**" if part == "stages" else name
            rows.append((shown, *(f"{value * 1e3:.0f}" for value in found)))
    return table(("stage (bold) or step, processor ms a scan", *runs), rows)


def _when(parts: dict[str, dict[str, Any]]) -> str:
    """Return when each part was measured, with how many scans, and what else the machine did."""
    lines = [
        (name, one["measured"], one["asked"], f"{one['load']:.1f}", one["processor"]) for name, one in parts.items()
    ]
    return table(("part", "measured (UTC)", "`--scans`", "processes running, 15 minutes", "processor"), lines)


def _series(rows: list[dict[str, float]], key: str) -> str:
    lines = [
        (f"{row[key]:g}", f"{row['clock']:.1f}", f"{row['processors']:.1f}", f"{row['peak']:,.0f}") for row in rows
    ]
    return table((key, "seconds", "processor seconds", "peak MiB"), lines)


def _airflow(nights: list[dict[str, Any]]) -> str:
    header = (
        "scans",
        "shell, s",
        "run in Airflow, s",
        "over shell",
        "start and stop, s",
        "no task ran, s",
        "in tasks, s",
    )
    return table(header, [
        (
            one["scans"], f"{one['shell']:.1f}", f"{one['run']:.1f}", f"{one['over_shell']:.2f}",
            f"{one['whole'] - one['run']:.1f}", f"{one['waits']:.1f}",
            ", ".join(f"{name.removeprefix('chunk.')} {spent:.1f}" for name, spent in one["tasks"].items()),
        )
        for one in nights
    ])  # fmt: skip


def _estimate(rows: list[dict[str, Any]]) -> str:
    header = (
        "damage", "pictures", "correlation", "bias, dB", "spread, dB", "median error, dB", "range holds the truth",
        "width of the range, dB", "windows, of the damage's",
    )  # fmt: skip
    return table(header, [
        (
            row["damage"], row["pictures"], f"{row['correlation']:.2f}", f"{row['bias']:+.2f}", f"{row['spread']:.2f}",
            f"{row['median_error']:.2f}", f"{row['held']:.0%}", f"{row['width']:.1f}", f"{row['cost_of_filling']:.2f}",
        )
        for row in rows
    ])  # fmt: skip
