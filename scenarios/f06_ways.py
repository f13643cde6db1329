"""How money goes back, one function a way, chosen by the case's ``extra["back"]``.

Each acts as the shop's people, the customer or somebody at the gateway's own console would, and returns how many
refunds ought to come of it. What they must be worth is the oracles' to judge.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from assay.errors import UsageError
from assay.exponents import charge_step, to_gateway_units
from assay.flow import Run
from assay.money import Money
from assay.records import MinorAmount, Order, OrderRefund
from assay.roles import RefundsInPart, RefundsOrders, ShopRefused, Storefront, TakesReturns
from scenarios.buying import Gateways, gateway_of
from scenarios.f01_steps import come_later
from scenarios.innocent_steps import people_of, see_delivered

LATER = timedelta(days=20)
CAPTURED_ON_SHIPMENT = {"capture": "on_shipment"}


@dataclass(frozen=True, slots=True)
class Paid:
    """A paid order and everybody who may give money back."""

    run: Run
    shop: Storefront
    gateways: Gateways
    ref: str

    @property
    def order(self) -> Order:
        """The order as the shop holds it now."""
        return self.shop.order(self.ref)

    @property
    def people(self) -> RefundsOrders:
        """The shop as its people refund in it; `ShopRefused` where its connector has no such verb."""
        if not isinstance(self.shop, RefundsOrders):
            raise ShopRefused("the shop's connector gives nothing back (RefundsOrders)")
        return self.shop

    def units(self, wanted: int, *, line: int = 0) -> dict[str, int]:
        """Return so many units of a line, by the shop's id of it."""
        return {str(self.order.lines[line].ref): wanted}

    def third(self) -> Money:
        """Return about a third of the total."""
        return third_of(self.order.total, self.run.case.purchase.extra["gateway"])

    def at_the_console(self, amount: Money, key: str) -> None:
        """Give an amount back at the gateway's own console."""
        gateway = gateway_of(self.run, self.gateways)
        if not isinstance(gateway, RefundsInPart):
            raise UsageError(
                "nobody can use this gateway's console",
                expected="a gateway connector with the verb refund_part(payment, amount, key)",
                hint="give the connector that verb, or leave the cases from the console out",
            )
        name = self.run.case.purchase.extra["gateway"]
        [payment_ref] = [each.ref for each in self.order.tenders if each.gateway == name and each.ref]
        gateway.refund_part(payment_ref, MinorAmount(to_gateway_units(amount, name), amount.currency), key)


def third_of(amount: Money, gateway: str) -> Money:
    """Return about a third of an amount, in steps that both the currency and the gateway have."""
    step = max(charge_step(gateway, amount.currency), Money(1, amount.currency).amount)
    return Money.of(amount.amount / 3 // step * step, amount.currency)


def full(paid: Paid) -> int:
    """Give everything back."""
    return len(paid.people.refund_order(paid.ref))


def part(paid: Paid) -> int:
    """Give an amount back, for nothing in particular."""
    return len(paid.people.refund_order(paid.ref, amount=paid.third(), reason="goodwill: the box was dented"))


def lines(paid: Paid) -> int:
    """Give one unit of the first line back, coupon and tax with it."""
    return len(paid.people.refund_order(paid.ref, lines=paid.units(1), reason="one piece is broken"))


def shipping(paid: Paid) -> int:
    """Give back what was paid for delivery, and nothing else."""
    return len(paid.people.refund_order(paid.ref, shipping=True, reason="it came late"))


def twice(paid: Paid) -> int:
    """Click twice at once on a button that gives one unit of two back, and once more a moment later: one refund."""
    click = partial(paid.people.refund_order, paid.ref, lines=paid.units(1), key=f"click-{paid.ref}")
    with ThreadPoolExecutor(2) as fingers:
        # The calls still belong to this run.
        clicks = [fingers.submit(contextvars.copy_context().run, click) for _ in range(2)]
        for each in clicks:
            each.result()
    click()
    return 1


def rest(paid: Paid) -> int:
    """Give one unit back, and when the money of that is back all the rest."""
    lines(paid)
    paid.run.eventually(lambda: all(each.status == "succeeded" for each in paid.order.refunds), within="payments")
    full(paid)
    return 2


def console(paid: Paid) -> int:
    """Give everything back at the gateway's console; the shop hears of it."""
    paid.at_the_console(paid.order.total, f"console-{paid.ref}")
    return 1


def console_part(paid: Paid) -> int:
    """Give a third back at the gateway's console; the shop hears of it."""
    paid.at_the_console(paid.third(), f"console-{paid.ref}")
    return 1


def later(paid: Paid) -> int:
    """Give one unit back twenty days later, when the rate is another: the order's own counts."""
    order, currency = paid.order, paid.run.case.purchase.currency
    come_later(paid.run, LATER)
    if paid.run.operator is not None:
        today = paid.shop.article(order.lines[0].sku, currency).price
        paid.run.check(today != order.lines[0].unit_price, "today's rate gives another price than the order's")
    return lines(paid)


def after_part(paid: Paid) -> int:
    """Give one unit back of an order of which less was captured than authorised."""
    return len(paid.people.refund_order(paid.ref, lines=paid.units(1, line=1), reason="it does not fit"))


def come_back(paid: Paid) -> int:
    """Send one unit back, which is announced, received and given back."""
    run, shop = paid.run, paid.shop
    if not isinstance(shop, TakesReturns):
        raise ShopRefused("the shop's connector takes nothing back (TakesReturns)")
    see_delivered(run, shop, paid.ref)
    with run.step("announce the return"):
        parcel = shop.request_return(paid.ref, paid.units(1), "too small")
    with run.step("take the goods in"):
        shop.receive_return(parcel)
        [received] = [each for each in paid.order.returns if each.ref == parcel]
        run.check(received.credited is not None, "the shop says what the customer gets for it")
    return 1


WAYS: Mapping[str, Callable[[Paid], int]] = {
    "full": full,
    "part": part,
    "lines": lines,
    "shipping": shipping,
    "twice": twice,
    "rest": rest,
    "console": console,
    "console_part": console_part,
    "later": later,
    "after_part": after_part,
    "return": come_back,
}


def take_one_unit_away(paid: Paid) -> None:
    """Cancel one unit before it ships, so that less is captured than was authorised."""
    people_of(paid.shop).cancel_units(paid.ref, paid.units(1), "one is enough")


def shown(paid: Paid, expected: int) -> list[OrderRefund]:
    """Return the refunds the shop shows where all that are expected are done, else none."""
    refunds = [each for each in paid.order.refunds if each.status != "failed"]
    done = [each for each in refunds if each.status == "succeeded"]
    return refunds if len(done) == len(refunds) >= expected else []
