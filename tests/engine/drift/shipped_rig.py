"""The reference landscape under what customers and the shop's people do, and its shipped pairs compared by the command.

One landscape for a module: what one test leaves behind lies outside the window of the next, for time passes between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from assay.cli import cli
from assay.local.clock import LandscapeClock
from assay.local.plan import MERCHANT, Plan
from assay.local.processes import admin
from assay.roles import Purchase
from assay.roles.gateway import Card
from assay.runners.session import Session
from tests.engine.reference_landscape import reference_landscape

CARD = "pm_card_visa"
TEN_AT_NIGHT = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)
"""Half an hour before midnight in Paris, where the books are kept, and two hours before it in UTC."""


@dataclass
class Stage:
    """A landscape that is up, seen as customers, the shop's people and whoever compares see it."""

    folder: Path
    plan: Plan
    session: Session

    @property
    def shop(self) -> Any:
        """The shop, by its connector."""
        return self.session.landscape.by_role("shop")

    def port(self) -> int:
        """Return where the merchant listens."""
        port = self.plan.home.read().port(MERCHANT, MERCHANT)
        assert port is not None
        return port

    def switch(self, *, on: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> None:
        """Switch defects of the merchant."""
        admin(self.port(), "POST", "defects", {"on": list(on), "off": list(off)})

    @contextmanager
    def settings(self, **changed: Any) -> Iterator[None]:
        """Let the merchant have other settings for a while."""
        before = admin(self.port(), "POST", "settings", {})["settings"]
        admin(self.port(), "POST", "settings", changed)
        yield
        admin(self.port(), "POST", "settings", {name: before[name] for name in changed})

    def buy(self, currency: str = "EUR", *lines: tuple[str, int], at: str = CARD, **more: Any) -> str:
        """Buy as somebody, and return the shop's reference of the order; at: a card of Stripe's, paypal or adyen."""
        store, customer = more.pop("store", None), more.pop("customer", None)
        given = {"email": "someone@example.com", "lines": lines or (("0018", 1),), "currency": currency, **more}
        bought = Purchase(**given)
        cart = self._cart(currency, store) if store else self.shop.open_cart(currency, customer=customer)
        for sku, quantity in bought.lines:
            self.shop.put_in(cart, sku, quantity)
        if bought.coupon:
            self.shop.use_coupon(cart, bought.coupon)
        self.shop.deliver_to(cart, bought)
        answer = self._pay(cart, at)
        assert answer.order_ref is not None, answer
        return str(answer.order_ref)

    def _cart(self, currency: str, store: str) -> str:
        with httpx.Client(trust_env=False) as http:
            answer = http.post(f"http://127.0.0.1:{self.port()}/api/carts", json={"currency": currency, "store": store})
        return str(answer.raise_for_status().json()["id"])

    def _pay(self, cart: str, at: str) -> Any:
        if at in ("paypal", "invoice"):
            answer = self.shop.submit_as(cart, at)
        else:
            answer = self.shop.submit(cart, self._token(at))
        if answer.status == "requires_action":
            gateway = self.session.landscape.connectors[at]
            answer = self.shop.come_back(gateway.authenticate(answer.redirect_url, passes=True))
        return answer

    def _token(self, at: str) -> str:
        if at != "adyen":
            return at
        card = Card(number="4111111111111111", holder="Zoe Muster", cvc="737", expires=(3, 2030))
        return str(self.session.landscape.connectors["adyen"].tokenise(card, postcode="75002", country="FR"))

    def rest(self, **span: float) -> None:
        """Let everybody finish, time pass, and everybody finish what it brought."""
        self.session.settle()
        if span:
            self.session.pass_time(timedelta(**span))
            self.session.settle()

    def night(self) -> None:
        """Let it be shortly before the next midnight of the books."""
        now = self.clock.read().now
        wanted = now.replace(hour=22, minute=30, second=0, microsecond=0)
        self.rest(seconds=((wanted - now) % timedelta(days=1)).total_seconds() + 1)

    @property
    def clock(self) -> LandscapeClock:
        """The landscape's clock."""
        return LandscapeClock(self.plan.home.clock)

    def compare(self, pair: str, *more: str) -> dict[str, Any]:
        """Compare a shipped pair as a user does, by the command, and return what it says; `code` is how it ended."""
        profile = str(self.folder / "assay.toml")
        done = CliRunner().invoke(
            cli, ["drift", "records", pair, "--env", "local", "--profile", profile, "--json", "--show", "200", *more]
        )
        assert done.stdout.startswith("{"), done.output
        (found,) = json.loads(done.stdout)["pairs"]
        return {**found, "code": done.exit_code}


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Bring the reference landscape up in a folder that holds the reference profile and nothing else."""
    with reference_landscape(folder) as (plan, session):
        yield Stage(folder, plan, session)


def told(found: dict[str, Any]) -> dict[str, set[str]]:
    """Return which fields differ of each record that is listed, by its class."""
    classes: dict[str, set[str]] = {}
    for each in found["differences"]:
        classes.setdefault(each["class"], set()).update(field["field"] for field in each["fields"])
    return classes
