"""A shop of another make on this machine, and a project for it: what somebody who comes with their own shop has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from tests.serving import Quiet, serving

PROFILE = """\
name = "corner shop"
[scenarios]
shipped = false
[systems.my_shop]
role = "shop"
credentials = {{ token = "env:SHOP_TOKEN" }}
[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = {{ api_key = "env:STRIPE_API_KEY" }}
{more}
[environments.own]
view = "witness"
[environments.own.systems]
my_shop = {{ mode = "live", base_url = "{shop}" }}
[environments.sandbox]
view = "witness"
[environments.sandbox.systems]
my_shop = {{ mode = "live", base_url = "{shop}" }}
stripe = {{ mode = "sandbox", base_url = "{shop}" }}
[environments.production]
view = "witness"
production = true
[environments.production.systems]
my_shop = {{ mode = "live", base_url = "{shop}" }}
stripe = {{ mode = "live", base_url = "{shop}" }}
"""
CONNECTOR = '''\
"""The corner shop."""
from datetime import UTC, datetime
from assay.money import Money
from assay.records import Order
from assay.roles import ConnectorHead, ShopRefused

HEAD = ConnectorHead(vendor="my_shop", role="shop", live="https://shop.example", credentials=("token",))


class MyShop:
    def __init__(self, http, credentials):
        self._http = http

    def place(self, purchase):
        return self._call("POST", "/orders", {"email": purchase.email})["id"]

    def order(self, ref):
        return self._order(self._call("GET", f"/orders/{ref}"))

    def orders(self, since, until):
        found = [self._order(each) for each in self._call("GET", "/orders")]
        return [order for order in found if since <= order.placed_at < until]

    def _order(self, shown):
        return Order(
            system="my_shop",
            ref=shown["id"],
            number=shown["id"],
            status="paid",
            total=Money.of(shown["total"], "EUR"),
            placed_at=datetime.fromisoformat(shown["at"]),
            payment_refs=("pi_1",),
        )

    def _call(self, method, path, body=None):
        reply = self._http.request(method, path, json=body)
        if reply.status == 404:
            raise LookupError(path)
        if reply.status >= 400:
            raise ShopRefused(f"{reply.status} {reply.text}")
        return reply.json()
'''
FLOW = """\
from assay.flow import Case, Run, flow
from assay.roles import Purchase, Shop

@flow(id="buy", title="Buy", cases=[Case("eur", Purchase(currency="EUR", lines=(("1", 1),), email="a@example.com"))])
def buy(run: Run, shop: Shop) -> None:
    run.buy(shop)
"""


@dataclass
class Corner:
    """A shop of another make on this machine.

    `answers` replaces what a path says, `ahead` puts its clock forward, `on_order` is what it does for its vendors
    when it sells.
    """

    url: str = ""
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    ahead: timedelta = timedelta(0)
    on_order: Callable[[], object] = lambda: None

    def answer(self, method: str, path: str) -> tuple[int, str]:
        """Return status and body."""
        if path in self.answers:
            return self.answers[path]
        if (method, path) == ("POST", "/orders"):
            self.on_order()
            made = {"id": f"W-{len(self.orders) + 1}", "total": "12.50", "at": datetime.now(UTC).isoformat()}
            self.orders[made["id"]] = made
            return 201, json.dumps(made)
        if path == "/orders":
            return 200, json.dumps(list(self.orders.values()))
        found = self.orders.get(path.removeprefix("/orders/"))
        return (200, json.dumps(found)) if found else (404, "{}")


@contextmanager
def opened() -> Iterator[Corner]:
    """The shop, listening."""
    shop = Corner()

    class Handler(Quiet):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            status, body = shop.answer(self.command, self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = _any  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + shop.ahead, usegmt=True)

    with serving(Handler) as shop.url:
        yield shop


def write_project(folder: Path, profile: str) -> None:
    """Write profile, connector and flow."""
    for name, text in (("assay.toml", profile), ("connectors/my_shop.py", CONNECTOR), ("scenarios/buy.py", FLOW)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
