"""The weights files that are shipped, by name."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).resolve().parent
"""The folder that holds them, each with its model card, and the list of their checksums."""


def weights_path(weights: str) -> Path:
    """Return the file of shipped weights by name (``rn-faithful``), or the path itself when one is given."""
    if "/" in weights or weights.endswith(".safetensors"):
        return Path(weights).expanduser()
    return SHIPPED / f"{weights}.safetensors"


def shipped_digest(weights: str) -> str | None:
    """Return the sha256 that shipped weights must have, by the list that is shipped with them; ``None`` for others.

    The list is what ``sha256sum *.safetensors > SHA256SUMS`` writes in the folder of the weights.
    """
    path, sums = weights_path(weights), SHIPPED / "SHA256SUMS"
    if path.parent != SHIPPED or not sums.exists():
        return None
    listed = (line.split() for line in sums.read_text(encoding="utf-8").splitlines())
    return next((digest for digest, name in listed if name.lstrip("*") == path.name), None)
