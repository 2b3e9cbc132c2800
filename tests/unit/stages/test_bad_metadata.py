"""Metadata that is broken, untrue or absurd never costs a scan its restoration; nothing of it is quietly changed."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from image_files import png, tiff
from PIL import Image, ImageCms
from small_project import Project, damaged, published

from pipeline.scans import Scan, decode
from pipeline.stages.scan_row import ScanRow

PIXELS, MASK = damaged(0)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LARGE = 10 << 20

Restored = tuple[ScanRow, bytes, dict[str, Any]]


@pytest.fixture
def restore(project: Project) -> Callable[[bytes], Restored]:
    """Restore one TIFF of the damaged picture; returns its row, its derivative and its sidecar."""

    def restored(content: bytes) -> Restored:
        (project.inbox / "a.tif").write_bytes(content)
        (project.inbox / "a.mask.png").write_bytes(png(MASK))
        row = published(project.restore(project.receive()))["a.tif"]
        derivative = Path(project.output / "restored/a.tif")
        sidecar = json.loads((project.output / "sidecars/a.json").read_text())
        return row, derivative.read_bytes() if derivative.exists() else b"", sidecar

    return restored


def with_tags(*tags: tuple[int, int, int, Any, bool]) -> bytes:
    return tiff(PIXELS, photometric="rgb", metadata=None, extratags=tags)


def values(content: bytes) -> dict[int, Any]:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return {tag.code: tag.value for tag in file.pages.first.tags.values()}


def check_pixels(derivative: bytes) -> Scan:
    """Return a derivative, checked to be the master outside the mask and filled inside."""
    scan = decode(derivative, "a.tif")
    np.testing.assert_array_equal(scan.pixels[MASK == 0], PIXELS[MASK == 0])
    assert not np.array_equal(scan.pixels[MASK > 0], PIXELS[MASK > 0])
    return scan


@pytest.mark.parametrize("profile", [b"no profile at all", ICC[:200], ICC[:40] + bytes(len(ICC) - 40), b"\0"])
def test_a_broken_profile_is_kept_as_it_is(profile: bytes, restore: Callable[[bytes], Restored]) -> None:
    row, derivative, sidecar = restore(with_tags((34675, 7, len(profile), profile, True)))
    assert row.outcome == "restored"
    assert check_pixels(derivative).metadata.icc == profile
    assert not sidecar["metadata"]["lost"]


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_kept_and_turns_nothing(
    orientation: int, restore: Callable[[bytes], Restored]
) -> None:
    row, derivative, _ = restore(with_tags((274, 3, 1, orientation, True)))
    assert row.outcome == "restored"
    assert check_pixels(derivative).info.orientation == 1
    assert int(values(derivative)[274]) == orientation


def test_a_lying_orientation_is_kept_and_the_pixels_stay_as_they_are_stored(
    restore: Callable[[bytes], Restored], project: Project
) -> None:
    """Whether a picture stands on its side, nobody but a person can tell."""
    row, derivative, _ = restore(with_tags((274, 3, 1, 6, True)))
    assert row.outcome == "restored"
    assert check_pixels(derivative).info.orientation == 6
    with Image.open(project.output / "masks/a.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), MASK)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [(5, (0, 0)), (5, (300, 0)), (5, (0, 1)), (5, (4294967295, 1)), (5, (1, 4294967295)), (11, (float("nan"),)),
     (11, (-300.0,)), (12, (1e300,))],
)  # fmt: skip
def test_an_absurd_resolution_is_kept_bit_by_bit(
    kind: int, stored: tuple[float, ...], restore: Callable[[bytes], Restored]
) -> None:
    content = tiff(PIXELS, photometric="rgb", metadata=None, resolution=(1, 1), resolutionunit="INCH")
    changed = bytearray(content)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = [file.pages.first.tags[code] for code in (282, 283)]
    if kind == 5:
        for tag in tags:
            struct.pack_into("<2I", changed, tag.valueoffset, *map(int, stored))
    elif kind == 11:
        for tag in tags:
            struct.pack_into("<HIf", changed, tag.offset + 2, kind, 1, *stored)
    else:
        for tag in tags:
            struct.pack_into("<HI", changed, tag.offset + 2, kind, 1)
            struct.pack_into("<d", changed, tag.valueoffset, *stored)
    row, derivative, _ = restore(bytes(changed))
    assert row.outcome == "restored"
    check_pixels(derivative)
    found = values(derivative)
    for code in (282, 283):
        got = found[code] if isinstance(found[code], tuple) else (found[code],)
        letter = {5: "I", 11: "f", 12: "d"}[kind]
        assert struct.pack(f"<{len(got)}{letter}", *got) == struct.pack(f"<{len(stored)}{letter}", *stored)


def test_a_directory_that_points_to_itself_is_read_once(restore: Callable[[bytes], Restored]) -> None:
    content = bytearray(with_tags((34665, 4, 1, 8, True)))
    first = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, first)[0]
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    for entry in range(first + 2, first + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry)[0] == 34665:
            struct.pack_into("<I", content, entry + 8, first)
    row, derivative, _ = restore(bytes(content))
    assert row.outcome == "restored"
    check_pixels(derivative)


def test_a_directory_beyond_the_end_of_the_file_is_quarantined_with_its_remedy(project: Project) -> None:
    content = bytearray(with_tags())
    struct.pack_into("<I", content, 4, len(content) - 6)
    (project.inbox / "a.tif").write_bytes(bytes(content))
    row = published(project.restore(project.receive()))["a.tif"]
    assert (row.outcome, row.reason) == ("quarantined", "truncated")
    assert "a.tif is cut off" in row.message and "again" in row.message


def test_a_packet_that_is_no_xml_makes_way_for_the_disclosure_and_is_said(restore: Callable[[bytes], Restored]) -> None:
    packet = b"<?xpacket begin=''?> this & that is no XML <x:xmpmeta>"
    row, derivative, sidecar = restore(with_tags((700, 1, len(packet), packet, True)))
    assert row.outcome == "restored"
    assert b"DigitalSourceType" in (check_pixels(derivative).metadata.xmp or b"")
    said = [*sidecar["metadata"]["lost"], *sidecar["metadata"]["changed"]]
    assert [one["what"] for one in said] == ["XMP packet that is not well-formed"]


def test_a_packet_of_ten_megabytes_is_kept_whole(restore: Callable[[bytes], Restored]) -> None:
    history = "".join(f"step {number:07d}; " for number in range(LARGE // 14))
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
        f"<photoshop:History>{history}</photoshop:History></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
    assert len(packet) > LARGE
    row, derivative, sidecar = restore(with_tags((700, 1, len(packet), packet, True)))
    assert row.outcome == "restored"
    written = check_pixels(derivative).metadata.xmp or b""
    assert history.encode() in written and b"DigitalSourceType" in written
    assert "XMP photoshop:History" in sidecar["metadata"]["kept"]
