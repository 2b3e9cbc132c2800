"""Painted masks: formats, colours, polarity, orientation, sizes."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from image_files import png, saved, tiff
from PIL import Image, ImageOps

from pipeline.errors import Reason, UnreadableScan
from pipeline.imaging.orientation import upright
from pipeline.painted import read_mask, read_protected

SHAPE = (40, 60)
SQUARE = (48, 48)


def painted(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[5:9, 10:30] = 255
    mask[30:34, 40:46] = 255
    return mask


def in_colours(ground, paint, mask: np.ndarray | None = None) -> np.ndarray:
    """Return the mask as a picture of two colours."""
    mask = painted() if mask is None else mask
    return np.where(mask[..., None] > 0, np.uint8(paint), np.uint8(ground))


def photoshop(mask: np.ndarray) -> bytes:
    """Return a flat grey Photoshop document."""
    rows, columns = mask.shape
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, rows, columns, 8, 1)
    return header + bytes(12) + struct.pack(">H", 0) + mask.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP", "GIF", "JPEG", "TGA", "PPM", "PCX", "JPEG2000"])
def test_usual_formats(kind: str, view) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    given = read_mask(saved(Image.fromarray(painted()), kind, **options), view(), "m")
    assert np.array_equal(given.mask, painted())
    assert "white was taken as damage" in given.note and "black" not in given.note and not given.doubt


def test_a_flat_photoshop_document(view) -> None:
    assert np.array_equal(read_mask(photoshop(painted()), view(), "m.psd").mask, painted())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"gimp xcf v011\0" + bytes(60), "GIMP document"),
        (b"8BPS\0\2" + bytes(60), "PSB"),
        (b"PK\3\4" + bytes(60), "ORA, KRA"),
        (bytes(4) + b"ftypheic" + bytes(60), "HEIC"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    ],
)
def test_documents_of_editors_are_named(data: bytes, kind: str, view) -> None:
    with pytest.raises(UnreadableScan, match=f"plate.mask.xcf is a.*{kind}.*export it as PNG") as error:
        read_mask(data, view(), "plate.mask.xcf")
    assert error.value.reason is Reason.MASK_UNREADABLE


def test_modes_that_editors_save(view) -> None:
    mask = painted()
    colour = in_colours((0, 0, 0), (255, 0, 0))
    layer = np.zeros((*SHAPE, 4), np.uint8)
    layer[mask > 0] = (0, 0, 0, 255)  # black paint on transparent paper
    faint = layer.copy()
    faint[mask > 0] = (200, 30, 30, 77)  # a brush of 30 %
    deep = Image.fromarray(mask.astype(np.uint16) * 257)
    images = [
        Image.fromarray(colour),
        Image.fromarray(layer),
        Image.fromarray(faint),
        Image.fromarray(mask).convert("1"),
        Image.fromarray(colour).convert("P"),
        Image.fromarray(mask // 255),
        deep,
        Image.fromarray((mask // 255).astype(np.uint16)),
        Image.fromarray((mask // 255).astype(np.uint16) * 256),
    ]
    for image in images:
        assert np.array_equal(read_mask(saved(image, "PNG"), view(), "m").mask, mask), image.mode
    floats = (mask / 255).astype(np.float32)
    assert np.array_equal(read_mask(tiff(floats), view(), "m").mask, mask)


@pytest.mark.parametrize(
    ("ground", "paint", "said"),
    [
        ((0, 0, 0), (0, 100, 0), "dark green was taken"),
        ((255, 255, 255), (200, 0, 0), "red was taken"),
        ((255, 255, 255), (255, 255, 0), "yellow was taken"),
        ((128, 128, 128), (255, 255, 255), "white was taken"),
        ((255, 255, 255), (120, 120, 120), "grey was taken"),
        ((90, 90, 90), (60, 60, 60), "darker colour was taken"),
        ((0, 0, 0), (2, 2, 2), "lighter colour was taken"),
        ((255, 0, 255), (0, 255, 0), "green was taken"),
        ((0, 0, 255), (0, 0, 0), "black was taken"),
    ],
)
def test_any_two_colours_make_a_mask(ground, paint, said: str, view) -> None:
    found = read_mask(png(in_colours(ground, paint)), view(), "m")
    assert np.array_equal(found.mask, painted()) and said in found.note and not found.doubt


def test_soft_edges_and_compression_belong_to_a_mask(view) -> None:
    scan = cv2.resize(np.zeros((4, 4, 3), np.uint8), (300, 200))
    disc = cv2.circle(np.zeros((200, 300), np.uint8), (120, 90), 40, 255, -1)
    soft = cv2.GaussianBlur(disc, (0, 0), 4)
    line = cv2.line(np.zeros((200, 300), np.uint8), (10, 15), (280, 170), 255, 1, cv2.LINE_AA)
    found = read_mask(png(soft), view(scan), "m").mask > 0
    assert np.count_nonzero(found ^ (disc > 0)) < 0.03 * np.count_nonzero(disc)
    assert np.count_nonzero((read_mask(png(line), view(scan), "m").mask > 0) ^ (line >= 128)) < 25
    data = saved(Image.fromarray(in_colours((255, 255, 255), (220, 20, 20), disc)), "JPEG", quality=60)
    found = read_mask(data, view(scan), "m").mask > 0
    assert np.count_nonzero(found ^ (disc > 0)) < 0.05 * np.count_nonzero(disc)


def test_black_on_white_is_inverted_with_a_note(view) -> None:
    given = read_mask(png(255 - painted()), view(), "plate.mask.png")
    assert np.array_equal(given.mask, painted())
    assert "black was taken as damage" in given.note and "white was" not in given.note and not given.doubt


def test_paint_on_half_of_the_picture_is_in_doubt_unless_its_colour_tells(view) -> None:
    most = np.zeros(SHAPE, np.uint8)
    most[:24] = 255
    assert "may be white or black" in read_mask(png(most), view(), "m").doubt
    red = read_mask(png(in_colours((255, 255, 255), (200, 0, 0), most)), view(), "m")
    assert np.array_equal(red.mask, most) and not red.doubt
    most[:30] = 255
    assert "red" in read_mask(png(in_colours((255, 255, 255), (200, 0, 0), most)), view(), "m").doubt


def test_empty_mask_is_a_decision_and_full_mask_is_refused(view) -> None:
    for nothing in (Image.new("L", SHAPE[::-1]), Image.new("RGBA", SHAPE[::-1])):
        given = read_mask(saved(nothing, "PNG"), view(), "m")
        assert not given.mask.any()
        assert "nothing is marked" in given.note
    for colour, word in ((255, "white all over"), (128, "grey all over")):
        with pytest.raises(UnreadableScan, match=word) as error:
            read_mask(saved(Image.new("L", SHAPE[::-1], colour), "PNG"), view(), "m")
        assert error.value.reason is Reason.MASK_UNREADABLE


def test_what_is_too_faint_or_no_clear_paint_is_refused_by_name(view) -> None:
    faint = painted() // 32
    faint[0, 0] = 1
    labels = np.tile(np.repeat(np.arange(6, dtype=np.uint8), 10), (SHAPE[0], 1))  # classes of a segmentation
    ramp = np.tile(np.linspace(0, 255, SHAPE[1]).astype(np.uint8), (SHAPE[0], 1))
    three = painted()
    three[20:26] = 128
    airbrushed = np.zeros((*SHAPE, 4), np.uint8)
    airbrushed[..., 3] = ramp
    for pixels, why in (
        (faint, "too faint"),
        (labels, "too faint"),
        (ramp, "no clear paint"),
        (three, "no clear paint"),
    ):
        with pytest.raises(UnreadableScan, match=f"mask plate.mask.png .*{why}"):
            read_mask(png(pixels), view(), "plate.mask.png")
    with pytest.raises(UnreadableScan, match="fades out"):
        read_mask(png(airbrushed), view(), "plate.mask.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_painted_over_the_upright_view(orientation: int, view) -> None:
    stored = Image.fromarray(painted())
    exif = Image.Exif()
    exif[0x0112] = orientation
    tagged = Image.open(io.BytesIO(saved(stored, "PNG", exif=exif)))
    upright = np.asarray(ImageOps.exif_transpose(tagged))
    given = read_mask(png(upright), view(orientation=orientation), "m")
    if orientation == 1:
        assert np.array_equal(given.mask, painted()) and not given.doubt
    elif orientation >= 5:
        assert np.array_equal(given.mask, painted()) and not given.doubt
        assert "turned back" in given.note
    else:  # both readings fit: nothing settles which way it lies
        assert "orientation" in given.doubt
        assert (given.mask[painted() > 0] == 255).all() and (given.mask[upright > 0] == 255).all()
    # A mask with the scan's own tag lies as the scan does.
    own = read_mask(saved(stored, "PNG", exif=exif), view(orientation=orientation), "m")
    assert np.array_equal(own.mask, painted()) and not own.doubt


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_square_scan_says_nothing_about_how_its_mask_lies(orientation: int, view, photo) -> None:
    scan = view(photo(SQUARE), orientation)
    assert "EXIF orientation" in read_mask(png(painted(SQUARE)), scan, "m").doubt
    middle = np.zeros(SQUARE, np.uint8)
    middle[20:28, 20:28] = 255  # the same whichever way it is turned
    found = read_mask(png(middle), scan, "m")
    assert np.array_equal(found.mask, middle) and not found.doubt
    # What was published for the scan before lies as the scan does.
    known = cv2.dilate(painted(SQUARE), np.ones((3, 3), np.uint8))
    found = read_mask(png(painted(SQUARE)), view(photo(SQUARE), orientation, known), "m")
    assert np.array_equal(found.mask, painted(SQUARE)) and not found.doubt and "published before" in found.note


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_painted_copy_shows_which_way_it_lies(orientation: int, view, photo) -> None:
    stored = photo(SQUARE)
    marked = np.where(painted(SQUARE)[..., None] > 0, np.uint8((255, 0, 0)), stored)
    for copy in (marked, upright(marked, orientation)):
        found = read_mask(png(copy), view(stored, orientation), "m")
        assert np.array_equal(found.mask, painted(SQUARE)) and not found.doubt


def test_a_masks_own_orientation_is_applied(view) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, shown turned clockwise
    lying = np.rot90(painted(), 1)
    given = read_mask(saved(Image.fromarray(lying.copy()), "PNG", exif=exif), view(), "m")
    assert np.array_equal(given.mask, painted())


def test_other_sizes_are_refused_with_both_sizes(view) -> None:
    with pytest.raises(UnreadableScan, match="61 × 40 pixels, the scan is 60 × 40") as error:
        read_mask(saved(Image.new("L", (61, 40)), "PNG"), view(), "m")
    assert error.value.reason is Reason.MASK_MISMATCH


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken", png(painted())[:70]])
def test_what_is_no_image_is_refused_by_name(data: bytes, view) -> None:
    with pytest.raises(UnreadableScan, match=r"mask plate\.mask\.png") as error:
        read_mask(data, view(), "plate.mask.png")
    assert error.value.reason is Reason.MASK_UNREADABLE
    assert "object at" not in error.value.message


def test_protected_regions_are_read_as_white_or_as_paint(view) -> None:
    given = read_protected(png(painted()), view(), "a.protect.png")
    assert np.array_equal(given.mask, painted()) and "white is protected" in given.note
    layer = np.zeros((*SHAPE, 4), np.uint8)
    layer[:, 5:] = (200, 30, 30, 255)  # paint over more than half
    given = read_protected(png(layer), view(), "a.protect.png")
    assert given.mask[:, 5:].all() and not given.mask[:, :5].any() and "paint is protected" in given.note
    assert read_protected(saved(Image.new("L", SHAPE[::-1], 255), "PNG"), view(), "m").mask.all()
    assert "nothing" in read_protected(saved(Image.new("L", SHAPE[::-1]), "PNG"), view(), "m").note


def test_a_protected_region_of_ambiguous_polarity_is_refused(view) -> None:
    with pytest.raises(UnreadableScan, match="white or black is to be protected") as error:
        read_protected(png(255 - painted()), view(), "m")
    assert error.value.reason is Reason.MASK_UNREADABLE
    with pytest.raises(UnreadableScan, match="61 × 40 pixels, the scan is 60 × 40"):
        read_protected(saved(Image.new("L", (61, 40)), "PNG"), view(), "m")


def test_a_protected_region_that_fits_in_two_ways_protects_both(view) -> None:
    given = read_protected(png(painted()), view(orientation=3), "m")
    assert np.array_equal(given.mask, painted() | painted()[::-1, ::-1]) and "both are protected" in given.note
