"""What derivatives keep of their masters, format by format, as other programs read it: `python -m benchmarks.carried`.

Writes a master of each kind with a profile, resolution, orientation, EXIF, IPTC and XMP by ExifTool, restores all with
painted masks, and reads both back: metadata by ExifTool, the form of a TIFF by libtiff's tiffinfo, pixels by decoders
that the program itself does not use for that format.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from benchmarks import markdown
from benchmarks.arguments import benchmark_parser
from benchmarks.results_page import Results, Section, publish
from benchmarks.speed import picture

HEIGHT, WIDTH = 120, 160
Pixels = NDArray[Any]

RGB8 = picture(HEIGHT, WIDTH)
RGB16 = RGB8.astype(np.uint16) * 256 + 7
GREY8, GREY16 = np.ascontiguousarray(RGB8[..., 1]), np.ascontiguousarray(RGB16[..., 1])
ALPHA8 = np.dstack((RGB8, np.full((HEIGHT, WIDTH), 255, np.uint8)))
CMYK8 = np.dstack((255 - RGB8, GREY8 // 4))
BITS = GREY8 > 100

PROPERTIES = (
    "size", "depth", "channels", "ICC bytes", "resolution", "orientation", "EXIF", "IPTC", "XMP kept", "XMP merged",
    "pixels outside the mask",
)  # fmt: skip
KEPT, ABSENT = "kept", ""


@dataclass(frozen=True)
class Kind:
    """One kind of master.

    Attributes:
        pixels: those that are written; (C,H,W) for planes.
        suffix: of its file.
        options: of tifffile, for a TIFF.
        write: returns the file, for any other format.
        refused: the format is not restored, and the reason says so.
    """

    pixels: Pixels
    suffix: str = ".tif"
    options: Mapping[str, Any] | None = None
    write: Callable[[Pixels], bytes] | None = None
    refused: str = ""

    @property
    def chunky(self) -> Pixels:
        """The pixels with the channels side by side."""
        planes = self.options and self.options.get("planarconfig") == "separate"
        return np.ascontiguousarray(np.moveaxis(self.pixels, 0, -1)) if planes else self.pixels


def _tiff(pixels: Pixels, refused: str = "", **options: Any) -> Kind:
    photometric = {"photometric": "rgb"} if pixels.ndim == 3 else {"photometric": "minisblack"}
    return Kind(pixels, options={**photometric, **options}, refused=refused)


BIG = "BigTIFF, RGB 16"
KINDS: dict[str, Kind] = {
    "TIFF, strips, RGB 8": _tiff(RGB8, rowsperstrip=16),
    "TIFF, strips, RGB 16": _tiff(RGB16, rowsperstrip=16),
    "TIFF, big endian, RGB 16": _tiff(RGB16, rowsperstrip=16, byteorder=">"),
    "TIFF, tiles, RGB 16": _tiff(RGB16, tile=(32, 32)),
    BIG: _tiff(RGB16, bigtiff=True, rowsperstrip=16),
    "TIFF, planes, RGB 16": _tiff(np.moveaxis(RGB16, -1, 0).copy(), planarconfig="separate", rowsperstrip=16),
    "TIFF, LZW, RGB 16": _tiff(RGB16, compression="lzw", predictor=True, rowsperstrip=16),
    "TIFF, Deflate, RGB 8": _tiff(RGB8, compression="deflate", rowsperstrip=16),
    "TIFF, ZSTD, RGB 16": _tiff(RGB16, compression="zstd", rowsperstrip=16),
    "TIFF, JPEG, RGB 8": _tiff(RGB8, compression="jpeg", tile=(64, 64)),
    "TIFF, grey 1": _tiff(BITS, rowsperstrip=16),
    "TIFF, grey 8": _tiff(GREY8, rowsperstrip=16),
    "TIFF, grey 16": _tiff(GREY16, rowsperstrip=16),
    "TIFF, grey float": _tiff(GREY8.astype(np.float32) / 255, "floating point"),
    "TIFF, RGBA 8": _tiff(ALPHA8, rowsperstrip=16, extrasamples=["unassalpha"]),
    "TIFF, CMYK 8": _tiff(CMYK8, rowsperstrip=16, photometric="separated"),
    "PNG, RGB 8": Kind(RGB8, ".png", write=imagecodecs.png_encode),
    "PNG, RGB 16": Kind(RGB16, ".png", write=imagecodecs.png_encode),
    "PNG, grey 16": Kind(GREY16, ".png", write=imagecodecs.png_encode),
    "PNG, RGBA 8": Kind(ALPHA8, ".png", write=imagecodecs.png_encode),
    "JPEG, RGB": Kind(RGB8, ".jpg", write=lambda pixels: imagecodecs.jpeg8_encode(pixels, level=92)),
    "JPEG, grey": Kind(GREY8, ".jpg", write=lambda pixels: imagecodecs.jpeg8_encode(pixels, level=92)),
    "JPEG 2000, RGB 8": Kind(RGB8, ".jp2", write=lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="jp2")),
    "JPEG 2000, RGB 16": Kind(
        RGB16,
        ".jp2",
        write=lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="jp2", reversible=True, level=0),
    ),
    "WebP, RGB": Kind(RGB8, ".webp", write=lambda pixels: imagecodecs.webp_encode(pixels, lossless=True)),
}
"""Every kind of master that the page shows."""

WRITTEN = (
    "-IFD0:Orientation#=6", "-IFD0:XResolution=400", "-IFD0:YResolution=400", "-IFD0:ResolutionUnit#=2",
    "-IFD0:Artist=Käthe Müller", "-IFD0:Copyright=Archive of the town", "-ExifIFD:DateTimeOriginal=1931:05:01 12:00:00",
    "-ExifIFD:ExposureTime=1/50", "-GPS:GPSLatitudeRef=N", "-GPS:GPSLatitude=52.5", "-IPTC:Headline=Market square",
    "-IPTC:Keywords=town", "-IPTC:Keywords=market", "-XMP-dc:Source=box 7, plate 12",
    "-XMP-dc:Description-de=Der Markt", "-XMP-photoshop:Credit=Town archive",
)  # fmt: skip
"""What ExifTool writes into every master, as far as its format can hold it."""
STRUCTURAL = re.compile(
    r"^(ImageWidth|ImageHeight|BitsPerSample|Compression|PhotometricInterpretation|Strip\w+|Tile\w+|RowsPerStrip|"
    r"SamplesPerPixel|PlanarConfiguration|Predictor|ExtraSamples|SampleFormat|SubfileType|InkSet|JPEGTables|"
    r"[XY]Resolution|ResolutionUnit|Orientation|YCbCr\w+|Software|PageNumber|ExifImage(Width|Height)|"
    r"ReferenceBlackWhite|ImageDescription|T\d\w*Options|ExifByteOrder|ComponentsConfiguration|FlashpixVersion|"
    r"ColorSpace|ExifVersion|GPSVersionID)$"
)
APPENDED = {"Description", "Description-de"}


def programs() -> list[str]:
    """Return the programs that the table needs and that are not installed, each with what brings it."""
    needed = {"exiftool": "libimage-exiftool-perl", "tiffinfo": "libtiff-tools"}
    return [f"{name} (Debian: {package})" for name, package in needed.items() if shutil.which(name) is None]


def write_masters(folder: Path) -> dict[str, Path]:
    """Write a master of each kind with all metadata that its format can hold, and its painted mask; return the files.

    Raises:
        RuntimeError: ExifTool could not write a file.
    """
    profile = folder.parent / "profile.icc"
    profile.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    files = {}
    for number, (name, kind) in enumerate(KINDS.items()):
        path = files[name] = folder / f"{number:02d}{kind.suffix}"
        if kind.write is None:
            tifffile.imwrite(path, kind.pixels, software=None, metadata=None, **(kind.options or {}))
        else:
            path.write_bytes(kind.write(kind.pixels))
        Image.fromarray(damage()).save(folder / f"{number:02d}.mask.png")
    words = ["exiftool", "-q", "-overwrite_original", "-m", "-codedcharacterset=utf8", *WRITTEN]
    words.append(f"-ICC_Profile<={profile}")
    tagged = [path for name, path in files.items() if name != BIG]
    written = subprocess.run([*words, *map(str, tagged)], capture_output=True, text=True, check=False)
    if written.returncode:
        raise RuntimeError(written.stderr)
    _write_big(files[BIG], tagged[0])
    return files


def _write_big(path: Path, tagged: Path) -> None:
    """Write the BigTIFF, which ExifTool cannot write, with the tags of a file that it has written."""
    with tifffile.TiffFile(tagged) as file:
        page = file.pages.first
        kept = [tag for tag in page.tags.values() if tag.code in (274, 315, 700, 33432, 33723, 34675)]
        texts = [tag.value.encode() if isinstance(tag.value, str) else tag.value for tag in kept]
        extra = [(tag.code, tag.dtype, tag.count, value, True) for tag, value in zip(kept, texts, strict=True)]
    kind = KINDS[BIG]
    tifffile.imwrite(
        path, kind.pixels, software=None, metadata=None, extratags=extra, resolution=(400, 400), resolutionunit="INCH",
        **(kind.options or {}),
    )  # fmt: skip


def damage() -> NDArray[np.uint8]:
    """Return the mask (H,W) of all masters."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:100, 70:73] = 255
    mask[40:50, 110:120] = 255
    return mask


