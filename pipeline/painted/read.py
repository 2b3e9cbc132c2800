"""Read a painted mask: what is marked, which of its two colours is the paint, and which way it lies on the scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.types import Mask
from pipeline.painted.files import MaskFile, mask_size, read_file
from pipeline.painted.marks import HALF, Bits, Marks, find_marks
from pipeline.painted.scan_view import ScanView
from pipeline.painted.turning import Reading, readings
from pipeline.painted.two_levels import Verdict, find_levels

# Paint may cover more than half of a picture, but rarely does. Between these shares either colour may be meant: of
# black and white, and of a colour and grey, which is paint more surely.
NEUTRAL_DOUBT, VIVID_DOUBT = (HALF, 0.65), (0.65, 0.85)
# Share of the marks that lie on marks published for the scan before: a rim may be added or taken away by hand.
KNOWN = 0.9


@dataclass(frozen=True)
class PaintedMask:
    """A painted mask.

    Attributes:
        mask: (H,W) uint8, 255 = marked, 0 = not; oriented as the scan's own pixels are. In doubt, every reading's.
        note: how it was read, in one sentence.
        doubt: why a person must say how it is meant, as a sentence without a full stop; empty without a doubt.
        decided: whether it is a person's decision about what was found, which stands for all that is to be filled.
    """

    mask: Mask
    note: str
    doubt: str = ""
    decided: bool = False


def read_mask(data: bytes, scan: ScanView, name: str) -> PaintedMask:
    """Return the damage that is painted in a mask.

    Any two colours make a mask, with soft edges or without; on a transparent background any paint does, and on a copy
    of the scan its difference from the scan. Of black and white, white is damage, and of grey and another colour the
    other colour; where that would be far more than half of the picture, it is taken the other way round, and where both
    may be meant, the mask is in doubt. It may have the scan's stored size or the size in which viewers show it.

    Args:
        data: the mask's file.
        scan: the scan to which it belongs.
        name: the mask's name, for messages.

    Raises:
        UnreadableScan: with MASK_UNREADABLE or MASK_MISMATCH and a sentence that names the remedy.
    """
    file, fits = _read(data, scan, name)
    marks = find_marks(file, fits, scan, name)
    share, doubt = float(marks.marked.mean()), ""
    if share == 1:
        # More likely "everything is damage" than "nothing is": neither may be filled unseen.
        message = f"mask {name} is {marks.paint} all over; paint damage white on black, or remove the mask"
        raise UnreadableScan(Reason.MASK_UNREADABLE, message)
    notes = [f"{marks.paint} was taken as damage"] if share else [f"it is {marks.ground} all over: nothing is marked"]
    least, most = VIVID_DOUBT if marks.certain else NEUTRAL_DOUBT
    if share > least:
        notes = [f"{share:.0%} of it is {marks.paint}, so {marks.ground} was taken as damage"]
        marks = replace(marks, marked=~marks.marked)
        if share <= most:
            doubt = f"{share:.0%} of mask {name} is {marks.paint}, so damage may be {marks.paint} or {marks.ground}"
    mask, turned, unclear = _turn(marks, fits, scan, name)
    return PaintedMask(mask, _note(name, file, notes, turned), "; ".join(filter(None, (doubt, unclear))))


def read_protected(data: bytes, scan: ScanView, name: str) -> PaintedMask:
    """Return a painted region that must never be touched: 255 = protected; else as `read_mask`.

    A region may well be the larger part of a picture, so its size does not show its polarity. Where white covers more
    than half, the mask may as well be black paint on white; read with the wrong polarity, it would expose what it
    should protect. Where it fits in two ways, both are protected.

    Raises:
        UnreadableScan: with MASK_UNREADABLE or MASK_MISMATCH and a sentence that names the remedy.
    """
    file, fits = _read(data, scan, name)
    marks = find_marks(file, fits, scan, name)
    share = float(marks.marked.mean())
    if HALF < share < 1 and not marks.certain:
        message = (
            f"{share:.0%} of mask {name} is {marks.paint}, so it is unclear whether {marks.paint} or {marks.ground} is "
            "to be protected; save the region as paint on a transparent background"
        )
        raise UnreadableScan(Reason.MASK_UNREADABLE, message)
    mask, turned, unclear = _turn(marks, fits, scan, name)
    notes = [f"{marks.paint} is protected" if share else "nothing is marked"]
    if unclear:
        notes.append("it fits the scan in two ways, and both are protected")
    return PaintedMask(mask, _note(name, file, notes, turned))


def is_painting(data: bytes, name: str) -> bool:
    """Return whether a picture is a mask by its content alone: two levels, or paint on a transparent background.

    A picture that cannot be read is not known to be anything else, and counts as a mask.
    """
    try:
        file = read_file(data, name)
    except UnreadableScan:
        return True
    alpha = file.alpha is not None and find_levels(file.alpha).verdict is Verdict.TWO
    return alpha or find_levels(file.colour).verdict is not Verdict.MANY


def _read(data: bytes, scan: ScanView, name: str) -> tuple[MaskFile, tuple[Reading, ...]]:
    """Return a mask's pixels and its readings; its size is checked before its pixels are decoded."""
    size, own = mask_size(data, name)
    fits = readings(size, own, scan.size, scan.orientation, name)
    return read_file(data, name), fits


def _turn(marks: Marks, fits: tuple[Reading, ...], scan: ScanView, name: str) -> tuple[Mask, str, str]:
    """Return the mask as it lies on the scan, how it was turned, and what is in doubt."""
    if marks.settled is not None:
        return _as_mask(marks.settled.turn(marks.marked)), marks.settled.note, ""
    turned = [(reading, reading.turn(marks.marked)) for reading in fits]
    first, bits = turned[0]
    if all(np.array_equal(bits, other) for _, other in turned[1:]):
        return _as_mask(bits), first.note, ""
    earlier = scan.published()
    if earlier is not None:
        there = earlier > 0
        on_it = [bool(np.count_nonzero(other & there) >= KNOWN * np.count_nonzero(other)) for _, other in turned]
        if on_it.count(True) == 1:
            reading, bits = turned[on_it.index(True)]
            how = reading.note or "lying as the scan is stored"
            return _as_mask(bits), f"{how}, which the marks published before have shown", ""
    doubt = (
        f"mask {name} fits the scan as it is stored and as viewers show it (EXIF orientation {scan.orientation}), "
        "and marks different places; paint it on a copy of the picture instead"
    )
    return _as_mask(np.logical_or.reduce([other for _, other in turned])), "", doubt


def _as_mask(marked: Bits) -> Mask:
    return np.where(marked, np.uint8(255), np.uint8(0))


def _note(name: str, file: MaskFile, notes: list[str], turned: str) -> str:
    """Return the sentence that says how a mask was read."""
    pages = f"only the first of its {file.pages} pages was read" if file.pages > 1 else ""
    return f"mask {name}: {'; '.join(filter(None, (turned, *notes, pages)))}"
