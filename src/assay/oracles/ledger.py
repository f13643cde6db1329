"""O-M8, the ledger: from what was captured to what was settled, paid out, booked and stated, per currency.

Everything is held to the minor unit, for movements of the window alone: what was settled before it serves as the past
of its payouts. What a landscape does not have is left out, and the verdict is *not evaluated* where nothing is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from assay.events import Finding
from assay.exponents import gateway_exponent
from assay.oracles import bookkeeping
from assay.oracles.bookkeeping import shown, why, worth
from assay.oracles.judge import failed, passed, population_oracle, unjudged
from assay.oracles.judging import Judging
from assay.records import BalanceEntry, MinorAmount, Order, Payment, Payout, Population

_OF_PAYMENTS = ("charge", "refund")

Check = Callable[[Population, Judging], Finding | None]


@population_oracle(
    "O-M8",
    needs=(),
    formula="per gateway and currency: captures - refunds == gross; settled == presented * rate; net == gross - fee;"
    " payout == sum(net); ERP: debits == credits, fee, clearing and bank == gateway; statement == payout",
)
def ledger(population: Population, judging: Judging) -> Finding:
    """Hold gateways, ERP and bank against each other for everything that moved in the window."""
    if not (population.entries or population.journal_lines or population.statement_lines):
        why = population.missing("settlement", "journal entries", "statements")
        return unjudged(why or "nothing was settled, booked or stated in the window")
    checks: tuple[Check, ...] = (
        _one_currency,
        _own_rate,
        _captured,
        _paid_out,
        bookkeeping.stated,
        bookkeeping.balanced,
        bookkeeping.booked,
        bookkeeping.unbooked,
        _declared_class,
    )
    for check in checks:
        finding = check(population, judging)
        if finding is not None:
            return finding
    if not _recent(population) and not population.journal_lines:
        return unjudged("nothing was settled or booked in the window itself")
    return passed()


def _recent(population: Population) -> list[BalanceEntry]:
    """Return the movements of the window itself."""
    return [entry for entry in population.entries if entry.created_at >= population.since]


def _one_currency(population: Population, judging: Judging) -> Finding | None:
    """Hold net against gross less fee, all three in one currency."""
    for entry in _recent(population):
        currencies = {each.currency for each in (entry.gross, entry.fee, entry.net)}
        if len(currencies) > 1:
            return failed(
                entry.system,
                expected=f"gross, fee and net of {entry.ref} in {entry.gross.currency}",
                seen=", ".join(shown(entry.system, each) for each in (entry.gross, entry.fee, entry.net)),
                cause="the fee is in another currency than what was settled",
                at_risk=worth(entry.system, entry.fee),
            )
        if entry.net.minor != entry.gross.minor - entry.fee.minor:
            expected = MinorAmount(entry.gross.minor - entry.fee.minor, entry.net.currency)
            return failed(
                entry.system,
                expected=f"net {shown(entry.system, expected)} of {entry.ref}, gross less fee",
                seen=shown(entry.system, entry.net),
                cause="the net is not what gross and fee leave",
                at_risk=worth(entry.system, MinorAmount(abs(entry.net.minor - expected.minor), entry.net.currency)),
            )
    return None


def _own_rate(population: Population, judging: Judging) -> Finding | None:
    """Hold what was settled against what the customer paid at the gateway's own rate, within one minor unit."""
    for entry in _recent(population):
        if entry.presented is None or entry.rate is None:
            continue
        places = gateway_exponent(entry.system, entry.presented.currency)
        exact = Decimal(entry.presented.minor).scaleb(-places) * entry.rate
        expected = exact.scaleb(gateway_exponent(entry.system, entry.gross.currency))
        if abs(entry.gross.minor - expected) > 1:
            paid = shown(entry.system, entry.presented)
            cause = why(entry.system, Decimal(entry.gross.minor), expected, entry.gross.currency)
            return failed(
                entry.system,
                expected=f"{exact:.4f} settled for {entry.ref}, {paid} at {entry.rate:f}",
                seen=shown(entry.system, entry.gross),
                cause=f"settled at another rate than the gateway names: {cause}",
                at_risk=worth(entry.system, entry.gross),
            )
    return None