def restore(folder: Path) -> list[dict[str, Any]]:
    """Restore the masters in `in` below a folder into `out`; return the rows of the report."""
    import pandas

    recipe = folder / "recipe.yaml"
    recipe.write_text("engine: telea\ndetector: none\n")
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "restore",
        str(folder / "in"),
        str(folder / "out"),
        "--recipe",
        str(recipe),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (table,) = (folder / "out/reports").glob("*/report.parquet")
    found: list[dict[str, Any]] = pandas.read_parquet(table).to_dict("records")
    return found


def read_metadata(paths: list[Path]) -> dict[Path, dict[str, Any]]:
    """Return what ExifTool reads of some files, by file: values by `group:tag`, numbers as numbers."""
    words = ["exiftool", "-json", "-n", "-a", "-G1", "-b", "-ICC_Profile", "-all:all", "--ThumbnailImage"]
    found = subprocess.run([*words, *map(str, paths)], capture_output=True, text=True, check=False)
    return {Path(one["SourceFile"]): one for one in json.loads(found.stdout)}


def profile_of(path: Path) -> bytes:
    """Return the ICC profile of a file as ExifTool takes it out, empty without one."""
    return subprocess.run(["exiftool", "-b", "-ICC_Profile", str(path)], capture_output=True, check=False).stdout


