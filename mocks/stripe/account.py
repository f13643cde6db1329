"""The state behind the API: one Stripe account in test mode, its tables and settings, and the request at hand."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.simkit import Table, VendorAccount, World

Document = dict[str, Any]

API_VERSION = "2023-08-16"


@dataclass(frozen=True, slots=True)
class Request:
    """One authorised request with its parameters read; `path` holds the ids of the URL."""

    id: str
    idempotency_key: str | None
    parameters: Mapping[str, Any]
    path: Mapping[str, str]
    publishable: bool = False


class Account(VendorAccount):
    """Everything the account holds. Public objects are stored as the API shows them, private facts beside them.

    intent_notes: per payment intent its charges, return URL and the state of its authentication. instruments: per
    payment method the name of the test card or the kind of bank account behind it (never a number). unpaid: by
    transaction not paid out yet its currency. payout_entries: per payout its transactions, its own first. payout_days:
    the midnights and currencies payouts are planned for. banks: where payouts go, by currency.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.intents: Table = world.table("payment_intents")
        self.intent_notes: Table = world.table("intent_notes")
        self.methods: Table = world.table("payment_methods")
        self.instruments: Table = world.table("instruments")
        self.charges: Table = world.table("charges")
        self.charge_refunds: Table = world.table("charge_refunds")
        self.refunds: Table = world.table("refunds")
        self.transactions: Table = world.table("balance_transactions")
        self.unpaid: Table = world.table("unpaid")
        self.payouts: Table = world.table("payouts")
        self.payout_entries: Table = world.table("payout_entries")
        self.payout_days: Table = world.table("payout_days")
        self.disputes: Table = world.table("disputes")
        self.banks: Table = world.table("bank_accounts")
        self.customers: Table = world.table("customers")
        self.events: Table = world.table("events")
        self.replays: Table = world.table("replays")

    def now(self) -> int:
        """Return simulated time in whole seconds since 1970, as Stripe writes instants."""
        return self.timestamp()

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Return a fresh id such as ``pi_3…``."""
        return f"{prefix}_{self.new_secret(prefix, length)}"

    def new_secret(self, kind: str, length: int) -> str:
        """Return fresh letters and digits, drawn from the seed and the number of this kind."""
        ids = self.world.ids
        return letters(f"{ids.seed}:{kind}:{ids.number(kind)}", length)

    def next_request_id(self) -> str:
        """Return a fresh request id."""
        return "req_" + letters(self.next_request(), 14)


def letters(source: str, length: int) -> str:
    """Return `length` letters and digits (at most 42) that are a pure function of the source."""
    digest = hashlib.blake2b(source.encode(), digest_size=32).digest()
    return base64.b64encode(digest, b"Zz")[:length].decode()
