"""The weights files that are shipped, what a weights file says of itself, and how its tensors are loaded and saved."""

from pipeline.weights.descriptor import Kind, WeightsFile, read_weights
from pipeline.weights.shipped import SHIPPED, shipped_digest, weights_path

__all__ = ["SHIPPED", "Kind", "WeightsFile", "read_weights", "shipped_digest", "weights_path"]
