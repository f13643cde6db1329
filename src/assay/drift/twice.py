"""Two reads before an alarm: a suspicion is red only where a second read, some time later, says the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from assay.drift.look import Look
from assay.span import seconds_of

T = TypeVar("T")


def seen_twice(look: Look, read: Callable[[], T], is_suspect: Callable[[T], object]) -> T:
    """Read, and where that looks wrong let the option ``settle`` pass and read once more; return the last read.

    What is in flight between two systems, or between two reads of one, is whole the second time.
    """
    with look.step("read"):
        found = read()
    if not is_suspect(found):
        return found
    look.in_time()
    look.pause(seconds_of(look.options["settle"]))
    look.gatherer.forget(look.now())
    with look.step("read again"):
        return read()
