"""Innocent variations: legal behaviour as it looks in a dossier, over which every oracle must stay silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.oracles import ORACLES
from assay.records import AnalyticsEvent, Document, Dossier, Edit, MinorAmount, Posting, Tender
from tests.engine.oracles.world import (
    ADDRESS,
    AT,
    JUDGING,
    READ,
    articles,
    call,
    change,
    condition,
    count,
    creation,
    healthy,
    hold,
    judged,
    label,
    message,
    money,
    parcel,
    with_document,
    with_order,
    with_payment,
    with_shipment,
)


def unshipped(dossier: Dossier, status: str, *changes: Any, **more: Any) -> Dossier:
    """The dossier before anything left: no delivery, no parcel, its goods still held."""
    before = dossier.stock[::2]
    held = [replace(each, reserved=units, sellable=100 - units) for each, units in zip(before, (2, 1), strict=True)]
    kept = [replace(each, at=READ, reservations=(hold(each.sku, each.reserved),)) for each in held]
    return with_order(
        replace(
            dossier, documents=dossier.documents[:1], shipments=(), labels=(), messages=dossier.messages[:1],
            stock=(*before, *kept),
        ),
        status=status, parcels=(), tracking_numbers=(), history=(change("status", "pending"), *changes), **more,
    )  # fmt: skip


def erp_rounds_per_rate() -> Dossier:
    """INN-01: the ERP's tax is a cent off and a declared rounding line evens it."""
    return with_document(
        healthy(),
        conditions=(condition("shipping", "4.92"), condition("tax", "0.99"), condition("rounding", "-0.01")),
    )


def booked_in_francs(dossier: Dossier) -> Document:
    """The ERP's document of 14.80 CHF, a cent of it a rounding line."""
    net = Decimal("7.57")
    return replace(
        dossier.documents[0],
        currency="CHF",
        total=net + Decimal("4.75"),
        lines=(
            replace(
                dossier.documents[0].lines[0],
                quantity=Decimal(1),
                net=net,
                conditions=(condition("goods", net, "CHF"), condition("tax", "1.52", "CHF")),
            ),
        ),
        conditions=(
            condition("shipping", "4.75", "CHF"),
            condition("tax", "0.95", "CHF"),
            condition("rounding", "0.01", "CHF"),
        ),
    )


def cash_rounding() -> Dossier:
    """INN-02: 14.79 CHF is rounded to 14.80 with a rounding line."""
    dossier = healthy()
    order = dossier.order
    assert order is not None
    line = replace(
        order.lines[0],
        quantity=Decimal(1),
        unit_price=money("9.09", "CHF"),
        total=money("9.09", "CHF"),
        tax=money("1.52", "CHF"),
        discount=money("0", "CHF"),
    )
    fields: dict[str, Any] = {
        "total": money("14.80", "CHF"),
        "lines": (line,),
        "shipping": money("5.70", "CHF"),
        "shipping_tax": money("0.95", "CHF"),
        "discount": money("0", "CHF"),
        "tax": money("2.47", "CHF"),
        "rounding": money("0.01", "CHF"),
        "rate": None,
        "tenders": (),
    }
    booked = booked_in_francs(dossier)
    amount = MinorAmount(1480, "CHF")
    paid = replace(dossier.payments[0], amount=amount, captured=amount, refunded=MinorAmount(0, "CHF"))
    return with_order(
        replace(
            dossier,
            payments=(paid,),
            documents=(booked,),
            shown=(("checkout", money("14.80", "CHF")),),
            bought=(("0017", 1),),
            shipments=(),
            stock=(),
            labels=(),
        ),
        **fields,
        status="processing",
        parcels=(),
        tracking_numbers=(),
        history=(change("status", "pending"), change("payment_status", "paid"), change("status", "processing")),
    )


def webhook_thrice() -> Dossier:
    """INN-12: one event came three times and was handled once."""
    hooks = tuple(call("stripe", "POST", "/webhooks/stripe", way="reverse", request_body="{}", id=n) for n in range(3))
    return replace(healthy(), calls=hooks)


def refund_before_capture() -> Dossier:
    """INN-13: events came in the wrong order, and the final state is right."""
    dossier = with_payment(healthy(), refunded=6690)
    order = dossier.order
    assert order is not None
    return with_order(
        dossier,
        payment_status="refunded",
        history=(*order.history, change("payment_status", "refunded", minutes=9000)),
    )


def debit_pending() -> Dossier:
    """INN-14: a direct debit is pending for five days; nothing is booked yet."""
    dossier = unshipped(
        healthy(), "pending", change("payment_status", "pending"), payment_status="pending", postings=()
    )
    dossier = with_payment(dossier, captured=0, phase="pending", status="processing")
    return replace(dossier, documents=(), messages=(message("payment_pending", "Your bank confirms."),))


