"""The check `distribution`: sums up what windows are not summed up yet, keeps the sums, and judges them all.

An order says more as it grows older: its value at once, its carrier when it has left, its refund when it may have come
back. So each window is read at three ages, and each age is a history of its own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from assay.drift.checks import check
from assay.drift.distribution.alarm import Feature
from assay.drift.distribution.window import Window, closed_windows
from assay.drift.extra import need_drift_extra
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.verdicts import quiet
from assay.errors import UsageError
from assay.span import seconds_of
from assay.store import Store

if TYPE_CHECKING:  # it needs numpy, which a check that is only listed does not
    from assay.drift.distribution.judging import Judged

ORACLE = "O-D1"
_KEPT = timedelta(days=126)
"""Eight weeks before every day of the last two months."""
_CALLS = "calls"
Sums = dict[datetime, dict[str, Any]]
"""What windows came to, by the instant they began."""
_spans = judged(
    spans=("lag", "shipped", "returned", "learn"), counts=("windows",), names={"features": tuple(map(str, Feature))}
)


def _judge(options: Mapping[str, Any]) -> None:
    _spans(options)
    zone, since = options.get("zone", ""), options.get("since", "")
    try:
        ZoneInfo(zone or "UTC")
    except (ValueError, OSError, LookupError, TypeError):
        raise UsageError("no such time zone", where="zone", expected="as Europe/Paris", seen=repr(zone)) from None
    if since:
        _day(since)


@check(
    "distribution",
    needs=("shop",),
    oracles=(ORACLE,),
    judge=_judge,
    zone="",
    lag="1h",
    shipped="2d",
    returned="14d",
    learn="42d",
    windows=24,
    since="",
    features=[],
)
def distribution(look: Look) -> None:
    """Hold order values, mixes, shares of tax and refunds, missing fields, errors and latency against what is usual.

    zone: where the shop's day begins, the accounting zone where it is left out. lag, shipped, returned: how long after
    a window it is read, for what is known at once, of parcels, of refunds. learn: how far back is read where nothing is
    known. windows: at most so many are read in one run. since: the day from which on the shop is as it is now; nothing
    before is usual any more. features: only these.
    """
    if importlib.util.find_spec("numpy") is None:
        need_drift_extra()
    if look.store is None:
        look.unjudged(ORACLE, "nothing is kept here: the process of assay monitor learns what is usual")
        return
    store, zone = look.store(), ZoneInfo(look.options["zone"] or look.judging.accounting_zone or "UTC")
    histories = _orders(look, store, zone)
    if look.journal is not None:
        histories[_CALLS] = _calls(look, store, zone)
    with look.step("judge"):
        _verdicts(look, histories, set(map(str, look.options["features"])) or set(map(str, Feature)))


def _orders(look: Look, store: Store, zone: ZoneInfo) -> dict[str, Judged | int]:
    """Read and keep what is not summed up yet of orders, oldest first, and judge each age that is caught up.

    Of an age that is not, say how many windows are left: what is told must be true today.
    """
    from assay.drift.distribution.reading import sums_by_source

    now = look.now()
    ages = {
        "placed": timedelta(seconds=seconds_of(look.options["lag"])),
        "shipped": timedelta(seconds=seconds_of(look.options["shipped"])),
        "returned": timedelta(seconds=seconds_of(look.options["returned"])),
    }
    known = {source: _known(look, store, source, now) for source in ages}
    wanted: dict[Window, list[str]] = {}
    for source, age in ages.items():
        for window in _unread(look, known[source], now - age, zone):
            wanted.setdefault(window, []).append(source)
    with look.step("read the orders of windows that are over"), _keeping(look, store, known):
        for window in sorted(wanted)[: int(look.options["windows"])]:
            look.in_time()
            orders = [
                order
                for order in look.gatherer.orders(window.since, window.until)
                if window.since <= order.placed_at < window.until
            ]
            for source, sums in sums_by_source(orders, window, wanted[window], ages["returned"]).items():
                known[source][window.since] = dict(sums)
    left = {source: len(_unread(look, known[source], now - age, zone)) for source, age in ages.items()}
    return {source: left[source] or _judged(known[source], zone) for source in ages}


def _calls(look: Look, store: Store, zone: ZoneInfo) -> Judged | int:
    """Do the same for the platform's calls, whose time is real time."""
    from assay.drift.distribution.reading import sums_of_calls

    now = datetime.now(UTC)
    known = _known(look, store, _CALLS, now)
    with look.step("read the platform's calls of windows that are over"), _keeping(look, store, {_CALLS: known}):
        for window in _unread(look, known, now, zone)[: int(look.options["windows"])]:
            look.in_time()
            lots = store.lots(look.environment, since=window.since, until=window.until)
            known[window.since] = dict(sums_of_calls(lots, window))
    return len(_unread(look, known, now, zone)) or _judged(known, zone)


