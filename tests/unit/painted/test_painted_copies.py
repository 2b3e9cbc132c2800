"""Copies of the scan with paint on them, and pictures that only look like masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from image_files import png, saved
from PIL import Image

from pipeline.errors import UnreadableScan
from pipeline.painted import is_painting, read_mask

SIZE = (120, 180)
DISC = cv2.circle(np.zeros(SIZE, np.uint8), (70, 60), 12, 255, -1)


def on_copy(scan: np.ndarray, colour, mask: np.ndarray = DISC) -> np.ndarray:
    copy = scan.copy()
    copy[mask > 0] = colour
    return copy


@pytest.mark.parametrize("colour", [(255, 0, 0), (255, 255, 255), (0, 0, 0), (0, 255, 0), (13, 200, 190)])
def test_paint_on_a_copy_is_its_difference(colour, view, photo) -> None:
    scan = photo(SIZE)
    found = read_mask(png(on_copy(scan, colour)), view(scan), "m")
    assert np.array_equal(found.mask, DISC) and "on a copy of the picture" in found.note


def test_see_through_paint_and_a_grey_scan(view, photo) -> None:
    scan = photo(SIZE)
    half = on_copy(scan, 0) // 2 + on_copy(np.zeros_like(scan), (255, 0, 0)) // 2
    half = np.where(DISC[..., None] > 0, scan // 2 + np.uint8((127, 0, 0)), scan)
    found = read_mask(png(half), view(scan), "m").mask
    assert np.count_nonzero((found > 0) & (DISC == 0)) == 0
    assert np.count_nonzero(found) > 0.95 * np.count_nonzero(DISC)
    grey = scan[..., 1]
    coloured = on_copy(np.repeat(grey[..., None], 3, axis=2), (255, 0, 0))
    assert np.array_equal(read_mask(png(coloured), view(grey), "m").mask, DISC)


def test_paint_of_the_pictures_own_colour(view, photo) -> None:
    scan = photo(SIZE)
    scan[58:62, 66:74] = 255  # a white scratch, painted over in white
    assert np.array_equal(read_mask(png(on_copy(scan, (255, 255, 255))), view(scan), "m").mask, DISC)
    scan[50:] = 255  # white paint that runs into a white sky: where it ends cannot be seen
    with pytest.raises(UnreadableScan, match="colour that is in the picture"):
        read_mask(png(on_copy(scan, (255, 255, 255))), view(scan), "m")


def test_a_compressed_copy_needs_one_clear_colour(view, photo) -> None:
    scan = cv2.GaussianBlur(photo(SIZE), (0, 0), 2)
    found = read_mask(saved(Image.fromarray(on_copy(scan, (255, 0, 0))), "JPEG", quality=85), view(scan), "m").mask > 0
    wrong = np.count_nonzero(found ^ (DISC > 0))
    assert wrong < 0.15 * np.count_nonzero(DISC)
    assert not (found & (cv2.dilate(DISC, np.ones((9, 9), np.uint8)) == 0)).any()
    with pytest.raises(UnreadableScan, match="no clear paint"):
        read_mask(saved(Image.fromarray(scan), "JPEG", quality=85), view(scan), "m")


def test_photographs_are_no_masks(view, photo) -> None:
    scan = photo(SIZE)
    dark = np.zeros((*SIZE, 3), np.uint8)
    other = dark.copy()
    dark[20:90, 60:120], other[30:100, 60:120] = photo((70, 60), 5), photo((70, 60), 6)
    grey = cv2.cvtColor(photo(SIZE, 8), cv2.COLOR_RGB2GRAY)
    for mask, given in ((scan, scan), (photo(SIZE, 9), scan), (grey, scan), (other, dark), (255 - scan, scan)):
        with pytest.raises(UnreadableScan, match="no clear paint"):
            read_mask(png(mask), view(given), "m")
        assert not is_painting(png(mask), "m")
    assert is_painting(png(DISC), "m") and is_painting(b"gimp xcf", "m")


def test_a_page_of_print_is_no_mask_of_itself(view) -> None:
    page = np.full(SIZE, 250, np.uint8)
    page[10:110:10, 20:160] = 10
    with pytest.raises(UnreadableScan, match="nothing painted"):
        read_mask(png(page), view(page), "m")
    copy = page.copy()
    copy[40:51, 60:90] = 250  # paint in the paper's own colour: where it ends cannot be seen
    with pytest.raises(UnreadableScan, match="colour that is in the picture"):
        read_mask(png(copy), view(page), "m")
    red = np.repeat(page[..., None], 3, axis=2)
    red[DISC > 0] = (255, 0, 0)
    assert np.array_equal(read_mask(png(red), view(page), "m").mask, DISC)
    # A mask of the stains on it is one.
    assert np.array_equal(read_mask(png(DISC), view(page), "m").mask, DISC)


def test_stars_in_a_dark_sky_are_no_copy_of_its_mask(view) -> None:
    sky = np.zeros((*SIZE, 3), np.uint8)
    sky[::17, ::19] = 255
    assert np.array_equal(read_mask(png(DISC), view(sky), "m").mask, DISC)


def test_damage_that_was_erased_from_a_copy(view, photo) -> None:
    scan = photo(SIZE)
    copy = np.dstack([scan, 255 - DISC])
    found = read_mask(png(copy), view(scan), "m")
    assert np.array_equal(found.mask, DISC) and "erased" in found.note
    with pytest.raises(UnreadableScan, match="several colours"):
        read_mask(png(np.dstack([photo(SIZE, 12), 255 - DISC])), view(scan), "m")
