"""Handwritten digits with the middle cut out: the paper's DCGAN, a Region Normalization network, and their judge."""
