"""Guard faces and text: marks that a repair may falsify are left as they are, and everything else is filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.detection.types import Component, Left
from pipeline.imaging.connected_components import ConnectedComponents, connected_components
from pipeline.imaging.types import Box, Mask, Pixels
from pipeline.masks.faces import Face, Place, find_faces
from pipeline.masks.text import find_text

#: Increased when what is held back changes: it is part of every result's key.
VERSION = 7
#: Share of a face's box that a speck covers at most, and share of its width that it spans.
FACE_AREA, FACE_SPAN = 0.01, 0.2
#: Across eyes or mouth a speck spans so many pixels, or this share of the face's width, whichever is more.
FEATURE_PIXELS, FEATURE_SPAN = 7, 0.06
#: A line that is sure, and with its rim nowhere wider than this share of the face's width, is filled: on cheek, brow
#: and chin, and across eyes or mouth. An eye is some .08 high, a closed mouth with its lips some .1.
FACE_WIDTH, FEATURE_WIDTH = 0.06, 0.05
#: How many times wider than a line may be a patch is; and the share of a mark that is too wide from which on a stroke
#: is left whole.
PATCH, MUCH = 2.0, 0.25
#: Largest box in pixels of a mark whose width is measured before faces are looked for, and how many times wider than
#: the rules say a face may be that is looked for all the same: at the border of a face a mark measures more.
MOST_MEASURED, CAREFUL = 4 << 20, 1.25
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

    Left as it is, for a person to look at, is every mark, one connected part of the mask, on a line of text. Of a mark
    on a face that is no speck (at most `FACE_AREA` of the face and `FACE_SPAN` of its width, clear of eyes and mouth)

    - if it is sure, the parts are left that are wider than `FACE_WIDTH` of the face's width, across eyes or mouth than
      `FEATURE_WIDTH` (a speck there is no larger than `FEATURE_PIXELS` or `FEATURE_SPAN`); all of a stroke of which
      these parts are much;
    - if it is not sure, its part on the face is left; all of it where that is half of it or more.

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
    parts: list[_Part] = []
    for face in find_faces(pixels, fill, _places(marked, components)) if faces else ():
        for part in _find_doubtful(marked, face, components):
            if part.whole:
                left["face"].add(part.number)
            else:
                parts.append(part)
    for line in find_text(pixels, lambda box: len(marked.within(box)[0]) > 0) if text else ():
        left["text"] |= set(marked.within(line.box)[0].tolist())
    held = left["face"] | left["text"]
    parts = [part for part in parts if part.number not in held]
    if not held and not parts:
        return GuardedMask(fill, components)
    kept = np.full(len(marked), 255, np.uint8)
    kept[list(held)] = 0
    result = marked.paint(kept)
    for part in parts:
        x, y, width, height = part.box
        result[y : y + height, x : x + width][part.inside > 0] = 0
    return GuardedMask(result, _describe_parts(parts, marked, components) + _annotate(components, marked, left))


@dataclass(frozen=True)
class _Part:
    """What is left of a mark: the mark's number, a box, and (height,width) what is left in it, not 0."""

    number: int
    box: Box
    inside: Mask
    whole: bool


def _places(marked: ConnectedComponents, components: list[Component]) -> list[Place]:
    """Return the marks that may be left on a face, and the widest face of which that is true.

    It follows from the rules of `apply_guards`: on a wider face a mark is a speck, or a sure line that is thin enough.
    """
    longest = marked.boxes[:, 2:].max(axis=1)
    widest = np.maximum(np.sqrt(marked.areas / FACE_AREA), longest / FACE_SPAN)
    widest = np.maximum(widest, np.where(longest > FEATURE_PIXELS, longest / FEATURE_SPAN, 0))
    repairs = [one for one in components if one.level == "repair"]
    left, top, width, height = np.array([one.box for one in repairs], np.int64).reshape(-1, 4).T
    result = []
    for number, (x, y, across, down) in enumerate(marked.boxes.tolist()):
        box, limit = (x, y, across, down), float(widest[number])
        if longest[number] > FEATURE_PIXELS and across * down <= MOST_MEASURED:
            near = np.flatnonzero(
                (left < x + across) & (x < left + width) & (top < y + down) & (y < top + height)
            ).tolist()
            if _probabilities(marked, box, [repairs[one] for one in near]).get(number, 0.0) >= SURE:
                thickest = 2 * cv2.distanceTransform(_framed(marked.inside(number, box)), cv2.DIST_L2, 5).max() - 1
                limit = min(limit, CAREFUL * float(thickest) / FEATURE_WIDTH)
        result.append(Place(box, limit))
    return result


