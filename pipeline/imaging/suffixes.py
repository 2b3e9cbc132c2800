"""The file name suffixes of image formats."""

from __future__ import annotations

from pathlib import PurePath

# What a file is, its first bytes decide (`pipeline.scans.formats`); a suffix only says what is meant as an image.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf"),
    "HEIF": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEGXL": (".jxl",),
    "PNM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TGA": (".tga",),
    "SGI": (".sgi",),
    "PCX": (".pcx",),
}
# Every image that a scan can be.
IMAGE_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
# Files delivered with a scan (masks, protected regions, infrared planes). Those that cannot be read hold their scan.
COMPANION_SUFFIXES = IMAGE_SUFFIXES | {
    ".qoi", ".psd", ".psb", ".xcf", ".ora", ".kra", ".pdn", ".afphoto", ".svg", ".eps",
}  # fmt: skip
# Photographs for training and benchmarks.
PHOTO_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def has_image_suffix(name: str) -> bool:
    """Return whether a file name ends like that of an image."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES
