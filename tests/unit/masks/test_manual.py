"""Painted masks: formats, polarity, orientation, sizes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from image_files import saved
from PIL import Image

from pipeline.errors import Reason, UnreadableScan
from pipeline.masks.manual import read_mask, read_protected

SHAPE = (40, 60)


def painted() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:9, 10:30] = 255
    mask[30:34, 50:58] = 255
    return mask


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP", "GIF", "JPEG"])
def test_usual_formats(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    given = read_mask(saved(Image.fromarray(painted()), kind, **options), SHAPE, 1, "m")
    assert np.array_equal(given.mask, painted())
    assert "white was taken as damage" in given.note and "black" not in given.note


def test_modes_that_editors_save() -> None:
    mask = painted()
    colour = np.zeros((*SHAPE, 3), np.uint8)
    colour[mask > 0] = (255, 0, 0)
    layer = np.zeros((*SHAPE, 4), np.uint8)
    layer[mask > 0] = (0, 0, 0, 255)  # black paint on transparent paper
    deep = Image.fromarray(mask.astype(np.uint16) * 257)
    images = [
        Image.fromarray(colour),
        Image.fromarray(layer),
        Image.fromarray(mask).convert("1"),
        Image.fromarray(colour).convert("P"),
        Image.fromarray(mask // 255),
        deep,
    ]
    for image in images:
        assert np.array_equal(read_mask(saved(image, "PNG"), SHAPE, 1, "m").mask, mask), image.mode


def test_black_on_white_is_inverted_with_a_note() -> None:
    given = read_mask(saved(Image.fromarray(255 - painted()), "PNG"), SHAPE, 1, "plate.mask.png")
    assert np.array_equal(given.mask, painted())
    assert "black was taken as damage" in given.note and "white was" not in given.note


def test_empty_mask_is_a_decision_and_full_mask_is_refused() -> None:
    nothing = read_mask(saved(Image.new("L", SHAPE[::-1]), "PNG"), SHAPE, 1, "m")
    assert not nothing.mask.any()
    assert "nothing is marked" in nothing.note
    with pytest.raises(UnreadableScan, match="white all over") as error:
        read_mask(saved(Image.new("L", SHAPE[::-1], 255), "PNG"), SHAPE, 1, "m")
    assert error.value.reason is Reason.MASK_UNREADABLE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_painted_over_the_upright_view(orientation: int) -> None:
    from PIL import ImageOps

    stored = Image.fromarray(painted())
    exif = Image.Exif()
    exif[0x0112] = orientation
    tagged = Image.open(io.BytesIO(saved(stored, "PNG", exif=exif)))
    upright = ImageOps.exif_transpose(tagged)
    given = read_mask(saved(Image.fromarray(np.asarray(upright)), "PNG"), SHAPE, orientation, "m")
    if orientation >= 5:
        assert np.array_equal(given.mask, painted())
        assert "turned back" in given.note
    else:  # both readings fit: the stored one counts
        assert np.array_equal(given.mask, np.asarray(upright))
    # A mask with the scan's own tag lies as the scan does.
    assert np.array_equal(read_mask(saved(stored, "PNG", exif=exif), SHAPE, orientation, "m").mask, painted())


def test_a_masks_own_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, shown turned clockwise
    lying = np.rot90(painted(), 1)
    given = read_mask(saved(Image.fromarray(lying.copy()), "PNG", exif=exif), SHAPE, 1, "m")
    assert np.array_equal(given.mask, painted())


def test_other_sizes_are_refused_with_both_sizes() -> None:
    with pytest.raises(UnreadableScan, match="61 × 40 pixels, the scan is 60 × 40") as error:
        read_mask(saved(Image.new("L", (61, 40)), "PNG"), SHAPE, 1, "m")
    assert error.value.reason is Reason.MASK_MISMATCH


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableScan) as error:
        read_mask(data, SHAPE, 1, "m")
    assert error.value.reason is Reason.MASK_UNREADABLE


def test_protected_regions_are_read_as_white_or_as_paint() -> None:
    given = read_protected(saved(Image.fromarray(painted()), "PNG"), SHAPE, 1, "a.protect.png")
    assert np.array_equal(given.mask, painted()) and "white is protected" in given.note
    layer = np.zeros((*SHAPE, 4), np.uint8)
    layer[:, 5:] = (200, 30, 30, 255)  # paint over more than half
    given = read_protected(saved(Image.fromarray(layer), "PNG"), SHAPE, 1, "a.protect.png")
    assert given.mask[:, 5:].all() and not given.mask[:, :5].any() and "paint is protected" in given.note
    assert read_protected(saved(Image.new("L", SHAPE[::-1], 255), "PNG"), SHAPE, 1, "m").mask.all()
    assert "nothing" in read_protected(saved(Image.new("L", SHAPE[::-1]), "PNG"), SHAPE, 1, "m").note


def test_a_protected_region_of_ambiguous_polarity_is_refused() -> None:
    with pytest.raises(UnreadableScan, match="white or black is to be protected") as error:
        read_protected(saved(Image.fromarray(255 - painted()), "PNG"), SHAPE, 1, "m")
    assert error.value.reason is Reason.MASK_UNREADABLE
    with pytest.raises(UnreadableScan, match="61 × 40 pixels, the scan is 60 × 40"):
        read_protected(saved(Image.new("L", (61, 40)), "PNG"), SHAPE, 1, "m")
