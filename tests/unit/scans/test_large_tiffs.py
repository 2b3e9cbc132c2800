"""A large TIFF is mapped, decoded and encoded part by part, and gives what a small one gives."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from pipeline.errors import OutputNotWritable, UnreadableScan
from pipeline.imaging import mapped
from pipeline.imaging.mapped import Mapping, NoRoom, mapping_of
from pipeline.scans import decode, decode_isolated, encode_and_read, tiff_encode
from pipeline.scans.ipc import spooled

RNG = np.random.default_rng(4)
RGB16 = RNG.integers(0, 65536, (90, 70, 3), np.uint16)
RGB8 = (RGB16 >> 8).astype(np.uint8)
SMOOTH = np.add.outer(np.arange(90), np.arange(70)).astype(np.uint8)
KINDS: dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]] = {
    "strips": (RGB16, {"rowsperstrip": 16}),
    "big endian": (RGB16, {"rowsperstrip": 16, "byteorder": ">"}),
    "one strip": (RGB8, {"rowsperstrip": 90}),
    "tiles": (RGB16, {"tile": (32, 32)}),
    "BigTIFF": (RGB16, {"bigtiff": True}),
    "planes": (np.moveaxis(RGB16, -1, 0), {"planarconfig": "separate", "rowsperstrip": 16}),
    "planes in tiles": (np.moveaxis(RGB8, -1, 0), {"planarconfig": "separate", "tile": (32, 32)}),
    "LZW": (RGB16, {"compression": "lzw", "predictor": True, "rowsperstrip": 16}),
    "LZW in tiles": (RGB8, {"compression": "lzw", "tile": (32, 32)}),
    "LZW in planes": (np.moveaxis(RGB16, -1, 0), {"planarconfig": "separate", "compression": "lzw"}),
    "Deflate": (RGB16, {"compression": "deflate", "rowsperstrip": 16}),
    "ZSTD": (RGB8, {"compression": "zstd", "rowsperstrip": 16}),
    "JPEG": (RGB8, {"compression": "jpeg", "tile": (32, 32)}),
    "grey": (SMOOTH, {"compression": "packbits"}),
    "bilevel": (SMOOTH > 80, {"rowsperstrip": 16}),
    "12 bits": (RGB16 >> 4, {"bitspersample": 12}),
    "white is zero": (SMOOTH, {"photometric": "miniswhite"}),
    "CMYK": (np.dstack([RGB8, SMOOTH]), {"photometric": "separated"}),
    "alpha": (np.dstack([RGB16, RGB16[..., :1]]), {"extrasamples": ["unassalpha"]}),
    "palette": (SMOOTH, {"photometric": "palette", "colormap": RNG.integers(0, 65536, (3, 256), np.uint16)}),
}  # fmt: skip


def written(kind: str) -> bytes:
    pixels, options = KINDS[kind]
    target = io.BytesIO()
    usual = {"photometric": "rgb"} if pixels.ndim == 3 else {}
    tifffile.imwrite(target, pixels, **{**usual, **options})
    return target.getvalue()


def as_mapped(data: bytes) -> Mapping:
    descriptor = mapped.unnamed_file(None)
    try:
        mapped.write_all(descriptor, data, 0)
        return spooled(descriptor, len(data))
    finally:
        os.close(descriptor)


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "IN_MEMORY", 0)
    monkeypatch.setattr(mapped, "SMALL", 0)
    monkeypatch.setattr(tiff_encode, "IN_MEMORY", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mapped_file_decodes_to_the_same(kind: str) -> None:
    data = written(kind)
    one, other = decode(data, "a.tif"), decode(as_mapped(data), "a.tif")
    assert replace(one, pixels=RGB8) == replace(other, pixels=RGB8)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    reference = tifffile.imread(io.BytesIO(data))
    if kind in ("strips", "big endian", "tiles", "LZW", "ZSTD", "CMYK", "alpha"):
        np.testing.assert_array_equal(other.pixels, reference)


@pytest.mark.parametrize("kind", ["strips", "tiles", "LZW"])
def test_a_mapped_file_that_is_cut_off_is_rejected_alike(kind: str) -> None:
    data = written(kind)[:-2000]
    messages = []
    for given in (data, as_mapped(data)):
        with pytest.raises(UnreadableScan) as caught:
            decode(given, "a.tif")
        messages.append(caught.value.message)
    assert messages[0] == messages[1]


@pytest.mark.parametrize("pixels", [RGB16, np.dstack([SMOOTH] * 3).astype(np.uint16) * 257], ids=["plain", "packed"])
def test_a_derivative_has_the_same_bytes(pixels: np.ndarray[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    scan = replace(decode(written("strips"), "a.tif"), pixels=pixels)
    data, _ = encode_and_read(scan, ".tif")
    assert isinstance(data, Mapping)
    monkeypatch.setattr(tiff_encode, "IN_MEMORY", 1 << 20)
    assert tiff_encode.encode(scan) == bytes(data)


def test_decoded_pixels_are_sent_in_the_file_that_they_lie_in(tmp_path) -> None:
    pixels = np.tile(RGB16, (12, 12, 1))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    scan = decode_isolated(str(tmp_path / "a.tif"))
    assert mapping_of(scan.pixels) is not None
    np.testing.assert_array_equal(scan.pixels, pixels)
    assert scan == replace(decode((tmp_path / "a.tif").read_bytes(), "a.tif"), pixels=scan.pixels)


def test_a_small_scan_takes_no_descriptor(tmp_path) -> None:
    (tmp_path / "a.tif").write_bytes(written("strips"))
    scan = decode_isolated(str(tmp_path / "a.tif"))
    assert mapping_of(scan.pixels) is None and not scan.pixels.flags.writeable
    np.testing.assert_array_equal(scan.pixels, RGB16)


def test_a_full_disk_for_temporary_files_does_not_quarantine_a_scan(tmp_path) -> None:
    (tmp_path / "a.tif").write_bytes(written("strips"))
    with pytest.raises(OutputNotWritable, match="/scratch: no room"):
        decode_isolated(str(tmp_path / "a.tif"), decoder="bad_decoders:finds_no_room")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full, which is full always")
def test_a_disk_that_is_full_while_a_derivative_is_encoded_is_said(monkeypatch) -> None:
    scan = decode(written("strips"), "a.tif")
    monkeypatch.setattr(tiff_encode, "unnamed_file", lambda _: os.open("/dev/full", os.O_RDWR))
    with pytest.raises(NoRoom, match="set TMPDIR"):
        encode_and_read(scan, ".tif")


def test_a_file_that_is_emptied_while_it_is_read_is_the_stores_fault(tmp_path) -> None:
    (tmp_path / "a.tif").touch()
    with (tmp_path / "a.tif").open("rb") as file, pytest.raises(OSError, match="emptied"):
        spooled(file.fileno(), 200)
