"""The classical detector: what stands out from its surroundings, judged piece by piece."""

from pipeline.damage.classical.detector import ClassicalDetector

__all__ = ["ClassicalDetector"]
