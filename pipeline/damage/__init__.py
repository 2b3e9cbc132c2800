"""Damage: found on scans, painted by people, simulated for training and tests. Knows arrays, nothing of files."""

from __future__ import annotations

from pipeline.damage.guards import Guarded, guard
from pipeline.damage.load import load_detector
from pipeline.damage.manual import Combine, ManualMask, combine, read_mask, read_protected
from pipeline.damage.simulation import KINDS, ArtefactBank, Damaged, simulate
from pipeline.damage.types import Component, Detection, Detector, Mask, Pixels

__all__ = [
    "KINDS",
    "ArtefactBank",
    "Combine",
    "Component",
    "Damaged",
    "Detection",
    "Detector",
    "Guarded",
    "ManualMask",
    "Mask",
    "Pixels",
    "combine",
    "detect",
    "guard",
    "load_detector",
    "read_mask",
    "read_protected",
    "simulate",
]


def detect(
    pixels: Pixels,
    *,
    precision: float = 0.95,
    sensitivity: float = 1.0,
    dilate: int = 2,
    max_coverage: float = 0.15,
    detector: str = "learned",
) -> Detection:
    """Returns the damage on a scan, found by the named detector; see `Detector.detect`."""
    return load_detector(detector).detect(
        pixels, precision=precision, sensitivity=sensitivity, dilate=dilate, max_coverage=max_coverage
    )
