"""An alarm in words: what, where, since when, how far from the usual, and what is likely behind it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from assay.drift.distribution.alarm import ALL, Alarm, Feature, Point, Shift
from assay.events import Finding, Result

ORACLE = "O-D1"
FORMULA = "the distribution of each window is as that weekday's was learned; told where two windows agree"
_NAMES = {
    Feature.BASKET_VALUE: "order value",
    Feature.CURRENCY_MIX: "currency mix",
    Feature.TAX_SHARE: "share of tax",
    Feature.REFUND_SHARE: "refunds",
    Feature.CARRIER_MIX: "carrier mix",
    Feature.ERROR_MIX: "mix of errors",
    Feature.ERROR_RATE: "errors",
    Feature.NULL_RATE: "missing fields",
    Feature.LATENCY: "latency",
}
_CAUSES = {
    Feature.BASKET_VALUE: "prices, conversion, rounding or tax of what is sold changed, or a sale that sells no more",
    Feature.CURRENCY_MIX: "customers are shown another currency, or one cannot be bought in",
    Feature.TAX_SHARE: "tax is added, left out or taken from another country's table",
    Feature.REFUND_SHARE: "goods, prices or deliveries are not what was promised, or refunds are given twice",
    Feature.CARRIER_MIX: "parcels are routed otherwise, or a carrier cannot be booked",
    Feature.ERROR_MIX: "the system fails in another way than it used to",
    Feature.ERROR_RATE: "the system refuses or breaks what it used to take",
    Feature.NULL_RATE: "whoever writes the field no longer does, or it is read from another place",
    Feature.LATENCY: "the system is slower, or the way to it",
}
_POINT = re.compile(r"(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}) UTC: (?P<seen>\S+), usual (?P<usual>\S+)")
_POWER = "amounts are taken for minor units that are major ones, or the other way round"


def name_of(feature: Feature) -> str:
    """Return what a feature is called by people."""
    return _NAMES[feature]


def finding_of(alarm: Alarm, systems: Sequence[str]) -> Finding:
    """Return an alarm as a verdict; the points of its chart are the evidence, a line each, oldest first."""
    expected, seen = _said(alarm)
    where = f" in market {', '.join(alarm.markets)}" if alarm.markets else ""
    return Finding(
        oracle=ORACLE,
        result=Result.FAIL,
        order_ref=f"{name_of(alarm.stream.feature)}: {alarm.stream.segment}{where}",
        systems=tuple(systems),
        expected=expected,
        seen=f"{seen}, since {alarm.since:%Y-%m-%d %H:%M} UTC, in {alarm.sample:,} {_things(alarm)}",
        formula=FORMULA,
        cause=_cause(alarm),
        evidence=tuple(_line(alarm, point) for point in alarm.points),
    )


def _said(alarm: Alarm) -> tuple[str, str]:
    """Return what was expected and what was seen."""
    feature, segment = alarm.stream
    if alarm.shift is Shift.OUTLIERS:
        return "amounts near the currency's median", f"{_part(alarm.part)} of them more than 40 times away from it"
    if alarm.shift is Shift.PART:
        return f"amounts about {_amount(alarm.usual, segment)}", f"about {_part(alarm.part)} {_times(alarm.factor)}"
    if feature is Feature.BASKET_VALUE:
        if segment == ALL:
            return "order values as usual in every currency", f"{_change(alarm.factor)} in all of them"
        moved = _times(alarm.factor) if alarm.shift is Shift.POWER else _change(alarm.factor)
        return f"about {_amount(alarm.usual, segment)}", f"about {_amount(alarm.seen, segment)}, {moved}"
    if feature is Feature.LATENCY:
        return f"about {10**alarm.usual:.2g} s", f"about {10**alarm.seen:.2g} s, {_change(alarm.factor)}"
    others = "".join(f", {name} {_part(seen)} instead of {_part(usual)}" for name, usual, seen in alarm.others)
    return f"about {_part(alarm.usual)}", f"{_part(alarm.seen)}{others}"


def _cause(alarm: Alarm) -> str:
    if alarm.shift in (Shift.POWER, Shift.PART):
        return _POWER + ("" if alarm.shift is Shift.POWER else ", on one of several ways")
    if alarm.shift is Shift.OUTLIERS:
        return f"on few orders {_POWER}, or quantities are wrong"
    return _CAUSES[alarm.stream.feature]


def _things(alarm: Alarm) -> str:
    called = alarm.stream.feature in (Feature.LATENCY, Feature.ERROR_MIX, Feature.ERROR_RATE)
    return "calls" if called else "orders"


def _line(alarm: Alarm, point: Point) -> str:
    if alarm.stream.feature in (Feature.BASKET_VALUE, Feature.LATENCY):
        seen, usual = (f"{_digits(10**value)}" for value in (point.seen, point.usual))
    else:
        seen, usual = _part(point.seen), _part(point.usual)
    return f"{point.at:%Y-%m-%d %H:%M} UTC: {seen}, usual {usual}"


class Told(NamedTuple):
    """One point of a chart as `finding_of` tells it: the instant, what was seen and what was expected, and the unit."""

    at: datetime
    seen: float
    usual: float
    unit: str


def points_told(evidence: Sequence[str]) -> list[Told]:
    """Return the points of an alarm's chart out of the lines of its finding; what is no such line is passed over."""
    found = []
    for line in evidence:
        match = _POINT.fullmatch(line)
        seen, usual = (_figure(match[group]) if match else None for group in ("seen", "usual"))
        if match and seen is not None and usual is not None:
            at = datetime.strptime(match["at"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
            found.append(Told(at, seen, usual, "%" if match["usual"].endswith("%") else ""))
    return found


def _figure(text: str) -> float | None:
    try:
        figure = float(text.rstrip("%").replace(",", ""))
    except ValueError:  # "nothing": there was no figure that day
        return None
    return figure if math.isfinite(figure) else None


def _part(part: float | None) -> str:
    return f"{(part or 0.0):.2%}"


def _amount(logarithm: float, currency: str) -> str:
    return f"{currency} {_digits(10**logarithm)}"


def _digits(value: float) -> str:
    """Return a figure with three digits that say something, as 9,800 or 0.0123."""
    if not math.isfinite(value) or value <= 0:
        return "nothing"
    decimals = max(2 - math.floor(math.log10(value)), 0)
    return f"{round(value, 2 - math.floor(math.log10(value))):,.{decimals}f}"


def _change(factor: float | None) -> str:
    return f"{((factor or 1.0) - 1):+.1%}"


def _times(factor: float | None) -> str:
    times = factor or 1.0
    return f"{times:,.0f} times too much" if times > 1 else f"{1 / times:,.0f} times too little"
