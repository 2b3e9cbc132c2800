"""What an inbox lists, and what it leaves out."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import pytest

from pipeline.errors import ConfigurationError
from pipeline.inbox import listing


def test_a_missing_inbox_is_named(project) -> None:
    project.changes["inbox"] = f"{project.inbox}/absent"
    with pytest.raises(ConfigurationError, match=r"inbox .*absent: there is no such folder"):
        listing.open_inbox(project.collection)


@pytest.mark.parametrize("output", ["in", "in/results", "in/a/../results", "", "linked", "linked/results"])
def test_an_output_in_above_or_equal_to_the_inbox_is_refused(project, output: str) -> None:
    (project.inbox.parent / "linked").symlink_to(project.inbox)
    project.changes["output"] = f"{project.inbox.parent}/{output}"
    with pytest.raises(ConfigurationError, match="never overwritten"):
        listing.open_inbox(project.collection)


@pytest.mark.parametrize("folder", ["restored", "masks", "quarantine", ".work"])
def test_an_output_whose_folder_is_a_link_to_the_scans_is_refused(project, folder: str) -> None:
    project.output.mkdir()
    (project.output / folder).symlink_to(project.inbox)
    with pytest.raises(ConfigurationError, match="never overwritten"):
        listing.open_inbox(project.collection)


@pytest.mark.parametrize("key", ["source", "masks", "originals"])
def test_whatever_a_run_reads_may_not_be_in_the_output(project, key: str) -> None:
    inside = project.output / "restored"
    inside.mkdir(parents=True)
    if key != "source":
        project.changes[key] = str(inside)
    with pytest.raises(ConfigurationError, match="never overwritten"):
        listing.open_inbox(project.collection, f"file://{inside}" if key == "source" else None)


def test_masks_and_originals_in_the_inbox_are_no_scans(project) -> None:
    for name in ("a.png", "masks/a.png", "originals/a.png", ".ready", "READY"):
        project.put(name, painted=False)
    project.changes |= {"masks": f"{project.inbox}/masks", "originals": f"{project.inbox}/originals"}
    project.changes |= {"watch": {"marker": "READY"}}
    (found,) = listing.open_inbox(project.collection).files()
    assert found.path == "a.png" and found.original.endswith("originals/a.png")
    assert found.companions.mask is not None and found.companions.mask.uri.endswith("masks/a.png")


def test_a_mask_without_a_scan_is_listed_last(project) -> None:
    project.put("b.png")
    (project.inbox / "a.mask.png").write_bytes(b"x")
    found = list(listing.open_inbox(project.collection).files())
    assert [(one.path, one.reason) for one in found] == [("b.png", ""), ("a.mask.png", "mask-orphaned")]


def test_source_narrows_and_paths_stay_relative_to_the_inbox(project) -> None:
    project.put("a.png")
    project.put("box/b.png")
    for source in ("box", "box/", f"{project.inbox}/box"):
        (found,) = listing.open_inbox(project.collection, source).files()
        assert found.path == "box/b.png" and found.companions.mask is not None
    assert len(list(listing.open_inbox(project.collection, "").files())) == 2
    with pytest.raises(ConfigurationError, match="no such folder"):
        listing.open_inbox(project.collection, "nowhere")
    with pytest.raises(ConfigurationError, match="below the inbox"):
        listing.open_inbox(project.collection, "../elsewhere")


def test_a_file_that_may_still_be_copied_waits(project) -> None:
    project.changes["watch"] = {"settle": 30}
    for number, (name, age, age_of_mask) in enumerate(
        [("new.png", 5, 99), ("old.png", 99, 99), ("mask.png", 99, 5), ("ahead.png", -3600, 99)]
    ):
        path = project.put(name, number)
        moment = time.time()
        os.utime(path, (moment - age, moment - age))
        os.utime(path.with_name(f"{path.stem}.mask.png"), (moment - age_of_mask, moment - age_of_mask))
    inbox = listing.open_inbox(project.collection)
    assert [one.path for one in inbox.files()] == ["ahead.png", "old.png"] and inbox.unsettled == 2
    project.changes["watch"] = {"settle": 30, "marker": ".ready"}
    assert len(list(listing.open_inbox(project.collection).files())) == 4


def test_since_skips_older_files(project) -> None:
    old, new = project.put("old.png"), project.put("new.png")
    os.utime(old, (1_000_000, 1_000_000))
    os.utime(new, (2_000_000, 2_000_000))
    moment = datetime.fromtimestamp(1_500_000, UTC)
    for since in (moment, moment.isoformat(), f"{moment:%Y-%m-%d}"):
        assert [one.path for one in listing.open_inbox(project.collection, None, since).files()] == ["new.png"]
    with pytest.raises(ConfigurationError, match="is not a date"):
        listing.open_inbox(project.collection, None, "yesterday")
