"""Benchmark of damage detectors: see `python -m benchmarks.detection --help`."""
