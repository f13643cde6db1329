"""A payment gateway: what it holds, what it gives back, what it settles, and its own forms and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from assay.records import BalanceEntry, Call, MinorAmount, Payment, Payout


@runtime_checkable
class Payments(Protocol):
    """A payment gateway."""

    def payment(self, ref: str) -> Payment:
        """Return one payment; `LookupError` when unknown."""

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Return all payments created in [since, until), every page of them."""


@runtime_checkable
class HearsPayments(Protocol):
    """A gateway that cannot be asked at once, and whose own signed words are in the journal."""

    def payments_told(self, calls: Sequence[Call]) -> Sequence[Payment]:
        """Return the payments that signed notifications among these calls tell of, oldest first."""


@runtime_checkable
class Refunds(Protocol):
    """A gateway that gives money back."""

    def refund(self, payment_ref: str, key: str) -> None:
        """Give back all that is still held of a payment, or void what was never captured.

        The same key again does nothing more, nor does a payment of which nothing is held. Raises `LookupError` for an
        unknown payment, `UndoRefused` when the gateway will not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a customer types in to pay: numbers of the gateway's published test range, and marks unique to the run.

    The marks (holder, CVC) are what a search for leaked card data looks for.
    """

    number: str
    holder: str
    cvc: str = "314"
    expires: tuple[int, int] = (12, 2034)


@runtime_checkable
class Tokeniser(Protocol):
    """A gateway whose own form turns card data into a token, so that the shop never sees them."""

    def tokenise(self, card: Card, *, postcode: str | None = None, country: str | None = None) -> str:
        """Hand card data to the gateway; return the payment method's token; `UsageError` without a publishable key."""


@runtime_checkable
class Debits(Protocol):
    """A gateway whose own form takes a bank account for direct debit."""

    def tokenise_debit(self, iban: str, *, holder: str, email: str) -> str:
        """Hand a bank account to the gateway with the publishable key; return the payment method's token.

        `UsageError` where no publishable key is given.
        """


@runtime_checkable
class Cardholder(Protocol):
    """A gateway's bank page, where a stand-in for the cardholder can press a button (simulators alone)."""

    def authenticate(self, redirect_url: str, *, passes: bool) -> str:
        """Pass or fail the authentication; return the link by which the browser goes back to the shop."""


@runtime_checkable
class RefundsInPart(Protocol):
    """A gateway whose console gives back part of a payment."""

    def refund_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Give back that much of a payment, as somebody at the gateway's own console does; the same key acts once.

        Raises `LookupError` for an unknown payment, `UndoRefused` when the gateway will not.
        """


@runtime_checkable
class CapturesInPart(Protocol):
    """A gateway whose console takes part of an authorised payment, behind the shop's back."""

    def capture_part(self, payment_ref: str, amount: MinorAmount, key: str) -> None:
        """Take that much of an authorised payment, as somebody at the gateway's own console does; once a key.

        Raises `LookupError` for an unknown payment, `UndoRefused` when the gateway will not.
        """


@runtime_checkable
class Settles(Protocol):
    """A gateway that says what it settled and paid out."""

    def balance_entries(self, since: datetime, until: datetime) -> Sequence[BalanceEntry]:
        """Return every movement of the balance made in [since, until), every page of them."""

    def payouts(self, since: datetime, until: datetime) -> Sequence[Payout]:
        """Return every payout begun in [since, until), every page of them."""
