"""How each currency of the reference rates moves and is printed.

Levels are those of 9 May 2025. `dollar_percent` is how much of the US dollar's step a currency follows and `step_ppm`
the typical size of what is its own (1.4826 times the median absolute deviation, the same as a standard deviation in
quiet markets), both measured over the ECB's own daily history, January 2016 to October 2026
(https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip). `tick` is the grid the printed rates mostly lie on in
that history; several are quoted by the market in half or quarter steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency: units of it for one euro at the anchor, how it moves, and on which grid it is printed.

    kind: ``free`` walks by about `step_ppm` millionths a day; ``fixed`` never moves; ``band`` swings around its anchor
    and stays near it (`step_ppm` is then one draw of the mean that swings, about five times as wide as the swing);
    ``dollar_band`` does so against the US dollar and follows it otherwise. until: the last day it is published.
    """

    code: str
    level: Decimal
    tick: Decimal
    digits: int
    step_ppm: int
    dollar_percent: int = 0
    kind: Literal["free", "fixed", "band", "dollar_band"] = "free"
    until: date = date.max


ANCHOR = date(2025, 5, 9)


def _row(code: str, level: str, step_ppm: int, dollar_percent: int = 0, *, tick: str = "") -> Currency:
    digits = len(level.partition(".")[2])
    grid = Decimal(tick) if tick else Decimal(1).scaleb(-digits)
    return Currency(code, Decimal(level), grid, digits, step_ppm, dollar_percent)


# The order is that of the ECB's file. Bulgaria took the euro on 1 January 2026. The krone keeps to 7.46038 within a
# fraction of the 2.25 percent of its ERM II band; the Hong Kong dollar to 7.75 to 7.85 for one US dollar.
CURRENCIES: tuple[Currency, ...] = (
    _row("USD", "1.1252", 3818),
    _row("JPY", "163.36", 3889, 43),
    Currency("BGN", Decimal("1.9558"), Decimal("0.0001"), 4, 0, kind="fixed", until=date(2025, 12, 31)),
    _row("CZK", "24.946", 1492, -9),
    Currency("DKK", Decimal("7.4604"), Decimal("0.0001"), 4, 1450, kind="band"),
    _row("GBP", "0.84770", 3099, 17, tick="0.00005"),
    _row("HUF", "404.90", 3301, -29, tick="0.05"),
    _row("PLN", "4.2393", 2446, -17),
    _row("RON", "5.1181", 559, -1),
    _row("SEK", "10.9200", 3192, -14, tick="0.0005"),
    _row("CHF", "0.9353", 2359, 20),
    _row("ISK", "146.90", 2325, 6, tick="0.10"),
    _row("NOK", "11.6725", 4156, -8, tick="0.0005"),
    _row("TRY", "43.5999", 3774, 63),
    _row("AUD", "1.7572", 4090, 19),
    _row("BRL", "6.3647", 7331, 44),
    _row("CAD", "1.5658", 3008, 50),
    _row("CNY", "8.1470", 1431, 75),
    Currency("HKD", Decimal("8.7519"), Decimal("0.0001"), 4, 2800, 100, kind="dollar_band"),
    _row("IDR", "18606.59", 2772, 61),
    _row("ILS", "3.9928", 3591, 53),
    _row("INR", "96.0755", 2095, 78, tick="0.0005"),
    _row("KRW", "1575.72", 3932, 33),
    _row("MXN", "21.9473", 5763, 43),
    _row("MYR", "4.8350", 2179, 66),
    _row("NZD", "1.9095", 4398, 14),
    _row("PHP", "62.413", 2676, 73),
    _row("SGD", "1.4600", 1502, 52),
    _row("THB", "37.132", 2943, 53),
    _row("ZAR", "20.4835", 7207, 6),
)
