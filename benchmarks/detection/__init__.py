"""Detectors measured, and compared: see `python -m benchmarks.detection --help`."""