def declined_then_paid() -> Dossier:
    """INN-15: a first attempt was declined, a second one paid: two intents, one capture, two keys' worth of tries."""
    dossier = healthy()
    declined = replace(
        dossier.payments[0], ref="pi_0", captured=MinorAmount(0, "EUR"), phase="open", declined=True, status="declined"
    )
    return replace(dossier, payments=(declined, *dossier.payments), creations=(creation("k1"), creation("k1")))


def partial_capture() -> Dossier:
    """INN-16: one of two mugs was cancelled before it shipped; the rest of the authorisation was released."""
    dossier = healthy()
    order = dossier.order
    assert order is not None
    lines = (replace(order.lines[0], cancelled=Decimal(1)), order.lines[1])
    items = tuple(
        replace(item, quantity=Decimal(1)) if item.sku == "0017" else item for item in dossier.documents[0].lines
    )
    delivery = replace(
        dossier.documents[1], lines=(replace(dossier.documents[1].lines[0], quantity=Decimal(1)), items[1])
    )
    dossier = with_payment(with_document(dossier, lines=items, total=Decimal("58.75")), captured=5740)
    fields = {"lines": lines, "parcels": (parcel(contents=(("0017", 1), ("0018", 1))),)}
    shown = replace(dossier, documents=(dossier.documents[0], delivery), stock=(), labels=())
    net = [replace(item, net=item.net) for item in items]
    freight = Decimal("4.92")
    total = sum((item.net for item in net if item.net is not None), freight)
    return with_order(with_shipment(with_document(shown, total=total), weight_g=2390), **fields)


def split_tender() -> Dossier:
    """INN-16: a gift card pays 20.00, the card the rest."""
    dossier = with_payment(healthy(), captured=4690, amount=4690)
    order = dossier.order
    assert order is not None
    zero = money("0", "EUR")
    gift = Tender(
        gateway="gift_card", kind="gift_card", ref="GIFT", status="succeeded", amount=money("20.00", "EUR"),
        captured=money("20.00", "EUR"), refunded=zero,
    )  # fmt: skip
    card = replace(order.tenders[0], amount=money("46.90", "EUR"), captured=money("46.90", "EUR"))
    return with_order(dossier, tenders=(gift, card), payment_refs=("GIFT", "pi_1"))


def two_warehouses() -> Dossier:
    """INN-19: the order is two documents with references of their own; shipping stands in the first."""
    dossier = healthy()
    whole = dossier.documents[0]
    first = replace(
        whole, ref="4711", reference="A1-1", lines=whole.lines[:1], total=Decimal("15.83") + Decimal("4.92")
    )
    second = replace(whole, ref="4712", reference="A1-2", lines=whole.lines[1:], total=Decimal("35.00"), conditions=())
    postings = (Posting(reference="A1-1", number="4711"), Posting(reference="A1-2", number="4712"))
    return with_order(replace(dossier, documents=(first, second, dossier.documents[1])), postings=postings)


def bundle() -> Dossier:
    """INN-20: a set is one line in the shop and its components in the ERP and on the scales."""
    dossier = healthy()
    order = dossier.order
    assert order is not None
    line = replace(
        order.lines[0],
        sku="SET",
        quantity=Decimal(1),
        unit_price=money("61.00", "EUR"),
        total=money("61.00", "EUR"),
        tax=money("10.17", "EUR"),
    )
    items = tuple(replace(item, ref="1") for item in dossier.documents[0].lines)
    dossier = replace(
        with_document(dossier, lines=items), bought=(("SET", 1),), shown=(), base_articles=articles(), stock=()
    )
    return with_order(dossier, lines=(line,), parcels=(parcel(contents=(("SET", 1),)),))


