"""Read what a weights file says of itself, without torch: which kind of network it holds, of which shape."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.errors import WeightsError
from pipeline.escape import one_line


class Kind(StrEnum):
    """What a network does."""

    INPAINTER = "inpainter"
    """Fills holes of photographs."""
    DETECTOR = "detector"
    """Finds damage."""
    DIGITS = "digits"
    """Fills holes of handwritten digits, or reads them."""


@dataclass(frozen=True)
class Format:
    """A file format of one kind of network.

    Attributes:
        kind: of the networks.
        article: the kind in a sentence, indefinite.
        shape: keys of the metadata from which the network can be built.
        remedy: what to do where a file of this kind is wanted and another was given.
        entry: key of the metadata that holds all others as one JSON object, or ``None`` where they are strings.
    """

    kind: Kind
    article: str
    shape: tuple[str, ...]
    remedy: str
    entry: str | None = None


FORMATS = {
    "rn-generator-1": Format(
        Kind.INPAINTER,
        "an inpainter",
        ("config",),
        "name shipped weights (rn-faithful, rn-sharp) or the path of your own, or train some with `train inpainter`",
    ),
    "damage-detector-1": Format(
        Kind.DETECTOR,
        "a damage detector",
        ("depth", "width", "widest"),
        "leave them out for the shipped ones, or train some with `train detector`",
    ),
    "digits-1": Format(
        Kind.DIGITS,
        "a digit network",
        ("network",),
        "give digits-region, digits-paper or the path of your own, or train some with `train digits`",
        entry="digits",
    ),
}
"""By the string that files carry as ``format``."""

OF_KIND = {one.kind: name for name, one in FORMATS.items()}
"""The format in which each kind is written."""


@dataclass(frozen=True)
class WeightsFile:
    """A weights file of a known kind.

    Attributes:
        path: of the file.
        format: a key of :data:`FORMATS`.
        metadata: the file's description of itself: shape, seed, steps and so on.
        sha256: of the whole file.
        expected: the sha256 that was asked for, if any.
        remedy: what to do where the file cannot be used.
        data: the whole file.
    """

    path: Path
    format: str
    metadata: dict[str, str]
    sha256: str
    expected: str | None
    remedy: str
    data: bytes = field(repr=False)

    @property
    def kind(self) -> Kind:
        """Return what the network does."""
        return FORMATS[self.format].kind

    @property
    def shape(self) -> dict[str, str]:
        """Return the metadata from which the network is built.

        Raises:
            WeightsError: something is missing.
        """
        keys = FORMATS[self.format].shape
        if missing := [key for key in keys if key not in self.metadata]:
            raise self.damaged(f"no {missing[0]}")
        return {key: self.metadata[key] for key in keys}

    def refuse(self, problem: str) -> WeightsError:
        """Return the error for a file with some problem: it names the file, the digests and the remedy."""
        return _refuse(self.path, problem, self.sha256, self.expected, self.remedy)

    def damaged(self, reason: object) -> WeightsError:
        """Return the error for a file whose content does not fit its kind."""
        return self.refuse(f"is damaged or of another version ({one_line(str(reason))})")


def read_weights(path: Path, kind: Kind, *, expected: str | None = None, remedy: str | None = None) -> WeightsFile:
    """Return a weights file, checked for its kind but not for its tensors.

    Args:
        path: of a safetensors file.
        kind: that is wanted.
        expected: sha256 that it must have, where one is known.
        remedy: for the error messages; by default that of the kind.

    Raises:
        WeightsError: it is missing, cut short, of no known kind, of another kind, or not the one expected.
    """
    wanted = FORMATS[OF_KIND[kind]]
    remedy = remedy or wanted.remedy
    try:
        data = path.read_bytes()
    except OSError as error:
        asked = f" (expected sha256 {expected})" if expected else ""
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}{asked}; {remedy}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if expected is not None and sha256 != expected:
        raise _refuse(path, "is not the weights file asked for", sha256, expected, remedy)
    metadata, size = _read_header(data)
    name = metadata.get("format", "")
    if name not in FORMATS:
        raise _refuse(path, f"does not hold the weights of {wanted.article}", sha256, expected, remedy)
    file = WeightsFile(path, name, metadata, sha256, expected, remedy, data)
    if file.kind is not kind:
        raise file.refuse(f"holds the weights of {FORMATS[name].article}, not of {wanted.article}")
    if size != len(data):
        raise file.damaged(f"{len(data)} bytes instead of {size}")
    return file


def _read_header(data: bytes) -> tuple[dict[str, str], int]:
    """Return a safetensors file's metadata, and the size in bytes that its header promises; nothing for other files."""
    try:
        start = 8 + int.from_bytes(data[:8], "little")
        header: dict[str, Any] = json.loads(data[8:start])
        metadata: dict[str, Any] = header.pop("__metadata__", {})
        for entry in {one.entry for one in FORMATS.values() if one.entry is not None} & metadata.keys():
            metadata = json.loads(metadata[entry])
        size = start + max((int(tensor["data_offsets"][1]) for tensor in header.values()), default=0)
        return {str(key): str(value) for key, value in metadata.items()}, size
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        return {}, len(data)


def _refuse(path: Path, problem: str, found: str, expected: str | None, remedy: str) -> WeightsError:
    asked = f", expected {expected}" if expected else ""
    return WeightsError(f"{path} {problem}: found sha256 {found}{asked}; {remedy}")
