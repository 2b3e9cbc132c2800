"""Read the masks that were supplied with a scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline import storage
from pipeline.errors import InArchiveTier, Reason, UnreadableScan
from pipeline.imaging.types import Mask
from pipeline.masks.scan_view import view_scan
from pipeline.painted import PaintedMask, ScanView, read_decided, read_mask, read_protected
from pipeline.scans import Scan
from pipeline.settings import MaskMode, Recipe


@dataclass(frozen=True)
class GivenMasks:
    """What was supplied with one scan.

    Attributes:
        damage: painted damage, or None.
        protected: regions that must never be touched.
        infrared: URI of a file with the scanner's infrared plane; empty where only the scan's own file may hold one.
    """

    damage: PaintedMask | None = None
    protected: tuple[PaintedMask, ...] = ()
    infrared: str = ""


def read_given_masks(
    scan: Scan,
    recipe: Recipe,
    mask_uri: str,
    protect_uri: str,
    infrared_uri: str = "",
    published: Callable[[], Mask | None] = lambda: None,
) -> GivenMasks:
    """Return what was supplied with a scan, masks read as its recipe says.

    Args:
        scan: the scan; masks must have its size.
        recipe: decides what a painted mask means, see `MaskMode`.
        mask_uri, protect_uri, infrared_uri: empty where there is none.
        published: returns the marks published for the scan before, see `ScanView`.

    Raises:
        UnreadableScan: a mask cannot be read, or has another size than the scan.
        StoreUnavailable, FileNotFoundError: as storage does.
    """
    view = view_scan(scan, published)

    def read(uri: str, reader: Callable[[bytes, ScanView, str], PaintedMask]) -> PaintedMask:
        name = uri.rpartition("/")[2]
        return reader(_read_bytes(uri, name), view, name)

    regions = [protect_uri] if protect_uri else []
    decided = _read_decided(mask_uri, scan)
    if decided is not None:
        return GivenMasks(decided, tuple(read(uri, read_protected) for uri in regions), infrared_uri)
    if mask_uri and recipe.mask_mode is MaskMode.PROTECT:
        regions.append(mask_uri)
        mask_uri = ""
    protected = tuple(read(uri, read_protected) for uri in regions)
    return GivenMasks(read(mask_uri, read_mask) if mask_uri else None, protected, infrared_uri)


def _read_decided(uri: str, scan: Scan) -> PaintedMask | None:
    """Return the mask that a person decided in review, None where it is another's or there is none."""
    if not uri:
        return None
    return read_decided(_read_bytes(uri, uri.rpartition("/")[2]), scan.pixels.shape[:2])


def _read_bytes(uri: str, name: str) -> bytes:
    """Return the file of a mask; one that may not be read holds its scan."""
    try:
        return storage.read_bytes(uri)
    except InArchiveTier as error:
        raise UnreadableScan(Reason.ARCHIVED, f"mask {name}: {error.strerror}") from error
    except PermissionError as error:
        message = f"mask {name} may not be read; give this user permission to read it"
        raise UnreadableScan(Reason.MASK_UNREADABLE, message) from error
