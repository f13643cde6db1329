"""What gateways say they settled and paid out, in major units: the same words for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of the balance: charge, refund (either reversed), chargeback, fee, payout or other.

    `gross` is signed and, like `fee` (above nothing: taken away), in the currency of settlement. `presented` is what
    the customer paid or got back, signed, in `ordered`; it is `gross` where nothing was converted. `number` is the
    order's, where the gateway repeats it; `text` what it calls the movement where that is not its reference.
    """

    gateway: str
    reference: str
    kind: str
    gross: Decimal
    fee: Decimal
    currency: str
    presented: Decimal
    ordered: str
    payment: str | None = None
    refund: str | None = None
    number: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class PaidOut:
    """Money on its way to the bank, or arrived."""

    gateway: str
    reference: str
    amount: Decimal
    currency: str
