"""Access copies show the picture's own colours in sRGB, upright, and say what was done."""

from __future__ import annotations

import io

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


def scan(pixels: np.ndarray, mode: Mode, icc: bytes | None = None, orientation: int = 1) -> Scan:
    """Returns a scan as a decoder gives it."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    info = ScanInfo("TIFF", width, height, channels, pixels.dtype.itemsize * 8, 1, orientation, mode)
    return Scan(pixels=pixels, info=info, metadata=Metadata(icc=icc))


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
def test_transparency_is_left_out(mode: Mode) -> None:
    pixels = flat((40000, 0) if mode == "LA" else (40000, 40000, 40000, 0))
    assert np.abs(shown(jpeg(scan(pixels, mode))) - 156).max() <= 2
