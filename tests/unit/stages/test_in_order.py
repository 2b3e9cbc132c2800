"""Work on several scans at a time."""

from __future__ import annotations

import threading
import time
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
