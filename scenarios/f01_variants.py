"""How the way from a full cart to an order may go: one function a way, chosen by the case's ``extra["way"]``.

Each acts as the customer would and returns what the shop told them last; faults are the landscape's operator's. Every
order that comes of it is remembered, wanted or not, and judged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import sleep
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from assay.roles import ShopRefused, Submission
from scenarios.f01_steps import BAD, GOOD, Checkout, adopt, fill_cart, in_background

_IMPATIENT_S = 0.8
_SHIPPED = timedelta(minutes=45)


def once(checkout: Checkout) -> Submission:
    """Press once and read the confirmation."""
    return checkout.press()


def twice(checkout: Checkout) -> Submission:
    """Buy, and buy the same in pounds, as the same registered customer."""
    adopt(checkout.run, checkout.press())
    run, shop = checkout.run, checkout.shop
    again = replace(run.case.purchase, currency="GBP")
    return replace(checkout, cart=fill_cart(run, shop, again, customer=checkout.customer)).press()


def reload(checkout: Checkout) -> Submission:
    """The shop is slow: reload the page and press again, and once more when everything is over."""
    with _slow_gateway(checkout, 2500), ThreadPoolExecutor(1) as browser:
        first = in_background(browser, checkout.press)
        sleep(_IMPATIENT_S)
        adopt(checkout.run, checkout.press())
        adopt(checkout.run, first.result())
    return checkout.press()


def double_submit(checkout: Checkout) -> Submission:
    """Press twice at once, as a double click does."""
    # The page hands the card to the gateway at each press; one token would be good for one payment anyway.
    methods = [checkout.card(GOOD) for _ in range(2)]
    with ThreadPoolExecutor(2) as fingers:
        presses = [in_background(fingers, partial(checkout.pay_with, method)) for method in methods]
        answers = [adopt(checkout.run, press.result()) for press in presses]
    return next((answer for answer in answers if answer.status == "ordered"), answers[0])


def abandon(checkout: Checkout) -> Submission:
    """Pay at the bank and never come back to the shop."""
    checkout.at_the_bank(checkout.to_the_bank(), passes=True)
    return Submission(status="processing")


def late(checkout: Checkout) -> Submission:
    """Take twenty minutes at the bank before paying, and come back."""
    page = checkout.to_the_bank()
    checkout.run.pass_time(timedelta(minutes=20))
    return checkout.shop.come_back(checkout.at_the_bank(page, passes=True))


def walk_away(checkout: Checkout) -> Submission:
    """Leave the bank's page without doing anything there; come back after the meal and buy anew."""
    checkout.to_the_bank()
    run, shop = checkout.run, checkout.shop
    run.pass_time(timedelta(minutes=40))
    return replace(checkout, cart=fill_cart(run, shop, run.case.purchase)).press()


def second_tab(checkout: Checkout) -> Submission:
    """Change the cart in a second tab while the first one is at the bank."""
    page = checkout.to_the_bank()
    for sku in checkout.run.case.parts:
        # A shop may close a cart that is being paid, or leave it open: what was paid for is what counts.
        with contextlib.suppress(ShopRefused):
            checkout.shop.put_in(checkout.cart, sku, 1)
    return checkout.shop.come_back(checkout.at_the_bank(page, passes=True))


def webhook_first(checkout: Checkout) -> Submission:
    """The gateway's event is in the shop before its answer is."""
    method = checkout.card(GOOD)
    with _slow_gateway(checkout, 1500):
        return checkout.pay_with(method)


def events_twice(checkout: Checkout) -> Submission:
    """Every event of the gateway reaches the shop twice, as it does when an acknowledgement is lost."""
    with checkout.run.fault("duplicate", "platform", path="/webhooks/stripe"):
        answer = adopt(checkout.run, checkout.press())
        checkout.run.pass_time(timedelta(minutes=1))
    return answer


def declined_first(checkout: Checkout) -> Submission:
    """Try a card that is declined, then one that pays."""
    answer = adopt(checkout.run, checkout.press(BAD))
    checkout.run.check(answer.status == "declined", "the shop says that the card was declined")
    return checkout.press()


