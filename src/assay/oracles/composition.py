"""O-M5: how the total is composed. Recomposed from prices, quantities and tax rates; the residual is 0, no tolerance.

Where it is not, the same basket is composed under every other legal policy: the one that gives what was seen is named,
so that a wrong level is told from a wrong mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from assay.errors import UsageError
from assay.events import Finding
from assay.exponents import GATEWAYS, charge_step
from assay.money import Money, sum_of
from assay.oracles import charge
from assay.oracles.breakdown import wrong_sum
from assay.oracles.cause import money_cause
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Dossier, Line, Order
from assay.rounding import Composition, Item, Rounding, compose, policies

_ZERO = Decimal(0)


class _Part(NamedTuple):
    """One sum of an order: what it is, what it comes to under a policy, what the shop shows."""

    what: str
    expected: Decimal
    seen: Decimal


@oracle("O-M5", needs=("shop",), formula="total == sum(lines) + shipping + tax - discounts under the declared rounding")
def composed_total(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Compose the total again from unit prices, quantities and tax rates under the declared policy."""
    policy = judging.rounding
    if policy is None:
        return unjudged("no rounding is declared: policies.rounding in the profile")
    if order.shipping is None or any(line.unit_price is None or line.tax_rate is None for line in order.lines):
        return unjudged("the shop does not show prices and tax rates of every line and of shipping")
    if order.tax_included is not None and order.tax_included != policy.tax_included:
        # A company's order may be without tax in a shop whose prices hold it: the order itself says which it is.
        policy = replace(policy, tax_included=order.tax_included)
    if order.edits:
        return _edited_total(order, policy)
    if (finding := wrong_sum(dossier.creations, order)) is not None:
        return finding
    first: list[_Part] | None = None
    for step in _steps(dossier, order):
        stepped = policy.with_cash({order.total.currency: step})
        try:
            whole = composed(order, stepped)
        except UsageError as error:
            return failed(
                "shop", expected="lines that make a basket", seen=error.message, cause="the order is no basket"
            )
        wrong = [part for part in _parts(order, whole, policy) if part.expected != part.seen]
        if not wrong:
            return passed()
        first = first or wrong
        if order.rounding is None or dossier.options or {part.what for part in wrong} != {"total"}:
            break
    assert first is not None
    return _wrong_part(order, first, policy.with_cash({order.total.currency: next(iter(_steps(dossier, order)))}))


def composed(order: Order, policy: Rounding, *, discount: Decimal | None = None) -> Composition:
    """Return what an order's prices come to under a policy. `UsageError` for what is no basket."""
    given = order.discount.amount if order.discount and discount is None else discount or _ZERO
    return compose([_item(line) for line in order.lines], _shipping_item(order), given, policy, order.total.currency)


def _steps(dossier: Dossier, order: Order) -> Iterator[Decimal]:
    """Give the steps the total may be rounded to, the one that binds first.

    A total is rounded to what every gateway that was offered can charge. Where nobody noted what was offered, it may
    be the coarser step of any gateway whose terms are known.
    """
    currency = order.total.currency
    gateways = {payment.system for payment in dossier.payments}
    gateways |= {option.gateway for option in dossier.options if option.gateway}
    own = max([charge_step(each, currency) for each in gateways] + [charge.step_of(currency)])
    yield own
    if order.rounding is not None and not dossier.options:
        yield from sorted({step for each in GATEWAYS if (step := charge_step(each, currency)) > own})


def _item(line: Line) -> Item:
    assert line.unit_price is not None
    assert line.tax_rate is not None
    return Item(line.unit_price.amount, line.quantity, line.tax_rate)


def _shipping_item(order: Order) -> Item | None:
    if order.shipping is None:
        return None
    rate = order.shipping_tax_rate
    return Item(order.shipping.amount, Decimal(1), Decimal(0) if rate is None else rate)


