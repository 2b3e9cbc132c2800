"""The face guard and the text guard: what a detector would repair there is left, and a person looks at it first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.damage.faces import Box, Face, find_faces
from pipeline.damage.text import Line, find_text
from pipeline.damage.types import Component, Mask, Pixels

#: Share of a face's box that one piece may cover, and share of its width that it may span.
FACE_AREA, FACE_SPAN = 0.01, 0.2
#: Across eyes or mouth a piece may span so many pixels, or this share of the face's width, whichever is more.
FEATURE_PIXELS, FEATURE_SPAN = 7, 0.06
#: A piece on a line of text wants a person when it spans so many letter heights; smaller ones are just left.
TEXT_SPAN = 2.0

REASONS = {"face": "left as it is: it lies on a face", "text": "left as it is: it lies on a line of text"}


@dataclass(frozen=True)
class Guarded:
    """What may be filled unseen, after the guards.

    Attributes:
        fill: (H,W) uint8, 255 = may be filled.
        components: the explanations, those of pieces that were held back first; a held piece is a suggestion.
        held: pieces held back by each guard, `face` and `text`; a guard that held none is left out.
        review: why a person must look before anything is filled, or None.
    """

    fill: Mask
    components: list[Component]
    held: dict[str, int]
    review: str | None = None


def guard(pixels: Pixels, fill: Mask, components: list[Component], *, faces: bool = True, text: bool = True) -> Guarded:
    """Returns what may be filled of a detector's mask; painted masks are no matter for guards.

    Held back is every piece that covers more than a speck of a face, or lies on text. A piece held back on a face
    sends the scan to review; on text it does when it is larger than two letters, because a smaller one may just be a
    letter that was taken for dust.

    Args:
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        fill: (H,W) uint8, 255 = to be filled.
        components: the explanations that go with it.
        faces, text: which guards stand.
    """
    if not fill.any() or not (faces or text):
        return Guarded(fill, components, {})
    _, found, stats, _ = cv2.connectedComponentsWithStats(fill, connectivity=8, ltype=cv2.CV_32S)
    labels = np.asarray(found, np.int32)
    on_faces: set[int] = set()
    on_text: set[int] = set()
    large: set[int] = set()
    for face in find_faces(pixels, fill) if faces else ():
        on_faces |= _on_face(labels, face)
    for line in find_text(pixels) if text else ():
        touched = _touching(labels, line)
        on_text |= touched
        large |= {n for n in touched if max(stats[n, 2], stats[n, 3]) > TEXT_SPAN * line.letter}
    if not on_faces and not on_text:
        return Guarded(fill, components, {})
    held = {name: len(pieces) for name, pieces in (("face", on_faces), ("text", on_text)) if pieces}
    kept = np.ones(len(stats), bool)
    kept[list(on_faces | on_text)] = False
    left = np.where(kept[labels], fill, np.uint8(0))
    told = _explained(components, labels, on_faces, on_text)
    return Guarded(left, told, held, _review(len(on_faces), len(large)))


def _on_face(labels: NDArray[np.int32], face: Face) -> set[int]:
    """The pieces that cover more of a face than a speck does."""
    found = set()
    width, height = face.box[2:]
    for number, area, span in _pieces(labels, face.box):
        if area > FACE_AREA * width * height or span > FACE_SPAN * width:
            found.add(number)
    for feature in face.features:
        for number, _, span in _pieces(labels, feature):
            if span > max(FEATURE_PIXELS, FEATURE_SPAN * width):
                found.add(number)
    return found


def _touching(labels: NDArray[np.int32], line: Line) -> set[int]:
    """The pieces that lie on a line of text, or reach into it."""
    return {number for number, _, _ in _pieces(labels, line.box)}


def _pieces(labels: NDArray[np.int32], box: Box) -> Iterator[tuple[int, int, int]]:
    """Yields number, area and longer side of every piece inside a box, of the part that lies in it."""
    x, y, width, height = box
    inside = labels[y : y + height, x : x + width]
    rows, columns = np.nonzero(inside)
    numbers, of = np.unique(inside[rows, columns], return_inverse=True)
    spans = [_spans(of, places, len(numbers)) for places in (rows, columns)]
    areas = np.bincount(of, minlength=len(numbers))
    for index, number in enumerate(numbers.tolist()):
        yield number, int(areas[index]), int(max(spans[0][index], spans[1][index]))


def _spans(of: NDArray[np.intp], places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """How far the places of each piece lie apart, both ends counted."""
    first, last = np.full(count, np.iinfo(np.intp).max), np.zeros(count, np.intp)
    np.minimum.at(first, of, places)
    np.maximum.at(last, of, places)
    return np.asarray(last - first + 1, np.intp)


def _explained(
    components: list[Component], labels: NDArray[np.int32], on_faces: set[int], on_text: set[int]
) -> list[Component]:
    """The explanations, with the reason where the piece that fills most of their box was held back."""
    told, rest = [], []
    for one in components:
        x, y, width, height = one.box
        inside = labels[y : y + height, x : x + width]
        numbers = inside[inside > 0]
        number = int(np.bincount(numbers).argmax()) if numbers.size else 0
        why = [REASONS[name] for name, pieces in (("face", on_faces), ("text", on_text)) if number in pieces]
        if why:
            told.append(replace(one, level="suggest", reason="; ".join([one.reason, *why])))
        else:
            rest.append(one)
    return told + rest


def _review(faces: int, lines: int) -> str | None:
    parts = []
    if faces:
        parts.append(f"{faces} {'place lies' if faces == 1 else 'places lie'} on a face")
    if lines:
        parts.append(f"{lines} {'place lies' if lines == 1 else 'places lie'} on text")
    return f"{' and '.join(parts)}: what stands there may be lost by a repair" if parts else None
