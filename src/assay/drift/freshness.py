"""How fresh each system is, by its own rhythm: counted in orders of the shop that came without a change of it.

Time alone says little: at night nobody orders, and on Black Friday a silent minute is long. So a system is silent when
more orders came and had their time than ever came between two of its changes, twice as many, and by chance that would
not happen. Where the shop itself sold nothing, silence is no alarm.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from assay.drift.checks import check
from assay.drift.distribution.window import Window, closed_windows
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.verdicts import quiet
from assay.errors import AssayError
from assay.events import Finding, Result
from assay.oracles.orders import is_parked
from assay.records import Order
from assay.span import seconds_of
from assay.store import Store

ORACLE = "O-T3"
FORMULA = "orders since the last change <= 2 x the most that ever came between two changes"
CHANCE = 1e-6
_SOURCE = "changes"
_TIMES, _LEAST_ORDERS, _LEAST_CHANGES = 2, 5, 30
_LEAST_TIME = timedelta(days=8)
_KEPT = timedelta(days=60)
_ROLES = ("payments", "erp")
_UTC = ZoneInfo("UTC")
Seen = tuple[list[datetime], list[datetime]]
"""When orders were placed, and when a system changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a system changed so far, seen beside the shop's orders.

    orders, changes: how many there were. most: the most orders that came, and had their time, between two changes.
    longest: the longest time between two changes in which there was such an order. waiting: orders since the last
    change. last: when that was, None where there was none yet. began: from when on it was seen.
    """

    orders: int = 0
    changes: int = 0
    most: int = 0
    longest: timedelta = timedelta()
    waiting: int = 0
    last: datetime | None = None
    began: datetime | None = None

    def after(self, orders: Sequence[datetime], changes: Sequence[datetime], lag: timedelta, until: datetime) -> Rhythm:
        """Return the rhythm with a further stretch of time, up to `until`: what was placed in it, when it changed.

        An order counts once it had its time, `lag`. An outage, which was told, is no part of a rhythm.
        """
        due = sorted(at + lag for at in orders)
        now, place = self, 0
        for at in sorted(changes):
            now = replace(now, began=now.began or at)
            waiting = now.waiting + max(bisect_left(due, at) - place, 0)
            # A change answers every order placed before it, also those that still had time.
            place = max(place, bisect_right(due, at + lag))
            if waiting and not now.is_silent(waiting, at):
                longest = max(now.longest, at - now.last) if now.last is not None else now.longest
                now = replace(now, most=max(now.most, waiting), longest=longest)
            now = replace(now, waiting=0, last=at)
        return replace(
            now,
            orders=self.orders + len(due),
            changes=self.changes + len(changes),
            waiting=now.waiting + max(bisect_right(due, until) - place, 0),
        )

    def is_known(self, at: datetime) -> bool:
        """Say whether there were enough changes to speak of a rhythm, and a weekend among them."""
        long = self.began is not None and at - self.began >= _LEAST_TIME
        return self.changes >= _LEAST_CHANGES and self.orders > 0 and long

    def chance(self, waiting: int) -> float:
        """Return the chance of so many orders in a row without a change: each is answered as often as all were."""
        answered = min(self.changes, self.orders)
        return math.prod((self.orders - answered + 0.5 + n) / (self.orders + 1.0 + n) for n in range(waiting))

    def is_silent(self, waiting: int, at: datetime) -> bool:
        """Say whether so many orders since the last change are, at that instant, more than its rhythm ever had."""
        enough = waiting >= _LEAST_ORDERS and waiting > _TIMES * self.most
        return self.is_known(at) and enough and self.chance(waiting) < CHANCE

    def memory(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "orders": self.orders,
            "changes": self.changes,
            "most": self.most,
            "longest_s": self.longest.total_seconds(),
            "waiting": self.waiting,
            "last": self.last.isoformat() if self.last else None,
            "began": self.began.isoformat() if self.began else None,
        }


def rhythm_of(memory: Mapping[str, Any]) -> Rhythm:
    """Return the rhythm that a memory is of."""
    return Rhythm(
        orders=memory["orders"],
        changes=memory["changes"],
        most=memory["most"],
        longest=timedelta(seconds=memory["longest_s"]),
        waiting=memory["waiting"],
        last=datetime.fromisoformat(memory["last"]) if memory["last"] else None,
        began=datetime.fromisoformat(memory["began"]) if memory["began"] else None,
    )


@check(
    "freshness",
    needs=("shop",),
    oracles=(ORACLE,),
    judge=judged(spans=("lag", "learn"), counts=("windows",)),
    lag="10m",
    learn="14d",
    windows=8,
)
def freshness(look: Look) -> None:
    """Hold the last change of gateways and ERP against the orders that came since, by the rhythm each of them has.

    lag: how long an order may take to show there, beside policies.freshness. learn: how far back is read where nothing
    is known. windows: at most so many half days of it in one run.
    """
    if look.store is None:
        look.unjudged(ORACLE, "nothing is kept here: the process of assay monitor learns each system's rhythm")
        return
    roles = {system: role for role in _ROLES for system in look.landscape.read(role)}
    if not roles:
        look.unjudged(ORACLE, "no gateway and no ERP can be asked what they hold")
        return
    rhythms, since = _learned(look, look.store(), roles)
    with look.step("read what came since"):
        now = look.now()
        seen = _read(look, roles, since, now)
    for system, role in roles.items():
        read, known = seen[system], rhythms.get(system, Rhythm())
        if isinstance(read, str):
            look.unjudged(ORACLE, f"{system}: {read}")
        else:
            _verdict(look, system, known, known.after(*read, _lag(look, role), now), now)


def _verdict(look: Look, system: str, known: Rhythm, live: Rhythm, now: datetime) -> None:
    if live.last is not None:
        look.measure("assay_drift_change_age_seconds", (now - live.last).total_seconds(), system=system)
    if not known.is_known(now):
        needed = f"{_LEAST_CHANGES} changes over {_LEAST_TIME.days} days"
        look.unjudged(ORACLE, f"{system}: its rhythm is not known yet, {known.changes} changes were seen of {needed}")
        quiet(look, f"changes of {system}: it is being learned how often there are some")
    elif not live.waiting:
        quiet(look, f"changes of {system}: no order waits for one")
    elif not known.is_silent(live.waiting, now):
        look.holds(True, oracle=ORACLE, about=f"changes of {system}")
    else:
        ago = "never" if live.last is None else f"{_span(now - live.last)} ago ({live.last:%Y-%m-%d %H:%M} UTC)"
        look.verdict(
            Finding(
                oracle=ORACLE,
                result=Result.FAIL,
                order_ref=f"changes of {system}",
                systems=(system,),
                expected=f"a change: at most {known.most} orders, and {_span(known.longest)}, ever came between two",
                seen=f"{live.waiting} orders since the last one, {ago}",
                formula=FORMULA,
                cause="orders do not reach it any more, or it answers from an old copy",
            )
        )


def _learned(look: Look, store: Store, roles: Mapping[str, str]) -> tuple[dict[str, Rhythm], datetime]:
    """Return each system's rhythm over the half days that are over, and until when; add what was not known yet."""
    now = look.now()
    lag = max(_lag(look, role) for role in roles.values())
    kept = store.windows.load(look.environment, _SOURCE, since=now - _KEPT)
    if look.learns:
        store.windows.forget(look.environment, _SOURCE, before=now - _KEPT)
    began = max(kept, default=now - timedelta(seconds=seconds_of(look.options["learn"])))
    windows = [each for each in closed_windows(began.date(), now - lag, _UTC) if each.since > began or (not kept)]
    last = kept[began] if kept else {}
    rhythms = {system: rhythm_of(memory) for system, memory in last.items()}
    until = max(kept) + timedelta(hours=12) if kept else (windows[0].since if windows else now)
    with look.step("read half days that are over"):
        for window in windows[: int(look.options["windows"])]:
            look.in_time()
            until = window.until
            rhythms = _with(look, roles, rhythms, window)
            if look.learns:
                memory = {system: rhythm.memory() for system, rhythm in rhythms.items()}
                store.windows.keep(look.environment, _SOURCE, {window.since: memory})
    return rhythms, until


