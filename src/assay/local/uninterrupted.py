"""Lets what must be finished be finished: a second Ctrl-C waits for the end of the first one's cleaning-up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Run the block to its end whatever Ctrl-C or SIGTERM asks meanwhile; what was asked happens after it.

    For blocks that end by themselves, such as stopping processes. Signals reach the main thread alone, so that in any
    other there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    handlers = {each: signal.getsignal(each) for each in _ENDING}
    handlers = {each: handler for each, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}
    for each in handlers:
        signal.signal(each, note)
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])
