"""Scans: decoding at full depth with all metadata, encoding without loss, colours, previews, limits."""

from pipeline.scans.colour import colour, native_values, visible, with_colour
from pipeline.scans.decode import decode, inspect
from pipeline.scans.encode import encode, output_extension
from pipeline.scans.isolated import decode_isolated
from pipeline.scans.model import Limits, Metadata, Scan, ScanInfo
from pipeline.scans.preview import oriented_preview
from pipeline.scans.refusals import refusal

__all__ = [
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
    "refusal",
    "visible",
    "with_colour",
]