def _with(look: Look, roles: Mapping[str, str], rhythms: Mapping[str, Rhythm], window: Window) -> dict[str, Rhythm]:
    found = dict(rhythms)
    for system, seen in _read(look, roles, window.since, window.until).items():
        before = found.get(system, Rhythm())
        if isinstance(seen, str):
            # What it did meanwhile is not known: nothing waits, and nothing is learned.
            found[system] = replace(before, waiting=0)
        else:
            found[system] = before.after(*seen, _lag(look, roles[system]), window.until)
    return found


def _read(look: Look, roles: Mapping[str, str], since: datetime, until: datetime) -> dict[str, Seen | str]:
    """Return when orders were placed and each system changed, or why it could not be read."""
    orders = [order for order in look.gatherer.orders(since, until) if since <= order.placed_at < until]
    placed = [order.placed_at for order in orders if not is_parked(order)]
    found: dict[str, Seen | str] = {}
    for system, role in roles.items():
        look.in_time()
        try:
            changes = _changes(look.landscape.connectors[system], role, since, until, orders)
        except (AssayError, LookupError) as error:
            found[system] = str(error).partition("\n")[0]
            continue
        found[system] = placed, changes
    return found


def _changes(connector: Any, role: str, since: datetime, until: datetime, orders: Sequence[Order]) -> list[datetime]:
    """Return when a system changed; where it does not say so, when the orders it holds were placed."""
    read = getattr(connector, "payments" if role == "payments" else "documents", None)
    if read is None:
        raise LookupError("its connector cannot list what it holds")
    placed = {order.number: order.placed_at for order in orders}
    at = (each.created_at or placed.get(each.order_ref or "") for each in read(since, until))
    return [each for each in at if each is not None and since <= each < until]


def _lag(look: Look, role: str) -> timedelta:
    return look.judging.slack(role) + timedelta(seconds=seconds_of(look.options["lag"]))


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