def _parts(order: Order, whole: Composition, policy: Rounding) -> Iterator[_Part]:
    """Give every sum the shop shows beside what it comes to; lines where the level rounds them."""
    yield _Part("total", whole.total.amount, order.total.amount)
    if order.tax is not None and (order.shipping_tax_rate is not None or not order.shipping):
        yield _Part("tax", whole.tax, order.tax.amount)
    if policy.level in ("unit", "line") and not (order.discount and order.discount.minor):
        for line, parts in zip(order.lines, whole.lines, strict=True):
            if line.total is not None:
                yield _Part(f"line {line.sku}", parts.gross if policy.tax_included else parts.net, line.total.amount)
            if line.tax is not None:
                yield _Part(f"tax of line {line.sku}", parts.tax, line.tax.amount)


def _edited_total(order: Order, policy: Rounding) -> Finding:
    """Hold the total of an order changed by an agent against its own lines: each part was rounded for itself."""
    currency = order.total.currency
    totals = [line.total for line in order.lines if line.total is not None]
    parts = sum_of(totals, currency) + (order.shipping or Money.zero(currency))
    if not policy.tax_included and order.tax is not None:
        parts += order.tax
    residual = (order.total - parts).amount
    step = max(policy.cash_step(currency) or _ZERO, charge.step_of(currency))
    shown = order.rounding.amount if order.rounding else _ZERO
    if len(totals) == len(order.lines) and abs(residual - shown) <= step * len(order.edits):
        return passed()
    return _wrong_part(order, [_Part("total", parts.amount, order.total.amount)], policy)


def _wrong_part(order: Order, wrong: Sequence[_Part], policy: Rounding) -> Finding:
    currency, (what, expected, seen) = order.total.currency, wrong[0]
    roundings = int(sum(line.quantity for line in order.lines)) + len(order.lines) + 1
    cause = None if order.edits else _other_policy(order, wrong, policy)
    return failed(
        "shop",
        expected=f"{what} {expected:f} {currency} under the declared rounding",
        seen=f"{seen:f} {currency}",
        cause=cause
        or money_cause(
            seen, expected, step=charge.step_of(currency), tax_rates=charge.tax_rates(order), units=roundings
        ),
        at_risk=charge.difference(seen, expected, currency),
    )


def _other_policy(order: Order, wrong: Sequence[_Part], policy: Rounding) -> str | None:
    """Say which other policy gives what was seen; None where no legal one does.

    One that explains every sum goes before one that explains the first alone, and one that differs in the level or in
    the mode before one that differs in both.
    """
    seen = {part.what: part.seen for part in wrong}
    first = wrong[0]
    explained: list[tuple[bool, int, str]] = []
    for other in policies(tax_included=policy.tax_included, scales=(policy.scale,), cash=_cash(policy)):
        if (other.level, other.mode) == (policy.level, policy.mode):
            continue
        given = {part.what: part.expected for part in _parts(order, composed(order, other), policy)}
        if given.get(first.what) != first.seen:
            continue
        all_of_it = all(given.get(what) == amount for what, amount in seen.items())
        differs = (other.level != policy.level) + (other.mode != policy.mode)
        explained.append((not all_of_it, differs, _named(other, policy)))
    if explained:
        best = min(explained)[:2]
        # One policy of each kind: a level and a mode that give the same cannot be told apart, two modes need not be.
        kinds: dict[str, str] = {}
        for *rank, name in explained:
            if tuple(rank) == best:
                kinds.setdefault(name.partition(":")[0], name)
        return f"{' or '.join(kinds.values())} would give {first.seen:f}"
    if order.discount and order.discount.minor:
        without = composed(order, policy, discount=_ZERO)
        if without.total.amount == order.total.amount and first.what == "total":
            return "the discount was left out of the sum"
    return None


def _named(other: Rounding, policy: Rounding) -> str:
    """Name in what a policy differs from the declared one."""
    mode = "down (truncation)" if other.mode == "down" else other.mode.replace("_", " ")
    declared = policy.mode.replace("_", " ")
    if other.level == policy.level:
        return f"mode: rounded {mode} instead of {declared}"
    if other.mode == policy.mode:
        return f"level: rounded per {other.level} instead of per {policy.level}"
    return f"level and mode: rounded per {other.level}, {mode}, instead of per {policy.level}, {declared},"


def _cash(policy: Rounding) -> dict[str, str]:
    return {currency: str(step) for currency, step in policy.cash}
