"""The kill switch: while it is on nothing is created, by no process that sees it.

It has three places. The one the profile names, a file or a variable, is for whoever has a shell. A flag in the store is
seen by every process that shares it; a file beside the environment by every process of this machine, store or not.
What was seen to be on stays on while the store is away.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from assay.errors import AssayError, InfrastructureError, SafetyError
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.profile import read_credential
from assay.store import Store, open_store

_OFF = frozenset({"", "0", "off", "no", "false"})
_FRESH_S = 0.5
"""So long what the store said last is believed: half of the second in which the switch takes effect."""
_AWAY_S = 2.0
"""So long a store that did not answer is left alone: nobody who asks shall wait for it each time."""


class KillSwitch:
    """The switch of one environment. Safe for threads.

    store: the process's own, kept open; where none is given it is opened at each look.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._store = plan, store
        self._now, self._monotonic = now, monotonic
        self._file = plan.home.path / "kill-switch"
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._fresh_s = _FRESH_S
        self._said: str | None = None
        if store is not None:
            self._said = "the kill switch counts as on: the store, which may hold it, was not read yet"

    @property
    def declared(self) -> str | None:
        """The switch the profile names, None where none is declared."""
        safety = self._plan.environment.safety
        return safety.kill_switch if safety else None

    @property
    def place(self) -> str:
        """How it is thrown, for people."""
        return " or ".join(each for each in (self.declared, f"file {self._file}") if each)

    def thrown(self) -> str | None:
        """Return what holds the switch on, in a sentence, or None while it is off."""
        return self._by_declaration() or self._by_file() or self._by_store()

    def throw(self, on: bool, by: str) -> None:
        """Throw it for every process that shares the store, or put it back.

        Thrown it is in effect on this machine even where the store is away. `InfrastructureError` where others could
        not be told, `SafetyError` where a file or variable of the profile holds it on.
        """
        now = self._now()
        if on:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps({"by": by, "at": now.isoformat(timespec="seconds")}))
        try:
            self._change(on, by, now)
        except AssayError as error:
            done = "is on for this machine, but other machines" if on else "stays on, because the others"
            raise InfrastructureError(
                f"the kill switch {done} could not be told: {error.message}",
                where=error.where,
                seen=error.seen,
                hint="try again when the store is back",
            ) from error
        if not on:
            self._file.unlink(missing_ok=True)
            with self._lock:
                self._looked_at, self._said = self._monotonic(), None
            if held := self._by_declaration():
                raise SafetyError(
                    f"what was thrown here is put back, but {held}",
                    where=f"environments.{self._plan.name}.safety.kill_switch",
                    hint="remove the file, or the variable and start anew",
                )
        else:
            with self._lock:
                self._looked_at, self._said = self._monotonic(), _sentence(by, now)

    def _by_declaration(self) -> str | None:
        kind, _, name = (self.declared or "").partition(":")
        if kind == "env" and (read_credential(f"env:{name}") or "").lower() not in _OFF:
            return f"the kill switch {self.declared} is on"
        if kind == "file" and (path := self._plan.profile.folder / name).exists():
            return f"the kill switch {self.declared} is on ({path} exists)"
        return None

    def _by_file(self) -> str | None:
        try:
            told = self._file.read_text()
        except FileNotFoundError:
            return None
        except OSError as error:  # a switch that cannot be read is no permission
            return f"the kill switch counts as on: {self._file} cannot be read: {error.strerror}"
        try:
            content = json.loads(told)
            return _sentence(str(content["by"]), datetime.fromisoformat(content["at"]))
        except (ValueError, KeyError, TypeError):
            return f"the kill switch is on: {self._file} exists"

    def _by_store(self) -> str | None:
        with self._lock:
            if self._looked_at is not None and self._monotonic() - self._looked_at < self._fresh_s:
                return self._said
            self._fresh_s = _FRESH_S
            try:
                self._said = self._read()
            except InfrastructureError:
                if self._store is None:
                    raise
                self._fresh_s = _AWAY_S
            self._looked_at = self._monotonic()
            return self._said

    def _read(self) -> str | None:
        if self._store is not None:
            switch = self._store.switches.read(self._plan.name)
        else:
            where = store_of(self._plan)
            if isinstance(where, Path) and not where.exists():
                return None  # looking makes no store
            with closing(open_store(where)) as store:
                switch = store.switches.read(self._plan.name)
        return _sentence(switch.by, switch.changed_at) if switch is not None and switch.thrown else None

    def _change(self, on: bool, by: str, now: datetime) -> None:
        if self._store is not None:
            self._store.switches.change(self._plan.name, thrown=on, by=by, now=now)
            return
        with closing(open_store(store_of(self._plan))) as store:
            store.switches.change(self._plan.name, thrown=on, by=by, now=now)


def _sentence(by: str, at: datetime) -> str:
    return f"the kill switch is on: {by} threw it at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
