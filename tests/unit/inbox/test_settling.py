"""A group settles once per state, never while it changes, and never starves."""

from __future__ import annotations

from pipeline.inbox.settling import PATIENCE, Settling, groups
from pipeline.storage import Entry


def entry(path: str, size: int = 10, modified: float = 1.0) -> Entry:
    return Entry(path=path, uri=f"/inbox/{path}", size=size, modified=modified, etag="", kind="file")


def test_groups_are_folders_and_change_with_any_file() -> None:
    first = groups([entry("a.png"), entry("box 1/b.png"), entry("box 1/c.png")])
    assert {name: group.files for name, group in first.items()} == {"": 1, "box 1": 2}
    second = groups([entry("a.png"), entry("box 1/b.png"), entry("box 1/c.png", size=11)])
    assert second[""].fingerprint == first[""].fingerprint
    assert second["box 1"].fingerprint != first["box 1"].fingerprint


def test_a_group_is_announced_once_it_held_still() -> None:
    settling = Settling(settle=30)
    still = groups([entry("a.png")])
    assert settling.look(still, now=0) == []
    assert settling.look(still, now=29) == []
    assert [group.files for group in settling.look(still, now=30)] == [1]
    assert settling.look(still, now=3000) == []


def test_a_file_that_grows_is_waited_for() -> None:
    settling = Settling(settle=30)
    for second in range(0, 100, 10):
        assert settling.look(groups([entry("a.png", size=second)]), now=second) == []
    assert settling.look(groups([entry("a.png", size=90)]), now=119) == []
    assert settling.look(groups([entry("a.png", size=90)]), now=120) != []


def test_a_delivery_that_never_pauses_is_announced_at_last() -> None:
    settling = Settling(settle=1)
    rings = [
        second
        for second in range(3 * PATIENCE)
        if settling.look(groups([entry(f"{n}.png") for n in range(second + 1)]), now=second)
    ]
    assert rings == [PATIENCE, 2 * PATIENCE + 1]


def test_a_marker_settles_at_once_and_nothing_settles_without_it() -> None:
    settling = Settling(settle=30, marker=".ready")
    waiting = groups([entry("a.png")], ".ready")
    assert settling.look(waiting, now=0) == []
    assert settling.look(waiting, now=10_000) == []
    assert len(settling.look(groups([entry("a.png"), entry(".ready")], ".ready"), now=10_001)) == 1


def test_a_marker_alone_is_no_delivery() -> None:
    assert Settling(settle=0, marker=".ready").look(groups([entry(".ready")], ".ready"), now=0) == []


def test_what_was_announced_before_a_restart_is_not_announced_again() -> None:
    before = Settling(settle=0)
    still = groups([entry("a.png")])
    assert before.look(still, now=0) != []
    after = Settling(settle=0, rung=dict(before.rung))
    assert after.look(still, now=0) == []
    assert after.look(groups([entry("a.png"), entry("b.png")]), now=1) != []


def test_the_state_forgets_folders_that_are_gone() -> None:
    settling = Settling(settle=0)
    settling.look(groups([entry("box/a.png")]), now=0)
    settling.look({}, now=1)
    assert settling.rung == {}


def test_when_the_next_group_may_have_settled_is_known() -> None:
    settling = Settling(settle=30)
    assert settling.due(now=0) is None
    settling.look(groups([entry("a.png")]), now=0)
    settling.look(groups([entry("a.png"), entry("box/b.png")]), now=10)
    assert settling.due(now=12) == 18
    settling.look(groups([entry("a.png"), entry("box/b.png")]), now=30)
    assert settling.due(now=30) == 10
    settling.look(groups([entry("a.png"), entry("box/b.png")]), now=40)
    assert settling.due(now=41) is None
