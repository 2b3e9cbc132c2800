"""Work on several scans at a time."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator

import cv2
import pytest

from pipeline.stages.in_order import MOST_PIXELS, in_order


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def slow(number: int) -> int:
        time.sleep(0.02 * (number % 3))
        return number * number

    found = list(in_order(range(9), slow, lambda _: 1, workers))
    assert found == [(number, number * number) for number in range(9)]


def test_work_goes_on_while_the_reader_is_busy_and_no_further_than_asked() -> None:
    begun: list[int] = []
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            drawn.append(number)
            yield number

    results = in_order(items(), begun.append, lambda _: 1, 2)
    next(results)
    assert 2 <= len(drawn) <= 4
    results.close()
    assert len(begun) <= 4


def test_large_scans_are_worked_on_one_at_a_time() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    list(in_order(range(6), work, lambda _: MOST_PIXELS, 3))
    assert most == 1


def test_an_error_comes_where_its_item_would_and_leaves_nothing_running() -> None:
    ended: list[int] = []

    def work(number: int) -> int:
        if number == 2:
            raise OSError("the store is away")
        time.sleep(0.02)
        ended.append(number)
        return number

    threads = cv2.getNumThreads()
    found = []
    with pytest.raises(OSError, match="away"):
        for item, _ in in_order(range(9), work, lambda _: 1, 3):
            found.append(item)
    assert found == [0, 1]
    count = len(ended)
    time.sleep(0.05)
    assert len(ended) == count and cv2.getNumThreads() == threads


def test_nothing_is_drawn_while_a_large_scan_is_worked_on() -> None:
    running: set[int] = set()

    def items() -> Iterator[int]:
        for number in range(4):
            assert not running, "to draw a scan may mean to read it"
            yield number

    def work(number: int) -> None:
        running.add(number)
        time.sleep(0.02)
        running.remove(number)

    assert len(list(in_order(items(), work, lambda _: MOST_PIXELS + 1, 2))) == 4


def test_opencv_gets_its_threads_back_when_a_reader_of_another_ends_first() -> None:
    threads = cv2.getNumThreads()
    outer = in_order(range(9), abs, lambda _: 1, 2)
    next(outer)
    inner = in_order(range(9), abs, lambda _: 1, 2)
    next(inner)
    assert cv2.getNumThreads() == 1
    outer.close()
    assert cv2.getNumThreads() == 1
    inner.close()
    assert cv2.getNumThreads() == threads


def test_an_error_keeps_no_scan_in_memory() -> None:
    class Scan:
        pass

    def fail(_: Scan) -> None:
        raise OSError("the store is away")

    scans = [Scan() for _ in range(3)]
    left = [weakref.ref(scan) for scan in scans]
    gc.disable()
    try:
        with pytest.raises(OSError, match="away") as raised:
            list(in_order(iter(scans), fail, lambda _: 1, 2))
        scans.clear()
        del raised
        assert not [scan for scan in left if scan()]
    finally:
        gc.enable()
