"""What crossed the edge, and what is read out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from assay.records.order import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRule:
    """Where one operation of a vendor carries references by which a call can be attributed to an order.

    `method` and `path` (a regular expression on the path) say which calls; `strong` names fields whose value stands
    for one order or one of its documents, in the request or the answer: dotted paths into JSON or form fields (``*``
    for every element), ``path:GROUP`` for a named group of the path, ``query:NAME`` for a parameter, ``form:NAME`` for
    a form field; ``query:NAME~REGEX`` takes what the expression's one group finds in the value.
    """

    method: str
    path: str
    strong: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationRule:
    """Which calls of a vendor create something that must not be created twice, and where their key and purpose stand.

    `key` is a header's name in lower case; all others are places as in `ReferenceRule`: `purpose`, the `amount` and
    `currency` asked for, and the `customer` by e-mail address. `parts` are (name, place) of what the amount is said to
    consist of: goods, tax, shipping, handling, discount. `items` is the place of the list of lines, and `item` are
    (name, place within a line) of sku, quantity, price and tax of one piece.
    """

    kind: str
    method: str
    path: str
    key: str
    purpose: tuple[str, ...] = ()
    amount: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    customer: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    items: str = ""
    item: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that crossed the edge: masked, long bodies as hash and length, real time in UTC.

    `way` is proxy or base (the platform called out) or reverse (a webhook came in); `fault` names the fault in its way.
    """

    id: str
    at: datetime
    system: str
    way: str
    method: str
    host: str
    path: str
    query: str
    status: int
    duration_ms: int
    refused: bool
    fault: str | None = None
    request_headers: dict[str, str]
    request_body: str
    response_headers: dict[str, str]
    response_body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """What the platform sent to a carrier to buy a label: one parcel, in the units it was sent with.

    Units are the carrier's codes (KGS, LBS, CM, IN). `accepted` says whether the carrier took it.
    """

    system: str
    weight: Decimal
    weight_unit: str
    receiver: Address
    dimensions: tuple[Decimal, ...] = ()
    length_unit: str = ""
    references: tuple[str, ...] = ()
    accepted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedItem:
    """One line of what a gateway was told an amount consists of: pieces, and price and tax of one, without each other.

    Numbers are the texts that were sent.
    """

    sku: str = ""
    quantity: str = "1"
    price: str = ""
    tax: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """One call that asked a system to create something, from the journal: what kind, under which idempotency key.

    `purpose` is what tells two things apart that are both wanted: the checkout, and what was written beside it.
    `amount` is the text that was sent, a number or not; empty where the system's rule names no place for it. `parts`
    are what the amount was said to consist of, each with the text that was sent, `items` the lines of it.
    """

    system: str
    kind: str
    key: str | None
    purpose: str
    at: datetime
    status: int
    amount: str = ""
    currency: str = ""
    customer: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    items: tuple[AskedItem, ...] = ()
