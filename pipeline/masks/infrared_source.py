"""Read the infrared plane of a scan: from a file beside it, a second page, or a fourth channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pipeline import scans
from pipeline.errors import UnreadableScan
from pipeline.scans import Scan


@dataclass(frozen=True)
class InfraredPlane:
    """A scanner's infrared plane.

    Attributes:
        pixels: (H,W) uint8 or uint16; None where it could not be read, and `note` says why.
        declared: whether the file or its name says that it is one; a fourth channel without a name may be anything.
    """

    pixels: NDArray[Any] | None
    note: str = ""
    declared: bool = True


def read_infrared(scan: Scan, uri: str, beside: str) -> InfraredPlane | None:
    """Return the infrared plane of a scan, or None when there is none.

    Args:
        scan: the scan.
        uri: of the scan's own file.
        beside: URI of a file that holds only the plane; empty where there is none.

    Raises:
        StoreUnavailable, FileNotFoundError: as storage does.
    """
    try:
        if beside:
            seen = scans.visible_channels(scans.decode_isolated(beside))
            return InfraredPlane(seen if seen.ndim == 2 else seen[:, :, 0])
        if scan.info.infrared == "page" and uri:
            return InfraredPlane(scans.decode_isolated(uri, decoder=scans.INFRARED).pixels)
    except UnreadableScan as error:
        # The scan itself is intact: it is processed like one without an infrared plane.
        return InfraredPlane(None, f"the infrared plane was not used: {error.message.rstrip('.')}")
    if scan.info.infrared == "sample":
        return InfraredPlane(scan.pixels[:, :, 3], declared=False)
    return None
