"""Money after the charge: what gateways settle and pay out, what banks state, what books and reports say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from assay.money import Money
from assay.records.held import MinorAmount


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceEntry:
    """One movement of the balance a gateway holds for the merchant; amounts count in the gateway's minor units.

    `kind`: charge, refund, chargeback, fee, payout, reserve, adjustment, conversion or other; the last five have no
    order. `gross`, `fee` and `net` are in one settlement currency; gross and net are signed (a refund is negative), a
    fee is what was taken away (negative where it was given back). `presented` is the amount in the currency the
    customer paid in, `rate` what one unit of that currency was worth in the settlement currency, both in major units;
    None where nothing was converted. `payout_ref` is None until it is paid out.
    """

    system: str
    ref: str
    kind: str
    gross: MinorAmount
    fee: MinorAmount
    net: MinorAmount
    created_at: datetime
    payment_ref: str | None = None
    refund_ref: str | None = None
    order_ref: str | None = None
    presented: MinorAmount | None = None
    rate: Decimal | None = None
    payout_ref: str | None = None
    available_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """Money a gateway sends to the merchant's bank; `status`: pending, in_transit, paid, failed or cancelled."""

    system: str
    ref: str
    amount: MinorAmount
    status: str
    created_at: datetime
    arrives_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line of an ERP's journal entry, debits positive and credits negative.

    `entry` is the entry's number, `account` the ERP's own, `purpose` what it stands for: receivable, revenue, tax,
    clearing (money at a gateway), fee, bank, refund, rate_difference or other. `amount` is in the currency of the
    transaction, `company` the same in the company's. `reference` is what the shop wrote on the entry: an order's
    number, a gateway's or a payout's reference.
    """

    system: str
    entry: str
    account: str
    purpose: str
    amount: Money
    company: Money
    posted_on: date
    reference: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One line of a bank statement as the shop read it: credits positive."""

    system: str
    ref: str
    amount: Money
    booked_on: date
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A sum the platform tells a report, a CRM or a marketing tool: revenue of a span, in the currency it claims.

    `per_currency` holds the parts it is said to be made of, where the platform shows them.
    """

    system: str
    name: str
    total: Money
    since: datetime
    until: datetime
    per_currency: tuple[Money, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsEvent:
    """What the platform told an analytics or marketing tool of an order."""

    name: str
    order_ref: str
    value: Money
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMovement:
    """Store credit that came or went: negative where an order was paid with it."""

    amount: Money
    order_ref: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Displayed:
    """An amount as text, as a customer reads it: where, in which language (``de``, ``fr-CH``), and what it stands for.

    `read_back` is what the shop made of the very text when it was typed in; None where nobody typed it in.
    """

    place: str
    text: str
    language: str
    amount: Money
    read_back: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOption:
    """One way to pay that a shop offers for a cart: its kind (card, paypal, invoice …) and who takes the money."""

    kind: str
    gateway: str | None = None
