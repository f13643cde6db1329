"""The shape each defect of the catalogue leaves in a dossier, and the oracle that must fire on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.records import Dossier, MinorAmount, OrderRefund, Posting
from assay.records import GatewayRefund as Refund
from tests.engine.oracles.world import (
    ADDRESS,
    AT,
    NUMBER,
    READ,
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
    rate,
    with_document,
    with_line,
    with_order,
    with_payment,
    with_shipment,
)

Row = tuple[str, str, str, Callable[[Dossier], Dossier], str]


def items(dossier: Dossier, place: int = 0, **more: Any) -> Dossier:
    """The dossier with one item of its sales order changed."""
    listed = list(dossier.documents[0].lines)
    listed[place] = replace(listed[place], **more)
    return with_document(dossier, lines=tuple(listed))


def conditions(dossier: Dossier, *found: Any, total: str | None = None) -> Dossier:
    """The dossier with other conditions in the header of its sales order."""
    more: dict[str, Any] = {"total": Decimal(total)} if total else {}
    return with_document(dossier, conditions=found, **more)


def history(dossier: Dossier, *changes: Any, **more: Any) -> Dossier:
    """The dossier with other ends to its history."""
    assert dossier.order is not None
    return with_order(dossier, history=(*dossier.order.history, *changes), **more)


def again(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with a second payment like its first."""
    return replace(dossier, payments=(*dossier.payments, replace(dossier.payments[0], ref="pi_2", **more)))


def messages(dossier: Dossier, *more: Any) -> Dossier:
    """The dossier with further messages."""
    return replace(dossier, messages=(*dossier.messages, *more))


