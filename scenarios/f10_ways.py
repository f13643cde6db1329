"""How a payment begins and how it ends: one function each, chosen by a case's ``extra["paying"]`` and ``extra["end"]``.

The beginnings act as the customer does and return the order's reference; the ends let time pass, or act as the shop's
people or somebody at the gateway's own console, and say what ought to have come of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from assay.errors import UsageError
from assay.exponents import to_gateway_units
from assay.flow import Run
from assay.records import MinorAmount, Payment
from assay.roles import Cancels, CapturesInPart, Debits, ShopRefused, Storefront, TakesOtherMoney
from scenarios.buying import (
    PAYPAL,
    Gateways,
    attempt,
    cardholder,
    gateway_of,
    pay,
    payments_of,
    see_captured,
)
from scenarios.f01_steps import BAD, SECURE, Checkout, adopt, come_later
from scenarios.f06_ways import third_of
from scenarios.innocent_steps import TO_THE_SHELF, ordered

ON_SHIPMENT = {"capture": "on_shipment"}
_BOUNCES = "DE62370400440532013001"
"""Stripe's published test account whose debits come back (https://docs.stripe.com/payments/sepa-debit)."""
_UNDECIDED = ("open", "pending")
_BANK_ANSWERS = timedelta(days=7)
_HEARS_OF_IT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Paying:
    """A customer with a full cart, and everybody who has to do with their payment."""

    run: Run
    shop: Storefront
    gateways: Gateways
    cart: str

    @property
    def gateway(self) -> str:
        """The gateway the case pays at."""
        return self.run.case.purchase.extra["gateway"]

    def payments(self, ref: str) -> list[Payment]:
        """Return what gateways hold of an order."""
        return payments_of(self.run, self.shop.order(ref), self.gateways)


def at_once(paying: Paying) -> str:
    """Pay, and read the confirmation."""
    return pay(paying.run, paying.shop, paying.gateways, paying.cart)


def secure(paying: Paying) -> str:
    """Pay with a card whose bank wants to see its holder first."""
    return pay(paying.run, paying.shop, paying.gateways, paying.cart, number=SECURE)


def returns_twice(paying: Paying) -> str:
    """Pay at the bank's or at PayPal's page, and follow its link back to the shop twice."""
    run, shop = paying.run, paying.shop
    gateway = gateway_of(run, paying.gateways)
    if paying.gateway == PAYPAL:
        page = _other(shop).submit_as(paying.cart, "paypal").redirect_url or ""
    else:
        page = Checkout(run, shop, gateway, paying.cart).to_the_bank()
    back = cardholder(gateway, paying.gateway).authenticate(page, passes=True)
    first, again = (adopt(run, shop.come_back(back)) for _ in range(2))
    run.check(first.order_ref == again.order_ref, "the same link leads to the same order")
    return ordered(run, again)


def declined(paying: Paying) -> str:
    """Try a card that is declined, then one that pays."""
    answer = attempt(paying.run, paying.shop, paying.gateways, paying.cart, number=BAD)
    paying.run.check(answer.status == "declined", f"the customer is told of the decline, not '{answer.status}'")
    return at_once(paying)


def fails_at_bank(paying: Paying) -> str:
    """Fail, or think better of it, on the page one is sent to; come back and pay after all."""
    answer = attempt(paying.run, paying.shop, paying.gateways, paying.cart, number=SECURE, passes=False)
    paying.run.check(answer.status == "declined", f"the customer is told that nothing was paid, not '{answer.status}'")
    return at_once(paying)


def debit(paying: Paying) -> str:
    """Pay by direct debit from an account from which nothing can be had."""
    gateway, wanted = gateway_of(paying.run, paying.gateways), paying.run.case.purchase
    if not isinstance(gateway, Debits):
        raise ShopRefused("this gateway takes no direct debit here (Debits)")
    method = gateway.tokenise_debit(_BOUNCES, holder=wanted.name, email=wanted.email)
    return ordered(paying.run, _other(paying.shop).submit_as(paying.cart, "sepa", payment_method=method))


def captured(paying: Paying, ref: str) -> None:
    """See the money captured."""
    see_captured(paying.run, paying.shop, paying.gateways, ref)