def decoded(path: Path) -> Pixels:
    """Return a file's pixels by Pillow or libtiff, libpng, libjpeg, OpenJPEG or libwebp, as they are stored."""
    data = path.read_bytes()
    if path.suffix == ".tif" and (shown := _by_pillow(path)) is not None:
        return shown
    decoders: dict[str, Callable[[bytes], Any]] = {
        ".tif": imagecodecs.tiff_decode, ".png": imagecodecs.png_decode, ".jpg": imagecodecs.jpeg8_decode,
        ".jp2": imagecodecs.jpeg2k_decode, ".webp": imagecodecs.webp_decode,
    }  # fmt: skip
    pixels: Pixels = np.asarray(decoders[path.suffix](data))
    return np.moveaxis(pixels, 0, -1) if pixels.shape[1:] == (HEIGHT, WIDTH) else pixels


def _by_pillow(path: Path) -> Pixels | None:
    """Return the pixels of a TIFF of 8 bits; None for others, which Pillow reads in part or not at all.

    Imagecodecs reads JPEG and CMYK through libtiff's conversion to RGB, which flips pictures.
    """
    with Image.open(path) as image:
        if image.mode not in ("L", "RGB", "RGBA", "CMYK") or image.tag_v2[258][0] != 8:  # type: ignore[attr-defined]
            return None
        image.load()
        # Pillow turns a TIFF as its orientation says.
        return np.asarray(image.transpose(Image.Transpose.ROTATE_90) if image.height == WIDTH else image)


