"""Verdicts in two steps: a difference is told when its time is over and a second read of its key finds it again.

Its time is the pair's grace, or as long as 99 of 100 records really take from one side to the other where that is more:
a queue that is slow today is no loss of orders. And two systems are never read at the same instant, so what differs is
read once more, those keys alone, before anybody is called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from assay.drift.pairs.canonical import prepare
from assay.drift.pairs.connecting import connect
from assay.drift.pairs.dirty import SIDES
from assay.drift.pairs.engine import MEMORY_MB, compare, input_of
from assay.drift.pairs.lookup import any_key
from assay.drift.pairs.model import Class, Difference, Outcome, Pair
from assay.drift.pairs.partitions import Partitions
from assay.drift.pairs.plan import cut_of, placed_of, within
from assay.drift.pairs.remembered import kept_file, write_whole
from assay.drift.pairs.rows import OnlyKeys, Rows, settings

Key = tuple[str, ...]
_FORMAT = 1
_SAMPLE = 50_000
"""Records whose way is measured."""
_MICROSECOND = timedelta(microseconds=1)
_WAITING = (Class.MISSING, Class.EXTRA, Class.DIFFERS)
"""What more time can mend; that a record was late, or stands there twice, it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What of an outcome stands. outcome: with the differences that were found twice, and whose time is over.

    pending: found, and not due. settled: how many were gone when they were read again. lag: how long 99 of 100 records
    take from side to side; None where the sides do not say. seen: when each key was first found, to be kept.
    """

    outcome: Outcome
    pending: Sequence[Difference] = ()
    settled: int = 0
    lag: timedelta | None = None
    seen: Mapping[Key, datetime]


def confirm(
    outcome: Outcome,
    left: Rows,
    right: Rows,
    *,
    reread: Callable[[], tuple[Rows, Rows]],
    seen: Mapping[Key, datetime],
) -> Confirmed:
    """Read the differing keys of an outcome once more, and return what stands.

    left, right: the rows it was found in. reread: opens both sides anew. seen: when keys were first found, for records
    that do not say when they are from. Differences beyond those that are held stand unread.
    """
    pair = outcome.pair
    keys = tuple(dict.fromkeys(each.key for each in outcome.differences if any(each.key)))
    if not keys or outcome.unread:
        return Confirmed(outcome=outcome, seen=dict(seen) if outcome.unread else {})
    first = {key: seen.get(key, outcome.at) for key in keys}
    lag = measured_lag(pair, left, right, at=outcome.at)
    again, patient = _read_again(pair, keys, reread(), outcome.at, max(pair.grace, lag or timedelta()))
    if again.unread:
        return Confirmed(
            outcome=replace(outcome, classes={}, fields={}, differences=(), unread=tuple(again.unread)),
            pending=outcome.differences,
            lag=lag,
            seen=first,
        )
    now = {each.key: each for each in again.differences if any(each.key)}
    waiting = {key for key, each in now.items() if _waits(pair, each, patient, first[key], outcome.at)}
    stands = [each for each in outcome.differences if not any(each.key)]
    stands += [each for key, each in now.items() if key not in waiting]
    return Confirmed(
        outcome=_left_of(outcome, sorted(stands, key=lambda each: (each.classed.value, each.key))),
        pending=[now[key] for key in keys if key in waiting],
        settled=len(keys) - len(now),
        lag=lag,
        seen={key: first[key] for key in keys if key in now},
    )


def measured_lag(pair: Pair, left: Rows, right: Rows, *, at: datetime) -> timedelta | None:
    """Return how long 99 of 100 records of the window took from the left to the right, from a fair draw of them.

    None where a side does not say when its rows came to be there, or no record is on both.
    """
    if pair.left.placed is None or pair.right.placed is None:
        return None
    with connect(settings(MEMORY_MB)) as connection:
        prepare(connection)
        mine = input_of(connection, left, pair.left.system, "assay_left")
        theirs = input_of(connection, right, pair.right.system, "assay_right")
        cut = Partitions(pair, mine, theirs, 0)
        rows = connection.execute(f"SELECT count(*) FROM {mine.source}").fetchall()[0][0]  # noqa: S608
        one_in = max(1, rows // _SAMPLE)
        draws = []
        for name in SIDES:
            side = cut.side(name)
            placed = placed_of(pair, side, name)
            where = f"{within(cut_of(pair, at), placed)} AND {cut.key(name)} % {one_in} = 0 AND {cut.key(name)} <> 0"
            draw = f"SELECT {cut.key(name)} AS k, min({placed}) AS moment FROM {side.source} WHERE {where} GROUP BY 1"  # noqa: S608
            draws.append(f"({draw})")
        middle = "quantile_disc(greatest(r.moment - l.moment, 0), 0.99)"
        query = f"SELECT {middle} FROM {draws[0]} AS l JOIN {draws[1]} AS r ON l.k = r.k"  # noqa: S608
        row = connection.execute(query).fetchall()[0]
    return None if row[0] is None else int(row[0]) * _MICROSECOND


def _read_again(
    pair: Pair, keys: Sequence[Key], rows: tuple[Rows, Rows], at: datetime, patience: timedelta
) -> tuple[Outcome, frozenset[Key]]:
    """Compare just these keys anew; and return which differ even with more patience."""
    # A side that has none of the keys is no outage: a neighbour of each side shows that it answers.
    declared = (pair.left, pair.right)
    more = [any_key(each, side) for each, side in zip(rows, declared, strict=True)]
    wanted = tuple(dict.fromkeys([*keys, *more[0], *more[1]]))
    sides = [
        OnlyKeys(each, side.key, wanted) if some else each
        for each, side, some in zip(rows, declared, more, strict=True)
    ]
    found = compare(pair, sides[0], sides[1], at=at, limit=None)
    only = set(keys)
    found = replace(found, differences=[each for each in found.differences if each.key in only])
    if patience <= pair.grace:
        return found, frozenset(each.key for each in found.differences)
    later = compare(replace(pair, grace=patience), sides[0], sides[1], at=at, limit=None)
    return found, frozenset(each.key for each in later.differences)


def _waits(pair: Pair, found: Difference, patient: frozenset[Key], first: datetime, at: datetime) -> bool:
    if found.classed not in _WAITING:
        return False
    moments = (pair.left.placed, pair.left.changed, pair.right.placed, pair.right.changed)
    if not any(moments):
        return at - first < pair.grace
    return found.key not in patient


def _left_of(outcome: Outcome, stands: Sequence[Difference]) -> Outcome:
    """Return an outcome of which these of the held differences stand, and all that are not held."""
    classes, fields = dict(outcome.classes), dict(outcome.fields)
    for sign, records in ((-1, outcome.differences), (1, stands)):
        for each in records:
            classes[each.classed] = classes.get(each.classed, 0) + sign
            for apart in each.fields:
                fields[apart.field] = fields.get(apart.field, 0) + sign
    return replace(
        outcome,
        differences=stands,
        classes={name: count for name, count in classes.items() if count},
        fields={name: count for name, count in fields.items() if count},
    )


class FirstSeen:
    """When differing keys were first found: a file for each pair."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, pair: str) -> dict[Key, datetime]:
        """Return what is kept of a pair; nothing where it cannot be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            held = json.loads(kept_file(self.folder, pair, "pending").read_text(encoding="utf-8"))
            if held["format"] == _FORMAT and held["pair"] == pair:
                return {tuple(key): datetime.fromisoformat(at) for key, at in held["seen"]}
        return {}

    def save(self, pair: str, seen: Mapping[Key, datetime]) -> None:
        """Keep it, in place of what was kept."""
        listed: Iterable[tuple[Key, str]] = ((key, at.isoformat()) for key, at in sorted(seen.items()))
        content = {"format": _FORMAT, "pair": pair, "seen": list(listed)}
        write_whole(kept_file(self.folder, pair, "pending"), json.dumps(content), of=pair)
