"""Buying by any gateway: from a purchase that names one to an order it was paid for, as several flows share it.

A case's ``extra["gateway"]`` names the system that is to take the money. Stripe and Adyen take a card that was typed
into their own form, Adyen's form handing over JSON; PayPal sends the payer to its own page and back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from assay.errors import InfrastructureError, UsageError, did_you_mean
from assay.flow import Case, Run
from assay.money import Money
from assay.records import Call, Displayed, Order, Payment, PaymentOption
from assay.roles import (
    Card,
    Cardholder,
    Erp,
    HearsPayments,
    OffersPayment,
    Payments,
    ShopRefused,
    ShowsText,
    Storefront,
    Submission,
    TakesOtherMoney,
    Tokeniser,
    WalletSheet,
)
from scenarios.cases import buys
from scenarios.f01_steps import BAD, GOOD, SECURE, Checkout, adopt, see_each

STRIPE, ADYEN, PAYPAL = "stripe", "adyen", "paypal"
CURRENCIES: Mapping[str, tuple[str, ...]] = {
    STRIPE: ("EUR", "USD", "GBP", "JPY", "KRW", "KWD", "INR", "ISK", "HUF", "CHF", "IDR"),
    ADYEN: ("EUR", "USD", "GBP", "JPY", "KRW", "KWD", "INR", "ISK", "HUF", "CHF", "IDR"),
    PAYPAL: ("EUR", "USD", "GBP", "JPY", "HUF", "CHF"),
}
"""The currencies of F02 that each gateway's own page lists (`assay.exponents` holds source and date)."""
LANGUAGES: Mapping[str, str] = {"EUR": "fr", "JPY": "ja", "HUF": "hu", "ISK": "is", "CHF": "de"}
"""The language in which a customer of F02 and F03 reads prices; English for any other currency."""

# https://docs.adyen.com/development-resources/testing/test-card-numbers: pays, asks the bank first. A holder's name
# declines (https://docs.adyen.com/development-resources/testing/result-codes).
_ADYEN_NUMBERS = {GOOD: "4111111111111111", SECURE: "4212345678901237", BAD: "4111111111111111"}
_ADYEN_DECLINES = "DECLINED"
_INTO_THE_SHOP = "platform"
_OWN_FAULT = ("500", "502")
_TAKE_BACK: tuple[str, dict[str, Any]] = ("cancel_order", {"reason": "a test order of Assay"})
Gateways = Mapping[str, Payments]


def paid_by(
    flow: str,
    name: str,
    currency: str,
    /,
    *lines: tuple[str, int],
    gateway: str = STRIPE,
    company: str = "",
    parts: tuple[str, ...] = (),
    alone: bool = False,
    orders: int = 1,
    notes: Mapping[str, str] | None = None,
    **more: Any,
) -> Case:
    """Return a case of a flow that buys (SKU, quantity) and pays at a gateway; `more` as for `scenarios.cases.buys`.

    company: the customer buys for it, which may pay on invoice. notes: what else the flow needs to know of the case.
    """
    bought = buys(name, currency, *lines, **more)
    extra = {**bought.extra, "gateway": gateway, **({"company": company} if company else {}), **(notes or {})}
    email = f"{flow.lower()}-{name.replace('_', '-')}@example.com"
    return Case(name, replace(bought, email=email, extra=extra), parts=parts, alone=alone, orders=orders)


def gateway_of(run: Run, gateways: Gateways, name: str | None = None) -> Payments:
    """Return the gateway a case, or the caller, names; `UsageError` where the environment has none of that name."""
    wanted = name or run.case.purchase.extra["gateway"]
    if wanted not in gateways:
        raise UsageError(
            f"case '{run.case.name}' pays at '{wanted}', which this environment does not have",
            seen=", ".join(gateways) or "no gateway at all",
            hint=did_you_mean(wanted, gateways) if gateways else "add the system to assay.toml",
        )
    return gateways[wanted]


