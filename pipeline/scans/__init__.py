"""Scans: decoding at full depth with all metadata, encoding without loss, colours, previews, limits."""

from PIL import Image

from pipeline.scans.colour import colour, native_values, visible_channels, with_colour
from pipeline.scans.decode import decode, inspect
from pipeline.scans.encode import encode, output_extension
from pipeline.scans.infrared import INFRARED
from pipeline.scans.model import Limits, Metadata, Scan, ScanInfo
from pipeline.scans.preview import oriented_preview
from pipeline.scans.rejections import rejection
from pipeline.scans.sandbox import decode_isolated

# Pillow's bound holds for the whole process, and at 90 megapixels it is below ours, which is checked from each scan's
# header. Masks and previews are as large as scans; a bound far above them still stops what is made to harm.
Image.MAX_IMAGE_PIXELS = 1 << 30

__all__ = [
    "INFRARED",
    "Limits",
    "Metadata",
    "Scan",
    "ScanInfo",
    "colour",
    "decode",
    "decode_isolated",
    "encode",
    "inspect",
    "native_values",
    "oriented_preview",
    "output_extension",
    "rejection",
    "visible_channels",
    "with_colour",
]
