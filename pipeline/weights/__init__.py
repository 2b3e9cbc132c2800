"""Weights files: the shipped ones, what a file says of itself, loading and saving its tensors."""

from pipeline.weights.descriptor import Kind, WeightsFile, read_weights
from pipeline.weights.shipped import SHIPPED, shipped_digest, weights_path

__all__ = ["SHIPPED", "Kind", "WeightsFile", "read_weights", "shipped_digest", "weights_path"]