def _known(look: Look, store: Store, source: str, now: datetime) -> Sums:
    since = now - _KEPT
    if look.options["since"]:
        since = max(since, _day(look.options["since"]))
    if look.learns:
        store.windows.forget(look.environment, source, before=now - _KEPT - timedelta(days=7))
    return store.windows.load(look.environment, source, since=since)


def _unread(look: Look, known: Collection[datetime], until: datetime, zone: ZoneInfo) -> list[Window]:
    """Return the windows that were over by then and are not known, from the first known one on."""
    since = until - timedelta(seconds=seconds_of(look.options["learn"]))
    if look.options["since"]:
        since = max(since, _day(look.options["since"]))
    first = min([since, *known]).astimezone(zone).date() if known else since.astimezone(zone).date()
    windows = closed_windows(first, until, zone)
    return [each for each in windows if each.since >= since and each.since not in known]


@contextmanager
def _keeping(look: Look, store: Store, known: Mapping[str, Sums]) -> Iterator[None]:
    """Keep what is summed up meanwhile, even where time runs out before all of it is."""
    before = {source: set(sums) for source, sums in known.items()}
    try:
        yield
    finally:
        for source, sums in known.items() if look.learns else ():
            store.windows.keep(
                look.environment, source, {at: each for at, each in sums.items() if at not in before[source]}
            )


def _judged(known: Sums, zone: ZoneInfo) -> Judged | int:
    """Judge a source's history; 0 where it has not even a day."""
    from assay.drift.distribution.history import remembered
    from assay.drift.distribution.judging import judge

    if not known:
        return 0
    first = min(known).astimezone(zone).date()
    last = max(known) + timedelta(hours=14)
    windows = closed_windows(first, last, zone)
    # A clock that was set makes a half day longer; what came after the last known window is not there yet.
    windows = tuple(each for each in windows if each.since <= max(known))
    history = judge(remembered(windows, [known.get(each.since) for each in windows]))
    return history if history.days else 0


def _verdicts(look: Look, histories: Mapping[str, Judged | int], wanted: Collection[str]) -> None:
    from assay.drift.distribution.words import finding_of, name_of

    shops = tuple(look.landscape.environment.with_role("shop"))
    learned = {source: each for source, each in histories.items() if not isinstance(each, int) and each.is_learned}
    left = max((each for each in histories.values() if isinstance(each, int)), default=0)
    if left:
        look.unjudged(ORACLE, f"the past is still being read: {left} half days are left, of some ages of an order")
    if not learned:
        days = max((each.days for each in histories.values() if not isinstance(each, int)), default=0)
        look.unjudged(ORACLE, f"what is usual is not known yet: {days} days were summed up, three weeks are needed")
        quiet(look, "half days of orders: it is being learned what is usual")
        return
    told = 0
    for source, history in learned.items():
        alarms = [each for each in history.alarms() if each.stream.feature in wanted]
        for alarm in alarms:
            systems = (alarm.stream.segment.partition(": ")[0],) if source == _CALLS else shops
            look.verdict(finding_of(alarm, systems))
        off = {each.stream.feature for each in alarms}
        for feature in history.judged_features() - off:
            if feature in wanted:
                look.holds(True, oracle=ORACLE, about=f"{name_of(feature)}, half days until {history.until:%Y-%m-%d}")
                told += 1
        told += len(alarms)
        for feature, score in history.scores().items():
            if feature in wanted:
                look.measure("assay_drift_score", round(score, 3), feature=str(feature))
    if not told:
        quiet(look, "too few orders in the last day to say anything of them")


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("no day", where="since", expected="as 2026-11-23", seen=repr(text)) from None
