"""Scans: decode at full depth with all metadata, encode losslessly, convert colours, draw previews, enforce limits."""

from PIL import Image

from pipeline.scans.colour import colour, native_values, viewed_channels, visible_channels
from pipeline.scans.decode import decode, inspect
from pipeline.scans.encode import encode, encode_and_read, output_extension
from pipeline.scans.infrared import INFRARED
from pipeline.scans.model import Limits, Metadata, Scan, ScanInfo
from pipeline.scans.preview import oriented_preview
from pipeline.scans.rejections import rejection
from pipeline.scans.sandbox import decode_isolated, decode_window_isolated

# Pillow's limit of about 90 megapixels applies to the whole process and is below ours, which is checked in each scan's
# header. Masks and previews are as large as scans; a limit far above them still stops decompression bombs.
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
    "decode_window_isolated",
    "encode",
    "encode_and_read",
    "inspect",
    "native_values",
    "oriented_preview",
    "output_extension",
    "rejection",
    "viewed_channels",
    "visible_channels",
]
