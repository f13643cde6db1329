"""The state behind the API: one PayPal business account, its tables and settings, and the request at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.simkit import Table, World, from_us
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


class Business:
    """Everything the account holds.

    orders, authorizations, captures, refunds: the resources as PayPal shows them, without links. notes: per order what
    the API does not show (where the buyer returns to, what he pays by, the ids of its payments by purchase unit).
    origins: per authorisation, capture and refund the ids it came from.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = TokenDesk(world)
        self.orders: Table = world.table("orders")
        self.notes: Table = world.table("notes")
        self.authorizations: Table = world.table("authorizations")
        self.captures: Table = world.table("captures")
        self.refunds: Table = world.table("refunds")
        self.origins: Table = world.table("origins")
        self.invoices: Table = world.table("invoices")
        self.events: Table = world.table("events")
        self.replays: Table = world.table("replays")
        # Debug ids differ from call to call without a write per GET: only the start of a process is counted.
        self._session = f"{world.ids.seed}:{world.ids.number('_sessions')}"
        self._requests = 0
        self._window = (0, 0)

    def setting(self, name: str, default: Any) -> Any:
        """Return a setting as it stands now."""
        value = self.world.settings.get(name)
        return default if value is None else value

    def timestamp(self) -> int:
        """Return simulated time in whole seconds since 1970."""
        return self.world.clock.timestamp()

    def now(self) -> str:
        """Return simulated time as PayPal writes instants."""
        return written(self.timestamp())

    def new_id(self, kind: str) -> str:
        """Return a fresh id of seventeen capitals and digits."""
        ids = self.world.ids
        return symbols(f"{ids.seed}:{kind}:{ids.number(kind)}", 17)

    def next_debug_id(self) -> str:
        """Return a fresh id for support to find a call by."""
        self._requests += 1
        return hashlib.blake2b(f"{self._session}:{self._requests}".encode(), digest_size=7).hexdigest()[:13]

    def is_throttled(self) -> bool:
        """Count this request and say whether it is over `rate_limit_per_s` in the current simulated second."""
        limit = self.setting("rate_limit_per_s", None)
        if limit is None:
            return False
        second = self.timestamp()
        self._window = (second, self._window[1] + 1 if self._window[0] == second else 1)
        return self._window[1] > int(limit)

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
