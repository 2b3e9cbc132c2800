"""Copy a file while its checksums are calculated; what is not as expected never appears."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pipeline import storage

SHA256, SHA512 = "sha256", "sha512"


class Differs(Exception):
    """The sha256 of a file is not the expected one."""


def read_checked(uri: str, algorithms: Sequence[str], sha256: str = "") -> tuple[int, dict[str, str]]:
    """Return size and digests (hex, by algorithm) of a file.

    Args:
        algorithms: of hashlib, `sha256` among them.
        sha256: as expected; empty for any.

    Raises:
        Differs: it has another sha256.
        FileNotFoundError, PermissionError, StoreUnavailable: it cannot be read.
    """
    hashes, size = [hashlib.new(name) for name in algorithms], 0
    for block in storage.blocks(uri):
        size += len(block)
        for one in hashes:
            one.update(block)
    return size, _digests(hashes, algorithms, sha256)


def copy_checked(uri: str, target: str, algorithms: Sequence[str], sha256: str) -> tuple[int, dict[str, str]]:
    """Copy a file and return size and digests of what was written; nothing appears when its sha256 differs.

    Raises as `read_checked`, and OutputNotWritable.
    """
    hashes, size = [hashlib.new(name) for name in algorithms], 0
    with storage.open_write(target) as stream:
        for block in storage.blocks(uri):
            stream.write(block)
            size += len(block)
            for one in hashes:
                one.update(block)
        digests = _digests(hashes, algorithms, sha256)
    return size, digests


def _digests(hashes: Sequence[hashlib._Hash], algorithms: Sequence[str], sha256: str) -> dict[str, str]:
    digests = {name: one.hexdigest() for name, one in zip(algorithms, hashes, strict=True)}
    if sha256 and digests[SHA256] != sha256:
        raise Differs
    return digests
