"""Name the tags and values of TIFF that say how pixels are stored."""

from __future__ import annotations

(SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, SAMPLES, ROWS, COUNTS) = (
    254, 256, 257, 258, 259, 262, 273, 277, 278, 279,
)  # fmt: skip
PLANAR, COLOR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 284, 320, 322, 323, 324, 325
SOFTWARE = 305
SUB_DIRECTORIES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 330, 332, 338, 339
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
OLD_JPEG, JPEG = 6, 7
NO_COMPRESSION = 1
OLD_SUBFILE = 255
JPEG_TABLES, SUBSAMPLING = 347, 530
# How pixels are stored, or what has its own field in `Metadata`; all other tags describe the picture and are kept.
STRUCTURE = {
    *range(254, 267), *range(273, 274), *range(277, 282), *range(284, 285), *range(288, 294), 317, 320,
    *range(322, 331), 332, 334, *range(338, 343), *range(346, 350), *range(512, 533), XMP, IPTC, PHOTOSHOP, ICC,
    37724,
}  # fmt: skip