def authentication_failed(checkout: Checkout) -> Submission:
    """Fail at the bank and come back, then pay with another card."""
    back = checkout.at_the_bank(checkout.to_the_bank(), passes=False)
    answer = adopt(checkout.run, checkout.shop.come_back(back))
    checkout.run.check(answer.status == "declined", "the shop says that the payment failed")
    return answer if answer.status == "ordered" else checkout.press()


def back_button(checkout: Checkout) -> Submission:
    """Pay at the bank and come back; then press Back and reload, which brings the browser back without its data."""
    back = checkout.at_the_bank(checkout.to_the_bank(), passes=True)
    answer = checkout.shop.come_back(back)
    parts = urlsplit(back)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if not name.startswith(("payment", "redirect"))]
    checkout.shop.come_back(parts._replace(query=urlencode(kept)).geturl())
    return answer


def card_as_coupon(checkout: Checkout) -> Submission:
    """Type the card's number where a coupon goes; then pay as it is meant."""
    with contextlib.suppress(ShopRefused, LookupError):
        checkout.shop.use_coupon(checkout.cart, " ".join(GOOD[place : place + 4] for place in range(0, 16, 4)))
    return checkout.press()


def answer_lost(checkout: Checkout) -> Submission:
    """The gateway takes the money and its answer is lost, at the shop's further tries too."""
    method = checkout.card(GOOD)
    with checkout.run.fault("drop", "stripe", method="POST", path="/v1/payment_intents"):
        answer = checkout.pay_with(method)
    checkout.run.check(answer.status != "declined", "nobody says that the payment failed before it is known")
    checkout.run.pass_time(timedelta(minutes=3))
    return answer


def label_answer_lost(checkout: Checkout) -> Submission:
    """The carrier sells a label and its answer is lost, at the shop's further tries too."""
    answer = adopt(checkout.run, checkout.press())
    with checkout.run.fault("drop", "ups", method="POST", path="/api/shipments/[^/]+/ship"):
        checkout.run.pass_time(_SHIPPED)
    return answer


def new_scan(checkout: Checkout) -> Submission:
    """The parcel is scanned in a way nobody has seen before, on the second day (type NA of the UPS Tracking API)."""
    scan = {"after_hours": 30, "type": "NA", "code": "ZZ", "status_code": "099", "description": "Held For Inspection"}
    with checkout.run.configured("ups", extra_scans=[scan]):
        answer = adopt(checkout.run, checkout.press())
        checkout.run.pass_time(_SHIPPED)
    return answer


def outage(checkout: Checkout) -> Submission:
    """The ERP takes nothing for 25 hours, the order's day and the next."""
    with checkout.run.fault("rate_limit", "sap_s4hana", retry_after_s=3600):
        answer = adopt(checkout.run, checkout.press())
        checkout.run.pass_time(timedelta(hours=25))
    checkout.run.pass_time(timedelta(hours=1, minutes=10))  # the shop may try as seldom as once an hour by then
    return answer


def midnight(checkout: Checkout) -> Submission:
    """Order at half past midnight in Paris, which is still the day before in UTC."""
    zone = ZoneInfo("Europe/Paris")
    local = checkout.run.surroundings.now().astimezone(zone)
    day = local.date() if (local.hour, local.minute) < (0, 30) else local.date() + timedelta(days=1)
    half_past = datetime(day.year, day.month, day.day, 0, 30, tzinfo=zone)
    checkout.run.pass_time(half_past - local)
    return checkout.press()


WAYS: Mapping[str, Callable[[Checkout], Submission]] = {
    "once": once,
    "twice": twice,
    "reload": reload,
    "double_submit": double_submit,
    "abandon": abandon,
    "late": late,
    "walk_away": walk_away,
    "second_tab": second_tab,
    "webhook_first": webhook_first,
    "events_twice": events_twice,
    "declined_first": declined_first,
    "authentication_failed": authentication_failed,
    "back_button": back_button,
    "card_as_coupon": card_as_coupon,
    "answer_lost": answer_lost,
    "label_answer_lost": label_answer_lost,
    "outage": outage,
    "midnight": midnight,
    "new_scan": new_scan,
}


def _slow_gateway(checkout: Checkout, delay_ms: int) -> AbstractContextManager[Any]:
    return checkout.run.fault("delay", "stripe", method="POST", path="/v1/payment_intents", delay_ms=delay_ms)