def resolution(found: Mapping[str, Any]) -> Fraction | None:
    """Return the dots per inch that a file states, None without any."""
    for group, unit in (("IFD0", "ResolutionUnit"), ("JFIF", "ResolutionUnit")):
        if f"{group}:XResolution" in found:
            dots = Fraction(found[f"{group}:XResolution"])
            kind = found.get(f"{group}:{unit}", 2)
            return dots * Fraction(127, 50) if kind == 3 else dots
    if "PNG-pHYs:PixelsPerUnitX" in found:
        return Fraction(found["PNG-pHYs:PixelsPerUnitX"]) * Fraction(254, 10000)
    return None


def values(found: Mapping[str, Any], *groups: str) -> dict[str, Any]:
    """Return the tags of some groups by name, without those that say how pixels are stored."""
    named = {key.partition(":")[2]: value for key, value in found.items() if key.startswith(groups)}
    return {tag: value for tag, value in named.items() if not STRUCTURAL.match(tag)}


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return `kept`, the names of what is missing or different, or nothing where there was nothing to keep."""
    if not before:
        return ABSENT
    other = sorted(tag for tag, value in before.items() if after.get(tag) != value)
    return "not " + ", ".join(other) if other else KEPT


def check(kind: Kind, master: Path, derivative: Path, read: Mapping[Path, Mapping[str, Any]]) -> dict[str, str]:
    """Return what became of each property; `kept`, what differs, or nothing where the master has no such thing."""
    before, after = read[master], read[derivative]
    first, second = decoded(master), decoded(derivative)
    said: dict[str, str] = {
        "size": KEPT if second.shape[:2] == first.shape[:2] == (HEIGHT, WIDTH) else str(second.shape)
    }
    said["depth"] = KEPT if first.dtype == second.dtype else f"{first.dtype} to {second.dtype}"
    said["channels"] = KEPT if first.shape[2:] == second.shape[2:] else f"{first.shape[2:]} to {second.shape[2:]}"
    if derivative.suffix == ".tif":
        said |= form_by_tiffinfo(kind, derivative, said)
    one, other = profile_of(master), profile_of(derivative)
    said["ICC bytes"] = ABSENT if not one else KEPT if one == other else "differ"
    dots, again = resolution(before), resolution(after)
    near = dots is not None and again is not None and abs(dots - again) < Fraction(1, 50)
    said["resolution"] = ABSENT if dots is None else KEPT if near else f"{again}"
    said["orientation"] = compared(*({"Orientation": one.get("IFD0:Orientation")} for one in (before, after)))
    said["EXIF"] = compared(*(values(one, "IFD0:", "ExifIFD:", "GPS:") for one in (before, after)))
    said["IPTC"] = compared(*(values(one, "IPTC:") for one in (before, after)))
    packets = [values(one, "XMP-") for one in (before, after)]
    said["XMP kept"] = compared({tag: value for tag, value in packets[0].items() if tag not in APPENDED}, packets[1])
    text, more = (str(packet.get("Description-de", packet.get("Description", ""))) for packet in packets)
    merged = "DigitalSourceType" in packets[1] and text in str(packets[1].get("Description-de", "")) + more
    said["XMP merged"] = KEPT if merged else "no disclosure beside the description"
    outside = damage() == 0
    same = first.shape == second.shape and np.array_equal(first[outside], second[outside])
    changed = first.shape == second.shape and not np.array_equal(first[~outside], second[~outside])
    said["pixels outside the mask"] = KEPT if same and changed else "differ" if not same else "nothing was filled"
    return said


def form_by_tiffinfo(kind: Kind, path: Path, said: Mapping[str, str]) -> dict[str, str]:
    """Return size, depth and channels where libtiff's tiffinfo reads others than the master has."""
    text = subprocess.run(["tiffinfo", str(path)], capture_output=True, text=True, check=False).stdout
    pixels = kind.chunky
    bits = 1 if pixels.dtype == np.bool_ else 8 * pixels.dtype.itemsize
    wanted = {
        "size": f"Image Width: {WIDTH} Image Length: {HEIGHT}",
        "depth": f"Bits/Sample: {bits}\n",
        "channels": f"Samples/Pixel: {pixels.shape[2] if pixels.ndim == 3 else 1}\n",
    }
    return {
        name: said[name] if line in text else f"tiffinfo does not say {line.strip()}" for name, line in wanted.items()
    }


