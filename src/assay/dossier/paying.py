"""The payments of one order: those that gateways list under its name, and those the shop names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.errors import AssayError
from assay.records import Order, Payment

Unread = list[tuple[str, str]]


def payments_of(
    order: Order, gateways: Mapping[str, Any], listed_at: Callable[[str], Sequence[Payment]], unread: Unread
) -> list[Payment]:
    """Return the order's payments at these gateways, by system id; listed_at: what one of them lists about its time.

    Where a listing fails, what the shop names is still read, and the listing is noted as unread by itself: another
    payment of the order would not show. An order that names none is not known to be unpaid then: `LookupError`.
    """
    listed: list[Payment] = []
    failed: list[str] = []
    for system in gateways:
        try:
            listed += listed_at(system)
        except (AssayError, LookupError) as error:
            failed.append(f"{system}: {first_line(error)}")
    found = {payment.ref: payment for payment in listed if payment.order_ref in (order.ref, order.number)}
    named = [(each.gateway, each.ref) for each in order.tenders if each.gateway in gateways and each.ref]
    if not order.tenders:
        named = [("", ref) for ref in order.payment_refs]
    if failed and not named:
        raise LookupError(failed[0])
    unread += [("payments listed", why) for why in failed]
    # The shop's own references are followed too: a payment that lost its order's is still found.
    for gateway, ref in named:
        if ref not in found:
            known = next((each for each in listed if each.ref == ref), None)
            found[ref] = known or _payment(ref, [gateways[gateway]] if gateway else list(gateways.values()))
    return [_with_refunds(payment, gateways.get(payment.system)) for payment in found.values()]


def first_line(error: Exception) -> str:
    """Return an error's first line, or its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _payment(ref: str, connectors: Sequence[Any]) -> Payment:
    """Ask gateways, one after the other, for a payment; where none knows it the first one's answer is raised."""
    refused: LookupError | None = None
    for connector in connectors:
        try:
            payment: Payment = connector.payment(ref)
        except LookupError as error:
            refused = refused or error
            continue
        return payment
    raise refused or LookupError(f"no gateway can be asked for payment {ref}")


def _with_refunds(payment: Payment, connector: Any) -> Payment:
    with_refunds = getattr(connector, "with_refunds", None)
    found: Payment = payment if with_refunds is None else with_refunds(payment)
    return found