def pay(
    run: Run,
    shop: Storefront,
    gateways: Gateways,
    cart: str,
    *,
    gateway: str | None = None,
    number: str = GOOD,
    gift_card: str | None = None,
    customer: str | None = None,
) -> str:
    """Pay a full cart at the case's gateway, at the bank's or PayPal's page too; return the order's reference.

    number: the card, one of `f01_steps`. gift_card: pays first, the gateway the rest. `ShopRefused` with the shop's
    own words where no order came of it.
    """
    answer = attempt(run, shop, gateways, cart, gateway=gateway, number=number, gift_card=gift_card, customer=customer)
    if answer.status != "ordered" or answer.order_ref is None:
        raise ShopRefused(f"expected an order, was told '{answer.status}': {answer.text}")
    return answer.order_ref


def attempt(
    run: Run,
    shop: Storefront,
    gateways: Gateways,
    cart: str,
    *,
    gateway: str | None = None,
    number: str = GOOD,
    gift_card: str | None = None,
    customer: str | None = None,
    passes: bool = True,
) -> Submission:
    """Try to pay as `pay` does and return what the shop said last, order or not; passes: what the payer does there."""
    name = gateway or run.case.purchase.extra["gateway"]
    connector = gateway_of(run, gateways, name)
    press = _press(Checkout(run, shop, connector, cart, customer), name, number, gift_card)
    answer = adopt(run, _kept(run, press))
    if answer.status == "requires_action" and answer.redirect_url:
        back = cardholder(connector, name).authenticate(answer.redirect_url, passes=passes)
        answer = adopt(run, _kept(run, partial(shop.come_back, back)))
    return answer


def type_in(checkout: Checkout, name: str, number: str = GOOD) -> str:
    """Hand a card to a gateway's own form, its holder named after this run; return what the form hands the shop."""
    run, form = checkout.run, checkout.payments
    if name != ADYEN:
        return checkout.card(number)
    if not isinstance(form, Tokeniser):
        raise UsageError(
            "nobody can fill in Adyen's form here",
            expected="a gateway connector with the verb tokenise(card)",
            hint="give the connector that verb, or leave the cases that pay at Adyen out",
        )
    wanted = run.case.purchase
    holder = _ADYEN_DECLINES if number == BAD else run.holder
    card = Card(number=_ADYEN_NUMBERS[number], holder=holder, cvc="737", expires=(3, 2030))
    return form.tokenise(card, postcode=wanted.postcode, country=wanted.country)


def cardholder(connector: Payments, name: str) -> Cardholder:
    """Return a gateway as one whose pages a stand-in can press; `UsageError` where nobody can."""
    if not isinstance(connector, Cardholder):
        raise UsageError(
            f"nobody can stand in for the payer at {name}'s page",
            expected="a gateway connector with the verb authenticate(page, passes)",
            hint="give the connector that verb, or leave the cases with such a page out",
        )
    return connector


def note_offers(run: Run, shop: Storefront, cart: str) -> Sequence[PaymentOption]:
    """Note the ways to pay that the shop offers for a cart; none where it does not say."""
    if not isinstance(shop, OffersPayment):
        return ()
    try:
        return run.offered(shop.payment_options(cart))
    except InfrastructureError as error:
        if not (error.seen or "").startswith(_OWN_FAULT):
            raise
        run.check(False, f"the shop says how this cart may be paid, and does not fail: {error.seen}")
        return ()


def note_wallet(run: Run, shop: Storefront, cart: str) -> None:
    """Note the amount a phone's wallet would show for a cart, where the shop hands it one."""
    if isinstance(shop, WalletSheet):
        run.saw("wallet", shop.wallet_total(cart))


def read_prices(run: Run, shop: Storefront, *, languages: Sequence[str] = ()) -> None:
    """Read every article's price as text, in the customer's language or these; type it in where the shop reads it."""
    if not isinstance(shop, ShowsText):
        return
    currency = run.case.purchase.currency
    for language in languages or (language_of(run),):
        for sku, _ in run.case.purchase.lines:
            price = shop.article(sku, currency).price
            if price is None:
                raise ShopRefused(f"{sku} is not sold in {currency}")
            text = shop.price_text(sku, currency, language)
            read_back = _read_back(run, shop, text, currency, language)
            place = f"product {sku}"
            run.read(Displayed(place=place, text=text, language=language, amount=price, read_back=read_back))


