"""Access copies show the picture's own colours in sRGB, upright, and say what was done."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.scans import decode
from pipeline.scans.access_copy import access_jpeg
from pipeline.scans.model import Metadata, Mode, Scan, ScanInfo
from pipeline.scans.xmp_disclosure import Disclosure, disclosed

SAID = Disclosure("Restored digitally.", "en", "urn:type", "", "", "program 1", "p", "urn:sha256:0", "xmp.iid:1")
RAMP = np.linspace(0, 65535, 64).astype(np.uint16)


def scan(pixels: np.ndarray, mode: Mode, icc: bytes | None = None, orientation: int = 1, alpha_kind: int = 2) -> Scan:
    """Returns a scan as a decoder gives it."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    info = ScanInfo("TIFF", width, height, channels, pixels.dtype.itemsize * 8, 1, orientation, mode)
    return Scan(pixels=pixels, info=info, metadata=Metadata(icc=icc, alpha_kind=alpha_kind))


def shown(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "JPEG" and picture.mode == "RGB"
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        return np.asarray(picture).astype(int)


def jpeg(one: Scan, **options) -> bytes:
    return access_jpeg(one, **{"long_side": 4000, "quality": 95, "packets": [disclosed(None, SAID)]} | options)


def flat(colour: tuple[int, ...], dtype=np.uint16) -> np.ndarray:
    return np.full((32, 48, len(colour)), colour, dtype)


def ink_profile() -> bytes:
    """Returns a small ICC profile of dull inks: a table (lut8) of the sixteen overprints of full tones, in Lab."""
    overprints = []
    for number in range(16):
        c, m, y, k = ((number >> bit) & 1 for bit in (3, 2, 1, 0))
        light, colour = 255 * (1 - 0.45 * c) * (1 - 0.5 * m) * (1 - 0.1 * y) * (1 - 0.85 * k), 1 - 0.9 * k
        overprints += [light, 128 + colour * (60 * m - 30 * c), 128 + colour * (70 * y - 40 * c)]
    ramp, matrix = bytes(range(256)), struct.pack(">9i", *(65536 * (at % 4 == 0) for at in range(9)))
    lut = b"mft1\0\0\0\0\4\3\2\0" + matrix + 4 * ramp + bytes(round(value) for value in overprints) + 3 * ramp
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    tags = {
        b"desc": text + bytes(-len(text) % 4),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": lut + bytes(-len(lut) % 4),
    }
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">2I", start + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s12s4s", start + len(body), b"\0" * 4, 0x02400000, b"prtr", b"CMYK", b"Lab ", bytes(12), b"acsp"
    )
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


def test_sixteen_bits_of_a_wide_gamut_are_converted_by_the_profile() -> None:
    adobe = imagecodecs.cms_profile("adobergb")
    # A green that both can hold: its numbers differ.
    wide = flat((30000, 42000, 26000))
    found = shown(jpeg(scan(wide, "RGB", adobe)))[16, 24]
    source = ImageCms.ImageCmsProfile(io.BytesIO(adobe))
    eight = Image.fromarray((wide >> 8).astype(np.uint8))
    want = ImageCms.profileToProfile(
        eight, source, ImageCms.createProfile("sRGB"), renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert np.abs(found - np.asarray(want)[16, 24]).max() <= 2
    assert np.abs(found - [30000 / 257, 42000 / 257, 26000 / 257]).max() > 8, "it is not the same numbers"


def test_grey_stays_grey_and_follows_its_profile() -> None:
    grey = np.tile(RAMP, (32, 1))
    plain = shown(jpeg(scan(grey, "L")))[16]
    assert np.abs(plain - np.rint(RAMP / 257)[:, None]).max() <= 3
    linear = shown(jpeg(scan(grey, "L", imagecodecs.cms_profile("gray", gamma=1.0))))[16]
    assert (linear.max(axis=1) - linear.min(axis=1)).max() <= 3, "neutral"
    assert linear[32].mean() > plain[32].mean() + 40, "half of the light is brighter than half of the values"


def test_inks_become_colours() -> None:
    inks = flat((0, 255, 255, 0), np.uint8)
    red = shown(jpeg(scan(inks, "CMYK")))[16, 24]
    assert red[0] > 240 and red[1] < 15 and red[2] < 15


def test_a_profile_of_other_channels_is_left_out() -> None:
    found = shown(jpeg(scan(flat((50000, 20000, 20000)), "RGB", imagecodecs.cms_profile("gray", gamma=2.2))))[16, 24]
    assert np.abs(found - [195, 78, 78]).max() <= 4
    assert shown(jpeg(scan(flat((50000, 20000, 20000)), "RGB", b"no profile"))).shape == (32, 48, 3)


def test_it_is_upright_and_no_larger_than_wanted() -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, :10] = 255
    found = shown(jpeg(scan(pixels, "RGB", orientation=6), long_side=50))
    assert found.shape == (50, 20, 3)
    assert found[:4].mean() > 240 and found[8:].mean() < 15, "the left edge is the top now"
    assert shown(jpeg(scan(pixels, "RGB"))).shape == (40, 100, 3), "never larger than the scan"


