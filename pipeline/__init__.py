"""Restoration of damaged photographs: masks, Region Normalization inpainting, measurement, traceability."""

__version__ = "0.1.0"