def measure_kinds(folder: Path) -> dict[str, dict[str, str]]:
    """Return what became of each property of each kind of master; of a refused one its `outcome`."""
    (folder / "in").mkdir()
    masters = write_masters(folder / "in")
    rows = {row["path"]: row for row in restore(folder)}
    derivatives = {path.stem: path for path in (folder / "out/restored").iterdir()}
    read = read_metadata([*masters.values(), *derivatives.values()])
    found = {}
    for name, master in masters.items():
        row = rows[master.name]
        if row["outcome"] == "restored":
            found[name] = check(KINDS[name], master, derivatives[master.stem], read)
        else:
            found[name] = {"outcome": f"{row['outcome']}: {kind_of_refusal(row['message'])}"}
    return found


def kind_of_refusal(message: str) -> str:
    """Return what a message says that the file is."""
    found = re.search(r"\(([^)]*)\)", message)
    return found[1] if found else message


def to_table(found: Mapping[str, Mapping[str, str]]) -> str:
    """Return the outcomes as Markdown."""
    marks = {KEPT: "✓", ABSENT: "–"}
    lines: list[list[str]] = []
    for name, said in found.items():
        if "outcome" in said:
            lines.append([name, said["outcome"], *[""] * (len(PROPERTIES) - 1)])
        else:
            lines.append([name, *(marks.get(said[one], said[one]) for one in PROPERTIES)])
    return markdown.table(("master", *PROPERTIES), lines)


def measure(given: argparse.Namespace) -> Results:
    """Return the table."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        found = measure_kinds(Path(name))
    version = subprocess.run(["exiftool", "-ver"], capture_output=True, text=True, check=False).stdout.strip()
    return Results(
        title="What derivatives carry",
        intro="Masters of each kind, with an ICC profile, resolution, orientation, EXIF, IPTC and XMP as far as"
        f" ExifTool can write them there, were restored with painted masks and read back: metadata by ExifTool"
        f" {version}, the form of TIFFs by tiffinfo, pixels of masters and derivatives by Pillow, libtiff,"
        " libpng, libjpeg, OpenJPEG and libwebp. ✓: the same in master and derivative; –: the master has none.",
        sections=[Section("", to_table(found))],
        figures=found,
        notes=(
            "XMP merged: the derivative's packet discloses the repair, and its description still has the master's.",
            "EXIF is compared without what says how pixels are stored, and without the image description.",
            "Pixels outside the mask are compared bit by bit, and those inside must differ.",
        ),
        seconds=time.monotonic() - started,
    )


def main(argv: list[str] | None = None) -> int:
    """Print the results; return the exit code, 2 where a program is missing."""
    words = sys.argv[1:] if argv is None else argv
    given = benchmark_parser("carried", __doc__).parse_args(words)
    if missing := programs():
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    publish("carried", measure(given), given, words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
