"""Masks painted by people: any usual image format, either polarity, checked against the scan."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import error_line
from pipeline.imaging.types import Mask

Combine = Literal["replace", "add", "protect"]

#: Above this share of marked pixels a mask is read the other way round: damage is the smaller part of a photograph.
INVERTED_ABOVE = 0.5
#: Rows of more than 8 bits that are worked on at a time.
ROWS = 256


@dataclass(frozen=True)
class ManualMask:
    """A painted mask.

    Attributes:
        mask: (H,W) uint8, 255 = damaged, 0 = intact; oriented as the scan's own pixels are.
        inverted: whether dark was taken as damage.
        note: how the mask was read, in one sentence.
    """

    mask: Mask
    inverted: bool
    note: str


def read_mask(data: bytes, shape: tuple[int, int], orientation: int, name: str) -> ManualMask:
    """Return a painted mask for a scan.

    A mask may be black and white, grey (from half upwards counts), transparent paper with opaque paint, or coloured
    paint on black. White is damage; where more than half of the picture would be, the mask is taken as painted
    the other way round and the note says so. It may have the scan's stored size or, for a scan that carries an EXIF
    orientation, the size in which viewers show it; then it is turned back.

    Args:
        data: the mask file.
        shape: rows and columns of the scan as stored.
        orientation: the scan's EXIF orientation, 1 to 8.
        name: the mask's name, for messages.

    Raises:
        UnreadableScan: with MASK_UNREADABLE or MASK_MISMATCH and a sentence that names the remedy.
    """
    marked, notes, _ = _marked(data, shape, orientation, name)
    share = float(marked.mean())
    inverted = share > INVERTED_ABOVE
    if inverted and share == 1.0:
        # All white is more likely "everything is damage" than "nothing is": neither may be filled unseen.
        raise UnreadableScan(
            Reason.MASK_UNREADABLE, f"mask {name} is white all over; paint damage white on black, or remove the mask"
        )
    if inverted:
        marked = ~marked
        notes.append(f"{share:.0%} of it is white, so black was taken as damage")
    else:
        notes.append("white was taken as damage" if share else "it is black all over: nothing is marked")
    mask = np.where(marked, np.uint8(255), np.uint8(0))
    return ManualMask(mask, inverted, f"mask {name}: {'; '.join(notes)}")


def read_protected(data: bytes, shape: tuple[int, int], orientation: int, name: str) -> ManualMask:
    """Return a painted region that must never be touched: 255 = protected; else as `read_mask`.

    A region may well be the larger part of a picture, so that its size tells nothing of its polarity: white is
    protected, or any paint on transparent paper. Where white covers more than half without such paper, the mask may
    as well be black paint on white; read the wrong way round, it would give free what it was to protect.

    Raises:
        UnreadableScan: with MASK_UNREADABLE or MASK_MISMATCH and a sentence that names the remedy.
    """
    marked, notes, layered = _marked(data, shape, orientation, name)
    share = float(marked.mean())
    if share > INVERTED_ABOVE and not layered and not marked.all():
        message = (
            f"{share:.0%} of mask {name} is white, so it cannot be told whether white or black is to be protected; "
            "save the region as paint on a transparent background"
        )
        raise UnreadableScan(Reason.MASK_UNREADABLE, message)
    notes.append(
        "white is protected" if share and not layered else "paint is protected" if share else "nothing is marked"
    )
    return ManualMask(np.where(marked, np.uint8(255), np.uint8(0)), False, f"mask {name}: {'; '.join(notes)}")


def combine(detected: Mask, painted: Mask, mode: Combine) -> Mask:
    """Return the mask to fill: (H,W) uint8, 0 or 255.

    Args:
        detected: what the detector found.
        painted: what a person painted.
        mode: `replace` takes the painted mask alone, `add` joins both, `protect` keeps what is painted untouched.
    """
    if detected.shape != painted.shape:
        raise ValueError(f"masks differ in size: {detected.shape} and {painted.shape}")
    if mode == "replace":
        return painted.copy()
    if mode == "add":
        return detected | painted
    return np.where(painted > 0, np.uint8(0), detected)


def _marked(
    data: bytes, shape: tuple[int, int], orientation: int, name: str
) -> tuple[NDArray[np.bool_], list[str], bool]:
    """Where a mask is white or painted, as the scan lies; how it was turned; whether its paper is transparent."""
    levels, own, layered = _levels(data, name)
    levels, turned = _fit(levels, shape, orientation, own, name)
    return levels >= 128, [turned] if turned else [], layered


def _levels(data: bytes, name: str) -> tuple[NDArray[np.uint8], int, bool]:
    """The mask as 8-bit grey (H,W), white where painted; its own EXIF orientation; whether its paper is transparent."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image: Image.Image = opened
            image.load()
            own = int(image.getexif().get(0x0112, 1) or 1)
            if "transparency" in image.info:
                image = image.convert("RGBA")
            if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
                return _as_8_bits(np.asarray(image)), own, False
            if image.mode == "PA":
                image = image.convert("RGBA")
            if image.mode in ("LA", "RGBA"):
                alpha = np.asarray(image.getchannel("A"))
                if alpha.min() < 128 <= alpha.max():
                    return alpha, own, True  # paint on transparent paper: any colour counts
                return _brightest(image, image.getbands()[:-1]), own, False
            if image.mode in ("1", "L"):
                grey = np.asarray(image.convert("L"), np.uint8)
                # Masks of 0 and 1 are a common slip of scripts; they look black and are meant as marked.
                return (np.minimum(grey, 1) * np.uint8(255) if 0 < grey.max() <= 1 else grey), own, False
            image = image if image.mode == "RGB" else image.convert("RGB")
            return _brightest(image, image.getbands()), own, False
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        message = f"mask {name} cannot be read as an image; save it as PNG ({error_line(error, 120)})"
        raise UnreadableScan(Reason.MASK_UNREADABLE, message) from error


