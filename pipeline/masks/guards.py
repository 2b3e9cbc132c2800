"""Guard faces and text: marks that a repair may falsify are left as they are, and everything else is filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.detection.types import Component, Left
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.types import Box, Mask, Pixels
from pipeline.masks.faces import Face, find_faces
from pipeline.masks.text import find_text

#: Increased when what is held back changes: it is part of every result's key.
VERSION = 4
#: Share of a face's box that a speck covers at most, and share of its width that it spans.
FACE_AREA, FACE_SPAN = 0.01, 0.2
#: Across eyes or mouth a speck spans so many pixels, or this share of the face's width, whichever is more.
FEATURE_PIXELS, FEATURE_SPAN = 7, 0.06
#: A line that is sure, and with its rim nowhere wider than this share of the face's width, is filled: on cheek, brow
#: and chin, and across eyes or mouth. A pupil is some .05 wide, a closed mouth some .04 high.
FACE_WIDTH, FEATURE_WIDTH = 0.06, 0.03
#: Calibrated probability from which a mark is sure: the strictest promise of a recipe.
SURE = 0.98

REASONS = {"face": "left as it is: it lies on a face", "text": "left as it is: it lies on a line of text"}


@dataclass(frozen=True)
class GuardedMask:
    """What may be filled without review, after the guards.

    Attributes:
        fill: (H,W) uint8, 255 = may be filled.
        components: those that were held back first, as suggestions with the reason.
    """

    fill: Mask
    components: list[Component]


def apply_guards(
    pixels: Pixels, fill: Mask, components: list[Component], *, faces: bool = True, text: bool = True
) -> GuardedMask:
    """Return what may be filled of a detector's mask; painted masks are never given to guards.

    A mark, one connected part of the mask, is filled whole or not at all. Left as it is, for a person to look at, is
    every mark on a line of text, and a mark on a face unless

    - it keeps clear of eyes and mouth and is a speck: at most `FACE_AREA` of the face and `FACE_SPAN` of its width, or
    - it is sure, nowhere wider than `FACE_WIDTH` of the face's width, and across eyes or mouth nowhere wider than
      `FEATURE_WIDTH`, or a speck there (`FEATURE_PIXELS`, `FEATURE_SPAN`).

    Args:
        pixels: the scan, (H,W) or (H,W,C), uint8 or uint16.
        fill: (H,W) uint8, 255 = to be filled.
        components: of the detector's masks. A mark is as sure as the least probable of its components on the face, and
            one without a description is not.
        faces, text: which guards are on.
    """
    if not fill.any() or not (faces or text):
        return GuardedMask(fill, components)
    marked = connected_components(fill)
    left: dict[Left, set[int]] = {"face": set(), "text": set()}
    for face in find_faces(pixels, fill) if faces else ():
        left["face"] |= set(_find_doubtful(marked, face, components))
    for line in find_text(pixels) if text else ():
        left["text"] |= set(marked.within(line.box)[0].tolist())
    held = left["face"] | left["text"]
    if not held:
        return GuardedMask(fill, components)
    kept = np.full(len(marked), 255, np.uint8)
    kept[list(held)] = 0
    return GuardedMask(marked.paint(kept), _annotate(components, marked, left))


def _find_doubtful(marked: ConnectedComponents, face: Face, components: list[Component]) -> Iterator[int]:
    """Yield the marks on a face that must not be filled unseen."""
    width, height = face.box[2:]
    on_features: dict[int, list[Box]] = {}
    large: set[int] = set()
    for feature in face.features:
        for number, _, span in zip(*marked.within(feature), strict=True):
            on_features.setdefault(int(number), []).append(feature)
            if span > max(FEATURE_PIXELS, FEATURE_SPAN * width):
                large.add(int(number))
    sure: dict[int, float] | None = None
    for number, area, span in zip(*marked.within(face.box), strict=True):
        speck = area <= FACE_AREA * width * height and span <= FACE_SPAN * width
        if speck and number not in on_features:
            continue
        if sure is None:
            sure = _probabilities(marked, face.box, components)
        thin = speck or _widest(marked, number, face.box) <= FACE_WIDTH * width
        for feature in on_features.get(int(number), ()) if number in large else ():
            thin = thin and _widest(marked, number, feature) <= FEATURE_WIDTH * width
        if not thin or sure.get(int(number), 0.0) < SURE:
            yield int(number)


def _widest(marked: ConnectedComponents, number: int, box: Box) -> float:
    """Return the diameter in pixels of the largest disc within a mark's part in a box; it goes on beyond the box."""
    inside = cv2.copyMakeBorder(marked.inside(number, box), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return 2 * float(cv2.distanceTransform(inside, cv2.DIST_L2, 5).max()) - 1


def _probabilities(marked: ConnectedComponents, box: Box, components: list[Component]) -> dict[int, float]:
    """Return the least probability of all repairs in a box that belong to each mark.

    What infrared shows has none and counts as certain.
    """
    found: dict[int, float] = {}
    for one in components:
        if one.level == "repair" and _overlap(one.box, box) and (number := _mark_of(marked, one)) is not None:
            probability = 1.0 if one.probability is None else one.probability
            found[number] = min(found.get(number, 1.0), probability)
    return found


def _overlap(one: Box, other: Box) -> bool:
    return all(one[side] < other[side] + other[side + 2] and other[side] < one[side] + one[side + 2] for side in (0, 1))


def _mark_of(marked: ConnectedComponents, component: Component) -> int | None:
    """Return the mark that fills most of a component's box."""
    numbers, areas, _ = marked.within(component.box)
    return int(numbers[areas.argmax()]) if len(numbers) else None


def _annotate(components: list[Component], marked: ConnectedComponents, left: dict[Left, set[int]]) -> list[Component]:
    """Return the components, with the reason where what fills most of their box was left; those come first."""
    held, rest = [], []
    for one in components:
        number = _mark_of(marked, one)
        causes = [cause for cause, those in left.items() if number in those]
        if causes:
            reason = "; ".join([one.reason, *(REASONS[cause] for cause in causes)])
            held.append(replace(one, level="suggest", reason=reason, left=one.left or causes[0]))
        else:
            rest.append(one)
    return held + rest
