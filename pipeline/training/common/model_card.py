"""Model cards: what a weights file was trained on, how, how good it is, and under which terms."""

from __future__ import annotations

import csv
import logging
import platform
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.atomic_write import atomic_write

log = logging.getLogger(__name__)

MANIFEST = "MANIFEST.csv"


@dataclass(frozen=True)
class ModelCard:
    """The contents of a card.

    Attributes:
        title, purpose, network, data, terms: Markdown.
        training: facts of the training by name.
        reproduce: shell lines.
        limits: one sentence each.
        tables: Markdown by heading.
    """

    title: str
    purpose: str
    network: str
    data: str
    terms: str
    training: dict[str, str]
    reproduce: tuple[str, ...]
    limits: tuple[str, ...]
    tables: dict[str, str] = field(default_factory=dict)


def describe_hardware() -> str:
    """Return the processor, number of threads, accelerator and version of torch in words."""
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
    """Return a table of the photographs by source and licence, as Markdown.

    Sources and licences come from a ``MANIFEST.csv`` in the folder or the one above it (columns path, source_repo,
    licence); without one the card says that they are unknown.
    """
    wanted = list(names)
    manifest = _find_manifest(photos)
    if manifest is None:
        return f"{len(wanted)} photographs; there is no {MANIFEST}, so their sources and licences are not known here."
    prefix = "" if manifest.parent == photos else f"{photos.name}/"
    with manifest.open(newline="", encoding="utf-8") as opened:
        rows = {row["path"].removeprefix(prefix): row for row in csv.DictReader(opened)}
    counts: Counter[tuple[str, str]] = Counter()
    for name in wanted:
        row = rows.get(name)
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


def describe_terms(photos: Path) -> str:
    """Return the terms of weights that were trained on the photographs below a folder, as Markdown."""
    if _find_manifest(photos) is None:
        return (
            "This project's code, which trained the weights, is under the Apache License 2.0. The licences of the"
            " photographs are not known here: check them before you publish the weights."
        )
    return (
        "The weights are under the Apache License 2.0, like this project's code, which trained them on the photographs"
        " listed under *Data* with their licences. The photographs are not part of this file. Attributions are in the"
        " project's `NOTICE` and `pipeline/weights/ATTRIBUTION.csv`."
    )


def _find_manifest(photos: Path) -> Path | None:
    """Return the manifest in the folder or the one above it, or None."""
    return next((path for folder in (photos, photos.parent) if (path := folder / MANIFEST).exists()), None)


def write_model_card(target: Path, card: ModelCard) -> Path:
    """Write the card as Markdown, atomically, and return its path."""
    parts = [f"# {card.title}", card.purpose, "## Network", card.network]
    for heading, table in card.tables.items():
        parts += [f"## {heading}", table]
    parts += ["## Training", "\n".join(f"- {name}: {value}" for name, value in card.training.items())]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in card.limits)]
    parts += ["## How to reproduce", "```\n" + "\n".join(card.reproduce) + "\n```"]
    parts += ["## Terms", card.terms, "## Data", card.data]
    atomic_write(target, ("\n\n".join(parts) + "\n").encode())
    log.info("wrote %s", target)
    return target