def _as_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey of more than 8 bits (H,W), whatever its full scale, as 8 bits; worked out in strips of float64."""
    highest = values.max(initial=0)
    top = 65535.0 if highest > 255 else 255.0 if highest > 1 else 1.0
    result = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), ROWS):
        strip = values[row : row + ROWS].astype(np.float64)
        result[row : row + ROWS] = np.clip(strip * 255 / top, 0, 255).astype(np.uint8)
    return result


def _brightest(image: Image.Image, bands: tuple[str, ...]) -> NDArray[np.uint8]:
    """The highest of some channels at each pixel (H,W), one channel after the other."""
    result = np.array(image.getchannel(bands[0]))
    for band in bands[1:]:
        np.maximum(result, np.asarray(image.getchannel(band)), out=result)
    return result


def _fit(
    levels: NDArray[np.uint8], shape: tuple[int, int], orientation: int, own: int, name: str
) -> tuple[NDArray[np.uint8], str]:
    """The mask in the scan's stored orientation, and a note when it had to be turned."""
    if own in range(2, 9) and own != orientation:
        upright = _orient(levels, own)
        turned = _unorient(upright, orientation)
        if turned.shape == shape:
            return turned, "turned as its own EXIF orientation says"
    if levels.shape == shape:
        # Where both readings fit, the stored one counts: that is how this library's own masks are written.
        return levels, ""
    if orientation >= 5 and levels.shape == shape[::-1]:
        return _unorient(levels, orientation), "turned back to the scan's stored orientation"
    given, wanted = (f"{columns} × {rows}" for rows, columns in (levels.shape, shape))
    message = f"mask {name} is {given} pixels, the scan is {wanted}; save the mask at the scan's size"
    raise UnreadableScan(Reason.MASK_MISMATCH, message)


#: EXIF orientation → how stored pixels are shown; index of the one that undoes it.
_UNDO = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def _orient(levels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The plane as a viewer shows it."""
    shown = {
        2: levels[:, ::-1],
        3: levels[::-1, ::-1],
        4: levels[::-1],
        5: levels.T,
        6: np.rot90(levels, -1),
        7: levels[::-1, ::-1].T,
        8: np.rot90(levels, 1),
    }.get(orientation, levels)
    return np.ascontiguousarray(shown)


def _unorient(levels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undoes what EXIF orientation does to stored pixels when they are shown."""
    return _orient(levels, _UNDO.get(orientation, 1))