def _framed(mark: Mask) -> Mask:
    """Return a mark (h,w) with a pixel of nothing around it."""
    return np.asarray(cv2.copyMakeBorder(mark, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)


def _find_doubtful(marked: ConnectedComponents, face: Face, components: list[Component]) -> Iterator[_Part]:
    """Yield what must not be filled unseen of the marks on a face."""
    width, height = face.box[2:]
    on_features: dict[int, list[Box]] = {}
    for feature in face.features:
        for number, _, span in zip(*marked.within(feature), strict=True):
            boxes = on_features.setdefault(int(number), [])
            if span > max(FEATURE_PIXELS, FEATURE_SPAN * width):
                boxes.append(feature)
    sure: dict[int, float] | None = None
    for number, area, span in zip(*marked.within(face.box), strict=True):
        speck = area <= FACE_AREA * width * height and span <= FACE_SPAN * width
        if speck and number not in on_features:
            continue
        if sure is None:
            sure = _probabilities(marked, face.box, components)
        if sure.get(int(number), 0.0) < SURE:
            whole = bool(2 * area >= marked.areas[number])
            yield _Part(int(number), face.box, marked.inside(int(number), face.box), whole)
            continue
        checked = [] if speck else [(face.box, FACE_WIDTH * width)]
        checked += [(feature, FEATURE_WIDTH * width) for feature in on_features.get(int(number), ())]
        for box, limit in checked:
            inside, widest = _wide_parts(marked, int(number), box, limit)
            if inside.any():
                # A stroke goes whole or not at all; a patch may be left where cracks that lead to it are filled.
                stroke = widest <= PATCH * limit and np.count_nonzero(inside) >= MUCH * marked.areas[number]
                yield _Part(int(number), box, inside, whole=bool(stroke))


def _wide_parts(marked: ConnectedComponents, number: int, box: Box, limit: float) -> tuple[Mask, float]:
    """Return (height,width), 1 where a mark's part in a box is wider than `limit` pixels, and its greatest width.

    The mark is taken to go on beyond the box.
    """
    inside = cv2.copyMakeBorder(marked.inside(number, box), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    # A box that is full has no rim to measure from.
    widths = 2 * np.minimum(cv2.distanceTransform(inside, cv2.DIST_L2, 5), max(box[2:])) - 1
    core = (widths > limit).astype(np.uint8)
    if core.any():
        side = 2 * int(np.ceil(limit / 2)) + 3
        grown = cv2.dilate(core, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
        core = np.asarray(cv2.bitwise_and(grown, inside), np.uint8)
    return np.asarray(core[1:-1, 1:-1], np.uint8), float(widths.max())


def _probabilities(marked: ConnectedComponents, box: Box, components: list[Component]) -> dict[int, float]:
    """Return the least probability of all repairs in a box that belong to each mark.

    What infrared shows has none and counts as certain.
    """
    found: dict[int, float] = {}
    enclosing: dict[int, tuple[int, float]] = {}
    for one in components:
        if one.level != "repair" or not _overlap(one.box, box):
            continue
        probability = 1.0 if one.probability is None else one.probability
        if (number := _mark_of(marked, one)) is not None:
            found[number] = min(found.get(number, 1.0), probability)
        # A component of suspected marks may join several sure ones.
        numbers, areas, _ = marked.within(one.box)
        for other in numbers[2 * areas >= marked.areas[numbers]].tolist():
            enclosing[other] = min(enclosing.get(other, (one.box[2] * one.box[3], probability)),
                                   (one.box[2] * one.box[3], probability))  # fmt: skip
    return {number: probability for number, (_, probability) in enclosing.items()} | found


def _overlap(one: Box, other: Box) -> bool:
    return all(one[side] < other[side] + other[side + 2] and other[side] < one[side] + one[side + 2] for side in (0, 1))


def _mark_of(marked: ConnectedComponents, component: Component) -> int | None:
    """Return the mark that fills most of a component's box."""
    numbers, areas, _ = marked.within(component.box)
    return int(numbers[areas.argmax()]) if len(numbers) else None


def _describe_parts(parts: list[_Part], marked: ConnectedComponents, components: list[Component]) -> list[Component]:
    """Return a suggestion for each part that is left of a mark of which the rest is filled."""
    result = []
    for part in parts:
        rows, columns = np.nonzero(part.inside)
        box = (part.box[0] + int(columns.min()), part.box[1] + int(rows.min()),
               int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)  # fmt: skip
        of = next((one for one in components if one.level == "repair" and _mark_of(marked, one) == part.number), None)
        kind, probability = (of.kind, of.probability) if of else ("loss", None)
        reason = f"part of a mark; {REASONS['face']}"
        result.append(Component(kind, "suggest", box, len(rows), probability, reason, "face"))
    return result


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
