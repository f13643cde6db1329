"""What every way of F01 is made of: walking to a full cart, typing in a card, pressing the button, seeing what came."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from assay.errors import UsageError
from assay.flow import Run
from assay.roles import Cancels, Card, Cardholder, Payments, Purchase, ShopRefused, Storefront, Submission, Tokeniser

GOOD, SECURE, BAD = "4242424242424242", "4000000000003220", "4000000000000002"
"""Stripe's published test numbers (https://docs.stripe.com/testing): pays, asks the bank first, is declined."""
_NAMED = {GOOD: "pm_card_visa", SECURE: "pm_card_threeDSecure2Required", BAD: "pm_card_chargeDeclined"}
_TAKE_BACK: tuple[str, dict[str, Any]] = ("cancel_order", {"reason": "a test order of Assay"})
_CLOCKS_DIFFER = timedelta(minutes=1)
_noting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Checkout:
    """A full cart and everybody who has to do with it."""

    run: Run
    shop: Storefront
    payments: Payments
    cart: str
    customer: str | None = None

    def press(self, number: str = GOOD) -> Submission:
        """Type in a card and press the button that buys."""
        return self.pay_with(self.card(number))

    def pay_with(self, method: str) -> Submission:
        """Press the button with a card that is typed in already; what comes of it can be taken back, answer or not."""
        with self.run.creates("shop", "order", self.run.case.purchase.email, _TAKE_BACK) as intent:
            answer = self.shop.submit(self.cart, method)
            if answer.status == "ordered" and answer.order_ref is not None:
                intent.done(answer.order_ref)
                _bought_once(self.run, answer.order_ref)
        return answer

    def card(self, number: str) -> str:
        """Hand a card to the gateway's own form, its holder named after this run; a test name where it has no form."""
        wanted = self.run.case.purchase
        if not isinstance(self.payments, Tokeniser):
            return _NAMED[number]
        card = Card(number=number, holder=self.run.holder)
        return self.payments.tokenise(card, postcode=wanted.postcode, country=wanted.country)

    def to_the_bank(self) -> str:
        """Press with a card that needs the bank; return the address of the bank's page."""
        answer = self.press(SECURE)
        if answer.status != "requires_action" or answer.redirect_url is None:
            raise ShopRefused(f"expected to be sent to the bank, was told '{answer.status}': {answer.text}")
        return answer.redirect_url

    def at_the_bank(self, page: str, *, passes: bool) -> str:
        """Pass or fail on the bank's page; return the link back to the shop."""
        if not isinstance(self.payments, Cardholder):
            raise UsageError(
                "nobody can stand in for the cardholder at this gateway's bank page",
                expected="a gateway connector with the verb authenticate(page, passes)",
                hint="give the connector that verb, or leave the cases with a bank's page out",
            )
        return self.payments.authenticate(page, passes=passes)


def come_later(run: Run, after: timedelta) -> None:
    """Let the shop be open for so long before the customer comes, where the runner lends its clock; none, at once."""
    if after and run.operator is not None:
        # Once a day is enough meanwhile: every run of a job is a stop of the clock. The last day is one as usual, so
        # that whoever comes next finds jobs that run as often as they ever did.
        with run.configured("merchant", rates_interval_s=86400, stock_interval_s=86400):
            run.pass_time(after - timedelta(days=1))
        run.pass_time(timedelta(days=1))


def fill_cart(
    run: Run, shop: Storefront, wanted: Purchase, *, customer: str | None = None, cart: str | None = None
) -> str:
    """Walk from the product pages to a cart that is ready to be paid, noting every amount shown; return the cart.

    cart: one that was opened already, in a store whose product pages the connector does not show.
    """
    with run.step("browse"):
        for sku, _ in wanted.lines:
            page = shop.article(sku, wanted.currency)
            if page.price is None:
                raise ShopRefused(f"{sku} is not sold in {wanted.currency}")
            if cart is None:
                run.saw(f"product {sku}", page.price)
    with run.step("fill the cart"):
        cart = cart or shop.open_cart(wanted.currency, customer=customer)
        for sku, quantity in wanted.lines:
            shop.put_in(cart, sku, quantity)
        if wanted.coupon:
            shop.use_coupon(cart, wanted.coupon)
    with run.step("say where it goes"):
        shop.deliver_to(cart, wanted)
    with run.step("choose how it is sent"):
        offers = shop.shipping_offers(cart)
        if not offers:
            raise ShopRefused(f"no way is offered to send it to {wanted.country}")
        if wanted.extra.get("ship") != "standard":
            cheapest = min(offers, key=lambda offer: offer.price.minor)
            shop.choose_shipping(cart, cheapest.ref)
        total = shop.basket(cart).total
        run.saw("cart", total)
        run.saw("checkout", total)
    return cart


def adopt(run: Run, answer: Submission) -> Submission:
    """Remember what an answer told the customer, and the order it tells of, once; return the answer."""
    run.told(answer.status)
    return _remember(run, answer)


def _remember(run: Run, answer: Submission) -> Submission:
    if answer.status == "ordered" and answer.order_ref is not None:
        if answer.order_ref not in run.order_refs:
            with run.creates("shop", "order", run.case.purchase.email, _TAKE_BACK) as intent:
                intent.done(answer.order_ref)
            _bought_once(run, answer.order_ref)
        if answer.total is not None and (answer.order_ref, "confirmation", answer.total) not in run.shown:
            run.saw("confirmation", answer.total, order=answer.order_ref)
    return answer


def _bought_once(run: Run, ref: str) -> None:
    with _noting:  # two fingers may press at once
        if ref not in run.order_refs:
            run.bought(ref)


def orders_before(run: Run, shop: Storefront) -> frozenset[str]:
    """Return what this customer has bought lately: in production they are a known one, and buy again and again."""
    if not isinstance(shop, Cancels):
        return frozenset()
    return frozenset(shop.find_by_marker(run.case.purchase.email, run.surroundings.now() - _CLOCKS_DIFFER))


def adopt_all(run: Run, shop: Storefront, since: datetime, before: frozenset[str]) -> list[str]:
    """Remember every order in this customer's name, also those nobody told them of; return their references."""
    if isinstance(shop, Cancels):
        for ref in shop.find_by_marker(run.case.purchase.email, since - _CLOCKS_DIFFER):
            if ref not in before:
                _remember(run, Submission(status="ordered", order_ref=ref))
    return run.order_refs


def in_background(workers: Executor, press: Any) -> Future[Submission]:
    """Press while this thread goes on; the calls still belong to this run."""
    return workers.submit(contextvars.copy_context().run, press)


def see_each(run: Run, refs: Sequence[str], look: Callable[[str], object], *, within: str) -> None:
    """Look at each order until what is looked for is there, at most as long as systems of that role may take."""
    for ref in refs:
        run.eventually(partial(look, ref), within=within)
