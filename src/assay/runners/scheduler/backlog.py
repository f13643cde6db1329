"""Keeps the runs of monitors in the store, and on disk or in memory while the store is away: none is lost.

What waits is written in its order when the store is back, by this process or, where it ended before, by the next one
in the same folder. A run told twice replaces itself, so nothing is ever counted twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from assay.errors import AssayError, InfrastructureError
from assay.events import Probe
from assay.masking import mask_text
from assay.runners.scheduler.telling import Log, utc_now
from assay.store import Store
from assay.store.probe_rows import ProbeRow, row_of

MOST_IN_MEMORY, MOST_ON_DISK = 20_000, 512 * 1024 * 1024
_AT_ONCE = 500
_LOOK_S, _PAUSE_S, _LONGEST_PAUSE_S = 5.0, 1.0, 10.0
_FREE_TEXTS = ("expected", "seen", "formula", "cause", "reason", "error")


class Backlog:
    """A listener that keeps every `Probe`. It is one thread's: the one that tells it events and calls `tick`.

    folder: where what waits lies, beside the environment's own files. log: told in sentences what happens to results.
    most_in_memory: runs, for when not even the disk takes them. most_on_disk: bytes.
    """

    def __init__(
        self,
        store: Store,
        environment: str,
        folder: Path,
        *,
        log: Log = lambda _: None,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        most_in_memory: int = MOST_IN_MEMORY,
        most_on_disk: int = MOST_ON_DISK,
    ) -> None:
        self._store, self._environment, self._folder = store, environment, folder
        self._log, self._now, self._monotonic = log, now, monotonic
        self._most_in_memory, self._most_on_disk = most_in_memory, most_on_disk
        self._memory: deque[ProbeRow] = deque()
        self._file: IO[bytes] | None = None
        self._in_file = 0
        self._next_try = self._next_look = 0.0
        self._pause_s = _PAUSE_S
        self._disk_refused = False
        self.dropped = 0
        self.away_since: datetime | None = None
        self.trouble: InfrastructureError | None = None

    @property
    def waiting(self) -> int:
        """How many runs are not in the store yet."""
        return len(self._memory) + self._in_file

    @property
    def store_up(self) -> bool:
        """Whether the store took what it was given last, or answered when it was looked at."""
        return self.trouble is None

    def __call__(self, event: object) -> None:
        """Keep a run; other events are passed over."""
        if not isinstance(event, Probe):
            return
        row = _masked(row_of(event))
        if self.trouble is None and not self.waiting:
            try:
                self._store.probes.keep_rows([row])
                return
            except AssayError as error:
                self._away(error)
        self._put_aside([row])
        self.tick(self._now())

    def tick(self, now: datetime) -> None:
        """Try again what waits, and look whether the store is there; called about once a second."""
        at = self._monotonic()
        if self.trouble is None and not self.waiting:
            if at >= self._next_look:
                self._next_look = at + _LOOK_S
                try:
                    self._store.turns.held(self._environment)
                except AssayError as error:
                    self._away(error)
            return
        if at >= self._next_try:
            self.flush()

    def flush(self) -> bool:
        """Write whatever waits, oldest first; return whether nothing waits any more."""
        self._recover()
        try:
            count = self._take_over_files() + self._write_file() + self._write_memory()
            self._store.turns.held(self._environment)
        except AssayError as error:
            self._away(error)
            return False
        since, self.away_since, self.trouble = self.away_since, None, None
        self._pause_s, self._disk_refused = _PAUSE_S, False
        if since is not None:
            self._log(f"the store is back, away since {since:%H:%M:%S} UTC: {_runs(count)} that waited are kept now")
        elif count:
            self._log(f"{_runs(count)} that an earlier process could not write are kept now")
        return True

    def start(self) -> None:
        """Write what an earlier process in this folder left."""
        self.flush()

    def close(self) -> None:
        """Write what waits, or leave it on disk for the next process."""
        if self.waiting and not self.flush():
            self._put_aside([])
            lost = len(self._memory)
            self._log(
                f"{_runs(self._in_file)} wait in {self._path} for the next start"
                + (f"; {_runs(lost)} are lost, because the disk took them neither" if lost else "")
            )
        if self._file is not None:
            self._file.close()
            self._file = None
            if not self._in_file:
                self._path.unlink(missing_ok=True)

    # --- what waits --------------------------------------------------------------------------------------------------

    @property
    def _path(self) -> Path:
        return self._folder / f"backlog-{os.getpid()}.jsonl"

    def _away(self, error: AssayError) -> None:
        self._next_try = self._monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 1.5, _LONGEST_PAUSE_S)
        first = self.trouble is None
        self.trouble = error if isinstance(error, InfrastructureError) else InfrastructureError(error.message)
        if first:
            self.away_since = self._now()
            self._log(
                f"{error.message} ({error.where}; {error.seen}): checks go on, results wait in {self._folder} and are "
                "kept when it is back"
            )

    def _put_aside(self, rows: Sequence[ProbeRow]) -> None:
        """Put runs on disk after what memory still holds; what the disk refuses stays in memory, up to its bound."""
        self._recover()
        self._memory.extend(rows)
        try:
            while self._memory:
                part = [self._memory[number] for number in range(min(_AT_ONCE, len(self._memory)))]
                self._append(part)
                for _ in part:
                    self._memory.popleft()
            self._disk_refused = False
        except OSError as error:
            if not self._disk_refused:
                self._disk_refused = True
                self._log(
                    f"results cannot wait on disk either ({self._folder}: {error.strerror or error}): the newest "
                    f"{self._most_in_memory:,} wait in memory; free some disk"
                )
        too_many = len(self._memory) - self._most_in_memory
        for _ in range(too_many):
            self._memory.popleft()
        if too_many > 0:
            if not self.dropped:
                self._log(f"memory for waiting results is full ({self._most_in_memory:,}): the oldest are lost")
            self.dropped += too_many

    def _recover(self) -> None:
        """Take what waits into memory again where somebody removed its file: it is still open, and another is made."""
        if self._file is None or self._path.exists():
            return
        self._file.seek(0)
        rows = [json.loads(line) for line in self._file.readlines()]
        self._memory.extendleft(reversed(rows))
        self._file.close()
        self._file, self._in_file = None, 0

    def _append(self, rows: Sequence[ProbeRow]) -> None:
        """Append whole lines, or none."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end = self._file.seek(0, os.SEEK_END)
        lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        if end + len(lines) > self._most_on_disk:
            raise OSError(0, f"{self._path.name} has reached {self._most_on_disk:,} bytes")
        try:
            written = self._file.write(lines)
            if written != len(lines):
                raise OSError(0, "no space left on device")
            os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), end)
            raise
        self._in_file += len(rows)

    # --- back into the store -----------------------------------------------------------------------------------------

    def _write_file(self) -> int:
        if self._file is None or not self._in_file:
            return 0
        count = self._kept(_rows_of(self._path, self._log))
        os.ftruncate(self._file.fileno(), 0)
        self._in_file = 0
        return count

    def _write_memory(self) -> int:
        count = 0
        while self._memory:
            part = [self._memory[number] for number in range(min(_AT_ONCE, len(self._memory)))]
            count += self._kept(iter(part))
            for _ in part:
                self._memory.popleft()
        return count

    def _take_over_files(self) -> int:
        """Write what processes that are gone left here."""
        count = 0
        for path in sorted(self._folder.glob("backlog-*.jsonl")):
            if path == self._path and self._file is not None:
                continue
            try:
                left = path.open("rb")
            except OSError:
                continue  # another process was quicker
            with left:
                try:
                    fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process lives
                count += self._kept(_rows_of(path, self._log))
                path.unlink(missing_ok=True)
        return count

    def _kept(self, rows: Iterator[ProbeRow]) -> int:
        count, part = 0, []
        for row in rows:
            part.append(row)
            if len(part) == _AT_ONCE:
                self._keep(part)
                count += len(part)
                part = []
        if part:
            self._keep(part)
        return count + len(part)

    def _keep(self, rows: list[ProbeRow]) -> None:
        try:
            self._store.probes.keep_rows(rows)
        except AssayError:
            raise
        except Exception as error:  # one that no store will ever take must not hold up the others
            if len(rows) > 1:
                for row in rows:
                    self._keep([row])
                return
            self._log(f"one run cannot be kept and is left out ({type(error).__name__}: {error}): {rows[0]}"[:2_000])


