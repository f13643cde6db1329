"""The seeded history: every rate is a pure function of seed, currency and date, walked in the size of real daily steps.

All arithmetic is in whole numbers and Decimal, so that two machines print the same digits.
"""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Context, Decimal

from mocks.ecb.calendar import following, previous
from mocks.ecb.currency import ANCHOR, CURRENCIES, Currency

_CONTEXT = Context(prec=18)
_MILLION = Decimal(1_000_000)
_SWING_DAYS = 24
_NANO = 1_000  # steps are summed in billionths


class Walk:
    """The history of one seed. Positions are remembered, so that neighbouring days cost one step each."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        origin = {currency.code: 0 for currency in CURRENCIES}
        self._positions: dict[date, dict[str, int]] = {ANCHOR: origin}
        self._newest = self._oldest = ANCHOR

    def rates(self, day: date) -> dict[str, Decimal]:
        """Return units of each currency for one euro on a publication day, as printed, in the file's order."""
        position = self._position(day)
        rates = {}
        for currency in CURRENCIES:
            if day > currency.until:
                continue
            rates[currency.code] = _printed(currency, self._level(currency, position, day))
        return rates

    def _level(self, currency: Currency, position: dict[str, int], day: date) -> Decimal:
        if currency.kind == "fixed":
            return currency.level
        exponent = position[currency.code]
        if currency.kind in ("band", "dollar_band"):
            exponent += self._swing(currency, day)
        return _CONTEXT.multiply(currency.level, _CONTEXT.exp(Decimal(exponent) / (_MILLION * _NANO)))

    def _swing(self, currency: Currency, day: date) -> int:
        """Return where in its band the rate is, in billionths of the level, zero on the anchor day."""
        return self._mean(currency, day) - self._mean(currency, ANCHOR)

    def _mean(self, currency: Currency, day: date) -> int:
        # A mean over days wanders slowly and returns, which a sum would not; two neighbours differ by about a
        # seventeenth of one draw.
        total = 0
        for _ in range(_SWING_DAYS):
            total += self._noise(currency.code, day)
            day = previous(day)
        return total * currency.step_ppm * _NANO // (_SWING_DAYS * 65_536)

    def _position(self, day: date) -> dict[str, int]:
        while self._newest < day:
            after = following(self._newest)
            self._positions[after] = self._moved(self._positions[self._newest], after, 1)
            self._newest = after
        while self._oldest > day:
            before = previous(self._oldest)
            self._positions[before] = self._moved(self._positions[self._oldest], self._oldest, -1)
            self._oldest = before
        return self._positions[day]

    def _moved(self, position: dict[str, int], day: date, sign: int) -> dict[str, int]:
        dollar = self._own_step(CURRENCIES[0], day)
        moved = {}
        for currency in CURRENCIES:
            step = 0
            if currency.code == "USD":
                step = dollar
            elif currency.kind in ("free", "dollar_band"):
                step = dollar * currency.dollar_percent // 100
                if currency.kind == "free":
                    step += self._own_step(currency, day)
            moved[currency.code] = position[currency.code] + sign * step
        return moved

    def _own_step(self, currency: Currency, day: date) -> int:
        return self._noise(currency.code, day) * currency.step_ppm * _NANO // 65_536

    def _noise(self, code: str, day: date) -> int:
        """Return a draw of standard normal shape in 65536ths: twelve uniform draws less their mean."""
        digest = hashlib.blake2b(f"{self._seed}:{code}:{day.isoformat()}".encode(), digest_size=24).digest()
        return sum(int.from_bytes(digest[at : at + 2]) for at in range(0, 24, 2)) - 6 * 65_535


def _printed(currency: Currency, level: Decimal) -> Decimal:
    ticks = (level / currency.tick).quantize(Decimal(1))
    return (ticks * currency.tick).quantize(Decimal(1).scaleb(-currency.digits))
