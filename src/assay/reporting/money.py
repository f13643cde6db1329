"""The money of a run, by currency and gateway: what was charged, given back and settled, and what does not add up.

Currencies are never added to each other. What a gateway says is held against what the shop says of the same orders,
and against the gateway's own balance where its entries were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from assay.errors import UsageError
from assay.events import Outcome
from assay.exponents import gateway_exponent
from assay.oracles import charge
from assay.records import BalanceEntry, Dossier, MinorAmount, Order, Payment
from assay.reporting.text import clip

NOTHING = "No order of this run was charged, so there is no money to add up."
NOTE = (
    "Charged and refunded are the gateways' own words. The residual is what they hold beyond what the shop says of the"
    " same orders, and beyond what their balance shows where it was read."
)
COLUMNS = ("Currency", "Gateway", "Orders", "Charged", "Refunded", "Settled", "Residual")
NOT_READ = "not read"
_MOST = 200
_NAME = 48
_SETTLING = ("charge", "refund", "chargeback")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """One currency at one gateway, fit to print; `state` is pass, fail, or open where nothing could be compared."""

    currency: str
    gateway: str
    orders: str
    charged: str
    refunded: str
    settled: str
    residual: str
    state: str


@dataclass(slots=True)
class _Sums:
    """What is added up for one currency at one gateway, in major units."""

    orders: set[str] = field(default_factory=set)
    charged: Decimal = _ZERO
    refunded: Decimal = _ZERO
    expected: Decimal = _ZERO
    is_compared: bool = False
    settled: Decimal | None = None
    converted: dict[str, Decimal] = field(default_factory=dict)


def money_of(outcomes: Sequence[Outcome]) -> list[MoneyRow]:
    """Return one row for each currency at each gateway that took money, in alphabetical order."""
    sums: dict[tuple[str, str], _Sums] = {}
    owners: dict[tuple[str, str], tuple[str, str]] = {}
    for dossier, payments in _orders(outcomes):
        for payment in payments:
            key = (payment.captured.currency.upper(), payment.system)
            each = sums.setdefault(key, _Sums())
            each.charged += _major(payment.captured, payment.system)
            each.refunded += _major(payment.refunded, payment.system)
            if dossier.order is not None:
                each.orders.add(dossier.order.ref)
            owners[payment.system, payment.ref] = key
        _expect(dossier, payments, sums)
    for entry in {(entry.system, entry.ref): entry for outcome in outcomes for entry in outcome.entries}.values():
        _settle(entry, owners, sums)
    return [_row(*key, sums[key]) for key in sorted(sums)][:_MOST]


def _orders(outcomes: Iterable[Outcome]) -> Iterator[tuple[Dossier, list[Payment]]]:
    """Yield each order once, as it was seen last, with the payments of which something was taken."""
    last = {dossier.order.ref: dossier for outcome in outcomes for dossier in outcome.dossiers if dossier.order}
    seen: set[tuple[str, str]] = set()
    for dossier in last.values():
        payments = [each for each in charge.captured(dossier) if (each.system, each.ref) not in seen]
        seen |= {(each.system, each.ref) for each in payments}
        if payments:
            yield dossier, payments


def _expect(dossier: Dossier, payments: Sequence[Payment], sums: dict[tuple[str, str], _Sums]) -> None:
    """Add what the shop says its gateways should hold of an order, less what it says it gave back."""
    order = dossier.order
    if order is None:
        return
    for gateway in {payment.system for payment in payments}:
        tenders = [each for each in order.tenders if each.gateway == gateway]
        due = _due(dossier, order) if len({payment.system for payment in payments}) == 1 else None
        if due is None and not tenders:
            continue
        taken = due if due is not None else sum((each.captured.amount for each in tenders), _ZERO)
        each = sums.get((order.total.currency, gateway)) or sums[payments[0].captured.currency.upper(), gateway]
        each.expected += taken - sum((tender.refunded.amount for tender in tenders), _ZERO)
        each.is_compared = True


def _due(dossier: Dossier, order: Order) -> Decimal | None:
    """Return what gateways were to take of a whole order; None where less or more was taken for a reason."""
    if order.edits or order.returns or order.status == "cancelled" or charge.cancelled_lines(order):
        return None
    return charge.due_at_gateways(dossier, order).amount


def _settle(
    entry: BalanceEntry, owners: dict[tuple[str, str], tuple[str, str]], sums: dict[tuple[str, str], _Sums]
) -> None:
    """Add an entry of a gateway's balance to the payment it is of, in the currency the customer paid in."""
    key = owners.get((entry.system, entry.payment_ref or ""))
    if key is None or entry.kind not in _SETTLING:
        return
    paid = entry.presented or entry.gross
    if paid.currency.upper() != key[0]:
        return
    each = sums[key]
    each.settled = (each.settled or _ZERO) + _major(paid, entry.system)
    own = entry.gross.currency.upper()
    if own != key[0]:
        each.converted[own] = each.converted.get(own, _ZERO) + _major(entry.gross, entry.system)


def _row(currency: str, gateway: str, sums: _Sums) -> MoneyRow:
    held = sums.charged - sums.refunded
    differences = []
    if sums.is_compared and held != sums.expected:
        differences.append(f"{held - sums.expected:+,f} against the shop")
    if sums.settled is not None and held != sums.settled:
        differences.append(f"{held - sums.settled:+,f} not settled")
    compared = sums.is_compared or sums.settled is not None
    settled = NOT_READ if sums.settled is None else f"{sums.settled:,f}"
    settled += "".join(f" = {amount:,f} {own}" for own, amount in sorted(sums.converted.items()))
    return MoneyRow(
        currency=clip(currency, _NAME),
        gateway=clip(gateway, _NAME),
        orders=f"{len(sums.orders):,}",
        charged=f"{sums.charged:,f}",
        refunded=f"{sums.refunded:,f}",
        settled=settled,
        residual=", ".join(differences) or ("0" if compared else "not compared"),
        state="fail" if differences else "pass" if compared else "open",
    )


def _major(amount: MinorAmount, gateway: str) -> Decimal:
    """Return an amount in major units by the gateway's own decimals; as it is for a code that is no currency."""
    try:
        return Decimal(amount.minor).scaleb(-gateway_exponent(gateway, amount.currency.upper()))
    except UsageError:
        return Decimal(amount.minor)
