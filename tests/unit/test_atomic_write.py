"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.atomic_write import TEMPORARY, atomic_path, atomic_write


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A file that stands already, alone in its folder."""
    path = tmp_path / "checkpoint"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def synced(target: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Fills with the content of every file that is synced, and what stands under the name by then."""
    seen: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append((os.pread(handle, 100, 0), target.read_bytes())))
    return seen


def test_a_file_appears_at_once_and_alone(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
        assert TEMPORARY.fullmatch(temporary.name)
        assert target.read_bytes() == b"old"
    assert atomic_write(target.with_name("other"), b"another") == target.with_name("other")
    assert {path.name: path.read_bytes() for path in target.parent.iterdir()} == {
        "checkpoint": b"new",
        "other": b"another",
    }


@pytest.mark.parametrize("blow", [OSError("no space left"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file_whole_and_no_litter(target: Path, blow: BaseException) -> None:
    with pytest.raises(type(blow)), atomic_path(target) as temporary:
        temporary.write_bytes(b"half of the n")
        raise blow
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_what_ends_before_anything_was_written_says_why(target: Path) -> None:
    with pytest.raises(RuntimeError, match="at once"), atomic_path(target):
        raise RuntimeError("at once")
    with pytest.raises(FileNotFoundError):
        atomic_write(target.parent / "absent" / "file", b"new")
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_cannot_be_synced_does_not_appear(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError("the disk is broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        atomic_write(target, b"new", synced=True)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_the_whole_content_is_synced_before_it_gets_its_name(target: Path, synced: list[tuple[bytes, bytes]]) -> None:
    atomic_write(target, b"new")
    assert synced == []
    atomic_write(target, b"newer", synced=True)
    assert synced == [(b"newer", b"new")]


def test_two_writers_do_not_meddle_with_each_other(target: Path) -> None:
    with atomic_path(target) as one, atomic_path(target) as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert target.read_bytes() == b"one"
    assert list(target.parent.iterdir()) == [target]


def test_the_longest_name_and_everybodys_rights(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    path = atomic_write(tmp_path / ("x" * 255), b"new", synced=True)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == plain.stat().st_mode
