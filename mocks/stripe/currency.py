"""Currencies as Stripe counts them, as data: exponents, granularity, smallest and largest charge, base rates.

Sources, as known in 2025: https://docs.stripe.com/currencies for the presentment list, the zero-decimal and
three-decimal lists, the special cases (ISK and UGX have no decimals but are written with two, always 00) and the
minimum and maximum amounts. Where ISO 4217 differs, Stripe's own count holds. Rates drive conversion to the settlement
currency only.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from assay.simkit.market import PER_EURO
from mocks.stripe.account import Account, letters
from mocks.stripe.error import Problem, invalid


class Currency(NamedTuple):
    """One presentment currency; amounts are in its minor unit as Stripe counts it."""

    code: str
    exponent: int
    step: int
    minimum: int | None
    maximum: int
    per_euro: Decimal


_ZERO_DECIMAL = {
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "vnd",
    "vuv",
    "xaf",
    "xof",
    "xpf",
}
_THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
_HUNDREDS = {"isk", "ugx"}
_MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_MAXIMUM_DIGITS = {"cop": 10, "huf": 10, "idr": 12, "inr": 9, "jpy": 10, "lbp": 12}
_PRESENTMENT = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp
cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk
jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn
nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std
szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""


def _currencies() -> dict[str, Currency]:
    result = {}
    for code in _PRESENTMENT.split():
        exponent = 0 if code in _ZERO_DECIMAL else 3 if code in _THREE_DECIMAL else 2
        step = 10 if code in _THREE_DECIMAL else 100 if code in _HUNDREDS else 1
        maximum = 10 ** _MAXIMUM_DIGITS.get(code, 8) - 1
        result[code] = Currency(code, exponent, step, _MINIMUM.get(code), maximum, PER_EURO[code.upper()])
    return result


CURRENCIES = _currencies()


def currency_of(code: str) -> Currency:
    """Return a currency by its code in any case, or refuse."""
    found = CURRENCIES.get(code.lower())
    if found is None:
        message = f"Invalid currency: {code[:10]}. Stripe currently supports these currencies: {', '.join(CURRENCIES)}"
        raise invalid(message, "currency")
    return found


def check_amount(account: Account, amount: int, currency: Currency, param: str = "amount") -> None:
    """Refuse an amount Stripe would not charge: too small, too large, or with digits the currency does not have."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param, "parameter_invalid_integer")
    if amount > currency.maximum:
        raise invalid(f"Amount must be no more than {written(currency.maximum, currency)}", param, "amount_too_large")
    if amount % currency.step:
        raise _off_step(currency, param)
    minimum = currency.minimum or _converted_minimum(account, currency)
    if amount < minimum:
        raise invalid(f"Amount must be at least {written(minimum, currency)}", param, "amount_too_small")


def check_step(amount: int, currency: Currency, param: str) -> None:
    """Refuse an amount of a capture or refund that has digits the currency does not have."""
    if amount % currency.step:
        raise _off_step(currency, param)


def _off_step(currency: Currency, param: str) -> Problem:
    code = currency.code.upper()
    return invalid(f"Invalid {code} amount: it must be evenly divisible by {currency.step}.", param)


def _converted_minimum(account: Account, currency: Currency) -> int:
    settled = settlement_currency(account)
    least = Decimal(settled.minimum or 50) / minor_rate(account, currency, settled)
    whole = int(least.to_integral_value(ROUND_HALF_UP))
    return max(whole - whole % currency.step, currency.step)


def settlement_currency(account: Account) -> Currency:
    """Return the currency that takes what no other settles (setting `settlement_currency`, default eur)."""
    return CURRENCIES[str(account.setting("settlement_currency", "eur")).lower()]


def settlement_currencies(account: Account) -> list[Currency]:
    """Return every currency the account holds a balance in: the default one, then those of the setting."""
    default = settlement_currency(account)
    more = [CURRENCIES[str(code).lower()] for code in account.setting("settlement_currencies", [])]
    return [default, *(currency for currency in more if currency.code != default.code)]


def settlement_of(account: Account, code: str) -> Currency:
    """Return the currency that amounts of this currency are settled in: itself where the account holds it."""
    held = {currency.code: currency for currency in settlement_currencies(account)}
    return held.get(code, settlement_currency(account))


def minor_rate(account: Account, source: Currency, target: Currency) -> Decimal:
    """Return minor units of `target` for one minor unit of `source`, the same all through a simulated day.

    Stripe's exchange_rate relates amounts as its API writes them, so 1 JPY to EUR cents is 0.56 and not 0.0056.
    """
    if source.code == target.code:
        return Decimal(1)
    major = _per_euro(account, target) / _per_euro(account, source)
    return (major.scaleb(target.exponent - source.exponent)).quantize(Decimal("1e-9")).normalize()


def _per_euro(account: Account, currency: Currency) -> Decimal:
    stated = account.setting("exchange_rates", {}).get(currency.code)
    if stated is not None:
        return Decimal(str(stated))
    if currency.code == "eur":
        return currency.per_euro
    day = account.now() // 86_400
    # Up to 0.5 % around the base rate, decided by the seed and the day alone.
    draw = int.from_bytes(letters(f"{account.world.ids.seed}:{currency.code}:{day}", 4).encode()) % 10_001
    return currency.per_euro * (1 + (Decimal(draw) - 5_000) / 1_000_000)


def written(amount: int, currency: Currency) -> str:
    """Return an amount for a message: ``0.50 eur``."""
    return f"{Decimal(amount).scaleb(-currency.exponent):f} {currency.code}"