def edited() -> Dossier:
    """INN-21: an agent added a mug: a new total, an extra charge, a further document, all recorded."""
    dossier = healthy()
    order = dossier.order
    assert order is not None
    extra = replace(order.lines[0], ref="3", quantity=Decimal(1), total=money("9.50", "EUR"), tax=money("1.58", "EUR"))
    charge = MinorAmount(950, "EUR")
    paid = replace(dossier.payments[0], ref="pi_2", amount=charge, captured=charge, purpose="1")
    net = Decimal("7.92")
    item = replace(
        dossier.documents[0].lines[0], ref="3", quantity=Decimal(1), net=net,
        conditions=(condition("goods", net), condition("tax", "1.58")),
    )  # fmt: skip
    more = replace(
        dossier.documents[0], ref="4712", reference="A1-E1", lines=(item,), conditions=(), total=net,
        document_date=date(2026, 3, 3),
    )  # fmt: skip
    delivery = replace(
        dossier.documents[1],
        lines=(replace(dossier.documents[1].lines[0], quantity=Decimal(3)), dossier.documents[1].lines[1]),
    )
    dossier = replace(
        dossier, payments=(*dossier.payments, paid), documents=(dossier.documents[0], more, delivery), stock=(),
        events=(AnalyticsEvent(name="purchase", order_ref="A1", value=money("66.90", "EUR"), at=AT),),
        creations=(creation("k1"), creation("k2", purpose="chk_1/1")),
        messages=(*dossier.messages, message("order_edited", "The new total is 76.40.")), labels=(),
    )  # fmt: skip
    edit = Edit(
        reason="one more", at=AT + timedelta(days=1), extra=money("9.50", "EUR"), payment_ref="pi_2", line_refs=("3",)
    )
    tender = replace(order.tenders[0], ref="pi_2", amount=money("9.50", "EUR"), captured=money("9.50", "EUR"))
    return with_order(
        with_shipment(dossier, weight_g=3070), lines=(*order.lines, extra), edits=(edit,), total=money("76.40", "EUR"),
        tax=money("12.73", "EUR"), payment_refs=("pi_1", "pi_2"), tenders=(*order.tenders, tender),
        postings=(*order.postings, Posting(reference="A1-E1", number="4712")),
        parcels=(parcel(contents=(("0017", 3), ("0018", 1))),),
    )  # fmt: skip


def approval() -> Dossier:
    """INN-22: a company's order on invoice waits two days for approval."""
    dossier = unshipped(
        healthy(), "held", change("payment_status", "pending"), change("status", "held"), hold="approval",
        payment_status="pending", postings=(), tenders=(), payment_refs=(),
    )  # fmt: skip
    return replace(dossier, payments=(), documents=(), messages=(message("order_held", "We are checking."),), shown=())


def review() -> Dossier:
    """INN-24: a paid order is held for review; nothing ships."""
    dossier = unshipped(
        healthy(), "held", change("payment_status", "paid"), change("status", "held"), hold="review", postings=()
    )
    return replace(dossier, documents=(), messages=(message("order_held", "We are checking."),))


def safety_stock() -> Dossier:
    """INN-25: five on hand, two of them kept back: three may be sold."""
    listed = [replace(each, safety=2, sellable=each.sellable - 2) for each in healthy().stock]
    return replace(healthy(), stock=tuple(listed))


def back_order() -> Dossier:
    """INN-26: a back-order article stands at minus four by design, its units held until they come."""
    dossier = unshipped(healthy(), "processing", change("payment_status", "paid"), change("status", "processing"))
    short = [
        replace(
            each,
            on_hand=0,
            sellable=-sum(one.quantity for one in each.reservations or ()),
            backorder=True,
            movements=(),
        )
        for each in dossier.stock
    ]
    return replace(dossier, stock=tuple(short))


def open_hold() -> Dossier:
    """INN-27: units are held for another cart for exactly as long as that is allowed."""
    kept = hold("0017", 1, holder="chk_9", state="open", age_s=1800)
    listed = list(healthy().stock)
    listed[1] = replace(listed[1], reserved=1, sellable=97, reservations=(kept,))
    return replace(healthy(), stock=tuple(listed))


def letter() -> Dossier:
    """INN-35: a letter goes without tracking, and the shop closes the order by itself."""
    going = parcel(carrier="letter", tracking_number=None, status="untracked", untracked=True)
    told = (healthy().messages[0], message("shipped", "Parcel - was handed to the post."))
    dossier = replace(healthy(), shipments=(), labels=(), messages=told)
    return with_order(dossier, parcels=(going,), tracking_numbers=())


def bought_again() -> Dossier:
    """INN-38: a label was voided and bought again: two labels, one active."""
    dossier = healthy()
    old = replace(dossier.shipments[0], tracking_number="1ZOLD", status="voided", delivered_at=None)
    gone = parcel(ref="shp_0", state="voided", status="voided", tracking_number="1ZOLD")
    told = message("shipped", "Parcel 1ZOLD of order A1 was handed to UPS.", minutes=24)
    dossier = replace(dossier, shipments=(old, *dossier.shipments), messages=(told, *dossier.messages))
    return with_order(dossier, parcels=(gone, parcel()))


def around_midnight() -> Dossier:
    """INN-42: 23:59:58 in the shop is the day that the books in the same zone say."""
    placed = datetime(2026, 3, 2, 22, 59, 58, tzinfo=UTC)
    return with_order(healthy(), placed_at=placed)


