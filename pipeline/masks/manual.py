"""Read masks painted by people: any usual image format, either polarity, checked against the scan."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import Reason, UnreadableScan
from pipeline.escape import error_line
from pipeline.imaging.types import Mask

#: Above this share of white pixels a mask is taken as inverted: damage is the smaller part of a photograph.
INVERTED_ABOVE = 0.5
#: Rows of more than 8 bits that are converted at a time.
ROWS = 256


@dataclass(frozen=True)
class ManualMask:
    """A painted mask.

    Attributes:
        mask: (H,W) uint8, 255 = damaged, 0 = intact; oriented as the scan's own pixels are.
        note: how the mask was read, in one sentence.
    """

    mask: Mask
    note: str


def read_mask(data: bytes, shape: tuple[int, int], orientation: int, name: str) -> ManualMask:
    """Return a painted mask for a scan.

    A mask may be black and white, grey (from half upwards counts), opaque paint on a transparent background, or
    coloured paint on black. White is damage; where more than half of the picture would be, it is taken as inverted
    and the note says so. It may have the scan's stored size or, for a scan with an EXIF orientation, the size in which
    viewers show it; then it is turned back.

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
        # All white is more likely "everything is damage" than "nothing is": neither may be filled without review.
        raise UnreadableScan(
            Reason.MASK_UNREADABLE, f"mask {name} is white all over; paint damage white on black, or remove the mask"
        )
    if inverted:
        marked = ~marked
        notes.append(f"{share:.0%} of it is white, so black was taken as damage")
    else:
        notes.append("white was taken as damage" if share else "it is black all over: nothing is marked")
    mask = np.where(marked, np.uint8(255), np.uint8(0))
    return ManualMask(mask, f"mask {name}: {'; '.join(notes)}")


def read_protected(data: bytes, shape: tuple[int, int], orientation: int, name: str) -> ManualMask:
    """Return a painted region that must never be touched: 255 = protected; else as `read_mask`.

    A region may well be the larger part of a picture, so its size does not show its polarity: white is protected, or
    any paint on a transparent background. Where white covers more than half without such a background, the mask may as
    well be black paint on white; read with the wrong polarity, it would expose what it should protect.

    Raises:
        UnreadableScan: with MASK_UNREADABLE or MASK_MISMATCH and a sentence that names the remedy.
    """
    marked, notes, layered = _marked(data, shape, orientation, name)
    share = float(marked.mean())
    if share > INVERTED_ABOVE and not layered and not marked.all():
        message = (
            f"{share:.0%} of mask {name} is white, so it is unclear whether white or black is to be protected; "
            "save the region as paint on a transparent background"
        )
        raise UnreadableScan(Reason.MASK_UNREADABLE, message)
    notes.append(
        "white is protected" if share and not layered else "paint is protected" if share else "nothing is marked"
    )
    return ManualMask(np.where(marked, np.uint8(255), np.uint8(0)), f"mask {name}: {'; '.join(notes)}")


def _marked(
    data: bytes, shape: tuple[int, int], orientation: int, name: str
) -> tuple[NDArray[np.bool_], list[str], bool]:
    """Return where a mask is white or painted, oriented as the scan; how it was turned; whether it is transparent."""
    grey, own, layered = _read_grey(data, name)
    grey, turned = _fit(grey, shape, orientation, own, name)
    return grey >= 128, [turned] if turned else [], layered


def _read_grey(data: bytes, name: str) -> tuple[NDArray[np.uint8], int, bool]:
    """Return a mask as 8-bit grey (H,W), white where painted; its EXIF orientation; whether it is transparent."""
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
                    return alpha, own, True  # paint on a transparent background: any colour counts
                return _brightest(image, image.getbands()[:-1]), own, False
            if image.mode in ("1", "L"):
                grey = np.asarray(image.convert("L"), np.uint8)
                # Scripts often write masks of 0 and 1 by mistake; they look black and are meant as marked.
                return (np.minimum(grey, 1) * np.uint8(255) if 0 < grey.max() <= 1 else grey), own, False
            image = image if image.mode == "RGB" else image.convert("RGB")
            return _brightest(image, image.getbands()), own, False
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        message = f"mask {name} cannot be read as an image; save it as PNG ({error_line(error, 120)})"
        raise UnreadableScan(Reason.MASK_UNREADABLE, message) from error


def _as_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey of more than 8 bits (H,W), whatever its full scale, as 8 bits; computed in strips of float64."""
    highest = values.max(initial=0)
    top = 65535.0 if highest > 255 else 255.0 if highest > 1 else 1.0
    result = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), ROWS):
        strip = values[row : row + ROWS].astype(np.float64)
        result[row : row + ROWS] = np.clip(strip * 255 / top, 0, 255).astype(np.uint8)
    return result


def _brightest(image: Image.Image, bands: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return the maximum of some channels at each pixel (H,W), read one channel at a time."""
    result = np.array(image.getchannel(bands[0]))
    for band in bands[1:]:
        np.maximum(result, np.asarray(image.getchannel(band)), out=result)
    return result


def _fit(
    grey: NDArray[np.uint8], shape: tuple[int, int], orientation: int, own: int, name: str
) -> tuple[NDArray[np.uint8], str]:
    """Return the mask in the scan's stored orientation, and a note when it had to be turned."""
    if own in range(2, 9) and own != orientation:
        upright = _orient(grey, own)
        turned = _unorient(upright, orientation)
        if turned.shape == shape:
            return turned, "turned as its own EXIF orientation says"
    if grey.shape == shape:
        # Where both sizes fit, the stored one counts: this library writes its own masks that way.
        return grey, ""
    if orientation >= 5 and grey.shape == shape[::-1]:
        return _unorient(grey, orientation), "turned back to the scan's stored orientation"
    given, wanted = (f"{columns} × {rows}" for rows, columns in (grey.shape, shape))
    message = f"mask {name} is {given} pixels, the scan is {wanted}; save the mask at the scan's size"
    raise UnreadableScan(Reason.MASK_MISMATCH, message)


#: EXIF orientation → the orientation that undoes it.
_UNDO = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def _orient(grey: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return the mask as a viewer shows it."""
    shown = {
        2: grey[:, ::-1],
        3: grey[::-1, ::-1],
        4: grey[::-1],
        5: grey.T,
        6: np.rot90(grey, -1),
        7: grey[::-1, ::-1].T,
        8: np.rot90(grey, 1),
    }.get(orientation, grey)
    return np.ascontiguousarray(shown)


def _unorient(grey: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return the mask as it is stored: undo what `_orient` does."""
    return _orient(grey, _UNDO.get(orientation, 1))
