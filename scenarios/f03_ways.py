"""How a visit of F03 goes from the pages to an order: one function a way, chosen by the case's ``extra["way"]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from assay.flow import Run
from assay.money import Money
from assay.roles import (
    GivesCredit,
    PaysLater,
    Purchase,
    ShopRefused,
    Storefront,
    SwitchesCurrency,
    TakesOtherMoney,
    WalletSheet,
)
from scenarios.buying import (
    Gateways,
    attempt,
    gateway_of,
    note_offers,
    note_wallet,
    pay,
    read_total,
    type_in,
)
from scenarios.f01_steps import Checkout, adopt, fill_cart


@dataclass(frozen=True, slots=True)
class Visit:
    """A customer in a shop, and the gateways that may take their money."""

    run: Run
    shop: Storefront
    gateways: Gateways

    @property
    def wanted(self) -> Purchase:
        """What the case buys."""
        return self.run.case.purchase

    def pay(self, cart: str, *, customer: str | None = None) -> str:
        """See how a full cart can be paid and what it comes to as text, and pay it."""
        with self.run.step("see how it can be paid"):
            note_offers(self.run, self.shop, cart)
            read_total(self.run, self.shop, cart)
        with self.run.step("pay and order"):
            return pay(self.run, self.shop, self.gateways, cart, customer=customer)


def buy(visit: Visit) -> list[str]:
    """Buy in the currency of the case."""
    return [visit.pay(fill_cart(visit.run, visit.shop, visit.wanted))]


def wallet(visit: Visit) -> list[str]:
    """Open the phone's wallet, read its sheet, and buy."""
    cart = fill_cart(visit.run, visit.shop, visit.wanted)
    with visit.run.step("read the wallet's sheet"):
        if not isinstance(visit.shop, WalletSheet):
            raise ShopRefused("the shop's connector shows no wallet's sheet (WalletSheet)")
        note_wallet(visit.run, visit.shop, cart)
    return [visit.pay(cart)]


def switch_before(visit: Visit) -> list[str]:
    """Fill a cart in another currency, switch, read every page again, and buy."""
    run, shop, wanted = visit.run, visit.shop, visit.wanted
    cart = fill_cart(run, shop, replace(wanted, currency=wanted.extra["before"]))
    with run.step("switch the currency"):
        if not isinstance(shop, SwitchesCurrency):
            raise ShopRefused("the shop's connector does not switch currencies (SwitchesCurrency)")
        basket = shop.switch_currency(cart, wanted.currency)
        run.shown.clear()  # what was shown in the other currency is no promise any more
        for sku, _ in wanted.lines:
            page = shop.article(sku, wanted.currency)
            if page.price is None:
                raise ShopRefused(f"{sku} is not sold in {wanted.currency}")
            run.saw(f"product {sku}", page.price)
        for place in ("cart", "checkout"):
            run.saw(place, basket.total)
    return [visit.pay(cart)]


def switch_after(visit: Visit) -> list[str]:
    """Order on invoice, switch the currency on the page where the order can be paid, and pay what it asks for."""
    run, shop, wanted = visit.run, visit.shop, visit.wanted
    cart = fill_cart(run, shop, wanted)
    with run.step("order on invoice"):
        if not isinstance(shop, TakesOtherMoney) or not isinstance(shop, PaysLater):
            raise ShopRefused("the shop's connector has no order that is paid later (TakesOtherMoney, PaysLater)")
        answer = adopt(run, shop.submit_as(cart, "invoice"))
        if answer.order_ref is None:
            raise ShopRefused(f"expected an order, was told '{answer.status}': {answer.text}")
        ref = answer.order_ref
    with run.step("switch the currency on the page to pay"):
        run.saw("payment page", shop.pay_page(ref), order=ref)
        asked = shop.pay_page(ref, currency=wanted.extra["other"])
        run.saw("payment page", asked, order=ref)
    with run.step("pay and order"):
        name = wanted.extra["gateway"]
        card = type_in(Checkout(run, shop, gateway_of(run, visit.gateways), cart), name)
        paid = adopt(run, shop.pay_order(ref, card, currency=wanted.extra["other"]))
        run.check(paid.status == "ordered", f"the order is paid, not '{paid.status}': {paid.text}")
    return [ref]


def second_purchase(visit: Visit) -> list[str]:
    """Buy in one currency and then, as the same registered customer, in another."""
    run, shop, wanted = visit.run, visit.shop, visit.wanted
    with run.step("register"):
        customer = shop.register(wanted.email, wanted.name)
    refs = []
    for currency in (wanted.extra["before"], wanted.currency):
        run.texts = [each for each in run.texts if each[0] or each[1].amount.currency == currency]
        cart = fill_cart(run, shop, replace(wanted, currency=currency), customer=customer)
        refs.append(visit.pay(cart, customer=customer))
    return refs


def credit(visit: Visit) -> list[str]:
    """Hold store credit in several currencies and have it pay as far as it goes, a card the rest."""
    run, shop, wanted = visit.run, visit.shop, visit.wanted
    if not isinstance(shop, GivesCredit):
        raise ShopRefused("the shop's connector gives no credit (GivesCredit)")
    with run.step("register"):
        customer = shop.register(wanted.email, wanted.name)
    held = [Money.of(amount, currency) for currency, amount in map(str.split, wanted.extra["held"].split(","))]
    with run.step("be given credit"):
        for worth in held:
            shop.give_credit(wanted.email, worth, "a test credit of Assay")
        run.check(sorted(map(str, shop.credit(wanted.email))) == sorted(map(str, held)), "one balance a currency")
    cart = fill_cart(run, shop, wanted, customer=customer)
    with run.step("use the credit"):
        shop.use_credit(cart, customer)
    ref = visit.pay(cart, customer=customer)
    with run.step("credit of that currency alone is spent"):
        left = {each.currency: each for each in shop.credit(wanted.email) if each.minor}
        others = {each.currency: each for each in held if each.currency != wanted.currency}
        run.check(left == others, f"{', '.join(map(str, others.values()))} are left")
    return [ref]


def unsupported(visit: Visit) -> list[str]:
    """Ask for a way to pay that does not take the currency, be refused, and pay otherwise."""
    run, shop, wanted = visit.run, visit.shop, visit.wanted
    cart = fill_cart(run, shop, wanted)
    name = wanted.extra["refused"]
    with run.step("ask for what does not take the currency"):
        options = note_offers(run, shop, cart)
        run.check(all(option.gateway != name for option in options), f"{name} is not offered for {wanted.currency}")
        answer = attempt(run, shop, visit.gateways, cart, gateway=name)
        run.check(answer.status == "refused", f"{name} is refused for {wanted.currency}, not '{answer.status}'")
    return [visit.pay(cart)]


WAYS: Mapping[str, Callable[[Visit], list[str]]] = {
    "buy": buy,
    "wallet": wallet,
    "switch_before": switch_before,
    "switch_after": switch_after,
    "second_purchase": second_purchase,
    "credit": credit,
    "unsupported": unsupported,
}
