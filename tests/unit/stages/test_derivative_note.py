"""A derivative says in its XMP what software filled; the master's packet, tags and pixels stay as they were."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import image_files
import numpy as np
import pytest
import raw_files
from PIL import Image, ImageCms
from raw_files import resource, segment, with_segments

from pipeline.errors import UnreadableScan
from pipeline.reports.language import Language
from pipeline.scans import Scan, decode, encode, output_extension, xmp
from pipeline.scans.carried import compare
from pipeline.scans.xmp_disclosure import disclosed
from pipeline.stages.derivative_note import ENHANCED, GENERATED, disclosure, with_disclosure

PHOTO = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IPTC = b"\x1c\x01\x5a\x00\x03\x1b%G\x1c\x02\x00\x00\x02\x00\x04\x1c\x02\x78\x00\x0aA portrait"
FACTS: dict[str, Any] = {
    "sha256": "ab" * 32,
    "share": 0.0123,
    "source": "detector",
    "engine": "rn",
    "digest": "cd" * 32,
    "recipe": "ef" * 32,
    "language": "de",
}
SAID = disclosure(**FACTS)
HEAD = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Scanner 3">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:d="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end='w'?>"
FILM = "http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm"
FULL = (
    f'{HEAD} photoshop:City="Kiel" Iptc4xmpExt:DigitalSourceType="{FILM}" xmpMM:DocumentID="xmp.did:1" '
    'xmpMM:InstanceID="xmp.iid:1">'
    '<d:description><rdf:Alt><rdf:li xml:lang="x-default">Harbour</rdf:li><rdf:li xml:lang="de-DE">Hafen</rdf:li>'
    '<rdf:li xml:lang="fr">Port</rdf:li></rdf:Alt></d:description>'
    "<d:subject><rdf:Bag><rdf:li>boats</rdf:li></rdf:Bag></d:subject>"
    '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="created"/></rdf:Seq></xmpMM:History>'
    f"<xmp:Thumbnails>small</xmp:Thumbnails>{TAIL}"
).encode()


def texts(packet: bytes, name: str) -> list[tuple[str, str]]:
    """Return language and text of the entries of a property."""
    root = xmp.parse(packet)
    assert root is not None
    namespaces = {"dc": "http://purl.org/dc/elements/1.1/", "rdf": xmp.RDF, "mm": "http://ns.adobe.com/xap/1.0/mm/"}
    found = root.findall(f".//{name}//rdf:li", namespaces)
    return [(entry.get("{http://www.w3.org/XML/1998/namespace}lang", ""), entry.text or "") for entry in found]


def named(packet: bytes) -> dict[str, str]:
    return {known.name: known.text for known in xmp.properties(packet)}


def test_the_masters_packet_is_kept_and_extended() -> None:
    packet = disclosed(FULL, SAID)
    found = named(packet)
    assert found["photoshop:City"] == "Kiel" and "d:subject" in found and "xmp:Thumbnails" not in found
    assert texts(packet, "dc:description") == [
        ("x-default", f"Harbour\n{SAID.note}"),
        ("de-DE", f"Hafen\n{SAID.note}"),
        ("fr", "Port"),
    ]
    assert found["Iptc4xmpExt:DigitalSourceType"] == GENERATED
    assert found["xmpMM:DocumentID"] == "xmp.did:1" and found["xmpMM:InstanceID"] == SAID.instance
    text = packet.decode()
    assert text.count("DigitalSourceType>") == 2 and f"before: {FILM}" in text
    assert text.index('stEvt:action="created"') < text.index("<stEvt:action>edited")
    for part in ('x:xmptk="Scanner 3"', "<stRef:documentID>xmp.did:1<", "<stRef:instanceID>xmp.iid:1<"):
        assert part in text
    assert "AIPrompt" not in text


def test_a_packet_is_made_where_there_is_none_or_none_that_can_be_read() -> None:
    for packet in (None, b"", b"\0", b"<not xml", FULL[: len(FULL) // 2], b"<html/>", b"<!DOCTYPE x>" + FULL):
        found = disclosed(packet, SAID)
        assert named(found)["Iptc4xmpExt:AISystemUsed"] == SAID.system
        assert texts(found, "dc:description") == [("x-default", SAID.note)]
        assert b"<stRef:documentID>urn:sha256:abab" in found


def test_plain_and_untagged_descriptions_are_kept() -> None:
    for inner in ("Harbour", "<rdf:Alt><rdf:li>Harbour</rdf:li></rdf:Alt>"):
        assert texts(
            disclosed(f"{HEAD}><d:description>{inner}</d:description>{TAIL}".encode(), SAID), "dc:description"
        )[0] == (
            "x-default",
            f"Harbour\n{SAID.note}",
        )
    attribute = disclosed(f'{HEAD} d:description="Harbour">{TAIL}'.encode(), SAID)
    assert texts(attribute, "dc:description")[0] == ("x-default", f"Harbour\n{SAID.note}")
    french = f'{HEAD}><d:description><rdf:Alt><rdf:li xml:lang="fr">Port</rdf:li></rdf:Alt></d:description>{TAIL}'
    assert texts(disclosed(french.encode(), SAID), "dc:description") == [
        ("x-default", f"Port\n{SAID.note}"),
        ("fr", "Port"),
    ]


def test_packets_in_utf_16_and_of_many_megabytes_are_merged() -> None:
    wide = disclosed(FULL.decode().encode("utf-16"), SAID)
    assert named(wide)["photoshop:City"] == "Kiel"
    long = FULL.replace(b">small<", b"><photoshop:x>" + b"A" * 11_000_000 + b"</photoshop:x><")
    assert named(disclosed(long, SAID))["photoshop:City"] == "Kiel"
    deep = FULL.replace(b">small<", b">" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"<")
    assert "photoshop:City" not in named(disclosed(deep, SAID))


def test_classical_engines_are_no_ai() -> None:
    found = named(disclosed(FULL, disclosure(**FACTS | {"engine": "telea"})))
    assert found["Iptc4xmpExt:DigitalSourceType"] == ENHANCED
    assert "Iptc4xmpExt:AISystemUsed" not in found and "Iptc4xmpExt:AISystemVersionUsed" not in found


def test_a_second_restoration_says_both() -> None:
    twice = disclosed(disclosed(FULL, SAID), disclosure(**FACTS | {"engine": "telea", "recipe": "00" * 32}))
    assert twice.count(b"<stEvt:action>edited") == 2 and twice.count(b"</xmpMM:DerivedFrom>") == 1
    assert texts(twice, "dc:description")[0][1].count(SAID.note[:30]) == 2
    assert named(twice)["Iptc4xmpExt:DigitalSourceType"] == ENHANCED
    assert f"before: {GENERATED}" in twice.decode()


def test_the_note_is_the_same_whenever_and_wherever_it_is_made() -> None:
    assert disclosed(FULL, SAID) == disclosed(FULL, disclosure(**FACTS))
    assert SAID.instance != disclosure(**FACTS | {"recipe": "00" * 32}).instance
    for source in ("manual", "infrared", "detector", "combined"):
        for language in ("en", "de"):
            note = disclosure(**FACTS | {"source": source, "language": language}).note
            assert Language(language)(f"derivative.marked.{source}") in note and "(rn)" in note


def masters() -> Mapping[str, bytes]:
    """Return a file of every kind with as much metadata as it takes, and one with none."""
    photo = Image.fromarray(PHOTO)
    exif = raw_files.exif_block(
        {271: (2, b"Scanner\0"), 274: (3, [6]), 282: (5, [300, 1]), 283: (5, [300, 1]), 296: (3, [2]), 531: (3, [1])},
        exif={36864: (7, b"0230"), 37121: (7, b"\1\2\3\0"), 40960: (7, b"0100"), 40961: (3, [1])},
    )
    common: dict[str, Any] = {"icc_profile": ICC, "exif": b"Exif\0\0" + exif, "xmp": FULL}
    resources = resource(1028, IPTC) + resource(1035, b"http://archive.example/7")
    blocks = {700: (1, FULL), 33723: (7, IPTC), 34377: (7, resources)}
    extra = [(code, kind, len(block), block, True) for code, (kind, block) in blocks.items()]
    dpi: dict[str, Any] = {"resolution": (300, 300), "resolutionunit": 2}
    grey = PHOTO[..., 0].astype(np.uint16) * 257
    inks = np.asarray(photo.convert("CMYK"))
    found = {
        "full.jpg": with_segments(
            image_files.saved(photo, "JPEG", dpi=(300, 300), **common), segment(0xED, b"Photoshop 3.0\0" + resources)
        ),
        "bare.jpg": image_files.saved(photo, "JPEG"),
        "full.png": image_files.saved(photo, "PNG", icc_profile=ICC, exif=exif, dpi=(300, 300)),
        "inks.jpg": with_segments(
            image_files.saved(photo.convert("CMYK"), "JPEG", dpi=(300, 300), **common),
            segment(0xED, b"Photoshop 3.0\0" + resources),
        ),
        "bare.png": image_files.png(PHOTO),
        "full.webp": image_files.saved(photo, "WEBP", lossless=True, **common),
        "bare.jp2": image_files.saved(photo, "JPEG2000"),
        "bare.gif": image_files.saved(photo.quantize(16), "GIF"),
        "bare.bmp": image_files.saved(photo, "BMP"),
    }
    for order in "<>":
        name = "little" if order == "<" else "big"
        found[f"{name}.tif"] = image_files.tiff(
            PHOTO, photometric="rgb", byteorder=order, extratags=extra, iccprofile=ICC, **dpi
        )
        found[f"{name}-16.tif"] = image_files.tiff(grey, byteorder=order, extratags=extra, **dpi)
    found["cmyk.tif"] = image_files.tiff(inks, photometric="separated", extratags=extra, **dpi)
    found["note.tif"] = raw_files.tiff({282: (5, [300, 1]), 283: (5, [300, 1]), 296: (3, [2])})
    return found


@pytest.mark.parametrize("name", sorted(masters()))
def test_pixels_and_all_other_items_stay(name: str) -> None:
    scan = decode(masters()[name], name)
    written = encode(with_disclosure(scan, SAID), output_extension(scan))
    again = decode(written, "result")
    np.testing.assert_array_equal(again.pixels, scan.pixels)
    found = compare(scan.carried, again.carried)
    altered = {change.what for change in found.changed}
    expected = {"XMP d:description", "XMP Iptc4xmpExt:DigitalSourceType", "XMP xmpMM:History", "XMP xmpMM:InstanceID"}
    assert altered == (expected if scan.metadata.xmp else set())
    assert {loss.what for loss in found.lost} <= {"XMP xmp:Thumbnails", "TIFF YCbCrPositioning"}


@pytest.mark.parametrize("name", sorted(masters()))
def test_damaged_metadata_never_costs_the_picture_its_derivative(name: str) -> None:
    content = masters()[name]
    random = np.random.default_rng(len(content))
    written = 0
    for _ in range(25):
        damaged = bytearray(content)
        for at in random.integers(8, len(damaged), 6):
            damaged[at] = random.integers(0, 256)
        try:
            scan = decode(bytes(damaged), name, max_megapixels=1)
        except UnreadableScan:
            continue
        again = decode(encode(with_disclosure(scan, SAID), output_extension(scan)), "result")
        found = compare(scan.carried, again.carried)
        listed = [*found.kept, *(change.what for change in found.changed), *(loss.what for loss in found.lost)]
        assert sorted(listed) == sorted(item.what for item in scan.carried)
        written += 1
    assert written or name.endswith((".png", ".webp", ".jp2", ".gif"))


def test_exiftool_reads_it_all_and_warns_of_nothing_new(tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed (Debian: apt-get install libimage-exiftool-perl)")
    written: dict[str, Scan] = {}
    for name, content in masters().items():
        scan = decode(content, name)
        (tmp_path / name).write_bytes(content)
        target = Path(name).stem + "-restored" + output_extension(scan)
        written[name] = scan
        (tmp_path / target).write_bytes(encode(with_disclosure(scan, SAID), output_extension(scan)))
    options = ["-json", "-a", "-G4:1", "-struct", "-validate", "-warning", "-error", "-XMP:all"]
    run = subprocess.run(["exiftool", *options, str(tmp_path)], capture_output=True, text=True, check=False)
    files = {Path(found["SourceFile"]).name: found for found in json.loads(run.stdout)}
    for name, scan in written.items():
        before = files[name]
        after = files[Path(name).stem + "-restored" + output_extension(scan)]
        tags = {key.rpartition(":")[2]: value for key, value in after.items()}
        assert tags["DigitalSourceType"] == GENERATED
        assert tags["AISystemUsed"] == SAID.system and tags["AISystemVersionUsed"] == SAID.version
        assert tags["DerivedFrom"]["InstanceID"] in ("urn:sha256:" + "ab" * 32, "xmp.iid:1")
        assert tags["History"][-1]["Action"] == "edited"
        assert SAID.note in tags["Description"]
        assert _warnings(after) <= _warnings(before) | (CMYK_AS_TIFF if name == "inks.jpg" else set()), name


# TIFF's baseline, to which exiftool holds a file, has no CMYK; EXIF wants the tag in JPEG only.
CMYK_AS_TIFF = {
    "Invalid value for IFD0 tag 0x0106 PhotometricInterpretation",
    "[minor] ExifIFD tag 0x9101 ComponentsConfiguration is not allowed in TIFF",
}


def _warnings(found: Mapping[str, Any]) -> set[str]:
    """Return the warnings and errors about a file."""
    return {value for key, value in found.items() if key.endswith((":Warning", ":Error"))}


def test_publishing_writes_it_in_the_collections_language(project) -> None:
    project.put("a.png")
    project.restore(project.receive())
    published = project.output / "restored/a.png"
    packet = decode(published.read_bytes(), "a.png").metadata.xmp or b""
    sidecar = json.loads((project.output / "sidecars/a.json").read_text())
    assert named(packet)["Iptc4xmpExt:DigitalSourceType"] == ENHANCED
    assert f"urn:sha256:{sidecar['master']['sha256']}".encode() in packet
    assert sidecar["engine"]["digest"].encode() in packet
