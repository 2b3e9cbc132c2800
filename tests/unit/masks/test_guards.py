"""The face guard and the text guard: what they find, hold back, and let pass."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.detection.types import Component
from pipeline.masks.faces import Face, find_faces
from pipeline.masks.guards import FACE_WIDTH, FEATURE_WIDTH, apply_guards
from pipeline.masks.text import find_text

pytestmark = pytest.mark.slow

EYES = (112, 225)  # row and column between the astronaut's eyes


def marked(shape: tuple[int, ...], *boxes: tuple[int, int, int, int]) -> tuple[np.ndarray, list[Component]]:
    mask = np.zeros(shape[:2], np.uint8)
    for x, y, width, height in boxes:
        mask[y : y + height, x : x + width] = 255
    return mask, [Component("scratch", "repair", box, box[2] * box[3], 0.99, "a line") for box in boxes]


def page(lines: int = 3, scale: float = 1.0) -> np.ndarray:
    """Paper with some lines of letters, the first with its feet at row 80."""
    sheet = np.full((int(300 * scale), int(600 * scale)), 215, np.uint8)
    for number in range(lines):
        text = ("Harbour of Luebeck 1893", "plate forty-one, in spring", "H. Petersen phot.")[number % 3]
        place = (int(40 * scale), int((80 + 60 * number) * scale))
        cv2.putText(sheet, text, place, cv2.FONT_HERSHEY_DUPLEX, scale, 60, max(1, round(2 * scale)), cv2.LINE_AA)
    return sheet


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_face_is_found_at_any_size_and_depth(scale: float, depth: type) -> None:
    picture = cv2.resize(skimage.data.astronaut(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    faces = find_faces(picture.astype(depth) * depth(257 if depth is np.uint16 else 1))
    row, column = EYES[0] * scale, EYES[1] * scale
    around = [f for f in faces if f.box[0] < column < f.box[0] + f.box[2] and f.box[1] < row < f.box[1] + f.box[3]]
    assert around and around[0].box[2] < 200 * scale
    eyes = around[0].features[0]
    assert eyes[0] < column < eyes[0] + eyes[2] and eyes[1] < row < eyes[1] + eyes[3]


def test_pictures_without_people_hold_no_faces() -> None:
    assert not find_faces(skimage.data.coins()) and not find_faces(skimage.data.brick())
    assert not find_faces(np.full((10, 400), 90, np.uint8))


def test_only_a_broad_mark_on_a_face_is_left() -> None:
    picture = skimage.data.astronaut().copy()
    mask, components = marked(picture.shape, (221, 60, 9, 140), (420, 400, 5, 60))
    picture[mask > 0] = 255
    found = apply_guards(picture, mask, components)
    assert not found.fill[60:200, 221:230].any() and found.fill[400:460, 420:425].all()
    assert [(one.level, one.left) for one in found.components] == [("suggest", "face"), ("repair", "")]
    assert found.components[0].reason == "a line; left as it is: it lies on a face"
    assert apply_guards(picture, mask, components, faces=False, text=False).fill is mask


def test_a_thin_crack_over_a_cheek_is_filled_when_it_is_sure() -> None:
    picture = skimage.data.astronaut()
    face = astronauts_face()
    x, width = face.box[0], face.box[2]
    below_the_eyes = face.features[0][1] + face.features[0][3] + 2
    thin, broad = (max(1, round(share * width)) for share in (FACE_WIDTH - 0.01, FACE_WIDTH + 0.03))
    left_cheek = (x - 20, below_the_eyes, 20 + round(0.25 * width))
    for line, chance, kept in ((thin, 0.99, 1), (broad, 0.99, 0), (thin, 0.9, 0), (thin, None, 1)):
        mask, (one,) = marked(picture.shape, (*left_cheek, line))
        found = apply_guards(picture, mask, [replace(one, probability=chance)])
        assert found.fill.any() == kept, (line, chance)
    assert not apply_guards(picture, mask, []).fill.any(), "nobody says how sure it is"


def test_across_the_eyes_only_a_very_thin_line_is_filled() -> None:
    picture, face = skimage.data.astronaut(), astronauts_face()
    x, y, width, height = face.features[0]
    thin = int(FEATURE_WIDTH * face.box[2])
    for line, kept in ((thin, True), (thin + 2, False)):
        mask, components = marked(picture.shape, (x - 10, y + height // 2, width + 20, line))
        assert apply_guards(picture, mask, components).fill.any() == kept, line


def test_a_speck_on_a_cheek_is_repaired_but_not_one_on_an_eye() -> None:
    picture, face = skimage.data.astronaut(), astronauts_face()
    x, y, width, height = face.features[0]
    cheek = (face.box[0] + face.box[2] // 2 - 2, y + height + 4, 5, 5)
    eye = (x + width // 4, y + height // 2, 12, 5)
    mask, (one,) = marked(picture.shape, cheek)
    assert apply_guards(picture, mask, [replace(one, probability=0.66)]).fill.any()
    assert not apply_guards(picture, *marked(picture.shape, eye)).fill.any()


def astronauts_face() -> Face:
    (face,) = [f for f in find_faces(skimage.data.astronaut()) if f.box[0] < EYES[1] < f.box[0] + f.box[2]]
    return face


def test_lines_of_text_are_found_level_and_turned() -> None:
    for turn in range(4):
        lines = find_text(np.ascontiguousarray(np.rot90(page(), turn)))
        level = [line for line in lines if (line.box[2] > line.box[3]) == (turn % 2 == 0)]
        assert len(level) >= 3, turn
    white = find_text(255 - page())
    assert len(white) >= 3
    (first, *_) = sorted(white, key=lambda line: line.box[1])
    assert first.box[1] < 70 < first.box[1] + first.box[3] and 12 < first.letter < 30


def test_text_of_a_large_scan_is_found_where_it_is() -> None:
    boxes = [line.box for line in find_text(page(1, scale=6))]
    assert any(x < 300 and y < 6 * 75 < y + height and width > 1500 for x, y, width, height in boxes)


def test_a_line_that_matters_is_measured_as_all_are() -> None:
    everything = find_text(page())
    wanted = everything[1].box

    def touches(box: tuple[int, int, int, int]) -> bool:
        return all(box[i] < wanted[i] + wanted[i + 2] and wanted[i] < box[i] + box[i + 2] for i in (0, 1))

    found = find_text(page(), touches)
    assert [line for line in everything if touches(line.box)] == [line for line in found if touches(line.box)] != []
    assert find_text(page(), lambda box: False) == []


def test_pictures_without_text_hold_none() -> None:
    for picture in (skimage.data.astronaut()[:260], skimage.data.moon(), skimage.data.coffee()):
        area = sum(line.box[2] * line.box[3] for line in find_text(picture))
        assert area < 0.01 * picture.shape[0] * picture.shape[1]
    assert not find_text(np.full((1, 1), 3, np.uint8))


def test_marks_on_text_are_left_and_others_filled() -> None:
    sheet = page()
    scratch, letter, beside = (200, 20, 3, 200), (45, 62, 8, 18), (20, 260, 4, 4)
    mask, components = marked(sheet.shape, scratch, letter, beside)
    found = apply_guards(sheet, mask, components)
    assert not found.fill[:250].any() and found.fill[260:264, 20:24].all()
    assert [one.left for one in found.components] == ["text", "text", ""]
    assert apply_guards(sheet, mask, components, text=False).fill is mask
