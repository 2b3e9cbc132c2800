"""A group settles once per state, never while it changes, and always at some time."""

from __future__ import annotations

from pipeline.inbox.settling import PATIENCE, SettlingTracker, groups
from pipeline.storage import Entry


def entry(path: str, size: int = 10, modified: float = 1.0) -> Entry:
    return Entry(path=path, uri=f"/inbox/{path}", size=size, modified=modified, etag="", kind="file")


def test_groups_are_folders_and_change_with_any_file() -> None:
    first = groups([entry("a.png"), entry("box 1/b.png"), entry("box 1/c.png")])
    assert {name: group.files for name, group in first.items()} == {"": 1, "box 1": 2}
    second = groups([entry("a.png"), entry("box 1/b.png"), entry("box 1/c.png", size=11)])
    assert second[""].fingerprint == first[""].fingerprint
    assert second["box 1"].fingerprint != first["box 1"].fingerprint


def test_a_group_is_announced_once_when_it_has_not_changed_for_long_enough() -> None:
    settling = SettlingTracker(settle=30)
    still = groups([entry("a.png")])
    assert settling.update(still, now=0) == []
    assert settling.update(still, now=29) == []
    assert [group.files for group in settling.update(still, now=30)] == [1]
    assert settling.update(still, now=3000) == []


def test_a_growing_file_is_not_announced() -> None:
    settling = SettlingTracker(settle=30)
    for second in range(0, 100, 10):
        assert settling.update(groups([entry("a.png", size=second)]), now=second) == []
    assert settling.update(groups([entry("a.png", size=90)]), now=119) == []
    assert settling.update(groups([entry("a.png", size=90)]), now=120) != []


def test_a_delivery_that_never_pauses_is_announced_eventually() -> None:
    settling = SettlingTracker(settle=1)
    announced = [
        second
        for second in range(3 * PATIENCE)
        if settling.update(groups([entry(f"{n}.png") for n in range(second + 1)]), now=second)
    ]
    assert announced == [PATIENCE, 2 * PATIENCE + 1]


def test_a_marker_settles_a_group_immediately_and_nothing_settles_without_it() -> None:
    settling = SettlingTracker(settle=30, marker=".ready")
    waiting = groups([entry("a.png")], ".ready")
    assert settling.update(waiting, now=0) == []
    assert settling.update(waiting, now=10_000) == []
    assert len(settling.update(groups([entry("a.png"), entry(".ready")], ".ready"), now=10_001)) == 1


def test_a_marker_without_files_is_not_a_delivery() -> None:
    assert SettlingTracker(settle=0, marker=".ready").update(groups([entry(".ready")], ".ready"), now=0) == []


def test_what_was_announced_before_a_restart_is_not_announced_again() -> None:
    before = SettlingTracker(settle=0)
    still = groups([entry("a.png")])
    assert before.update(still, now=0) != []
    after = SettlingTracker(settle=0, announced=dict(before.announced))
    assert after.update(still, now=0) == []
    assert after.update(groups([entry("a.png"), entry("b.png")]), now=1) != []


def test_deleted_folders_are_removed_from_the_state() -> None:
    settling = SettlingTracker(settle=0)
    settling.update(groups([entry("box/a.png")]), now=0)
    settling.update({}, now=1)
    assert settling.announced == {}


def test_the_time_until_the_next_group_may_have_settled() -> None:
    settling = SettlingTracker(settle=30)
    assert settling.due(now=0) is None
    settling.update(groups([entry("a.png")]), now=0)
    settling.update(groups([entry("a.png"), entry("box/b.png")]), now=10)
    assert settling.due(now=12) == 18
    settling.update(groups([entry("a.png"), entry("box/b.png")]), now=30)
    assert settling.due(now=30) == 10
    settling.update(groups([entry("a.png"), entry("box/b.png")]), now=40)
    assert settling.due(now=41) is None


def test_what_is_no_scan_starts_nothing() -> None:
    settling = SettlingTracker(settle=0)
    scans = [entry("box/a.png"), entry("box/b.mask.png")]
    beside = [entry("Thumbs.db"), entry("box/Thumbs.db"), entry("box/a.xmp"), entry("box/@eaDir/a.png/T.jpg")]
    chosen = [entry("box/proof.jpg")]
    first = settling.update(groups([*beside, *chosen, *scans], None, ["proof.*"]), now=0)
    assert [(group.folder, group.files) for group in first] == [("box", 2)]
    changed = [entry(one.path, size=11, modified=9.0) for one in [*beside, *chosen]]
    assert settling.update(groups([*changed, *scans], None, ["proof.*"]), now=10) == []
    assert (
        len(settling.update(groups([*changed, scans[0], entry("box/b.mask.png", 11)], None, ["proof.*"]), now=20)) == 1
    )


def test_a_bags_own_texts_settle_it() -> None:
    bag = [entry("bag/bagit.txt"), entry("bag/data/a.png")]
    before, after = groups(bag), groups([*bag, entry("bag/manifest-md5.txt")])
    assert before["bag"].fingerprint != after["bag"].fingerprint
