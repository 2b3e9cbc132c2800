"""A verb overwrites only the files that it has written."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3_bucket import bucket, s3_address, s3_environment

from pipeline.cli import own_files
from pipeline.cli.own_files import ForeignFile, OwnFiles
from pipeline.storage import join, list_files, read_bytes, write_bytes

__all__ = ["bucket", "s3_address", "s3_environment"]


@pytest.fixture(params=["folder", "bucket"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder or prefix in which nothing is yet."""
    return str(tmp_path / "new") if request.param == "folder" else request.getfixturevalue("bucket") + "/new"


def test_what_was_written_before_is_replaced_and_the_record_is_not_listed(target: str) -> None:
    OwnFiles(target, ["box/a.png"]).write("box/a.png", b"first")
    OwnFiles(target, ["box/a.png", "b.png"]).write("box/a.png", b"second")
    assert read_bytes(join(target, "box/a.png")) == b"second"
    assert [entry.path for entry in list_files(target)] == ["box/a.png"]


def test_a_file_of_somebody_else_is_kept_also_the_next_time(target: str) -> None:
    write_bytes(join(target, "a.png"), b"painted")
    for _ in range(2):
        own = OwnFiles(target, ["a.png", "b.png"])
        own.write("b.png", b"ours")
        with pytest.raises(ForeignFile, match=r"a\.png was not written by this program and is kept"):
            own.write("a.png", b"ours")
    assert read_bytes(join(target, "a.png")) == b"painted"


def test_files_of_a_killed_run_are_its_own(target: str) -> None:
    # Killed after it began and before it wrote; the file comes from a write that had begun.
    OwnFiles(target, ["a.png"])
    write_bytes(join(target, "a.png"), b"half of the batch")
    OwnFiles(target, ["a.png"]).write("a.png", b"all of it")
    assert read_bytes(join(target, "a.png")) == b"all of it"


def test_a_result_that_would_be_the_same_is_no_conflict(target: str) -> None:
    write_bytes(join(target, "a.png"), b"the same")
    OwnFiles(target, ["a.png"]).write("a.png", b"the same")


@pytest.mark.parametrize("record", [b"", b"[]", b'{"files": 3}'])
def test_a_record_that_cannot_be_read_counts_as_none(tmp_path: Path, record: bytes) -> None:
    target = tmp_path / "new"
    OwnFiles(str(target), ["a.png"]).write("a.png", b"ours")
    own_files._record_of(str(target)).write_bytes(record)
    with pytest.raises(ForeignFile, match="or add --overwrite"):
        OwnFiles(str(target), ["a.png"]).write("a.png", b"other")
    OwnFiles(str(target), ["a.png"], overwrite=True).write("a.png", b"other")
    OwnFiles(str(target), ["a.png"]).write("a.png", b"third")
    assert (target / "a.png").read_bytes() == b"third"


def test_a_cache_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(own_files, "_folder", lambda: tmp_path / "file" / "written")
    OwnFiles(str(tmp_path / "new"), ["a.png"]).write("a.png", b"ours")
    assert (tmp_path / "new" / "a.png").read_bytes() == b"ours"
    assert "the next run will keep the files of this one" in caplog.text


def test_a_name_that_differs_in_case_only_is_another_file_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "A.png").write_bytes(b"painted")
    OwnFiles(str(tmp_path), ["a.png"]).write("a.png", b"ours")
    assert (tmp_path / "A.png").read_bytes() == b"painted"
