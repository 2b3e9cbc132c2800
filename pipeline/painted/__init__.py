"""Read masks that people have painted: one verdict on what is marked, and which way the mask lies."""

from pipeline.painted.decided import DECIDED_BY, read_decided
from pipeline.painted.files import mask_size
from pipeline.painted.read import PaintedMask, is_painting, read_mask, read_protected
from pipeline.painted.scan_view import ScanView

#: Version of the rules by which masks are read; part of a recipe's digest, since they decide on pixels.
VERSION = "2"

__all__ = [
    "DECIDED_BY",
    "VERSION",
    "PaintedMask",
    "ScanView",
    "is_painting",
    "mask_size",
    "read_decided",
    "read_mask",
    "read_protected",
]
