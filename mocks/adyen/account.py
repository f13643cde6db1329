"""The state behind the API: one Adyen merchant account in test, its payments and settings, and the request at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assay.simkit import Table, VendorAccount, World

Document = dict[str, Any]

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Request:
    """One authorised request: its JSON object and the ids of its path."""

    body: Document
    path: Mapping[str, str]


class Account(VendorAccount):
    """Everything the account holds.

    payments: by pspReference; amounts in Adyen's minor units; never a card number. modifications: by their own
    pspReference. redirects: by token, what a shopper sent away will come back with. replays: answers by idempotency
    key. unsettled: entries waiting for a batch. closings: the midnights a batch is planned for. carried: debts for the
    next batch, by currency. reports: the text of each report by its name.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.payments: Table = world.table("payments")
        self.modifications: Table = world.table("modifications")
        self.redirects: Table = world.table("redirects")
        self.references: Table = world.table("references")
        self.unsettled: Table = world.table("unsettled")
        self.closings: Table = world.table("closings")
        self.carried: Table = world.table("carried")
        self.reports: Table = world.table("reports")
        self.replays: Table = world.table("replays")

    def now(self) -> int:
        """Return simulated time in whole seconds since 1970."""
        return self.timestamp()

    def in_seconds(self, seconds: float, job: str, payload: Any) -> None:
        """Have a job run that many simulated seconds from now."""
        self.world.at(self.world.now() + timedelta(seconds=seconds), job, payload)

    def new_reference(self) -> str:
        """Return a fresh pspReference: 16 capital letters and digits."""
        return self.new_token("psp", 16)

    def new_token(self, kind: str, length: int) -> str:
        """Return fresh capital letters and digits, drawn from the seed and the number of this kind."""
        ids = self.world.ids
        source = f"{ids.seed}:{kind}:{ids.number(kind)}".encode()
        value = int.from_bytes(hashlib.blake2b(source, digest_size=64).digest())
        drawn = []
        for _ in range(length):
            value, rest = divmod(value, len(_LETTERS))
            drawn.append(_LETTERS[rest])
        return "".join(drawn)

    def update(self, payment: Document, **changes: Any) -> Document:
        """Store a payment with these fields changed and return it."""
        changed = {**payment, **changes}
        self.payments[changed["pspReference"]] = changed
        return changed