def _captured(population: Population, judging: Judging) -> Finding | None:
    """Hold captures and refunds of the window's payments against the movements that name them, per currency.

    What moved too much is wrong at once; what did not move yet may be late, as long as the profile says.
    """
    moved: dict[tuple[str, str], list[BalanceEntry]] = defaultdict(list)
    for entry in population.entries:
        if entry.payment_ref is not None and entry.kind in _OF_PAYMENTS:
            moved[entry.system, entry.payment_ref].append(entry)
    settling = {entry.system for entry in population.entries}
    orders = {ref: order for order in population.orders for ref in (order.ref, order.number)}
    for payment in population.payments:
        if payment.system not in settling or population.missing(f"settlement of {payment.system}"):
            continue
        own = moved[payment.system, payment.ref]
        currency = payment.captured.currency
        if any(_presented(entry).currency != currency for entry in own):
            continue  # a currency the payment was not made in, and no word of what the customer paid
        for kind, expected in (("charge", payment.captured.minor), ("refund", -payment.refunded.minor)):
            seen = sum(_presented(entry).minor for entry in own if entry.kind == kind)
            late = abs(seen) < abs(expected)
            if seen == expected or (late and not _is_due(_changed_at(payment, orders), population, judging)):
                continue
            return _not_captured(payment, kind, seen, expected)
    return None


def _not_captured(payment: Payment, kind: str, seen: int, expected: int) -> Finding:
    currency, system = payment.captured.currency, payment.system
    what = "captured" if kind == "charge" else "refunded"
    if not seen:
        cause = f"what was {what} never reached the balance"
    elif seen == 2 * expected:
        cause = f"what was {what} moved twice (double)"
    else:
        cause = why(system, Decimal(seen), Decimal(expected), currency)
    return failed(
        system,
        expected=f"{shown(system, MinorAmount(expected, currency))} {what} of {payment.ref} on the balance",
        seen=shown(system, MinorAmount(seen, currency)),
        cause=cause,
        at_risk=worth(system, MinorAmount(abs(seen - expected), currency)),
    )


def _changed_at(payment: Payment, orders: dict[str, Order]) -> datetime:
    """Return when a payment last changed, as far as gateway and shop say: a late capture is no old one."""
    order = orders.get(payment.order_ref or "")
    changes = [each.at for each in order.history if each.field == "payment_status"] if order is not None else []
    return max([payment.created_at, *(each.created_at for each in payment.refunds), *changes])


def _is_due(since: datetime, population: Population, judging: Judging) -> bool:
    """Say whether something is older than a movement may be late; never where nobody declared how late."""
    return (
        judging.ledger_limit is not None
        and population.read_at is not None
        and population.read_at - since >= judging.ledger_limit
    )


def _paid_out(population: Population, judging: Judging) -> Finding | None:
    """Hold each payout of the window against the sum of what its movements net to."""
    for payout in population.payouts:
        own = [each for each in population.entries if _is_in(each, payout)]
        if payout.created_at < population.since or not own or payout.status in ("failed", "cancelled"):
            continue
        seen = sum(entry.net.minor for entry in own if entry.net.currency == payout.amount.currency)
        if seen == payout.amount.minor and all(entry.net.currency == payout.amount.currency for entry in own):
            continue
        if not _is_whole(own, population.entries):
            continue
        return failed(
            payout.system,
            expected=f"payout {payout.ref} of {shown(payout.system, MinorAmount(seen, payout.amount.currency))},"
            f" the net of its {len(own)} movements",
            seen=shown(payout.system, payout.amount),
            cause=why(payout.system, Decimal(payout.amount.minor), Decimal(seen), payout.amount.currency),
            at_risk=worth(payout.system, MinorAmount(abs(payout.amount.minor - seen), payout.amount.currency)),
        )
    return None


def _is_in(entry: BalanceEntry, payout: Payout) -> bool:
    return entry.system == payout.system and entry.payout_ref == payout.ref and entry.kind != "payout"


def _is_whole(own: Sequence[BalanceEntry], entries: Iterable[BalanceEntry]) -> bool:
    """Say whether movements before a payout's first one are known: then none of its own is missing."""
    first = min(own, key=lambda entry: entry.created_at)
    return any(
        entry.created_at < first.created_at
        and (entry.system, entry.net.currency) == (first.system, first.net.currency)
        and entry.kind != "payout"
        for entry in entries
    )


def _declared_class(population: Population, judging: Judging) -> Finding | None:
    """Look for movements that belong to no order and to no class the profile declares."""
    if judging.ledger_classes is None:
        return None
    for entry in _recent(population):
        if entry.payment_ref or entry.order_ref or entry.kind in ("payout", *judging.ledger_classes):
            continue
        if _is_due(entry.created_at, population, judging):
            return failed(
                entry.system,
                expected="an order for every movement, or a class that policies.ledger.classes declares",
                seen=f"{entry.ref}, {entry.kind} of {shown(entry.system, entry.net)} without either",
                cause="a line nobody can match",
                at_risk=worth(entry.system, entry.net),
            )
    return None


def _presented(entry: BalanceEntry) -> MinorAmount:
    """Return what a movement was in the customer's currency."""
    return entry.presented or entry.gross
