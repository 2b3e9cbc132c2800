"""Types of decoded scans: pixels at full depth, header, metadata, and the limits of decoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipeline.imaging.types import Pixels
from pipeline.scans.metadata_item import Item
from pipeline.scans.tones import Tones

Mode = Literal["L", "LA", "RGB", "RGBA", "CMYK"]

PALETTE_NOTE = "its palette was replaced by the colours themselves, so that filled areas may have any colour"

CHANNELS: dict[Mode, int] = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}


@dataclass(frozen=True, slots=True)
class ScanInfo:
    """What the header says.

    Attributes:
        format: a key of `scans.decode.INSPECTORS`, by content.
        width: pixels, as stored (before any orientation).
        height: pixels, as stored.
        channels: 1 to 4, of the decoded pixels: a palette counts as 3, or 4 with transparency.
        bit_depth: 8 or 16, of the decoded pixels: fewer bits become 8, 9 to 15 become 16.
        pages: pictures in the file, not counting reduced copies.
        orientation: EXIF orientation, 1 to 8.
        mode: `L`, `LA`, `RGB`, `RGBA` or `CMYK`.
        infrared: where the file has a scanner's infrared plane: `page` (see `scans.infrared`), `sample` (the fourth
            channel of a TIFF that is not declared as transparency; only its pixels show whether it is one), or empty.
        stored_bits: bits of a stored value where they are fewer than those of a decoded one (1 to 7, 9 to 15) and the
            derivative can store as many; else 0.
    """

    format: str
    width: int
    height: int
    channels: int
    bit_depth: int
    pages: int
    orientation: int
    mode: Mode
    infrared: Literal["", "page", "sample"] = ""
    stored_bits: int = 0

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.width * self.height / 1e6


@dataclass(frozen=True)
class Metadata:
    """What a file contains besides its pixels; byte strings are kept unchanged.

    Attributes:
        icc: colour profile.
        exif: a TIFF structure, starting with `II*` or `MM`; for a TIFF master its descriptive tags in that form.
        xmp: XMP packet.
        iptc: IPTC-IIM records.
        photoshop: Photoshop image resources (8BIM).
        dpi: resolution across and down.
        png_chunks: ancillary chunks specific to PNG (text, gamma, …), in their order.
        icc_name: the profile's name in a PNG, in Latin-1.
        iptc_kind: type of the TIFF tag that held the IPTC records; 0 where no such tag did.
        alpha_kind: TIFF's ExtraSamples value of the alpha channel: 0 unspecified, 1 associated, 2 unassociated.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    photoshop: bytes | None = None
    dpi: tuple[float, float] | None = None
    png_chunks: tuple[tuple[bytes, bytes], ...] = ()
    icc_name: bytes | None = None
    iptc_kind: int = 0
    alpha_kind: int = 2


@dataclass(frozen=True)
class Decoded:
    """What a format's decoder returns: the fields of `Scan`; `info` only where pixels show more than the header."""

    pixels: Pixels
    metadata: Metadata
    doubt: str = ""
    notes: tuple[str, ...] = ()
    info: ScanInfo | None = None


@dataclass(frozen=True)
class Scan:
    """A decoded scan.

    Attributes:
        pixels: (H,W) for `L`, else (H,W,C); uint8 or uint16, full range; rows and columns as stored. Grey is
            0 = black. CMYK is ink: 0 = none. Alpha, where there is one, is last.
        info: what the header says.
        metadata: everything else.
        doubt: why part of the picture may be missing although no decoder says so, empty without a doubt; such a scan
            goes to review unfilled.
        notes: what was read otherwise than it is stored, as sentences without a full stop.
        carried: what the file carries besides its pixels, item by item, also what `metadata` does not keep.
        tones: how a viewer shows a linear or very dark scan; None for ordinary tones.
    """

    pixels: Pixels
    info: ScanInfo
    metadata: Metadata = field(default_factory=Metadata)
    doubt: str = ""
    notes: tuple[str, ...] = ()
    carried: tuple[Item, ...] = ()
    tones: Tones | None = None

    @property
    def mode(self) -> Mode:
        """`L`, `LA`, `RGB`, `RGBA` or `CMYK`."""
        return self.info.mode


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest scan that is accepted, and the time (seconds) and memory that decoding one may use."""

    max_megapixels: float = 400.0
    max_megabytes: float = 4096.0
    timeout: float = 300.0
    memory_megabytes: float = 8192.0

    @classmethod
    def from_settings(cls) -> Limits:
        """Return the limits of this installation."""
        from pipeline.settings import settings

        current = settings()
        return cls(current.max_megapixels, current.max_megabytes, current.scan_timeout, current.scan_memory_megabytes)
