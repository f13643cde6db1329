"""The state behind the API: one Stripe account in test mode, its tables and settings, and the request at hand."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.simkit import Table, World

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


class Account:
    """Everything the account holds. Public objects are stored as the API shows them, private facts beside them.

    intent_notes: per payment intent its charges, return URL and the state of its authentication. instruments: per
    payment method the name of the test card or the kind of bank account behind it (never a number). unpaid: by
    transaction not paid out yet its currency. payout_entries: per payout its transactions, its own first. payout_days:
    the midnights and currencies payouts are planned for. banks: where payouts go, by currency.
    """

    def __init__(self, world: World) -> None:
        self.world = world
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
        self.banks: Table = world.table("bank_accounts")
        self.customers: Table = world.table("customers")
        self.events: Table = world.table("events")
        self.replays: Table = world.table("replays")
        # Request ids differ from call to call without a write per GET: only the start of a process is counted.
        self._session = f"{world.ids.seed}:{world.ids.number('_sessions')}"
        self._requests = 0
        self._window = (0, 0)

    def setting(self, name: str, default: Any) -> Any:
        """Return a setting as it stands now."""
        value = self.world.settings.get(name)
        return default if value is None else value

    def now(self) -> int:
        """Return simulated time in whole seconds since 1970, as Stripe writes instants."""
        return self.world.clock.timestamp()

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Return a fresh id such as ``pi_3…``."""
        return f"{prefix}_{self.new_secret(prefix, length)}"

    def new_secret(self, kind: str, length: int) -> str:
        """Return fresh letters and digits, drawn from the seed and the number of this kind."""
        ids = self.world.ids
        return letters(f"{ids.seed}:{kind}:{ids.number(kind)}", length)

    def next_request_id(self) -> str:
        """Return a fresh request id."""
        self._requests += 1
        return "req_" + letters(f"{self._session}:{self._requests}", 14)

    def is_throttled(self) -> bool:
        """Count this request and say whether it is over `rate_limit_per_s` in the current simulated second."""
        limit = self.setting("rate_limit_per_s", None)
        if limit is None:
            return False
        second = self.now()
        self._window = (second, self._window[1] + 1 if self._window[0] == second else 1)
        return self._window[1] > int(limit)


def letters(source: str, length: int) -> str:
    """Return `length` letters and digits (at most 42) that are a pure function of the source."""
    digest = hashlib.blake2b(source.encode(), digest_size=32).digest()
    return base64.b64encode(digest, b"Zz")[:length].decode()
