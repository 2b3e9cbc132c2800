"""The classical detector: what stands out from its surroundings, judged piece by piece."""

from pipeline.detection.classical.detector import ClassicalDetector

__all__ = ["ClassicalDetector"]
