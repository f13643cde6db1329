"""What comparisons of a pair came to, one after the other: a line each in a file of the project's home.

A line holds counts and sums alone, no key and no value of a record. A file never grows beyond a few megabytes: what is
older than a week is thinned to the worst comparison of each hour, what is older than three months to that of each day.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from assay.drift.pairs.reconciling import Reconciled
from assay.drift.pairs.remembered import kept_file, write_whole
from assay.errors import AssayError, InfrastructureError
from assay.money import Money

_FORMAT = 1
_LARGE = 4 * 1024 * 1024
"""Bytes from which a file is thinned."""
_WHOLE, _HOURLY, _DAILY = timedelta(days=7), timedelta(days=90), timedelta(days=800)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One comparison of a pair, as of `at`.

    left, right: records of each side. open: how many differ and are neither accepted nor pending. classes, fields: of
    all that differ, the accepted ones, too. at_risk: what the open ones are worth, by currency; at least that, where
    `cut` says that not all were held. unread: how many things could not be read; nothing missing is concluded then.
    """

    at: datetime
    left: int
    right: int
    in_flight: int = 0
    open: int = 0
    accepted: int = 0
    pending: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, int] = field(default_factory=dict)
    at_risk: Mapping[str, Money] = field(default_factory=dict)
    cut: bool = False
    unread: int = 0


class Trend:
    """The files of a folder, one a pair; several processes may add to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, reconciled: Reconciled, at: datetime) -> Compared:
        """Write down what a comparison came to, and return it; `InfrastructureError` where the file cannot be written.

        Of two comparisons of one instant the later one counts.
        """
        compared, pair = compared_of(reconciled, at), reconciled.outcome.pair.name
        line = json.dumps({"format": _FORMAT, "pair": pair, **_written(compared)}, ensure_ascii=False) + "\n"
        path = self._path(pair)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _alone(self.folder):
                _append(path, line.encode())
                if path.stat().st_size > _LARGE:
                    self._thin(path, pair)
        except OSError as error:
            raise InfrastructureError(
                f"what was found of '{pair}' cannot be kept: {error.strerror}",
                where=str(path),
                hint="make the folder writable",
            ) from None
        return compared

    def read(self, pair: str, since: datetime | None = None) -> list[Compared]:
        """Return the comparisons of a pair since then, oldest first; a line that cannot be read is passed over."""
        found = {each.at: each for each, _ in _lines(self._path(pair), pair)}
        return [found[at] for at in sorted(found) if since is None or at >= since]

    def _path(self, pair: str) -> Path:
        return kept_file(self.folder, pair, "trend").with_suffix(".jsonl")

    def _thin(self, path: Path, pair: str) -> None:
        held = {each.at: (each, line) for each, line in _lines(path, pair)}
        kept = [held[each.at][1] for each in thinned([held[at][0] for at in sorted(held)])]
        size = 0
        for place in range(len(kept) - 1, -1, -1):
            size += len(kept[place].encode()) + 1
            if size > _LARGE // 2:  # of a pair with very many fields the oldest go
                kept = kept[place + 1 :]
                break
        write_whole(path, "".join(f"{line}\n" for line in kept), of=pair)


def compared_of(found: Reconciled, at: datetime) -> Compared:
    """Return what of a comparison is kept."""
    outcome = found.outcome
    return Compared(
        at=at,
        left=outcome.counts.left,
        right=outcome.counts.right,
        in_flight=outcome.counts.in_flight,
        open=found.open.found,
        accepted=len(found.open.accepted),
        pending=len(found.confirmed.pending) if found.confirmed else 0,
        classes={name.value: count for name, count in outcome.classes.items() if count},
        fields={name: count for name, count in outcome.fields.items() if count},
        at_risk=found.at_risk,
        cut=outcome.cut,
        unread=len(outcome.unread),
    )


def thinned(comparisons: Sequence[Compared]) -> list[Compared]:
    """Return which comparisons, oldest first, are kept: of each older hour, then day, the worst one."""
    if not comparisons:
        return []
    newest = comparisons[-1].at
    chosen: dict[tuple[timedelta, int] | datetime, Compared] = {}
    for each in comparisons:
        age = newest - each.at
        if age > _DAILY:
            continue
        step = timedelta() if age <= _WHOLE else _HOUR if age <= _HOURLY else _DAY
        place = (step, int(each.at.timestamp() // step.total_seconds())) if step else each.at
        if place not in chosen or _bad(each) >= _bad(chosen[place]):
            chosen[place] = each
    return sorted(chosen.values(), key=lambda each: each.at)


def _bad(each: Compared) -> tuple[int, int]:
    return each.open, each.unread


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder meanwhile."""
    import fcntl  # absent on Windows, where WSL2 is the way

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _append(path: Path, line: bytes) -> None:
    """Add a line; one before it that was cut off stays a line of its own."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)


def _lines(path: Path, pair: str) -> Iterator[tuple[Compared, str]]:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return
    for line in text.split("\n"):
        with suppress(ValueError, KeyError, TypeError, AttributeError, ArithmeticError, AssayError):
            held = json.loads(line)
            if held["format"] == _FORMAT and held["pair"] == pair:
                yield _read(held), line


def _written(compared: Compared) -> dict[str, Any]:
    plain: Iterable[str] = ("left", "right", "in_flight", "open", "accepted", "pending", "cut", "unread")
    return {
        "at": compared.at.isoformat(),
        **{name: getattr(compared, name) for name in plain},
        "classes": dict(compared.classes),
        "fields": dict(compared.fields),
        "at_risk": {code: f"{amount.amount:f}" for code, amount in compared.at_risk.items()},
    }


def _read(held: Mapping[str, Any]) -> Compared:
    at = datetime.fromisoformat(held["at"])
    if at.tzinfo is None:
        raise ValueError("an instant has a zone")
    return Compared(
        at=at,
        **{name: int(held[name]) for name in ("left", "right", "in_flight", "open", "accepted", "pending", "unread")},
        cut=bool(held["cut"]),
        classes={str(name): int(count) for name, count in held["classes"].items()},
        fields={str(name): int(count) for name, count in held["fields"].items()},
        at_risk={code: Money.of(Decimal(text), code) for code, text in held["at_risk"].items()},
    )
