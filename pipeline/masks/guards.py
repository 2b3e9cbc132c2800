"""The face guard and the text guard: what a detector would repair there is left, and a person looks at it first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.detection.types import Component
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.types import Mask, Pixels
from pipeline.masks.faces import Face, find_faces
from pipeline.masks.text import Line, find_text

#: Raised when what is held back changes: it is part of every result's key.
VERSION = 1
#: Share of a face's box that one piece may cover, and share of its width that it may span.
FACE_AREA, FACE_SPAN = 0.01, 0.2
#: Across eyes or mouth a piece may span so many pixels, or this share of the face's width, whichever is more.
FEATURE_PIXELS, FEATURE_SPAN = 7, 0.06
#: A piece on a line of text wants a person when it spans so many letter heights; smaller ones are just left.
TEXT_SPAN = 2.0

REASONS = {"face": "left as it is: it lies on a face", "text": "left as it is: it lies on a line of text"}


@dataclass(frozen=True)
class GuardedMask:
    """What may be filled unseen, after the guards.

    Attributes:
        fill: (H,W) uint8, 255 = may be filled.
        components: the explanations, those of pieces that were held back first; a held piece is a suggestion.
        suppressed: pieces held back by each guard, `face` and `text`; a guard that held none is left out.
        review: why a person must look before anything is filled, or None.
    """

    fill: Mask
    components: list[Component]
    suppressed: dict[str, int]
    review: str | None = None


def apply_guards(
    pixels: Pixels, fill: Mask, components: list[Component], *, faces: bool = True, text: bool = True
) -> GuardedMask:
    """Return what may be filled of a detector's mask; painted masks are no matter for guards.

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
        return GuardedMask(fill, components, {})
    pieces = connected_components(fill)
    on_faces: set[int] = set()
    on_text: set[int] = set()
    large: set[int] = set()
    for face in find_faces(pixels, fill) if faces else ():
        on_faces |= _on_face(pieces, face)
    for line in find_text(pixels) if text else ():
        touched = _touching(pieces, line)
        on_text |= touched
        large |= {n for n in touched if pieces.boxes[n, 2:].max() > TEXT_SPAN * line.letter}
    if not on_faces and not on_text:
        return GuardedMask(fill, components, {})
    held = {name: len(those) for name, those in (("face", on_faces), ("text", on_text)) if those}
    kept = np.full(len(pieces), 255, np.uint8)
    kept[list(on_faces | on_text)] = 0
    told = _explained(components, pieces, on_faces, on_text)
    return GuardedMask(pieces.paint(kept), told, held, _review(len(on_faces), len(large)))


def _on_face(pieces: ConnectedComponents, face: Face) -> set[int]:
    """The pieces that cover more of a face than a speck does."""
    found = set()
    width, height = face.box[2:]
    for number, area, span in zip(*pieces.within(face.box), strict=True):
        if area > FACE_AREA * width * height or span > FACE_SPAN * width:
            found.add(int(number))
    for feature in face.features:
        for number, _, span in zip(*pieces.within(feature), strict=True):
            if span > max(FEATURE_PIXELS, FEATURE_SPAN * width):
                found.add(int(number))
    return found


def _touching(pieces: ConnectedComponents, line: Line) -> set[int]:
    """The pieces that lie on a line of text, or reach into it."""
    return set(pieces.within(line.box)[0].tolist())


def _explained(
    components: list[Component], pieces: ConnectedComponents, on_faces: set[int], on_text: set[int]
) -> list[Component]:
    """The explanations, with the reason where the piece that fills most of their box was held back."""
    told, rest = [], []
    for one in components:
        numbers, areas, _ = pieces.within(one.box)
        number = int(numbers[areas.argmax()]) if len(numbers) else -1
        why = [REASONS[name] for name, those in (("face", on_faces), ("text", on_text)) if number in those]
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