def shipped(paying: Paying, ref: str) -> None:
    """See the money held, and captured when the goods leave."""
    _see_held(paying, ref)
    paying.run.pass_time(TO_THE_SHELF)
    see_captured(paying.run, paying.shop, paying.gateways, ref)
    with paying.run.step("the shop shows it paid"):
        paying.run.eventually(lambda: paying.shop.order(ref).payment_status == "paid", within="payments")


def voided(paying: Paying, ref: str) -> None:
    """Cancel before anything leaves; see the hold given up and nothing captured."""
    run, shop = paying.run, paying.shop
    _see_held(paying, ref)
    with run.step("cancel"):
        if not isinstance(shop, Cancels):
            raise ShopRefused("the shop's connector cancels nothing (Cancels)")
        run.cancel_asked = True
        shop.cancel_order(ref, "changed my mind")
    with run.step("the hold is given up"):
        run.eventually(lambda: shop.order(ref).payment_status == "voided", within="payments")
        run.eventually(lambda: all(each.phase == "voided" for each in paying.payments(ref)), within="payments")
        run.check(not any(each.captured.minor for each in paying.payments(ref)), "nothing was captured")


def less(paying: Paying, ref: str) -> None:
    """Somebody captures a third at the gateway's console, which the gateway tells the shop: that pays no order."""
    run, shop = paying.run, paying.shop
    _see_held(paying, ref)
    with run.step("a third is captured at the console"):
        gateway = gateway_of(run, paying.gateways)
        if not isinstance(gateway, CapturesInPart):
            raise UsageError(
                "nobody can use this gateway's console",
                expected="a gateway connector with the verb capture_part(payment, amount, key)",
                hint="give the connector that verb, or leave the cases from the console out",
            )
        order, name = shop.order(ref), paying.gateway
        third = third_of(order.total, name)
        [payment_ref] = [each.ref for each in order.tenders if each.gateway == name and each.ref]
        gateway.capture_part(payment_ref, MinorAmount(to_gateway_units(third, name), third.currency), f"console-{ref}")
    with run.step("the gateway holds a third of the money"):
        run.eventually(lambda: any(each.captured.minor for each in paying.payments(ref)), within="payments")
    run.pass_time(_HEARS_OF_IT)
    with run.step("the shop does not call it paid"):
        said = shop.order(ref).payment_status
        run.check(said != "paid", f"an order of which a third was paid is not paid, and is shown as {said}")


def bounced(paying: Paying, ref: str) -> None:
    """Let the days pass in which the bank finds out; see the order given up and nothing captured."""
    run, shop = paying.run, paying.shop
    with run.step("the bank has not answered"):
        run.check([each.phase for each in paying.payments(ref)] == ["pending"], "the debit is processing")
    come_later(run, _BANK_ANSWERS)
    with run.step("the debit came back"):
        run.eventually(lambda: shop.order(ref).status == "cancelled", within="payments")
        run.check(not any(each.captured.minor for each in paying.payments(ref)), "nothing was captured")


PAYINGS: Mapping[str, Callable[[Paying], str]] = {
    "at_once": at_once,
    "secure": secure,
    "returns_twice": returns_twice,
    "declined": declined,
    "fails_at_bank": fails_at_bank,
    "debit": debit,
}
ENDS: Mapping[str, Callable[[Paying, str], None]] = {
    "captured": captured,
    "shipped": shipped,
    "voided": voided,
    "less": less,
    "bounced": bounced,
}


def _see_held(paying: Paying, ref: str) -> None:
    """See the money authorised and none of it taken."""
    with paying.run.step("the gateway holds the money back"):
        # Looked at again later, it may have been captured or given up by then.
        paying.run.eventually(
            lambda: all(each.phase not in _UNDECIDED for each in paying.payments(ref)), within="payments"
        )
        phases = [each.phase for each in paying.payments(ref)]
        paying.run.check(phases == ["authorised"], f"one payment, authorised, not {phases}")
        said = paying.shop.order(ref).payment_status
        paying.run.check(said == "authorised", f"the shop shows it authorised, not {said}")


def _other(shop: Storefront) -> TakesOtherMoney:
    if not isinstance(shop, TakesOtherMoney):
        raise ShopRefused("the shop's connector pays by card alone (TakesOtherMoney)")
    return shop
