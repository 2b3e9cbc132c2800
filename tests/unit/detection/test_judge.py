"""Marks are judged by how worn the picture is, repaired whole, and left where they are a texture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.detection.components import describe_components
from pipeline.detection.coverage import share_of
from pipeline.detection.judge import Judgement, judge_marks
from pipeline.detection.marks import MarkedScan
from pipeline.detection.suggestions import FAINT
from pipeline.detection.swarms import MANY, find_swarms
from pipeline.detection.thresholds import RepairThreshold, Thresholds
from pipeline.detection.wear import (
    CELLS,
    CELLS_OF_LINE,
    REFERENCE,
    SUSPECTED,
    Wear,
    estimate_wear,
    from_log_odds,
    log_odds,
)

LIMITS = Thresholds((RepairThreshold(0.9, 0.44, 16),), 0.125, 0.5)
SIDE, GROUND = 512, 90


class Drawing:
    """A grey picture with marks on it, and what a network would say of them."""

    def __init__(self) -> None:
        self.picture = np.full((SIDE, SIDE), GROUND, np.uint8)
        self.probability = np.zeros((SIDE, SIDE), np.uint8)

    def line(self, start: tuple[int, int], end: tuple[int, int], chance: int, tone: int = 200, width: int = 2) -> None:
        cv2.line(self.picture, start, end, tone, width)
        cv2.line(self.probability, start, end, chance, width)

    def dots(self, count: int, radius: tuple[int, int], chance: int, tone: int, seed: int = 1) -> None:
        """Dots of radii from and to, spread evenly over the picture."""
        rng = np.random.default_rng(seed)
        side = int(np.ceil(np.sqrt(count)))
        for number in range(count):
            place = tuple((np.array(divmod(number, side)) * SIDE // side + 12).tolist())
            size = int(rng.integers(*radius, endpoint=True))
            cv2.circle(self.picture, place, size, tone, -1)
            cv2.circle(self.probability, place, size, chance, -1)

    @property
    def scan(self) -> MarkedScan:
        return MarkedScan(self.picture, self.probability)

    def judged(self, precision: float = 0.9) -> Judgement:
        return judge_marks(self.scan, LIMITS, precision=precision)


def test_the_same_mark_is_repaired_in_a_worn_picture_and_left_in_a_clean_one() -> None:
    clean, worn = Drawing(), Drawing()
    worn.dots(36, (1, 5), 240, 220)
    for drawing in (clean, worn):
        drawing.line((200, 70), (200, 100), 150)
    assert not clean.judged().repair.any() and worn.judged().repair[80, 200]
    assert clean.judged().suggest[80, 200], "and is offered"
    (mark,) = describe_components(clean.scan, clean.judged())
    assert "1 of 64 parts of the scan has sure lighter marks" in mark.reason
    chances = [drawing.judged().probability(150, light=True) for drawing in (clean, worn)]
    assert chances[0] < 0.5 < 0.9 < chances[1]


def test_wear_by_lighter_marks_says_nothing_of_darker_ones() -> None:
    drawing = Drawing()
    drawing.dots(36, (1, 5), 240, 220)
    drawing.line((200, 70), (200, 100), 150, tone=20)
    judged = drawing.judged()
    assert not judged.repair[80, 200] and judged.suggest[80, 200]
    assert "darker ones: 9" in judged.note and "1 of 64 parts of the scan has sure darker marks" in judged.note


def wear_of(drawing: Drawing, marks: int) -> Wear:
    """The wear by lighter marks, of which there are so many."""
    none = np.zeros(marks, np.bool_)
    return estimate_wear(drawing.scan.marks(90), none, drawing.scan.marks(SUSPECTED), none, 1.0)[True]


def test_wide_suspicion_stands_for_sure_marks() -> None:
    """Many suspected marks in many parts of a picture lower what is asked; few, small or dark ones do not."""
    asked = []
    for count, radius, tone in ((36, 7, 220), (9, 14, 220), (36, 3, 220), (36, 7, 20)):
        drawing = Drawing()
        drawing.dots(count, (radius - 2, radius), 100, tone)
        asked.append(drawing.judged().asked[tone > GROUND])
    assert asked[0] < 0.6 < 0.95 < min(asked[1:])


def test_paper_that_sure_marks_show_is_repaired_where_it_is_only_suspected() -> None:
    drawing = Drawing()
    drawing.dots(64, (2, 5), 240, 200)
    cv2.rectangle(drawing.picture, (100, 205), (130, 215), 210, -1)  # paper
    cv2.rectangle(drawing.picture, (200, 205), (230, 215), 130, -1)  # a lighter place
    for column in (100, 200):
        cv2.rectangle(drawing.probability, (column, 205), (column + 30, 215), SUSPECTED + 5, -1)
    repair = drawing.judged().repair
    assert repair[210, 115] and not repair[210, 215]


def test_what_is_lighter_than_paper_is_paper_too() -> None:
    drawing = Drawing()
    drawing.dots(64, (2, 5), 240, 200)
    for tone, column in ((250, 100), (120, 200)):
        drawing.picture[200:230, column : column + 40], drawing.probability[200:230, column : column + 40] = tone, 30
        drawing.picture[210:215, column - 15 : column + 3], drawing.probability[210:215, column - 15 : column + 3] = (
            200,
            240,
        )
    repair = drawing.judged().repair
    assert repair[215, 120] and not repair[215, 220]


def test_of_a_wreck_the_surest_marks_are_repaired() -> None:
    drawing = Drawing()
    drawing.dots(64, (10, 14), 200, 220)
    drawing.picture[300:400, 300:400], drawing.probability[300:400, 300:400] = 220, 250
    covered = share_of(drawing.judged().repair)
    judged = judge_marks(drawing.scan, LIMITS, max_coverage=covered / 2)
    assert 0.3 * covered < share_of(judged.repair) <= covered / 2 and judged.repair[350, 350]
    assert {one.left for one in describe_components(drawing.scan, judged) if one.level == "suggest"} == {"coverage"}
    beyond = judge_marks(drawing.scan, LIMITS, max_coverage=covered / 4)
    assert share_of(beyond.repair) == covered, "a person has to look first"


def test_a_broad_haze_is_not_suggested() -> None:
    drawing = Drawing()
    drawing.dots(64, (2, 5), 240, 220)
    drawing.probability[200:260, 200:260] = FAINT - 3
    drawing.picture[200:260, 200:260] = 110
    drawing.line((200, 330), (300, 330), FAINT - 3, 110)
    suggest = drawing.judged().suggest
    assert not suggest[230, 230]


def test_a_cell_counts_once_and_a_line_in_few() -> None:
    drawing = Drawing()
    for column in range(4, 40, 6):
        drawing.line((column, 10), (column, 12), 240)
    assert wear_of(drawing, 6).cells == 1
    drawing.line((4, 300), (500, 300), 240)
    assert wear_of(drawing, 7).cells == 1 + CELLS_OF_LINE
    assert Wear(CELLS * CELLS).evidence > 0 > Wear(0).evidence
    assert from_log_odds(log_odds(REFERENCE)) == pytest.approx(REFERENCE)


@pytest.mark.parametrize(
    ("radius", "tone", "swarm"), [((3, 3), 230, True), ((1, 6), 230, False), ((1, 6), GROUND + 15, True)]
)
def test_many_small_marks_that_are_alike_or_faint_are_a_texture(
    radius: tuple[int, int], tone: int, swarm: bool
) -> None:
    drawing = Drawing()
    drawing.dots(3 * MANY, radius, 240, tone)
    marks = drawing.scan.marks(90)
    assert find_swarms(marks, 1.0).all() == find_swarms(marks, 1.0).any() == swarm
    judged = drawing.judged()
    assert judged.repair.any() != swarm
    left = {one.left for one in describe_components(drawing.scan, judged)}
    assert left == ({"swarm"} if swarm else {""})


def test_few_alike_marks_are_no_swarm() -> None:
    drawing = Drawing()
    drawing.dots(MANY - 4, (3, 3), 240, 230)
    assert not find_swarms(drawing.scan.marks(90), 1.0).any()


def test_a_line_is_repaired_whole_over_gaps_or_not_at_all() -> None:
    drawing = Drawing()
    drawing.dots(36, (1, 5), 240, 220)
    for start in range(40, 240, 40):
        drawing.line((start, 470), (start + 36, 470), 200 if start < 160 else 60)
    drawing.line((300, 470), (330, 470), 200)
    drawing.line((330, 470), (480, 470), 60)
    repair = drawing.judged().repair
    assert repair[470, 45] and repair[470, 230], "most of it is sure"
    assert not repair[470, 290:490].any(), "little of it is sure"


def test_light_marks_grow_to_the_tone_of_paper_and_no_further() -> None:
    drawing = Drawing()
    drawing.dots(36, (1, 9), 240, 235)
    patch, coat = (slice(300, 330), slice(100, 160)), (slice(300, 330), slice(160, 200))
    for place, tone, chance in ((patch, 235, 30), (coat, 150, 30)):
        drawing.picture[place], drawing.probability[place] = tone, chance
    drawing.probability[310:316, 100:112] = 240
    repair = drawing.judged().repair
    assert repair[patch].mean() > 0.9 * 255
    assert not repair[302:328, 164:].any(), "what has another tone stays"


def test_soft_rims_are_unlike_sharp_marks() -> None:
    drawing = Drawing()
    drawing.dots(36, (2, 6), 240, 230)
    cv2.circle(drawing.probability, (200, 250), 14, 180, -1)
    soft = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(soft, (200, 250), 14, 140, -1)
    drawing.picture = np.clip(drawing.picture + cv2.GaussianBlur(soft, (0, 0), 9), 0, 255).astype(np.uint8)
    judged = drawing.judged()
    assert not judged.repair[250, 200] and judged.suggest[250, 200]


def test_only_what_is_seen_is_suggested() -> None:
    """Suspicion without a difference to see, amid grain or around a mark, is no offer to a reviewer."""
    rng = np.random.default_rng(4)
    drawing = Drawing()
    drawing.line((100, 200), (200, 200), 60, GROUND + 10, 4)
    drawing.line((100, 400), (200, 400), 60, GROUND + 10, 4)
    grain = rng.normal(0, 30, (200, SIDE))
    drawing.picture[312:] = np.clip(drawing.picture[312:] + grain, 0, 255).astype(np.uint8)
    drawing.probability[190:210, 100:200] = np.maximum(drawing.probability[190:210, 100:200], 60)
    drawing.dots(64, (2, 5), 240, 220)
    suggest = drawing.judged().suggest
    assert suggest[200, 110:190].all()
    assert not suggest[193, 110:190].any(), "the halo of a mark"
    assert suggest[398:403, 110:190].mean() < 0.5 * 255


def test_the_halo_of_a_light_mark_is_not_repaired() -> None:
    drawing = Drawing()
    drawing.dots(64, (2, 5), 240, 220)
    drawing.line((80, 200), (330, 200), 240, 200, 6)
    drawing.probability[190:197, 80:330] = 110
    drawing.picture[190:197, 80:330] = GROUND - 6
    repair = drawing.judged().repair
    assert repair[200, 100:300].all() and not repair[192, 100:300].any()
    assert drawing.scan.marks(100).light[-1], "which is part of it by the network's probabilities"


def test_a_clean_picture_is_offered_less_than_a_worn_one() -> None:
    clean, worn = Drawing(), Drawing()
    worn.dots(64, (2, 5), 240, 220)
    for drawing in (clean, worn):
        drawing.line((80, 200), (330, 200), 40, 200, 4)
    assert not clean.judged().suggest.any()
    assert worn.judged().suggest[200, 100:300].all()


def test_of_a_mark_too_large_for_a_wreck_the_surest_part_is_repaired() -> None:
    drawing = Drawing()
    drawing.dots(64, (2, 5), 240, 220)
    drawing.picture[200:400, 40:440], drawing.probability[200:400, 40:440] = 220, 150
    drawing.probability[250:300, 40:440] = 250
    judged = judge_marks(drawing.scan, LIMITS, max_coverage=0.15)
    assert judged.repair[255:295, 60:420].all() and not judged.repair[330:390, 60:420].any()
    assert share_of(judged.repair) <= 0.15 and judged.beyond[330:390, 60:420].all()
