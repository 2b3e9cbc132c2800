"""Detect damage without a learned network: find what stands out, classify each component."""

from pipeline.detection.classical.detector import ClassicalDetector

__all__ = ["ClassicalDetector"]
