"""Large arrays lie in unnamed files whose pages can be dropped; nothing is lost, and nothing is left."""

from __future__ import annotations

import errno
import gc
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.imaging import mapped
from pipeline.imaging.mapped import Mapping, NoRoom, mapping_of, release, releasing, scratch, unnamed_file, write_all


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Unnamed files in memory, or in this folder, for arrays of any size."""
    monkeypatch.setattr(mapped, "SMALL", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if request.param == "disk":
        monkeypatch.setattr(mapped, "IN_MEMORY", 0)
    return tmp_path


def test_what_is_released_is_read_again(place: Path) -> None:
    array = scratch((300, 200, 3), np.uint16)
    assert array.shape == (300, 200, 3) and not array.any()
    array[:] = np.arange(array.size, dtype=np.uint16).reshape(array.shape)
    before = array.copy()
    release(array[10:20, :, 1])
    np.testing.assert_array_equal(array, before)
    assert not list(place.iterdir())


def test_a_file_lives_as_long_as_an_array_in_it(place: Path) -> None:
    array = scratch((64, 64), np.uint8)
    array[:] = 7
    descriptor = mapping_of(array).descriptor  # type: ignore[union-attr]
    part = array[3:5]
    del array
    assert part.sum() == 7 * 128 and os.fstat(descriptor).st_size == 4096
    del part
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_mapped_file_is_read_only_and_shared(place: Path) -> None:
    descriptor = unnamed_file(4096)
    write_all(descriptor, bytes(4000) + b"scan", 0)
    array = Mapping.of(descriptor, 4004).array((4004,), np.uint8)
    os.close(descriptor)
    assert array[4000:].tobytes() == b"scan"
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_large_files_are_on_the_disk_and_small_ones_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def name(size: int) -> str:
        descriptor = unnamed_file(size)
        try:
            return str(Path(f"/proc/self/fd/{descriptor}").readlink())
        finally:
            os.close(descriptor)

    monkeypatch.setattr(mapped, "IN_MEMORY", 5000)
    assert name(5000).startswith("/memfd:")
    assert name(5001).startswith(tempfile.gettempdir())


def resident(array: np.ndarray) -> int:
    """Return the bytes of an array's file that are in this process's memory."""
    at = f"{array.ctypes.data:x}-"
    text = Path("/proc/self/smaps").read_text()
    return 1024 * int(text[text.index(at) :].split("Rss:")[1].split()[0])


def test_pages_are_dropped_while_something_works_on_all_of_them(place: Path) -> None:
    array = scratch((1 << 22,), np.uint8)
    array[:] = 1
    assert resident(array) == array.nbytes
    release(array)
    assert resident(array) == 0
    if mapped.IN_MEMORY:
        return
    with releasing(array, b"bytes"):
        array[:] = 2
        ended = time.monotonic() + 60
        while resident(array) and time.monotonic() < ended:
            time.sleep(mapped.EVERY)
        assert resident(array) == 0
        assert array.sum() == 2 * array.size
    assert resident(array) == 0 and "releasing" not in [thread.name for thread in threading.enumerate()]


def test_arrays_elsewhere_are_left_alone() -> None:
    array = np.ones(10)
    release(array)
    release(b"bytes")
    assert mapping_of(array) is None and array.sum() == 10


def test_a_full_disk_is_named_with_its_remedy(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(NoRoom, match=f"{place}: no room for a scan's pixels; free some space there, or set TMPDIR"):
        scratch((10, 10), np.uint8)


def test_small_arrays_take_no_descriptors() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    arrays = [scratch((100, 100, 3), np.uint16) for _ in range(20)]
    assert descriptors() == before and not any(array.any() for array in arrays)
