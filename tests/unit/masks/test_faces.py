"""Faces are looked for where marks may be left on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.detection.types import Component
from pipeline.imaging.connected_components import connected_components
from pipeline.masks import faces
from pipeline.masks.faces import FRONT, Place, find_faces
from pipeline.masks.guards import _places

PORTRAIT = skimage.data.astronaut()


def test_detections_without_neighbours_are_grouped_as_opencv_groups_them() -> None:
    grey = cv2.equalizeHist(cv2.cvtColor(PORTRAIT, cv2.COLOR_RGB2GRAY))
    usual = faces._load_cascade(FRONT.cascade).detectMultiScale(
        grey, FRONT.step, FRONT.neighbours, minSize=(FRONT.smallest, FRONT.smallest)
    )
    assert faces._search(grey, FRONT, None) == [tuple(box) for box in usual.tolist()] != []


def test_a_coarse_search_first_finds_the_face_that_a_full_one_finds() -> None:
    grey = cv2.equalizeHist(cv2.cvtColor(PORTRAIT, cv2.COLOR_RGB2GRAY))
    (found,), (usual,) = (faces._search(grey, FRONT._replace(coarse=coarse), None) for coarse in (True, False))
    assert faces._overlap(found, usual) > 0.9


def test_the_unchanged_copy_is_searched_where_marks_cover_much_of_a_face() -> None:
    hidden = np.zeros((384, 512), np.uint8)
    hidden[100:103, 50:450] = 1
    everything = [(0, 0, 512, 384)]
    assert faces._covered(hidden, everything, 20, 30) == []
    hidden[200:230, 300:330] = 1
    ((left, top, right, bottom),) = faces._covered(hidden, everything, 20, 30)
    assert left < 270 and top < 170 and right > 360 and bottom > 260 and right - left < 150
    assert faces._covered(hidden, [(0, 0, 200, 384)], 20, 30) == []


def test_all_sizes_are_searched_only_around_what_the_coarse_search_detects() -> None:
    assert faces._around((384, 512), [(100, 100, 50, 50), (300, 200, 90, 90)], 40, 60) == [(70, 70, 180, 180)]


def test_a_mark_on_a_face_finds_it_as_a_search_of_everything_does() -> None:
    (face,) = (one for one in find_faces(PORTRAIT) if not one.profile)
    x, y, width, height = face.box
    on_it = Place((x + width // 2, y + height // 2, 6, 6), 1000.0)
    assert faces._overlap(find_faces(PORTRAIT, places=[on_it])[0].box, face.box) > 0.8


def test_a_place_too_small_for_any_face_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "_search", lambda *_: pytest.fail("searched"))
    assert find_faces(PORTRAIT, places=[Place((240, 100, 3, 3), 12.0)]) == []


def test_regions_join_where_they_overlap_and_leave_the_rest() -> None:
    near, too, far = Place((100, 100, 4, 4), 90), Place((130, 110, 4, 4), 90), Place((400, 300, 4, 4), 90)
    assert faces._regions((384, 512), [near, far, too], 20, 24) == [(370, 270, 434, 334), (70, 70, 164, 144)]
    assert faces._regions((384, 512), [near], 100, 120) == []


def test_a_speck_matters_to_small_faces_and_a_sure_thin_line_to_no_large_one() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[50:54, 50:54] = 255
    mask[200:203, 20:380] = 255
    marked = connected_components(mask)
    line = Component("scratch", "repair", (20, 200, 360, 3), 1080, 0.99, "")
    speck, sure = _places(marked, [line])
    assert speck.widest == pytest.approx(40) and sure.widest < 100
    unsure = _places(marked, [Component("scratch", "repair", (20, 200, 360, 3), 1080, 0.9, "")])[1]
    assert unsure.widest > 5000