def _read_back(run: Run, shop: ShowsText, text: str, currency: str, language: str) -> Money | None:
    try:
        return shop.read_amount(text, currency, language)
    except ShopRefused as refusal:
        run.check(False, f"the shop reads '{text}' as it wrote it, and does not say: {refusal}")
        return None


def read_total(run: Run, shop: Storefront, cart: str) -> None:
    """Read what the cart comes to as text, where the shop writes it."""
    if isinstance(shop, ShowsText):
        language = language_of(run)
        text, total = shop.total_text(cart, language), shop.basket(cart).total
        run.read(Displayed(place="checkout", text=text, language=language, amount=total))


def language_of(run: Run) -> str:
    """Return the language the case's customer reads."""
    wanted = run.case.purchase
    return wanted.extra.get("language") or LANGUAGES.get(wanted.currency, "en")


def see_captured(run: Run, shop: Storefront, gateways: Gateways, *refs: str) -> None:
    """See the money of these orders captured, at the gateway or, where it cannot be asked at once, in the shop."""
    with run.step("the gateway captured the payment"):
        see_each(run, refs, lambda ref: is_captured(run, shop.order(ref), gateways), within="payments")


def is_captured(run: Run, order: Order, gateways: Gateways) -> bool:
    """Say whether any money of an order is captured."""
    if any(each.captured.minor for each in payments_of(run, order, gateways)):
        return True
    # Nobody can ask such a gateway at once; its report, or the oracles over its signed words, come later.
    late = {name for name, each in gateways.items() if isinstance(each, HearsPayments)}
    return run.operator is None and any(each.captured.minor for each in order.tenders if each.gateway in late)


def payments_of(run: Run, order: Order, gateways: Gateways) -> list[Payment]:
    """Return the payments that gateways hold of an order, by the shop's own references; those unknown are left out."""
    found = []
    for tender in order.tenders:
        connector = gateways.get(tender.gateway)
        if connector is None or not tender.ref:
            continue
        with contextlib.suppress(LookupError):
            if isinstance(connector, HearsPayments) and run.operator is not None:
                # What the platform asked of it says whether the money was to be held.
                calls = [call for way in (_INTO_THE_SHOP, tender.gateway) for call in run.operator.calls(way)]
                told = connector.payments_told([call for call in calls if _speaks_of(call, tender.ref)])
                found += [each for each in told if each.ref == tender.ref]
            else:
                found.append(connector.payment(tender.ref))
    return found


def _speaks_of(call: Call, ref: str) -> bool:
    return ref in call.path or ref in call.request_body or ref in call.response_body


def see_booked(run: Run, shop: Storefront, erp: Erp, *refs: str) -> None:
    """See the orders in the ERP."""
    with run.step("the ERP holds the order"):
        see_each(run, refs, lambda ref: erp.documents_of(shop.order(ref).number), within="erp")


def _press(checkout: Checkout, name: str, number: str, gift_card: str | None) -> Callable[[], Submission]:
    """Return the press of the button that buys, with what was typed in for it."""
    shop, cart = checkout.shop, checkout.cart
    if name == PAYPAL:
        return partial(_other(shop).submit_as, cart, "paypal", gift_card=gift_card)
    card = type_in(checkout, name, number)
    if gift_card is None:
        return partial(shop.submit, cart, card)
    return partial(_other(shop).submit_as, cart, "card", payment_method=card, gift_card=gift_card)


def _kept(run: Run, press: Callable[[], Submission]) -> Submission:
    """Press so that what comes of it can be taken back, answer or not."""
    with run.creates("shop", "order", run.case.purchase.email, _TAKE_BACK) as intent:
        answer = press()
        if answer.status == "ordered" and answer.order_ref is not None:
            intent.done(answer.order_ref)
            if answer.order_ref not in run.order_refs:
                run.bought(answer.order_ref)
    return answer


def _other(shop: Storefront) -> TakesOtherMoney:
    if not isinstance(shop, TakesOtherMoney):
        raise ShopRefused("the shop's connector pays by card alone (TakesOtherMoney)")
    return shop
