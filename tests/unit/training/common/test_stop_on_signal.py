"""Signals that stop a training."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.training.common.signals import stop_on_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_to_stop_and_its_handler_is_restored(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signal() as stop:
        assert not stop.asked
        signal.raise_signal(number)
        assert stop.asked
    assert signal.getsignal(number) is before
    with ThreadPoolExecutor(1) as other, stop_on_signal() as ours:
        theirs = other.submit(lambda: stop_on_signal().__enter__()).result()
        signal.raise_signal(number)
        assert ours.asked and not theirs.asked, "signals are the main thread's"
