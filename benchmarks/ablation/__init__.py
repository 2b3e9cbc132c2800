"""The ablation of the normalisation; `python -m benchmarks.ablation` runs it."""
