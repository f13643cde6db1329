"""Where a record first went wrong: the first station at which the right's word stands, never a guess."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.drift.look import OutOfTime
from assay.drift.pairs.hops import Hops, order_of, way_of
from assay.drift.pairs.model import Apart, Class, Difference, Trace, Way
from assay.errors import InfrastructureError
from assay.money import Money
from assay.records import Call, Creation, Document, Dossier, Order
from tests.engine.drift import told

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ORDER = Order(
    system="merchant", ref="7d1c", number="R-1", status="paid", placed_at=AT, total=Money(1990, "EUR"), lines=()
)


def call(body: object = None, *, status: int = 201, answer: object = None, minute: int = 1, **more: Any) -> Call:
    """Return a call by which the platform hands an order to the ERP."""
    given: dict[str, Any] = {
        "id": f"call-{minute}",
        "at": AT + timedelta(minutes=minute),
        "system": "sap_s4hana",
        "way": "proxy",
        "method": "POST",
        "host": "erp.example",
        "path": "/A_SalesOrder",
        "query": "",
        "status": status,
        "duration_ms": 12,
        "refused": False,
        "request_headers": {},
        "request_body": json.dumps(body),
        "response_headers": {},
        "response_body": json.dumps(answer),
    }
    return Call(**{**given, **more})


FLIPPED = replace(
    told.PAIR.fields[0],
    left="TotalNetAmount",
    right="total",
    left_amounts=told.PAIR.fields[0].right_amounts,
    right_amounts=told.PAIR.fields[0].left_amounts,
)
OTHER = call(system="stripe", path="/v1/payment_intents")
"""A call of the order to somebody else: the journal was heard."""


def dossier(*calls: Call, **more: Any) -> Dossier:
    """Return what is known of the order."""
    return Dossier(**{"order": ORDER, "calls": (OTHER, *calls), **more})


def traces(way: Way) -> list[tuple[str, str]]:
    """Return a way's stations and what each shows."""
    return [(hop.name, hop.trace.value) for hop in way.hops]


