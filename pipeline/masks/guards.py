"""Guard faces and text: what a detector would repair there is left, and a person looks at it first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.detection.types import Component
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.types import Mask, Pixels
from pipeline.masks.faces import Face, find_faces
from pipeline.masks.text import Line, find_text

#: Increased when what is held back changes: it is part of every result's key.
VERSION = 1
#: Share of a face's box that one component may cover, and share of its width that it may span.
FACE_AREA, FACE_SPAN = 0.01, 0.2
#: Across eyes or mouth a component may span so many pixels, or this share of the face's width, whichever is more.
FEATURE_PIXELS, FEATURE_SPAN = 7, 0.06
#: A component on a line of text needs review when it spans so many letter heights; smaller ones are only left.
TEXT_SPAN = 2.0

REASONS = {"face": "left as it is: it lies on a face", "text": "left as it is: it lies on a line of text"}


@dataclass(frozen=True)
class GuardedMask:
    """What may be filled without review, after the guards.

    Attributes:
        fill: (H,W) uint8, 255 = may be filled.
        components: those that were held back first, as suggestions with the reason.
        suppressed: components held back by each guard, `face` and `text`; a guard that held back none is left out.
        review: why a person must look before anything is filled, or None.
    """

    fill: Mask
    components: list[Component]
    suppressed: dict[str, int]
    review: str | None = None


def apply_guards(
    pixels: Pixels, fill: Mask, components: list[Component], *, faces: bool = True, text: bool = True
) -> GuardedMask:
    """Return what may be filled of a detector's mask; painted masks are never given to guards.

    Held back is every component that covers more than a speck of a face, or lies on text. On a face it also sends the
    scan to review; on text only when it is larger than two letters, because a smaller one may just be a letter that
    was taken for dust.

    Args:
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        fill: (H,W) uint8, 255 = to be filled.
        components: of the detector's masks.
        faces, text: which guards are on.
    """
    if not fill.any() or not (faces or text):
        return GuardedMask(fill, components, {})
    marked = connected_components(fill)
    on_faces: set[int] = set()
    on_text: set[int] = set()
    large: set[int] = set()
    for face in find_faces(pixels, fill) if faces else ():
        on_faces |= _find_on_face(marked, face)
    for line in find_text(pixels) if text else ():
        touching = _find_touching(marked, line)
        on_text |= touching
        large |= {n for n in touching if marked.boxes[n, 2:].max() > TEXT_SPAN * line.letter}
    if not on_faces and not on_text:
        return GuardedMask(fill, components, {})
    suppressed = {name: len(those) for name, those in (("face", on_faces), ("text", on_text)) if those}
    kept = np.full(len(marked), 255, np.uint8)
    kept[list(on_faces | on_text)] = 0
    annotated = _annotate(components, marked, on_faces, on_text)
    return GuardedMask(marked.paint(kept), annotated, suppressed, _reason_for_review(len(on_faces), len(large)))


def _find_on_face(marked: ConnectedComponents, face: Face) -> set[int]:
    """Return the components that cover more of a face than a speck does."""
    found = set()
    width, height = face.box[2:]
    for number, area, span in zip(*marked.within(face.box), strict=True):
        if area > FACE_AREA * width * height or span > FACE_SPAN * width:
            found.add(int(number))
    for feature in face.features:
        for number, _, span in zip(*marked.within(feature), strict=True):
            if span > max(FEATURE_PIXELS, FEATURE_SPAN * width):
                found.add(int(number))
    return found


def _find_touching(marked: ConnectedComponents, line: Line) -> set[int]:
    """Return the components that lie on a line of text, or reach into it."""
    return set(marked.within(line.box)[0].tolist())


def _annotate(
    components: list[Component], marked: ConnectedComponents, on_faces: set[int], on_text: set[int]
) -> list[Component]:
    """Return the components, with the reason where what fills most of their box was held back; those come first."""
    suppressed, rest = [], []
    for one in components:
        numbers, areas, _ = marked.within(one.box)
        number = int(numbers[areas.argmax()]) if len(numbers) else -1
        reasons = [REASONS[name] for name, those in (("face", on_faces), ("text", on_text)) if number in those]
        if reasons:
            suppressed.append(replace(one, level="suggest", reason="; ".join([one.reason, *reasons])))
        else:
            rest.append(one)
    return suppressed + rest


def _reason_for_review(faces: int, lines: int) -> str | None:
    parts = []
    if faces:
        parts.append(f"{faces} {'place lies' if faces == 1 else 'places lie'} on a face")
    if lines:
        parts.append(f"{lines} {'place lies' if lines == 1 else 'places lie'} on text")
    return f"{' and '.join(parts)}: a repair may destroy what is there" if parts else None
