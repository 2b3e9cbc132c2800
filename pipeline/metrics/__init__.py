"""Metrics of a restoration, one per module; arrays in, numbers out."""

from pipeline.metrics.fidelity import Fidelity, fidelity
from pipeline.metrics.l1 import l1
from pipeline.metrics.psnr import psnr
from pipeline.metrics.seam import Seam, seam
from pipeline.metrics.sharpness import sharpness
from pipeline.metrics.ssim import ssim

__all__ = ["Fidelity", "Seam", "fidelity", "l1", "psnr", "seam", "sharpness", "ssim"]
