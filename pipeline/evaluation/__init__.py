"""Compare engines on pictures whose originals are known."""
