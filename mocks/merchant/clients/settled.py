"""What gateways say they settled and paid out, in major units: the same words for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of the balance: charge, refund, chargeback, fee, reserve, payout or other.

    `gross` is signed and, like `fee` (above nothing: taken away), in the currency of settlement. `presented` is what
    the customer paid or got back, signed, in `ordered`; it is `gross` where nothing was converted.
    """

    gateway: str
    reference: str
    kind: str
    gross: Decimal
    fee: Decimal
    currency: str
    presented: Decimal
    ordered: str
    at: str
    payment: str | None = None
    refund: str | None = None


@dataclass(frozen=True, slots=True)
class PaidOut:
    """Money on its way to the bank, or arrived."""

    gateway: str
    reference: str
    amount: Decimal
    currency: str
