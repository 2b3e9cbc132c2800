"""Read the masks that were supplied with a scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline import storage
from pipeline.masks.manual import ManualMask, read_mask, read_protected
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

    damage: ManualMask | None = None
    protected: tuple[ManualMask, ...] = ()
    infrared: str = ""


def read_given_masks(scan: Scan, recipe: Recipe, mask_uri: str, protect_uri: str, infrared_uri: str = "") -> GivenMasks:
    """Return what was supplied with a scan, masks read as its recipe says.

    Args:
        scan: the scan; masks must have its size.
        recipe: decides what a painted mask means, see `MaskMode`.
        mask_uri, protect_uri, infrared_uri: empty where there is none.

    Raises:
        UnreadableScan: a mask cannot be read, or has another size than the scan.
        StoreUnavailable, FileNotFoundError: as storage does.
    """
    shape, orientation = (scan.pixels.shape[0], scan.pixels.shape[1]), scan.info.orientation

    def read(uri: str, reader: Callable[[bytes, tuple[int, int], int, str], ManualMask]) -> ManualMask:
        return reader(storage.read_bytes(uri), shape, orientation, uri.rpartition("/")[2])

    regions = [protect_uri] if protect_uri else []
    if mask_uri and recipe.mask_mode is MaskMode.PROTECT:
        regions.append(mask_uri)
        mask_uri = ""
    protected = tuple(read(uri, read_protected) for uri in regions)
    return GivenMasks(read(mask_uri, read_mask) if mask_uri else None, protected, infrared_uri)