def counts(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with the last count of its first article changed."""
    listed = list(dossier.stock)
    listed[1] = replace(listed[1], **more)
    return replace(dossier, stock=tuple(listed))


def unbooked(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier of a paid order that the ERP does not hold."""
    return with_order(replace(dossier, documents=()), **more)


def event_twice(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with a webhook delivered and accepted twice."""
    calls = [call("stripe", "POST", "/webhooks/stripe", way="reverse", request_body="{}", id=n) for n in (1, 2)]
    return replace(dossier, calls=(*dossier.calls, *calls), **more)


def refunded(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with everything given back at the gateway."""
    first = dossier.payments[0]
    refund = Refund(ref="re_1", status="succeeded", amount=first.captured, created_at=AT)
    return with_order(with_payment(dossier, refunded=first.captured, refunds=(refund,)), **more)


MONEY: list[Row] = [
    ("MON-01", "JPY", "O-M1", lambda d: with_payment(d, captured=978200), "exponent: JPY was sent with 2 decimals"),
    ("MON-02", "KWD", "O-M1", lambda d: with_payment(d, captured=2870), "exponent: KWD was sent with 2 decimals"),
    ("MON-04", "EUR", "O-M1", lambda d: with_payment(d, captured=6689), "truncation: a part of a unit"),
    ("MON-09", "EUR", "O-M1", lambda d: with_payment(d, captured=669000), "exponent: EUR was sent with 4 decimals"),
    ("MON-10", "EUR", "O-M1", lambda d: with_payment(d, captured=6689), "truncation"),
    ("MON-11", "EUR", "O-M1", lambda d: with_payment(d, captured=6600), "everything after the decimal point"),
    ("MON-13", "JPY", "O-M1", lambda d: with_payment(d, captured=67), "not converted"),
    (
        "MON-14", "JPY", "O-M2",
        lambda d: with_payment(d, captured=MinorAmount(9782, "EUR"), amount=MinorAmount(9782, "EUR")),
        "currency of the order (JPY) was not handed over",
    ),
    ("ERP-02", "JPY", "O-M2", lambda d: with_document(d, currency="EUR"), "was not handed over"),
    ("MON-40", "JPY", "O-M2", lambda d: with_line(d, unit_price=money("9.50", "EUR")), "was not handed over"),
    ("MON-03", "KWD", "O-M3", lambda d: replace(d, shown=(("checkout", money("287.000", "KWD")),)), "exponent"),
    ("MON-06", "JPY", "O-M3", lambda d: replace(d, shown=(("checkout", money("978200", "JPY")),)), "exponent"),
    ("MON-15", "JPY", "O-M3", lambda d: replace(d, shown=(("checkout", money("66.90", "EUR")),)), "charged in JPY"),
    (
        "MON-31", "JPY", "O-M3",
        lambda d: replace(d, shown=(("product 0017", money("9.50", "EUR")), *d.shown)), "another currency",
    ),
    (
        "MON-39", "EUR", "O-M3",
        lambda d: replace(d, shown=(("product 0017", money("9.25", "EUR")), *d.shown)), "a rounding rule was applied",
    ),
    ("MON-12", "JPY", "O-M4", lambda d: with_order(d, shipping=money("126145", "JPY")), "one time too many"),
    ("MON-13", "JPY", "O-M4", lambda d: with_line(d, unit_price=money("10", "JPY")), "not converted"),
    ("MON-27", "JPY", "O-M4", lambda d: with_line(d, 1, unit_price=money("0", "JPY")), "inverse"),
    (
        "MON-28", "JPY", "O-M4",
        lambda d: with_order(d, rate=replace(d.order.rate, value=Decimal(1))),  # type: ignore[union-attr, type-var]
        "fallback rate of 1",
    ),
    ("MON-25", "JPY", "O-M4", lambda d: with_line(d, 1, unit_price=money("5872", "JPY")), "another day's rate"),
    ("MON-19", "EUR", "O-M5", lambda d: with_order(d, total=money("66.92", "EUR")), "rounding on another level"),
    ("MON-20", "EUR", "O-M5", lambda d: with_order(d, tax=money("11.16", "EUR")), "rounding on another level"),
    ("MON-21", "EUR", "O-M5", lambda d: with_order(d, total=money("66.89", "EUR")), "rounding on another level"),
    (
        "MON-23", "EUR", "O-M5",
        lambda d: with_order(d, discount=money("5.00", "EUR")), "the discount was left out",
    ),
    ("ERP-16", "EUR", "O-M5", lambda d: with_line(d, total=money("19.01", "EUR")), "rounding on another level"),
]  # fmt: skip
ORDERS: list[Row] = [
    ("ORD-01", "EUR", "O-O1", lambda d: replace(d, siblings=("A2",)), "made another order"),
    ("ORD-03", "EUR", "O-O1", lambda d: replace(d, siblings=("A2",)), "made another order"),
    (
        "ORD-30", "EUR", "O-O1",
        lambda d: replace(d, documents=(*d.documents, replace(d.documents[0], ref="4712"))), "posted again",
    ),
    ("ORD-33", "EUR", "O-O1", again, "charged more than once"),
    ("ERP-06", "EUR", "O-O1", lambda d: unbooked(d, status="confirmed"), "never reached the ERP"),
    ("ORD-04", "EUR", "O-O2", lambda d: with_order(d, payment_refs=()), "does not know of the payment"),
    ("ORD-05", "EUR", "O-O2", lambda d: with_order(d, status="cancelled"), "cancelled and the money was kept"),
    ("ORD-09", "EUR", "O-O2", lambda d: unbooked(d, status="pending"), "never handed over"),
    ("ORD-29", "EUR", "O-O2", lambda d: unbooked(d, status="pending", payment_status="failed"), "never handed over"),
    ("ERP-14", "JPY", "O-O2", lambda d: unbooked(d, status="confirmed"), "never handed over"),
    ("ORD-10", "EUR", "O-O3", again, "charged more than once"),
    ("ORD-12", "EUR", "O-O3", again, "charged more than once"),
    (
        "ORD-13", "EUR", "O-O3",
        lambda d: replace(d, creations=(creation("k1"), creation("k2"))), "key was made for the call",
    ),
    ("ORD-13", "EUR", "O-O3", lambda d: replace(d, creations=(creation(None), creation(None))), "key was made"),
    (
        "ORD-31", "EUR", "O-O3",
        lambda d: again(d, phase="open", captured=MinorAmount(0, "EUR")), "begun again instead of taken up",
    ),
    ("PAY-18", "EUR", "O-O3", again, "charged more than once"),
    ("MON-38", "JPY", "O-O4", lambda d: with_order(d, payment_status="pending", history=()), "no history"),
    ("ORD-06", "EUR", "O-O4", lambda d: with_order(d, payment_status="pending", status="pending",
        history=(change("status", "pending"), change("payment_status", "pending"))), "was dropped"),
    ("ORD-07", "EUR", "O-O4", lambda d: with_order(d, payment_status="pending"), "overwritten without a trace"),
    ("ORD-08", "EUR", "O-O4", lambda d: history(d, change("payment_status", "pending", minutes=1)), "late or repeated"),
    (
        "ORD-15", "EUR", "O-O4",
        lambda d: history(refunded(d), change("payment_status", "refunded"), change("payment_status", "paid")),
        "late or repeated",
    ),
    ("ORD-15", "EUR", "O-O4", refunded, "without its refunds"),
    (
        "ORD-16", "EUR", "O-O4",
        lambda d: history(
            refunded(d, refunds=(OrderRefund(ref="re_1", tender_ref=None, status="processing",
                amount=money("66.90", "EUR"), reason="broken", at=AT),), payment_status="refunded"),
            change("payment_status", "refunded"),
        ),
        "not in the state map",
    ),
    ("STK-09", "EUR", "O-O4", lambda d: with_order(d, status="confirmed",
        history=(change("status", "cancelled"), change("status", "confirmed"))), "late or repeated"),
    ("PAY-06", "EUR", "O-O4", lambda d: with_order(d, status="cancelled",
        history=(change("status", "shipped"), change("status", "cancelled"))), "late or repeated"),
    ("ORD-02", "EUR", "O-O5", lambda d: event_twice(history(d, change("payment_status", "paid"))), "handled again"),
    (
        "ORD-11", "EUR", "O-O5",
        lambda d: event_twice(messages(d, d.messages[0])), "handled again",
    ),
    (
        "ORD-11", "EUR", "O-O5",
        lambda d: replace(messages(d, d.messages[0]), before_replay=d), "handled again",
    ),
    ("MON-22", "EUR", "O-O6", lambda d: items(d, net=Decimal("15.80")), "not taken from the line itself"),
    ("MON-22", "EUR", "O-O6", lambda d: items(d, conditions=(condition("tax", "3.10"),)), "the tax was not taken"),
    ("CAT-04", "EUR", "O-O6", lambda d: items(d, sku="17"), "leading zeros"),
    ("ORD-26", "EUR", "O-O6", lambda d: with_line(d, cancelled=Decimal(1)), "lost or doubled"),
    ("ORD-27", "EUR", "O-O11", lambda d: replace(d, bought=(("0017", 1), ("0018", 1))), "after the payment"),
    ("ORD-28", "EUR", "O-O11", lambda d: with_order(d, total=money("60.21", "EUR")), "computed again"),
    ("ORD-10", "EUR", "O-O12", lambda d: messages(d, message("payment_failed", "failed")), "shorter time"),
    ("ORD-11", "EUR", "O-O12", lambda d: messages(d, d.messages[0]), "both write it"),
    ("ORD-14", "EUR", "O-O12", lambda d: messages(d, message("order_confirmed", "again")), "both write it"),
    ("ORD-14", "EUR", "O-O12", lambda d: messages(d, d.messages[1]), "both write it"),
    ("ORD-21", "EUR", "O-O12", lambda d: replace(d, messages=d.messages[1:]), "never written"),
    (
        "PAY-05", "EUR", "O-O12",
        lambda d: with_order(d, history=(change("status", "pending"), change("payment_status", "pending"),
            change("status", "confirmed"), change("payment_status", "paid", minutes=3))),
        "when the order is placed",
    ),
    ("PAY-01", "EUR", "O-P1", lambda d: with_payment(d, phase="authorised", captured=0, capturable=6690), "may lapse"),
    ("PAY-02", "EUR", "O-P1", lambda d: with_payment(d, phase="authorised", captured=3000, capturable=3690),
        "rest was never released"),
    ("PAY-16", "EUR", "O-P1", lambda d: with_payment(d, captured=6691), "account of the authorisation"),
    ("PAY-16", "EUR", "O-P1", lambda d: with_payment(d, capturable=1), "account of the authorisation"),
]  # fmt: skip
GOODS: list[Row] = [
    ("STK-02", "EUR", "O-S1", lambda d: counts(d, on_hand=99, sellable=99), "movement was written"),
    ("STK-04", "EUR", "O-S1", lambda d: counts(d, sellable=97), "not counted from"),
    (
        "STK-06", "EUR", "O-S1",
        lambda d: counts(d, on_hand=96, sellable=96,
            movements=(*(d.stock[1].movements or ()), *(d.stock[1].movements or ())[-1:])), "booked twice",
    ),
    ("STK-13", "EUR", "O-S1", lambda d: counts(d, on_hand=100, sellable=100, movements=d.stock[0].movements),
        "booked twice or not at all"),
    ("STK-03", "EUR", "O-S3", lambda d: counts(d, reservations=(hold("0017", 2),)), "not given back"),
    ("STK-04", "EUR", "O-S3", lambda d: with_order(counts(d, reservations=(hold("0017", 2),)), status="cancelled"),
        "not given back"),
    ("STK-05", "EUR", "O-S3", lambda d: with_order(replace(d, documents=d.documents[:1]), status="processing"),
        "without holding its goods"),
    ("STK-08", "EUR", "O-S3", lambda d: counts(d, reservations=(hold("0017", 1, holder="x", state="open",
        age_s=1801),)), "not given back"),
    ("CAR-01", "EUR", "O-K1", lambda d: with_shipment(d, weight_g=1238), "pounds were taken for kilograms"),
    ("CAR-02", "EUR", "O-K1", lambda d: with_shipment(d, weight_g=27), "a factor of 100"),
    ("CAR-03", "EUR", "O-K1", lambda d: with_shipment(d, weight_g=6019), "kilograms were turned into pounds"),
    ("CAR-04", "EUR", "O-K1", lambda d: replace(d, labels=(label(length_unit="IN"),)), "different places"),
    ("CAR-05", "EUR", "O-K1", lambda d: with_shipment(d, weight_g=2390), "lines were weighed instead of units"),
    (
        "CAR-06", "EUR", "O-K1",
        lambda d: with_order(
            with_shipment(with_line(d, sku="SET"), weight_g=150), lines=(replace(d.order.lines[0], sku="SET"),),  # type: ignore[union-attr]
            parcels=(parcel(contents=(("SET", 2),)),),
        ),
        "what is in a bundle was not weighed",
    ),
    ("CAR-07", "EUR", "O-K2", lambda d: replace(d, labels=(label(receiver=replace(ADDRESS,
        lines=("12 rue de l’Été, Bâtiment B, Escalier 3",))),)), "joined without breaking"),
    ("CAR-08", "EUR", "O-K2", lambda d: replace(d, labels=(label(receiver=replace(ADDRESS, lines=("12 rue",))),)),
        "cut off"),
    ("CAR-17", "EUR", "O-K2", lambda d: with_order(d, address=replace(ADDRESS, region="ME")), "left out"),
    ("CAR-18", "EUR", "O-K2", lambda d: replace(with_order(d, tax_treatment="export"),
        labels=(label(receiver=replace(ADDRESS, phone=None)),)), "phone number was left out"),
    ("ERP-13", "EUR", "O-K2", lambda d: replace(d, labels=(label(receiver=replace(ADDRESS, postcode="5011")),)),
        "postcode was changed"),
    ("CAR-11", "EUR", "O-K4", lambda d: with_order(d, parcels=(parcel(tracking_number=None),)), "not stored"),
    ("CAR-11", "EUR", "O-K4", lambda d: replace(d, unknown_parcels=("L-1",)), "not the carrier's number"),
    ("CAR-12", "EUR", "O-K4", lambda d: replace(d, messages=(message("shipped", "1Z0 left"),)), "another number"),
    ("CAR-15", "EUR", "O-K4", lambda d: replace(d, shipments=(*d.shipments, replace(d.shipments[0], ref="1ZX",
        tracking_number="1ZX"))), "bought again"),
    ("CAR-20", "EUR", "O-K4", lambda d: replace(with_order(d, parcels=(parcel(state="failed", tracking_number=None,
        error="rate expired"),)), shipments=()), "could not be bought"),
    ("CAR-20", "EUR", "O-K4",
        lambda d: replace(with_order(d, parcels=(), tracking_numbers=()), shipments=()), "nobody bought the label"),
    ("ORD-26", "EUR", "O-K4", lambda d: with_line(d, cancelled=Decimal(1)), "still wanted"),
    ("CAR-13", "EUR", "O-K5", lambda d: with_order(d, status="shipped"), "carrier's word for delivered"),
    ("CAR-14", "EUR", "O-K5", lambda d: with_order(d, parcels=(parcel(status="created"),)), "not in the shop's map"),
    (
        "CAR-14", "EUR", "O-K5",
        lambda d: with_order(with_shipment(d, status="in_transit", delivered_at=None),
            parcels=(parcel(status="none"),)),
        "not in the shop's map",
    ),
    ("ERP-01", "EUR", "O-E2", lambda d: items(with_document(d, total=Decimal("53.75")), net=Decimal("13.83"),
        conditions=(condition("goods", "15.83"), condition("discount", "-2.00"), condition("tax", "3.17"))),
        "goods less discount"),
    ("ERP-02", "JPY", "O-E2", lambda d: with_document(d, currency="EUR"), "currency was not transferred"),
    ("ERP-03", "EUR", "O-E2", lambda d: items(with_document(d, total=Decimal("58.92")), net=Decimal("19.00"),
        conditions=(condition("goods", "19.00"), condition("tax", "3.17"))), "goods less discount"),
    ("ERP-04", "EUR", "O-E2", lambda d: conditions(d, condition("tax", "0.98"), total="50.83"),
        "shipping was not handed over"),
    ("ERP-05", "EUR", "O-E2", lambda d: items(d, conditions=(condition("goods", "15.83"), condition("tax", "3.19"))),
        "tax: rounding on another level"),
    ("ERP-17", "EUR", "O-E2", lambda d: with_document(d, total=Decimal("61.00")), "different sources"),
    ("ERP-09", "EUR", "O-E3", lambda d: with_document(d, document_date=date(2026, 3, 3)), "day of the transfer"),
    ("ERP-10", "EUR", "O-E3", lambda d: with_order(with_document(d, document_date=date(2026, 2, 28)),
        placed_at=AT.replace(month=2, day=28, hour=23, minute=30)), "in UTC"),
    ("ERP-12", "EUR", "O-E4", lambda d: with_document(d, texts=(d.documents[0].texts[0].replace("ë", "?"),)),
        "another encoding"),
    ("ERP-13", "EUR", "O-E4", lambda d: with_order(with_document(d, texts=("Zoë Müller\nZoë Müller\n12 rue de l’Été\n"
        "4101 Paris",)), address=replace(ADDRESS, postcode="04101")), "leading zeros"),
    ("SEC-01", "EUR", "O-Z1", lambda d: replace(d, calls=(call("stripe", "POST", "/v1/payment_methods",
        request_body="card[number]=***&card[cvc]=***"),)), "handles card numbers itself"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("defect", "currency", "oracle", "broken", "cause"),
    [pytest.param(*row, id=f"{row[0]}-{row[2]}") for row in (*MONEY, *ORDERS, *GOODS) if row[4] != "no history"],
)
def test_a_defect_is_found(
    defect: str, currency: str, oracle: str, broken: Callable[[Dossier], Dossier], cause: str
) -> None:
    """The oracle the catalogue names for a defect fails on what that defect leaves behind, and says why."""
    finding = judged(oracle, broken(healthy(currency)))
    assert finding.result is Result.FAIL, finding
    assert cause in finding.cause
    assert finding.systems
    assert finding.expected
    assert finding.seen
    assert finding.formula


def test_states_are_unknown_without_a_history() -> None:
    """O-O4 needs the order's history."""
    assert judged("O-O4", with_order(healthy(), history=())).result is Result.NOT_EVALUATED


def test_a_posting_that_never_arrived_is_missed() -> None:
    """O-O1 wants a document for each reference the shop says it posted, part by part."""
    postings = (Posting(reference="A1-1"), Posting(reference="A1-2"))
    dossier = with_order(with_document(healthy(), reference="A1-1"), postings=postings)
    finding = judged("O-O1", dossier)
    assert (finding.result, finding.seen) == (Result.FAIL, "0 (none) for A1-2")


def test_a_finding_carries_the_journal_lines_that_prove_it() -> None:
    """A violation names calls of the systems it is about, oldest first, with time, method, path and status."""
    late = call("stripe", "POST", "/v1/refunds", status=402)
    early = replace(call("stripe", "POST", "/v1/payment_intents"), at=AT - timedelta(seconds=1))
    dossier = replace(with_payment(healthy(), captured=669000), calls=(late, early, call("ups", "POST", "/ship")))
    assert judged("O-M1", dossier).evidence == (
        "2026-03-02T08:59:59.000000Z stripe POST /v1/payment_intents 200",
        "2026-03-02T09:00:00.000000Z stripe POST /v1/refunds 402",
    )


@pytest.mark.parametrize(
    ("oracle", "broken", "at_risk"),
    [
        ("O-M1", lambda: with_payment(healthy("JPY"), captured=978200), money("968418", "JPY")),
        ("O-O3", lambda: again(healthy()), money("66.90", "EUR")),
        ("O-O2", lambda: unbooked(healthy(), status="confirmed"), money("66.90", "EUR")),
        ("O-M5", lambda: with_order(healthy(), total=money("66.92", "EUR")), money("0.02", "EUR")),
        ("O-O11", lambda: with_order(healthy(), total=money("60.21", "EUR")), money("6.69", "EUR")),
    ],
)
def test_money_at_risk_is_said(oracle: str, broken: Callable[[], Dossier], at_risk: Any) -> None:
    """Where it can be said, a finding carries the money that is wrong."""
    assert judged(oracle, broken()).at_risk == at_risk


def test_what_ties_the_tables_to_the_world() -> None:
    """The defects above are told from one healthy order, so each of them is the only thing wrong."""
    dossier = healthy()
    assert (dossier.order and dossier.order.tracking_numbers) == (NUMBER,)
    assert dossier.read_at == READ
    assert rate("JPY", "146.22", date(2026, 2, 27)) in healthy("JPY").rates
    assert count("0017", 98).on_hand == dossier.stock[1].on_hand