def test_a_note_stands_below_the_picture() -> None:
    pixels = np.full((300, 400, 3), 90, np.uint8)
    note = "Digital restauriert – Archiv für Größe, Ä Ö Ü"
    found = shown(jpeg(scan(pixels, "RGB"), note=note))
    assert found.shape[0] > 300 and np.abs(found[:299] - 90).max() <= 3, "it covers nothing"
    assert found[300:].min() < 90 and found[300:].mean() > 200
    long = shown(jpeg(scan(pixels, "RGB"), note=note * 2))
    assert (long[302:, -3:] > 200).all(), "letters get smaller until the note fits"


def test_the_disclosure_is_in_it_and_what_describes_the_master_is_not() -> None:
    about_file = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"'
        b' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator><rdf:Seq><rdf:li>Anna M\xc3\xbcller</rdf:li>'
        b"</rdf:Seq></dc:creator><tiff:ImageWidth>9</tiff:ImageWidth></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    packet = decode(jpeg(scan(flat((1, 1, 1)), "RGB"), packets=[disclosed(about_file, SAID)]), "a.jpg").metadata.xmp
    assert packet is not None
    text = packet.decode()
    assert "Anna Müller" in text and "Restored digitally." in text and "Orientation" not in text
    assert "ImageWidth" not in text


def test_a_packet_that_is_too_long_gives_way_to_the_disclosure_alone() -> None:
    padded = disclosed(None, SAID).replace(b"Restored digitally.", b"Restored digitally." + b"x" * 70_000)
    packet = decode(jpeg(scan(flat((1, 1, 1)), "RGB"), packets=[padded, disclosed(None, SAID)]), "a.jpg").metadata.xmp
    assert packet is not None and b"Restored digitally." in packet and len(packet) < 10_000


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_lies_on_white(mode: Mode) -> None:
    colour = (40000,) if mode == "LA" else (40000, 40000, 40000)
    pixels = flat((*colour, 65535))
    pixels[:, :16, -1], pixels[:, 16:32, -1] = 0, 32768
    for long_side in (4000, 24):
        found = shown(jpeg(scan(pixels, mode), long_side=long_side))
        left, middle, right = (found[found.shape[0] // 2, found.shape[1] * at // 12].mean() for at in (2, 6, 10))
        assert left > 250 and abs(middle - (156 + 255) / 2) <= 4 and abs(right - 156) <= 4


def test_associated_alpha_is_not_applied_twice_and_an_undeclared_channel_not_at_all() -> None:
    pixels = flat((20000, 20000, 20000, 32768))
    pixels[:, :8, -1] = 65535
    assert abs(shown(jpeg(scan(pixels, "RGBA", alpha_kind=1)))[16, 30].mean() - (78 + 127.5)) <= 4
    assert abs(shown(jpeg(scan(pixels, "RGBA", alpha_kind=0)))[16, 30].mean() - 78) <= 4


def test_a_picture_that_is_transparent_all_over_is_shown() -> None:
    assert np.abs(shown(jpeg(scan(flat((40000, 40000, 40000, 0)), "RGBA"))) - 156).max() <= 2


def test_inks_are_converted_by_their_profile() -> None:
    profile = ink_profile()
    inks = flat((0, 255, 255, 0), np.uint8)
    found = shown(jpeg(scan(inks, "CMYK", profile)))[16, 24]
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(
        source, srgb, "CMYK", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    )
    want = ImageCms.applyTransform(Image.fromarray(inks, "CMYK"), transform)
    assert want is not None
    assert np.abs(found - np.asarray(want)[16, 24]).max() <= 2
    assert np.abs(found - shown(jpeg(scan(inks, "CMYK")))[16, 24]).max() > 8, "it is not the conversion by inks alone"
