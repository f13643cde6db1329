"""Money oracles. O-M1: the charge in the gateway's minor units is the order's total, exactly."""

from __future__ import annotations

from decimal import Decimal

from assay.events import Finding
from assay.exponents import gateway_exponent as gateway_exponent
from assay.oracles import failed, oracle, passed, unjudged
from assay.records import Dossier, Order


@oracle("O-M1", needs=("payments",), formula="captured_minor(P,c) == total(o) * 10^exp(P,c)")
def charged_minor_units(dossier: Dossier, order: Order) -> Finding:
    """Hold every successful charge against the order's total in the gateway's own minor units."""
    charged = [payment for payment in dossier.payments if payment.captured.minor]
    if not charged:
        return unjudged("nothing is captured yet")
    gateways = sorted({payment.system for payment in charged})
    if any(payment.captured.currency != order.total.currency for payment in charged):
        return unjudged("captured in another currency than the order's: O-M2 judges that")
    if len(gateways) > 1:
        return unjudged("captured by several gateways: O-O3 sums over tenders")
    gateway, currency = gateways[0], order.total.currency
    expected = order.total.amount.scaleb(gateway_exponent(gateway, currency))
    seen = sum(payment.captured.minor for payment in charged)
    if seen == expected:
        return passed()
    return failed(
        "shop",
        gateway,
        expected=f"{expected:f} minor units for {order.total}",
        seen=f"{seen} minor units",
        cause=_cause(Decimal(seen) / expected if expected else Decimal(0), gateway, currency, expected, seen),
    )


def _cause(ratio: Decimal, gateway: str, currency: str, expected: Decimal, seen: int) -> str:
    for power in (-3, -2, -1, 1, 2, 3):
        if ratio == Decimal(10) ** power:
            return (
                f"exponent: {currency} was sent with {gateway_exponent(gateway, currency) + power} decimals, "
                f"{gateway} counts {gateway_exponent(gateway, currency)}"
            )
    if 0 < expected - seen < 100:
        return "truncation: a part of a unit was cut off on the way to the gateway"
    return f"the charge is {ratio:.4f} times the total"
