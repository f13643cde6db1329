"""What the account receives of a capture and pays for a refund: fee, net, and conversion to the account's currency.

Sources: the meaning of each part is in the published Payments v2 document. The prices are settings; the defaults are
round figures in the manner of PayPal's fee pages.
"""

from __future__ import annotations

from decimal import Decimal

from assay.simkit.market import PER_EURO
from mocks.paypal.account import Business
from mocks.paypal.currency import Money, rounded
from mocks.paypal.issue import Document

_PERCENT = "2.49"
_CONVERSION_PERCENT = "3"
_FIXED = {
    "AUD": "0.30", "BRL": "0.60", "CAD": "0.30", "CHF": "0.55", "CNY": "2.25", "CZK": "10.00", "DKK": "2.60",
    "EUR": "0.35", "GBP": "0.30", "HKD": "2.35", "HUF": "90", "ILS": "1.20", "JPY": "40", "MXN": "4.00",
    "MYR": "2.00", "NOK": "2.80", "NZD": "0.45", "PHP": "15.00", "PLN": "1.35", "SEK": "3.25", "SGD": "0.50",
    "THB": "11.00", "TWD": "10", "USD": "0.30",
}  # fmt: skip


def receivable(business: Business, gross: Money) -> Document:
    """Return a capture's breakdown: gross, fee and net, and what arrives where the account holds another currency."""
    prices = business.setting("fees", {})
    fixed = Decimal(str(prices.get("fixed", _FIXED).get(gross.currency, _FIXED[gross.currency])))
    percent = Decimal(str(prices.get("percent", _PERCENT)))
    fee = min(rounded(gross.value * percent / 100 + fixed, gross.currency), gross.value)
    net = Money(gross.currency, gross.value - fee)
    shown = {
        "gross_amount": gross.shown(),
        "paypal_fee": Money(gross.currency, fee).shown(),
        "net_amount": net.shown(),
    }
    rate = _rate(business, gross.currency)
    if rate is None:
        return shown
    target, value = rate
    received = Money(target, rounded(net.value * value, target))
    return {**shown, "receivable_amount": received.shown(), "exchange_rate": _shown_rate(gross.currency, target, value)}


def payable(business: Business, gross: Money, refunded: Money) -> Document:
    """Return a refund's breakdown; the fee of the capture is kept. `refunded`: all refunds so far, this one too."""
    shown = {
        "gross_amount": gross.shown(),
        "paypal_fee": Money(gross.currency, Decimal(0)).shown(),
        "net_amount": gross.shown(),
        "total_refunded_amount": refunded.shown(),
    }
    rate = _rate(business, gross.currency)
    if rate is None:
        return shown
    target, value = rate
    paid = Money(target, rounded(gross.value * value, target)).shown()
    item = {
        "payable_amount": paid,
        "converted_amount": gross.shown(),
        "exchange_rate": _shown_rate(gross.currency, target, value),
    }
    return {**shown, "net_amount_breakdown": [item]}


def _rate(business: Business, currency: str) -> tuple[str, Decimal] | None:
    """Return the account's currency and its units per unit of this one, PayPal's margin taken off; None where held."""
    held = list(business.setting("held_currencies", ["EUR"]))
    if currency in held:
        return None
    rates = {**PER_EURO, **business.setting("exchange_rates", {})}
    margin = 1 - Decimal(str(business.setting("conversion_percent", _CONVERSION_PERCENT))) / 100
    cross = Decimal(str(rates[held[0]])) / Decimal(str(rates[currency]))
    return held[0], (cross * margin).quantize(Decimal("1E-12"))


def _shown_rate(source: str, target: str, value: Decimal) -> Document:
    return {"source_currency": source, "target_currency": target, "value": f"{value.normalize():f}"}
