"""O-M10: what a customer reads is the amount, in a currency they can tell, and the shop reads it back as it wrote it.

And what it says of the exchange rate is the rate: the right codes, and a number by which the prices come about.
"""

from __future__ import annotations

import re
from decimal import Decimal

from assay.events import Finding
from assay.money import EXPONENTS, exponent
from assay.oracles import charge, writing
from assay.oracles.cause import UNKNOWN, money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Displayed, Dossier, Order

_CODES = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_NUMBER = re.compile(r"\d[\d.,']*")


@oracle("O-M10", needs=("shop",), formula="parse(format(x)) == x; sign with name or code where shared; label == rate")
def readable_amounts(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Read every amount as its customer does, and the label of the exchange rate."""
    unknown: Finding | None = None
    for shown in dossier.displayed:
        finding = _text(shown)
        if finding is not None and finding.cause:
            return finding
        unknown = unknown or finding
    label = order.rate.label if order.rate else None
    if label and (finding := _label(label, dossier, order, judging)) is not None:
        return finding
    if not dossier.displayed and not label:
        return unjudged(
            "nothing is recorded of the text the customer read: the flow must call run.read(Displayed(...))"
        )
    return unknown or passed()


def _text(shown: Displayed) -> Finding | None:
    """Hold one text against the amount it stands for; None where a reader sees just that."""
    currency, written = shown.amount.currency, f"'{shown.text}' on '{shown.place}' ({shown.language})"
    if not writing.marks(shown.language):
        return unjudged(f"nobody knows how '{shown.language}' writes amounts")
    read = writing.read_number(shown.text, shown.language)
    if shown.amount.amount not in [number for number, _ in read]:
        return _wrong(shown, written, _reading_cause(shown, read))
    decimals = next(places for number, places in read if number == shown.amount.amount)
    if decimals not in (0, exponent(currency)):
        return _wrong(shown, written, f"exponent: {decimals} decimals are shown, {currency} has {exponent(currency)}")
    if (other := writing.other_currency(shown.text, currency)) is not None:
        return _wrong(shown, written, f"the text names {other}, the amount is in {currency}")
    named = writing.names_currency(shown.text, currency, shown.language)
    if named is None:
        return _wrong(shown, written, "several currencies share the sign, and neither code nor name stands beside it")
    if not named:
        return _wrong(shown, written, "nothing in the text says which currency it is")
    if shown.read_back is not None and shown.read_back != shown.amount:
        return failed(
            "shop",
            expected=f"{shown.amount} for {written}",
            seen=f"read back as {shown.read_back}",
            cause=_read_back_cause(shown),
            at_risk=shown.amount,
        )
    return None


def _wrong(shown: Displayed, written: str, cause: str) -> Finding:
    return failed("shop", expected=f"{shown.amount}, as a reader tells it", seen=written, cause=cause)


def _reading_cause(shown: Displayed, read: tuple[tuple[Decimal, int], ...]) -> str:
    """Say why the text is another number: written by the marks of another language, or another number it is."""
    for language in ("en", "de", "fr"):
        numbers = [number for number, _ in writing.read_number(shown.text, language)]
        if shown.amount.amount in numbers:
            return f"the marks are those of another language ({language})"
    if not read:
        return "the text holds no single number by the marks of its language"
    return money_cause(read[0][0], shown.amount.amount, step=charge.step_of(shown.amount.currency))


def _read_back_cause(shown: Displayed) -> str:
    assert shown.read_back is not None
    if shown.read_back.currency != shown.amount.currency:
        return "the currency was lost when the text was read"
    step = charge.step_of(shown.amount.currency)
    cause = money_cause(shown.read_back.amount, shown.amount.amount, step=step)
    if writing.marks(shown.language) != writing.marks("en") and not cause.startswith("exponent"):
        return "the text was read by the marks of another language"
    return cause if not cause.startswith(UNKNOWN) else "what the shop wrote itself it reads as another amount"


def _label(label: str, dossier: Dossier, order: Order, judging: Judging) -> Finding | None:
    """Hold the disclosed rate against the order: its codes, its number, and the prices that came of it."""
    rate = order.rate
    assert rate is not None
    codes = [code for code in _CODES.findall(label) if code in EXPONENTS]
    if len(codes) == 2 and sorted(codes) != sorted((rate.base, rate.quote)):
        cause = "the label names the store's currency where the order's belongs"
        if rate.quote in codes:
            cause = "the label names another currency than the one prices are converted from"
        return failed("shop", expected=f"a rate from {rate.base} to {rate.quote}", seen=f"'{label}'", cause=cause)
    texts = _NUMBER.findall(writing.plain(label))
    if rate.value is None or len(codes) != 2 or len(texts) != 2:
        return None
    pairs = [(one, other) for one in _readings(texts[0]) for other in _readings(texts[1])]
    if not all(one and other for one, other in pairs):
        return failed("shop", expected=f"{rate.value:f}", seen=f"'{label}'", cause="a rate of 0 is disclosed")
    inverse = codes[0] != rate.base
    value = 1 / rate.value if inverse else rate.value
    marked_up = value * (1 + judging.markup_of(order.store)) ** (-1 if inverse else 1)
    told, last = min(
        ((other / one, Decimal(1).scaleb(int(other.as_tuple().exponent)) / one) for one, other in pairs),
        key=lambda pair: abs(pair[0] - value),
    )
    if min(abs(told - value), abs(told - marked_up)) > last / 2:
        cause = money_cause(told, value, step=last)
        if abs(told * value - 1) < Decimal("0.05"):
            cause = "inverse: the rate of the other direction is disclosed"
        return failed("shop", expected=f"{value:.6g} {codes[0]}/{codes[1]}", seen=f"'{label}'", cause=cause)
    return None if inverse else _prices(label, told, last / 2, dossier, order, judging)


def _prices(
    label: str, told: Decimal, slack: Decimal, dossier: Dossier, order: Order, judging: Judging
) -> Finding | None:
    """Hold base prices times the disclosed rate against what is asked for, as far as its digits reach."""
    base = {article.sku: article.price for article in dossier.base_articles if article.price is not None}
    for line in order.lines:
        price, own = base.get(line.sku), line.unit_price
        if price is None or own is None or price.currency == own.currency or own.currency in judging.price_lists:
            continue
        if f"{line.sku}/{own.currency}" in judging.price_lists:
            continue
        reach = charge.step_of(own.currency) / (1 if judging.cuts_off else 2) + price.amount * slack
        factors = (Decimal(1), 1 + judging.markup_of(order.store))
        if all(abs(own.amount - price.amount * told * each) > reach * each for each in factors):
            return failed(
                "shop",
                expected=f"{price.amount * told:.{exponent(own.currency)}f} {own.currency} for {line.sku} by '{label}'",
                seen=str(own),
                cause="the price did not come about by the rate that is disclosed",
            )
    return None


def _readings(text: str) -> list[Decimal]:
    """Return what a number in a label may be: a lone mark before three digits begins decimals, or groups thousands."""
    cleaned = text.rstrip(".,").replace("'", "")
    last = max(cleaned.rfind("."), cleaned.rfind(","))
    whole = Decimal(cleaned.replace(".", "").replace(",", ""))
    if last < 0 or cleaned.count(cleaned[last]) > 1:
        return [whole]
    broken = Decimal(cleaned[:last].replace(".", "").replace(",", "") + "." + cleaned[last + 1 :])
    return [broken, whole] if len(cleaned) - last == 4 else [broken]
