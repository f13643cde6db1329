"""How long work shows itself: a line for each case that is over, and on a terminal one that says what is going on."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

import click

from assay.cli.shared import in_colour
from assay.events import Progress

_COLOURS = {"ready": "green", "failed": "red"}
_WORDS = {"ready": "passed", "failed": "failed"}


class CaseLines:
    """A listener for the progress of cases and processes, while the block lasts; safe for threads."""

    def __init__(self) -> None:
        self._going_on: dict[str, None] = {}
        self._done = 0
        self._lock = threading.Lock()
        self._live = sys.stdout.isatty()

    def __enter__(self) -> CaseLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wipe()

    def __call__(self, event: object) -> None:
        """Show one step of progress; other events are passed over."""
        if not isinstance(event, Progress):
            return
        with self._lock:
            self._wipe()
            if event.state == "starting":
                self._going_on[event.part] = None
            else:
                self._going_on.pop(event.part, None)
                self._line(event)
            self._status()

    def _line(self, event: Progress) -> None:
        is_case = event.part.endswith("]")
        self._done += is_case
        word = _WORDS.get(event.state, event.state) if is_case else event.state
        state = in_colour(word, _COLOURS.get(event.state), sys.stdout)
        click.echo(f"{event.part:<34}{state} {event.detail}".rstrip())

    def _status(self) -> None:
        if self._live and self._going_on:
            names = ", ".join(list(self._going_on)[:3]) + (" …" if len(self._going_on) > 3 else "")
            click.echo(f"\r{self._done} over, now {names}"[:110], nl=False)

    def _wipe(self) -> None:
        if self._live:
            click.echo("\r" + " " * 110 + "\r", nl=False)