def transliterated() -> Dossier:
    """INN-37: the label is in ASCII, sharp s spelled ss, the street shortened."""
    home = replace(ADDRESS, lines=("Große Straße 5 b", "3. Etage"), city="Köln", postcode="50 667", country="DE")
    there = replace(home, lines=("Grosse Str. 5 b", "3. Etage"), city="Koeln", postcode="50667")
    dossier = replace(healthy(), labels=(label(receiver=there),))
    dossier = with_document(dossier, texts=("Zoë Müller\nGroße Straße 5 b\n3. Etage\n50 667 Köln",))
    return with_order(dossier, address=home)


VARIATIONS: dict[str, Callable[[], Dossier]] = {
    "INN-01": erp_rounds_per_rate,
    "INN-02": cash_rounding,
    "INN-12": webhook_thrice,
    "INN-13": refund_before_capture,
    "INN-14": debit_pending,
    "INN-15": declined_then_paid,
    "INN-16 partial capture": partial_capture,
    "INN-16 split tender": split_tender,
    "INN-18": lambda: replace(
        unshipped(healthy(), "confirmed", change("payment_status", "paid"), change("status", "confirmed")),
        documents=(), read_at=AT + timedelta(seconds=40),
    ),
    "INN-19": two_warehouses,
    "INN-20": bundle,
    "INN-21": edited,
    "INN-22": approval,
    "INN-23": lambda: with_document(healthy(), ref="0000004711"),
    "INN-24": review,
    "INN-25": safety_stock,
    "INN-26": back_order,
    "INN-27": open_hold,
    "INN-35": letter,
    "INN-36": lambda: with_shipment(healthy(), weight_g=2866),
    "INN-37": transliterated,
    "INN-38": bought_again,
    "INN-41": lambda: with_order(
        with_document(healthy(), document_date=date(2026, 3, 29)), placed_at=datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    ),
    "INN-42": around_midnight,
}  # fmt: skip


@pytest.mark.parametrize("variation", VARIATIONS)
def test_a_legal_variation_is_silent(variation: str) -> None:
    """No oracle fails on legal behaviour."""
    dossier = VARIATIONS[variation]()
    loud = [judged(name, dossier) for name in sorted(ORACLES)]
    assert [each.sentence() for each in loud if each.result is Result.FAIL] == []


@pytest.mark.parametrize(
    ("variation", "names"),
    [
        ("INN-01", ["O-E2", "O-M1"]),
        ("INN-02", ["O-M1", "O-M5", "O-E2", "O-M3"]),
        ("INN-12", ["O-O5"]),
        ("INN-15", ["O-O1", "O-O3", "O-P1"]),
        ("INN-16 partial capture", ["O-M1", "O-O11", "O-O6", "O-P1", "O-K1"]),
        ("INN-16 split tender", ["O-M1", "O-O11", "O-M3"]),
        ("INN-19", ["O-O1", "O-E2", "O-O6"]),
        ("INN-20", ["O-O6", "O-K1"]),
        ("INN-21", ["O-M1", "O-M2", "O-M5", "O-O1", "O-O3", "O-O11", "O-E2", "O-E3", "O-O6"]),
        ("INN-25", ["O-S1"]),
        ("INN-26", ["O-S1", "O-S3"]),
        ("INN-27", ["O-S3"]),
        ("INN-37", ["O-K2", "O-E4"]),
        ("INN-38", ["O-K4", "O-K5", "O-O12"]),
        ("INN-42", ["O-E3"]),
    ],
)
def test_a_legal_variation_is_judged(variation: str, names: list[str]) -> None:
    """The oracles a variation is about pass it: they are not silent because they look away."""
    dossier = VARIATIONS[variation]()
    verdicts = {name: judged(name, dossier, JUDGING) for name in names}
    assert {name: each.reason for name, each in verdicts.items() if each.result is not Result.PASS} == {}


def test_counts_of_one_article_only_prove_that_article() -> None:
    """A count that was made once says nothing about conservation."""
    assert judged("O-S1", replace(healthy(), stock=(count("0017", 5),))).result is Result.NOT_EVALUATED


@pytest.mark.parametrize(
    ("value", "days", "result"),
    [
        ("66.90", 0, Result.PASS),
        ("55.75", 0, Result.PASS),  # without tax
        ("57.40", 0, Result.FAIL),  # what was added, taken off twice
        ("76.40", 2, Result.PASS),
        ("66.90", 2, Result.FAIL),
    ],
)
def test_an_event_knows_the_order_of_its_own_time(value: str, days: int, result: Result) -> None:
    """An event of the purchase holds what was bought; one that is told after the edit holds the new total."""
    told = AnalyticsEvent(name="purchase", order_ref="A1", value=money(value, "EUR"), at=AT + timedelta(days=days))
    finding = judged("O-M2", replace(edited(), events=(told,)))
    assert finding.result is result, finding.sentence()
