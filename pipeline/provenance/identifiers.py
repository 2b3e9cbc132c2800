"""Make the identifiers of PREMIS: UUIDs that are the same whenever, and on whatever machine, they are asked for."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

_SPACE = uuid5(NAMESPACE_URL, "urn:archive-restoration:premis")


def identifier(kind: str, *parts: str) -> str:
    """Return the UUID (version 5) of a thing.

    Args:
        kind: `master`, `derivative`, `mask`, `suggestions`, `sidecar`, `event`, `software` or `person`.
        parts: what identifies it among its kind, such as path, sha256 and receipt of a master. No name of a collection,
            which can be renamed.
    """
    # Lengths, so that no two lists of parts give the same text.
    return str(uuid5(_SPACE, "".join(f"{len(part)}:{part}" for part in (kind, *parts))))
