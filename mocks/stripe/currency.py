"""Currencies as Stripe counts them, as data: exponents, granularity, smallest and largest charge, base rates.

Sources, as known in 2025: https://docs.stripe.com/currencies for the presentment list, the zero-decimal and
three-decimal lists, the special cases (ISK and UGX have no decimals but are written with two, always 00) and the
minimum and maximum amounts. Where ISO 4217 differs, Stripe's own count holds. The base rates are round figures of the
foreign-exchange markets in November 2025, units per euro; they drive conversion to the settlement currency only.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

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
_PER_EURO = """
usd 1.16 aed 4.26 afn 76.5 all 96.6 amd 443 ang 2.08 aoa 1064 ars 1640 aud 1.78 awg 2.09 azn 1.97 bam 1.95583
bbd 2.32 bdt 141 bgn 1.95583 bhd 0.4373 bif 3420 bmd 1.16 bnd 1.51 bob 8.02 brl 6.2 bsd 1.16 bwp 15.5 byn 3.95
bzd 2.33 cad 1.63 cdf 2550 chf 0.932 clp 1085 cny 8.25 cop 4380 crc 581 cve 110.265 czk 24.2 djf 206.5 dkk 7.469
dop 74.5 dzd 151 egp 54.9 etb 179 eur 1 fjd 2.64 fkp 0.881 gbp 0.881 gel 3.14 gip 0.881 gmd 84.5 gnf 10070 gtq 8.88
gyd 243 hkd 9.02 hnl 30.5 htg 152 huf 382 idr 19350 ils 3.78 inr 103 isk 147 jmd 186 jod 0.8224 jpy 180 kes 150
kgs 101.4 khr 4660 kmf 491.968 krw 1705 kwd 0.356 kyd 0.967 kzt 601 lak 25200 lbp 103800 lkr 357 lrd 209 lsl 20
mad 10.75 mdl 19.7 mga 5190 mkd 61.6 mmk 2436 mnt 4130 mop 9.29 mur 53.3 mvr 17.9 mwk 2012 mxn 21.4 myr 4.8
mzn 74.1 nad 20 ngn 1675 nio 42.7 nok 11.8 npr 165 nzd 2.06 omr 0.446 pab 1.16 pen 3.92 pgk 4.91 php 68.2 pkr 328
pln 4.24 pyg 8150 qar 4.22 ron 5.09 rsd 117.2 rub 91.5 rwf 1688 sar 4.35 sbd 9.55 scr 15.9 sek 11 sgd 1.51 shp 0.881
sle 26.9 sos 663 srd 44.7 std 24500 szl 20 thb 37.5 tjs 10.7 tnd 3.42 top 2.79 try 49.3 ttd 7.87 twd 36.3 tzs 2850
uah 49 ugx 4180 uyu 46.1 uzs 13850 vnd 30580 vuv 142 wst 3.24 xaf 655.957 xcd 3.13 xcg 2.08 xof 655.957 xpf 119.332
yer 277 zar 20 zmw 26.4
"""


def _currencies() -> dict[str, Currency]:
    words = _PER_EURO.split()
    result = {}
    for code, rate in zip(words[::2], words[1::2], strict=True):
        exponent = 0 if code in _ZERO_DECIMAL else 3 if code in _THREE_DECIMAL else 2
        step = 10 if code in _THREE_DECIMAL else 100 if code in _HUNDREDS else 1
        maximum = 10 ** _MAXIMUM_DIGITS.get(code, 8) - 1
        result[code] = Currency(code, exponent, step, _MINIMUM.get(code), maximum, Decimal(rate))
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