def _rows_of(path: Path, log: Log) -> Iterator[ProbeRow]:
    """Yield the runs of a file; a line that broke off when its process or the power did is said."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row: ProbeRow = json.loads(line)
                if not isinstance(row, dict) or row.keys() != ProbeRow.__annotations__.keys():
                    raise ValueError("no run")
            except ValueError:
                log(f"{path}:{number} is no whole run and is left out")
                continue
            yield row


def _masked(row: ProbeRow) -> ProbeRow:
    """Replace secrets and card numbers that a finding, a step or a stack may quote."""
    detail = row["detail"]
    if detail is None:
        return row

    def masked(part: dict[str, Any]) -> dict[str, Any]:
        texts = {name: mask_text(part[name]) for name in _FREE_TEXTS if part.get(name)}
        lines = {"evidence": [mask_text(line) for line in part["evidence"]]} if part.get("evidence") else {}
        return {**part, **texts, **lines}

    changed: dict[str, Any] = {
        name: [masked(each) for each in detail[name]] for name in ("steps", "findings") if name in detail
    }
    if "trouble" in detail:
        changed["trouble"] = [mask_text(line) for line in detail["trouble"]]
    if "stack" in detail:
        changed["stack"] = mask_text(detail["stack"])
    return {**row, "detail": {**detail, **changed}}


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
