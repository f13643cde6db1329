"""Notices that files of monitors changed and reads them again; a half-written one is given a moment."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from assay.errors import UsageError
from assay.monitor import Monitor
from assay.span import span_text
from assay.suite_monitors import monitor_files

_EVERY_S, _READING_S = 1.0, 15.0
Stamps = Mapping[Path, tuple[int, int]]


class Reload:
    """Looks after the files of monitors.

    roots: the suites. load: reads all monitors, and raises where one is wrong. A change is taken up once the files
    have stood still between two looks: an editor may be in the middle of one.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        load: Callable[[], Mapping[str, Monitor]],
        *,
        every_s: float = _EVERY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots, self._load = list(roots), load
        self._every_s, self._monotonic = every_s, monotonic
        self._looked = monotonic()
        self._stamps = self._stamped()
        self._taken = self._stamps
        self._digest = self._digested()

    def look(self) -> Mapping[str, Monitor] | Exception | None:
        """Return the monitors where files changed, the error where they are wrong, else None; reads once a second."""
        now = self._monotonic()
        if now - self._looked < self._every_s:
            return None
        self._looked = now
        before, self._stamps = self._stamps, self._stamped()
        if self._stamps != before or self._stamps == self._taken:
            return None
        self._taken = self._stamps
        before_digest, self._digest = self._digest, self._digested()
        if self._digest == before_digest:  # touched, or written as it was
            return None
        try:
            return self._load()
        except Exception as error:  # the files are somebody's code: anything may come of them
            return error

    def _stamped(self) -> Stamps:
        found = {}
        for path in monitor_files(self._roots):
            try:
                stat = path.stat()
            except OSError:  # gone between listing and asking
                continue
            found[path] = (stat.st_mtime_ns, stat.st_size)
        return found

    def _digested(self) -> str:
        digest = hashlib.sha256()
        for path in monitor_files(self._roots):
            try:
                digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
            except OSError as error:
                digest.update(f"{path}: {error}".encode())
        return digest.hexdigest()


class Files:
    """Takes up what changed, in one thread, and says from another where that does not come to an end.

    look: as `Reload.look`. take_up and refuse: told what it returned.
    """

    def __init__(
        self,
        look: Callable[[], Mapping[str, Monitor] | Exception | None],
        take_up: Callable[[Mapping[str, Monitor]], object],
        refuse: Callable[[Exception], object],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._take_up, self._refuse, self._monotonic = look, take_up, refuse, monotonic
        self._since: float | None = None
        self._said = False

    def look(self) -> None:
        """Read what changed."""
        self._since, self._said = self._monotonic(), False
        try:
            found = self._look()
        finally:
            self._since = None
        if isinstance(found, Exception):
            self._refuse(found)
        elif found is not None:
            self._take_up(found)

    def say_slow(self) -> None:
        """Say, once, that reading goes on and on: code of a changed file may never come back."""
        since = self._since
        if since is None or self._said or self._monotonic() - since < _READING_S:
            return
        self._said = True
        self._refuse(
            UsageError(
                f"importing a changed file has gone on for more than {span_text(_READING_S)}",
                expected="monitors/*.py that come to an end when they are imported",
                hint="mend it and start this process anew: until then no changed file is taken up",
            )
        )
