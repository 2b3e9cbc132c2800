"""Model cards: what a weights file was made from, how, and what it is worth."""

from __future__ import annotations

import csv
import logging
import platform
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.atomic_write import write_whole

log = logging.getLogger(__name__)

MANIFEST = "MANIFEST.csv"


@dataclass(frozen=True)
class ModelCard:
    """The facts of a card. ``tables`` are Markdown, by heading; ``reproduce`` is a list of shell lines."""

    title: str
    purpose: str
    network: str
    data: str
    training: dict[str, str]
    reproduce: tuple[str, ...]
    limits: tuple[str, ...]
    tables: dict[str, str] = field(default_factory=dict)


def describe_hardware() -> str:
    """The processor, number of cores in use and operating system of this machine, in words."""
    import torch

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{model}, {torch.get_num_threads()} thread(s) an operation{device}, torch {torch.__version__}"


def describe_data(photos: Path, names: Iterable[str]) -> str:
    """The photographs counted by source and licence, as Markdown.

    Sources and licences come from a ``MANIFEST.csv`` in the folder or one above it (columns path, source_repo,
    licence); without one the card says that they are unknown.
    """
    wanted = list(names)
    for folder in (photos, photos.parent):
        manifest = folder / MANIFEST
        if manifest.exists():
            break
    else:
        return (
            f"{len(wanted)} photographs; no manifest lay beside them, so their sources and licences are not known here."
        )
    prefix = "" if folder == photos else f"{photos.name}/"
    with manifest.open(newline="", encoding="utf-8") as opened:
        rows = {row["path"].removeprefix(prefix): row for row in csv.DictReader(opened)}
    counts: Counter[tuple[str, str]] = Counter()
    for name in wanted:
        row = rows.get(name)
        # A licence's own address or note may follow its name; the name is enough for a table.
        counts[(row["source_repo"], row["licence"]) if row else ("not in the manifest", "unknown")] += 1
    lines = [
        f"{len(wanted)} photographs from {len(counts)} sources:",
        "",
        "| source | licence | photographs |",
        "|---|---|---|",
    ]
    for (source, licence), count in sorted(counts.items()):
        lines.append(f"| {source} | {licence.replace('|', '/')} | {count} |")
    return "\n".join(lines)


def write_model_card(target: Path, card: ModelCard) -> Path:
    """The path of the card, written as Markdown; it appears whole."""
    parts = [f"# {card.title}", card.purpose, "## Network", card.network]
    for heading, table in card.tables.items():
        parts += [f"## {heading}", table]
    parts += ["## Training", "\n".join(f"- {name}: {value}" for name, value in card.training.items())]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in card.limits)]
    parts += ["## How to reproduce", "```\n" + "\n".join(card.reproduce) + "\n```"]
    parts += ["## Data", card.data]
    write_whole(target, ("\n\n".join(parts) + "\n").encode())
    log.info("wrote %s", target)
    return target