CASES: dict[str, tuple[Difference, Dossier, str | None, str | None, str]] = {
    "never sent": (
        told.missing("R-1", Money(1990, "EUR")),
        dossier(),
        "merchant to sap_s4hana",
        "merchant",
        "lost after merchant, first at merchant to sap_s4hana: no call between the two names the order",
    ),
    "refused": (
        told.missing("R-1", Money(1990, "EUR")),
        dossier(call(status=422), call(status=503, minute=4, fault="no answer")),
        "answer of sap_s4hana",
        "merchant to sap_s4hana",
        "refused with 422, 2 times in all",
    ),
    "taken and gone": (
        told.missing("R-1", Money(1990, "EUR")),
        dossier(call()),
        "sap_s4hana",
        "answer of sap_s4hana",
        "lost after answer of sap_s4hana, first at sap_s4hana: it is not there",
    ),
    "there, and not listed": (
        told.missing("R-1", Money(1990, "EUR")),
        dossier(
            call(),
            documents=(Document(system="sap_s4hana", ref="71", kind="sales_order", order_ref="R-1", status="A"),),
        ),
        "listing of sap_s4hana",
        "sap_s4hana",
        "it is not among what was read",
    ),
    "sent wrong": (
        told.differs("R-1"),
        dossier(call({"total": "16.58"})),
        "merchant to sap_s4hana",
        "merchant",
        "POST /A_SalesOrder at 09:01:00 by the edge's clock carried 16.58",
    ),
    "sent right and changed there": (
        told.differs("R-1"),
        dossier(call({"gross": 19.90}, answer={"d": {"TotalNetAmount": "16.58"}})),
        "answer of sap_s4hana",
        "merchant to sap_s4hana",
        "wrong after merchant to sap_s4hana, first at answer of sap_s4hana",
    ),
    "changed later": (
        told.differs("R-1"),
        dossier(call({"minor": 1990}, answer={"d": {"TotalNetAmount": "19.90"}})),
        "sap_s4hana",
        "answer of sap_s4hana",
        "first at sap_s4hana: it says 16.58",
    ),
    "a correction that was refused": (
        told.differs("R-1"),
        dossier(call({"total": "16.58"}), call({"total": "19.90"}, status=409, minute=7, method="PATCH")),
        "answer of sap_s4hana",
        "merchant to sap_s4hana",
        "refused with 409",
    ),
    "no amount in the call": (
        told.differs("R-1"),
        dossier(call({"items": [{"sku": "0018", "quantity": 1}]})),
        "sap_s4hana",
        "merchant",
        "nothing was seen of merchant to sap_s4hana and answer of sap_s4hana, which comes before",
    ),
    "both values in the call": (
        told.differs("R-1"),
        dossier(call({"gross": "19.90", "net": "16.58"})),
        "sap_s4hana",
        "merchant",
        "nothing was seen of merchant to sap_s4hana",
    ),
    "no journal": (
        told.differs("R-1"),
        Dossier(order=ORDER, unread=(("journal", "no edge stands here"),)),
        "sap_s4hana",
        "merchant",
        "nothing was seen of merchant to sap_s4hana",
    ),
    "sent twice": (
        Difference(key=("R-1",), classed=Class.DUPLICATE, copies=(1, 2)),
        dossier(
            call(),
            call(minute=5),
            creations=tuple(
                Creation(
                    system="sap_s4hana",
                    kind="sales_order",
                    key=None,
                    purpose="R-1",
                    at=AT + timedelta(minutes=minute),
                    status=201,
                )
                for minute in (1, 5)
            ),
        ),
        "merchant to sap_s4hana",
        "merchant",
        "it was created 2 times, at 09:01:00 and 09:05:00 by the edge's clock",
    ),
    "late after refusals": (
        Difference(key=("R-1",), classed=Class.LATE),
        dossier(call(status=503), call(minute=40)),
        "answer of sap_s4hana",
        "merchant to sap_s4hana",
        "refused with 503, and taken at 09:40:00 by the edge's clock",
    ),
    "of nobody": (
        Difference(key=("R-1",), classed=Class.EXTRA, right=told.RIGHT, copies=(0, 1)),
        Dossier(order=None, unread=(("shop", "the shop knows no order R-1"),)),
        "merchant",
        None,
        "lost from the start, first at merchant: asked by itself, it is not there either",
    ),
    "of the shop, and not listed": (
        Difference(key=("R-1",), classed=Class.EXTRA, right=told.RIGHT, copies=(0, 1)),
        dossier(),
        "listing of merchant",
        "merchant",
        "it is not among what was read",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_wrong_station_is_named(case: str) -> None:
    """The first station at which the record is wrong or gone is named, with the last at which it was right."""
    difference, known, first, after, said = CASES[case]
    way = way_of(told.PAIR, difference, known, lambda system: True)
    assert (way.first, way.after) == (first, after), traces(way)
    assert said in way.sentence


def test_short_values_prove_nothing() -> None:
    """A value such as 7 or B stands in any message by chance, and is not taken for the field's."""
    apart = Apart(field="status", left="shipped", right="C")
    difference = told.differs("R-1", fields=(apart,))
    way = way_of(told.PAIR, difference, dossier(call({"type": "C", "plant": "C"})), lambda system: True)
    assert [hop.trace for hop in way.hops[1:3]] == [Trace.UNSEEN, Trace.UNSEEN]


def test_a_gateway_on_the_way_is_a_station() -> None:
    """Where a gateway holds the right's amount already, the call to the ERP is not the first to be wrong."""
    from assay.records import MinorAmount, Payment

    amount = MinorAmount(1658, "EUR")
    paid = Payment(
        system="stripe",
        ref="pi_1",
        order_ref="R-1",
        status="succeeded",
        amount=amount,
        captured=amount,
        refunded=MinorAmount(0, "EUR"),
        created_at=AT,
    )
    way = way_of(
        told.PAIR, told.differs("R-1"), dossier(call({"total": "16.58"}), payments=(paid,)), lambda system: True
    )
    assert (way.first, way.after) == ("stripe", "merchant")
    assert "it holds 1,658 minor units of EUR" in way.sentence


def test_only_orders_are_asked_for() -> None:
    """An order is named by the reference in its row, or by a key that is a number; of other pairs nobody is asked."""
    found = told.differs("R-1")
    assert order_of(told.PAIR, found) == "7d1c"
    assert order_of(told.PAIR, replace(found, left=None)) == "R-1"
    payments = replace(
        told.PAIR, left=replace(told.PAIR.left, source={"kind": "listing", "listing": "payments"}, key=("order_ref",))
    )
    assert order_of(payments, found) == "R-1"
    for source, key in (
        ({"kind": "parquet", "path": "x"}, ("number",)),
        ({"kind": "listing", "listing": "stock"}, ("sku",)),
        ({"kind": "listing", "listing": "orders"}, ("number", "store")),
    ):
        assert order_of(replace(told.PAIR, left=replace(told.PAIR.left, source=source, key=key)), found) is None


def test_a_few_of_each_kind_are_asked_and_nothing_fails() -> None:
    """At most so many are asked for, one of each kind first; trouble of any kind is kept, and time ends it."""
    held = [told.differs("R-1"), told.differs("R-2"), told.missing("M-1", Money(1, "EUR"))]
    asks = Asking()
    found = Hops(asks, most=2)(told.PAIR, held)
    assert [bool(each.way) for each in found] == [True, False, True]
    assert len(asks.asked) == 2
    for trouble in (InfrastructureError("no answer"), KeyError("x"), RuntimeError("")):
        hops = Hops(Asking(trouble))
        assert hops(told.PAIR, held) == held
        assert len(hops.troubles) == 1
    with pytest.raises(OutOfTime):
        Hops(Asking(OutOfTime("over")))(told.PAIR, held)
    ticks = iter(range(0, 1_000, 15))
    found = Hops(asks, seconds=20, clock=lambda: next(ticks))(told.PAIR, held)
    assert sum(bool(each.way) for each in found) == 1


def test_what_cannot_be_read_was_wrong_nowhere() -> None:
    """A value that is none is a finding of its own: nobody is asked where it went wrong."""
    held = [told.differs("R-1", classed=Class.UNREADABLE)]
    assert Hops(Asking())(told.PAIR, held) == held


def test_calls_that_are_never_heard_prove_nothing() -> None:
    """Where no call to the system crosses the edge at all, that none names the order does not say it was not sent."""
    way = way_of(told.PAIR, told.missing("R-1", Money(1990, "EUR")), dossier(), lambda system: False)
    assert traces(way)[1] == ("merchant to sap_s4hana", "unseen")
    assert way.first == "sap_s4hana"
    assert "calls between the two are not heard here" in [hop.said for hop in way.hops]


def test_a_shop_that_holds_a_record_twice_is_the_first_to_be_wrong() -> None:
    """Who has more copies is at fault, and that may be the left."""
    way = way_of(
        told.PAIR, Difference(key=("R-1",), classed=Class.DUPLICATE, copies=(2, 1)), dossier(), lambda system: True
    )
    assert (way.first, way.after) == ("merchant", None)
    assert way.sentence == "wrong from the start, first at merchant: it is there 2 times"


def test_an_order_that_is_older_than_the_listing_is_not_called_unknown() -> None:
    """The shop is asked for a number among its last sixty days: of an older one nothing is concluded."""
    old = Difference(
        key=("R-1",), classed=Class.EXTRA, right=told.RIGHT, copies=(0, 1), right_placed=AT - timedelta(days=61)
    )
    way = way_of(told.PAIR, old, Dossier(order=None, read_at=AT), lambda system: True)
    assert traces(way)[0] == ("merchant", "unseen")


def test_a_shop_that_is_told_is_traced_by_what_it_heard() -> None:
    """Where the right is the shop itself, a webhook's question and a poll's answer carry the record."""
    pair = replace(told.PAIR, left=told.PAIR.right, right=told.PAIR.left, fields=(FLIPPED,))
    apart = Apart(field="total", left="16.58", right="1990")
    wrong = told.differs("R-1", fields=(apart,), left=told.RIGHT, right=told.LEFT)
    for heard in (
        call({"total": "16.58"}, way="reverse", path="/webhooks/erp"),
        call({}, answer={"total": "16.58"}, method="GET", status=200),
    ):
        way = way_of(pair, wrong, dossier(heard), lambda system: True)
        assert traces(way) == [("sap_s4hana", "right"), ("sap_s4hana to merchant", "right"), ("merchant", "wrong")]


class Asking:
    """Whoever is asked: says the same of each order, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._error = error

    def __call__(self, order: str) -> Dossier:
        """Note who was asked for."""
        self.asked.append(order)
        if self._error is not None:
            raise self._error
        return dossier()

    def hears(self, system: str) -> bool:
        """All of them."""
        return True
