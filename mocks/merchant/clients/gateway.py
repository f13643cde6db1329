"""What the shop asks of any payment gateway, and how it takes down what the gateway says.

Each gateway's client turns its own words into these: `PaymentState.status` is one of requires_action (the customer has
to go somewhere), requires_confirmation (the customer agreed, the money is not taken), requires_payment_method,
processing (a bank decides), requires_capture, capturing (asked for, told later), succeeded, canceling (asked for, told
later) and canceled. Amounts are whole numbers of the gateway's own smallest unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """One line as a gateway is told: pieces, and price and tax of each, in major units."""

    name: str
    sku: str
    quantity: int
    price: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What an amount consists of, in major units; the parts less the discount are the amount."""

    items: tuple[Item, ...]
    item_total: Decimal
    tax_total: Decimal
    shipping: Decimal
    handling: Decimal
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a customer is to pay, and for what.

    `method` is what the gateway's own form handed over. `manual`: the money is only held, and captured later. `purpose`
    is empty for the order itself, else says what else is paid (the number of an edit).
    """

    units: int
    currency: str
    kind: str
    method: str | None
    manual: bool
    checkout_id: str
    order_id: str
    number: str
    email: str
    return_url: str
    address: Mapping[str, Any] | None = None
    ip: str = "127.0.0.1"
    purpose: str = ""
    amount: Decimal = Decimal(0)
    breakdown: Breakdown | None = None

    @property
    def reference(self) -> str:
        """The order's number, or that of its edit, as gateways that take one reference are told."""
        return f"{self.number}-E{self.purpose}" if self.purpose else self.number


@dataclass(frozen=True, slots=True)
class PaymentState:
    """How a payment stands at its gateway.

    `answer` is what the gateway said; of it, only what `stored_gateway_answer` lets through is kept. `told_as` is the
    gateway's id of a capture or cancellation whose outcome it tells later.
    """

    gateway: str
    reference: str
    status: str
    units: int
    currency: str
    received: int = 0
    purpose: str = ""
    redirect: str | None = None
    postcode_check: str | None = None
    told_as: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment the shop wrote down: the gateway's reference, the currency, and what it kept of the answer."""

    reference: str
    currency: str
    kept: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RefundState:
    """How a refund stands: pending, succeeded, failed or canceled.

    `payment` is the gateway's reference of what is given back, `refund_id` the shop's own id if the gateway knows it.
    """

    gateway: str
    reference: str
    status: str
    units: int
    currency: str
    payment: str = ""
    refund_id: str = ""


@dataclass(frozen=True, slots=True)
class Declined(Exception):
    """The bank or the gateway refused the payment; with a state where the payment stays and may be tried again."""

    code: str
    message: str
    state: PaymentState | None = None


class Gateway(Protocol):
    """A payment gateway. Every call may raise `Refused` or `Unreachable`; the same key never acts twice."""

    name: str
    can_be_asked: bool
    """Whether a payment's state can be read; otherwise the gateway's own word, when it comes, is all there is."""
    confirms_again: bool
    """Whether a declined payment is tried again with another method; otherwise a further try is another payment."""

    def create(self, purchase: Purchase, key: str) -> PaymentState:
        """Begin a payment and take or hold the money if nothing more is needed. Raises `Declined`."""

    def confirm(self, reference: str, purchase: Purchase, key: str) -> PaymentState:
        """Try a declined payment again with another method. Raises `Declined`."""

    def returned(self, reference: str, query: Mapping[str, str], *, manual: bool) -> PaymentState:
        """Finish a payment whose customer came back with this query, or agreed elsewhere. Raises `Declined`."""

    def retrieve(self, reference: str) -> PaymentState:
        """Return how a payment stands; only where the gateway can be asked."""

    def give_up(self, reference: str, key: str) -> PaymentState:
        """End a payment nobody finished, unless the money was taken meanwhile; return how it stands then."""

    def capture(self, taken: Taken, units: int, key: str) -> PaymentState:
        """Capture that much of what is held; the rest is released."""

    def cancel(self, taken: Taken, key: str) -> PaymentState:
        """Release what is held and was not captured."""

    def refund(self, taken: Taken, units: int, refund_id: str, order_id: str, key: str) -> RefundState:
        """Give that much back."""

    def retrieve_refund(self, reference: str) -> RefundState:
        """Return how a refund stands; only where the gateway can be asked."""

    def close(self) -> None:
        """Close the connections."""
