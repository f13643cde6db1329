"""What must be finished is finished, whoever presses Ctrl-C again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from assay.local.uninterrupted import uninterrupted


@pytest.fixture(autouse=True)
def as_a_command() -> Iterator[None]:
    """Take SIGTERM as the command line does: like Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_block_ends_first(number: signal.Signals) -> None:
    """A signal in the block, and another, come out once, after its last line."""
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(number)
        signal.raise_signal(number)
        done.append("the last line")
    assert done
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_an_error_of_the_block_is_kept() -> None:
    """What went wrong in the block is not lost to the interruption: it is its context."""
    with pytest.raises(KeyboardInterrupt) as told, uninterrupted():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("the block's own")
    assert isinstance(told.value.__context__, ValueError)


def test_who_ignores_a_signal_goes_on_ignoring_it() -> None:
    """A command started with Ctrl-C ignored, as nohup does, is not taught to hear it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_a_thread_there_is_nothing_to_do() -> None:
    """Signals reach the main thread alone; elsewhere the block is a plain block."""
    done: list[str] = []

    def work() -> None:
        with uninterrupted():
            done.append("ran")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["ran"]
