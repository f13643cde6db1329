"""What may go wrong with a distribution, by the detector that is for it: the rows of the table of delays."""

from __future__ import annotations

from dataclasses import dataclass

from assay.drift.distribution.alarm import Alarm, Feature, Shift
from assay.drift.distribution.judging import Judged, judge
from assay.drift.distribution.sums import sum_calls, sum_orders
from tests.engine.drift.order_streams import LEARNING, Fault, drawn, happening, moved, scaled, times, windows

KNOWN = LEARNING + 7
"""So many healthy days come first."""
AFTER = 12
"""So many days a fault has to be found."""


@dataclass(frozen=True)
class Scenario:
    """A fault, and what must say so: the detector, the feature, and the segment, if it has one alone."""

    name: str
    fault: Fault
    shift: Shift
    feature: Feature
    segment: str = ""
    calls: bool = False

    def is_found_by(self, alarm: Alarm) -> bool:
        """Whether that alarm names the fault."""
        named = not self.segment or alarm.stream.segment == self.segment
        return alarm.shift is self.shift and alarm.stream.feature is self.feature and named


_VALUE = Feature.BASKET_VALUE
SCENARIOS = (
    Scenario("+5 % of all values", times(1.05), Shift.LEVEL, _VALUE),
    Scenario("+15 % of all values", times(1.15), Shift.LEVEL, _VALUE),
    Scenario("-15 % in USD", times(0.85, currency="USD"), Shift.LEVEL, _VALUE, "USD"),
    Scenario("3 points of EUR are USD", moved(3), Shift.SHARE, Feature.CURRENCY_MIX),
    Scenario("0.1 % of orders x100", times(100, share=0.001), Shift.OUTLIERS, _VALUE),
    Scenario("JPY x100", times(100, currency="JPY"), Shift.POWER, _VALUE, "JPY"),
    Scenario("KWD / 10", times(0.1, currency="KWD"), Shift.POWER, _VALUE, "KWD"),
    Scenario("10 % of JPY x100", times(100, share=0.1, currency="JPY"), Shift.PART, _VALUE, "JPY"),
    Scenario("10 % of EUR / 100", times(0.01, share=0.1, currency="EUR"), Shift.PART, _VALUE, "EUR"),
    Scenario(
        "errors 1 % to 2 %", happening("call_error", 0.01, 2), Shift.RATE, Feature.ERROR_RATE, "stripe", calls=True
    ),
    Scenario("latency x2", scaled("call_seconds", 2), Shift.LEVEL, Feature.LATENCY, "stripe", calls=True),
    Scenario("2 % lack an e-mail", happening("no_email", 0.02), Shift.RATE, Feature.NULL_RATE, "email"),
    Scenario("refunds 6 % to 12 %", happening("refunded", 0.064), Shift.RATE, Feature.REFUND_SHARE),
    Scenario("4 % go by another carrier", happening("carrier", 0.04, 3), Shift.SHARE, Feature.CARRIER_MIX),
    Scenario("10 % without tax", happening("tax", 0.1, 0.0), Shift.LEVEL, Feature.TAX_SHARE),
)


def judged(scenario: Scenario | None, seed: int, *, daily: int = 2_000, bulk: float = 0.0) -> Judged:
    """Return what is said of five healthy weeks and twelve days with a fault, or without any."""
    days = KNOWN + AFTER
    fault = None if scenario is None else scenario.fault
    orders, calls = drawn(seed, daily=daily, days=days, fault=fault, since=KNOWN, events=False, bulk=bulk)
    if scenario is not None and scenario.calls:
        return judge(sum_calls(calls, windows(days)))
    return judge(sum_orders(orders, windows(days)))


def delay(scenario: Scenario, seed: int, *, daily: int = 2_000, bulk: float = 0.0) -> tuple[int | None, int]:
    """Return after how many days a fault is named, None where it is not, and of how many days anything else is."""
    said = judged(scenario, seed, daily=daily, bulk=bulk)
    found, others = None, 0
    for day in range(KNOWN, said.days):
        alarms = said.alarms(day)
        if found is None and any(scenario.is_found_by(each) for each in alarms):
            found = day - KNOWN + 1
        others += any(not scenario.is_found_by(each) for each in alarms)
    return found, others
