"""The state behind the API: one PayPal business account, its tables and settings, and the request at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.simkit import Table, VendorAccount, World, from_us
from assay.simkit.oauth import TokenDesk

Document = dict[str, Any]

CLIENTS = {"assay-client": "assay-secret"}
PAYEE = {"email_address": "shop@business.example.com", "merchant_id": "2ASSAYMERCHNT"}
PAYER = {
    "payer_id": "ASSAYBUYER222",
    "email_address": "buyer@personal.example.com",
    "given_name": "Anna",
    "surname": "Ballmann",
    "country_code": "DE",
    "address": {
        "address_line_1": "Hauptstr. 5",
        "admin_area_2": "Berlin",
        "postal_code": "10115",
        "country_code": "DE",
    },
}
_SYMBOLS = "ABCDEFGHJKLMNPRSTUVWXY0123456789"


@dataclass(frozen=True, slots=True)
class Request:
    """One authorised request: its JSON body (empty where none was sent) and the ids of its path."""

    body: Mapping[str, Any]
    path: Mapping[str, str]
    request_id: str | None = None
    query: Mapping[str, str] | None = None


class Business(VendorAccount):
    """Everything the account holds.

    orders, authorizations, captures, refunds: the resources as PayPal shows them, without links. notes: per order what
    the API does not show (where the buyer returns to, what he pays by, the ids of its payments by purchase unit).
    origins: per authorisation, capture and refund the ids it came from. movements: what transaction search reports, by
    id. balances: what is held, by currency. transfers: the midnights and currencies transfers are planned for.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.tokens = TokenDesk(world)
        self.orders: Table = world.table("orders")
        self.notes: Table = world.table("notes")
        self.authorizations: Table = world.table("authorizations")
        self.captures: Table = world.table("captures")
        self.refunds: Table = world.table("refunds")
        self.origins: Table = world.table("origins")
        self.movements: Table = world.table("movements")
        self.balances: Table = world.table("balances")
        self.transfers: Table = world.table("transfers")
        self.invoices: Table = world.table("invoices")
        self.events: Table = world.table("events")
        self.replays: Table = world.table("replays")

    def now(self) -> str:
        """Return simulated time as PayPal writes instants."""
        return written(self.timestamp())

    def new_id(self, kind: str) -> str:
        """Return a fresh id of seventeen capitals and digits."""
        ids = self.world.ids
        return symbols(f"{ids.seed}:{kind}:{ids.number(kind)}", 17)

    def next_debug_id(self) -> str:
        """Return a fresh id for support to find a call by."""
        return hashlib.blake2b(self.next_request().encode(), digest_size=7).hexdigest()[:13]

    def link(self, path: str, rel: str, method: str = "GET") -> Document:
        """Return a link to one of the API's own addresses."""
        base = str(self.setting("api_base_url", "https://api-m.paypal.com"))
        return {"href": f"{base}{path}", "rel": rel, "method": method}


def written(seconds: int) -> str:
    """Return an instant as PayPal writes it: UTC to the second."""
    instant: datetime = from_us(seconds * 1_000_000)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def symbols(source: str, length: int) -> str:
    """Return capitals and digits that are a pure function of the source."""
    value = int.from_bytes(hashlib.blake2b(source.encode(), digest_size=32).digest())
    letters = []
    for _ in range(length):
        value, rest = divmod(value, len(_SYMBOLS))
        letters.append(_SYMBOLS[rest])
    # An id is never only digits; the first place makes sure of it.
    return "".join([_SYMBOLS[value % 22], *letters[1:]])
