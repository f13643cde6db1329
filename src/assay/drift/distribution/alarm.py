"""What leaving the usual is called: which stream, in which way, since when, by how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Feature(StrEnum):
    """What is watched; also the label `feature` of the metric."""

    BASKET_VALUE = "basket_value"
    CURRENCY_MIX = "currency_mix"
    TAX_SHARE = "tax_share"
    REFUND_SHARE = "refund_share"
    CARRIER_MIX = "carrier_mix"
    ERROR_MIX = "error_mix"
    ERROR_RATE = "error_rate"
    NULL_RATE = "null_rate"
    LATENCY = "latency"


ALL = "all currencies"
"""The segment of what is said of amounts of every currency together; each counts in its own decades."""


class Stream(NamedTuple):
    """One series of figures: a feature of one segment, which is a currency, market, carrier, system or field."""

    feature: Feature
    segment: str


class Shift(StrEnum):
    """In which way the usual was left; each detector knows one."""

    LEVEL = "level"
    """The typical value moved."""
    SHARE = "share"
    """A part of the whole became larger or smaller."""
    RATE = "rate"
    """Something that is rare happens more often."""
    POWER = "power of ten"
    """The typical amount moved by a power of ten."""
    PART = "part"
    """Some amounts are a power of ten off, the rest is as usual."""
    OUTLIERS = "outliers"
    """More amounts than usual are far from the typical one."""


class Point(NamedTuple):
    """One point of a chart: what was seen over the day that ended then, and what was expected."""

    at: datetime
    seen: float
    usual: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One stream left its usual course and has not come back.

    since: the begin of the first window that was off. usual, seen: in the stream's own unit, for amounts the decimal
    logarithm of major units, for shares and rates parts of one. factor: how many times what it should be, of amounts.
    part: which part of the amounts is off. score: how far the detector is above its limit, 1 at the limit. sample:
    orders, parcels or calls behind `seen`. others: streams that moved with it. markets: where it shows, empty for
    everywhere. points: of the last days, oldest first.
    """

    shift: Shift
    stream: Stream
    since: datetime
    usual: float
    seen: float
    score: float
    sample: int
    factor: float | None = None
    part: float | None = None
    others: tuple[tuple[str, float, float], ...] = ()
    markets: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
