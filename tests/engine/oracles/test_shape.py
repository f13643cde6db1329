"""The shape of judges: values that nobody changes, registers, evidence, ranks of states, digits of cards."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.events import Result
from assay.oracles import (
    FAMILIES,
    ORACLES,
    POPULATION_ORACLES,
    UNDECLARED,
    Judging,
    Oracle,
    PopulationOracle,
    charge,
    conversion,
    money,
    stock,
    weight,
)
from assay.oracles import census as censuses
from assay.oracles.access import scan_text
from assay.oracles.judge import evidence
from assay.records import MinorAmount
from tests.engine.oracles.world import AT, JUDGING, call, change, healthy, judged, with_order, with_payment
from tests.engine.oracles.world import money as amount

ORDER_OF_STATES = ("pending", "held", "confirmed", "processing", "partially_shipped", "shipped", "delivered")
PAYMENT_STATES = ("pending", "authorised", "paid", "partially_refunded", "refunded")


@pytest.mark.parametrize("shape", [Judging, Oracle, PopulationOracle, conversion._Component, weight._Scale])
def test_values_cannot_be_changed(shape: Any) -> None:
    """What judges hold and are given is frozen and slotted."""
    assert shape.__dataclass_params__.frozen
    assert "__slots__" in vars(shape)


def test_parameters_are_named() -> None:
    """A parameter of judging is given by its name, and nothing is declared by itself but what a carrier publishes."""
    assert all(field.kw_only for field in dataclasses.fields(Judging))
    assert UNDECLARED.line_limits == {"ups": 35}
    assert (UNDECLARED.weight_step_g, UNDECLARED.weight_tolerance) == (100, Decimal("0.05"))
    assert (UNDECLARED.rounding, UNDECLARED.base_currency, UNDECLARED.confirms_unpaid) == (None, None, False)
    assert UNDECLARED.slack("erp") == timedelta()


def test_registers_hold_what_modules_name() -> None:
    """A judge is the value its module names and the register holds, and every family is listed."""
    assert ORACLES["O-M1"] is money.charged_minor_units
    assert POPULATION_ORACLES["O-O8"] is censuses.census
    assert POPULATION_ORACLES["O-S2"] is stock.no_oversell
    assert set(FAMILIES) >= {"money", "orders", "books", "stock", "weight"}


def test_evidence_is_short_and_about_the_systems() -> None:
    """At most eight lines are kept, oldest first, of the systems named, with the fault that was in the way."""
    calls = [
        replace(call("stripe", "POST", f"/{number}", id=number), at=AT + timedelta(seconds=9 - number))
        for number in range(10)
    ]
    lines = evidence([*calls, call("ups", "GET", "/x")], ["stripe"])
    assert [line.split()[3] for line in lines] == [f"/{number}" for number in range(9, 1, -1)]
    faulted = evidence([replace(calls[0], fault="delay-1")], ["stripe"])
    assert faulted == ("2026-03-02T09:00:09.000000Z stripe POST /0 200 fault=delay-1",)


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(ORDER_OF_STATES, 2)))
def test_an_order_only_goes_forward(before: str, after: str) -> None:
    """O-O4 lets an order go from each state to every later one and to no earlier one, but from held to pending."""
    dossier = with_order(
        healthy(),
        status=after,
        hold="review",
        history=(change("payment_status", "paid"), change("status", before), change("status", after)),
    )
    forwards = ORDER_OF_STATES.index(before) < ORDER_OF_STATES.index(after)
    allowed = forwards or (before, after) == ("held", "pending")
    assert (judged("O-O4", dossier).result is Result.PASS) == allowed


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(PAYMENT_STATES, 2)))
def test_a_payment_only_goes_forward(before: str, after: str) -> None:
    """O-O4 lets a payment's status rise and never fall."""
    changes = (change("payment_status", before), change("payment_status", after))
    finding = judged("O-O4", with_order(healthy(), payment_status=after, history=changes))
    fell = PAYMENT_STATES.index(before) > PAYMENT_STATES.index(after)
    assert ("late or repeated" in finding.cause) == fell


@pytest.mark.parametrize("before", ORDER_OF_STATES)
def test_what_may_still_be_cancelled(before: str) -> None:
    """O-O4 lets an order be cancelled until it has shipped, and returned after that; nothing follows a cancellation."""
    gone = with_payment(healthy(), refunded=6690)
    dossier = with_order(
        gone,
        status="cancelled",
        payment_status="refunded",
        history=(change("status", before), change("status", "cancelled")),
    )
    late = before in ("shipped", "delivered")
    assert (judged("O-O4", dossier).result is Result.FAIL) == late
    back = with_order(dossier, status=before, history=(change("status", "cancelled"), change("status", before)))
    assert judged("O-O4", back).result is Result.FAIL


@given(st.text("0123456789", min_size=15, max_size=15))
def test_only_numbers_that_check_are_cards(digits: str) -> None:
    """A number of a card's range is found exactly if it passes the check by which card numbers are made."""
    number = "4" + digits
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    checks = sum(sum(map(int, str(each))) for each in doubled) % 10 == 0
    assert bool(scan_text("log", f"n={number};", {}).traces) == checks


def test_what_is_due_at_gateways() -> None:
    """What other tenders pay is taken off the total, unless they are in another currency."""
    order = healthy().order
    assert order is not None
    gift = replace(order.tenders[0], gateway="gift_card", ref="GIFT", amount=amount("20.00", "EUR"))
    both = with_order(healthy(), tenders=(gift, order.tenders[0]))
    assert both.order is not None
    assert charge.due_at_gateways(both, both.order) == amount("46.90", "EUR")
    foreign = replace(gift, amount=amount("20", "JPY"))
    mixed = with_order(healthy(), tenders=(foreign, gift))
    assert mixed.order is not None
    assert charge.due_at_gateways(mixed, mixed.order) == amount("66.90", "EUR")


def test_what_was_cancelled_is_its_share() -> None:
    """Cancelled units cost their share of the line, rounded half up."""
    order = healthy().order
    assert order is not None
    odd = replace(order.lines[0], quantity=Decimal(3), cancelled=Decimal(2), total=amount("10.00", "EUR"))
    assert charge.cancelled_value(replace(order, lines=(odd,))) == amount("6.67", "EUR")
    third = replace(odd, cancelled=Decimal(1))
    assert charge.cancelled_value(replace(order, lines=(third, order.lines[1]))) == amount("3.33", "EUR")


def test_units_that_are_no_money() -> None:
    """What ISO 4217 has no amount for is worth nothing that can be said."""
    assert charge.money_at("stripe", 2790, "ISK") is None
    assert charge.money_at("stripe", 100, "XXX") is None
    assert charge.money_at("stripe", 279000, "ISK") == amount("2790", "ISK")
    assert charge.difference(Decimal("1.001"), Decimal(1), "EUR") == amount("0.01", "EUR")
    assert charge.difference(Decimal(1), Decimal("1.01"), "EUR") == amount("0.01", "EUR")
    assert charge.difference(Decimal(1), Decimal(1), "EUR") == amount("0.00", "EUR")


@pytest.mark.parametrize(
    ("phase", "captured", "charged"),
    [("captured", 0, True), ("authorised", 0, True), ("pending", 0, True), ("open", 0, False), ("", 5, True)],
)
def test_what_counts_as_charged(phase: str, captured: int, charged: bool) -> None:
    """Money was taken, or will be without anybody doing more."""
    payment = replace(healthy().payments[0], phase=phase, captured=MinorAmount(captured, "EUR"))
    assert charge.is_charged(payment) is charged


@pytest.mark.parametrize("power", [-3, -2, -1, 1, 2, 3])
def test_every_exponent_is_named(power: int) -> None:
    """O-M1 names each wrong number of decimals, and leaves O-O11 to say nothing of it."""
    base = with_order(with_payment(healthy(), captured=6690), total=amount("6690.00", "EUR"), tenders=())
    units = int(Decimal(669000) * Decimal(10) ** power)
    dossier = with_payment(base, captured=units)
    assert f"EUR was sent with {2 + power} decimals" in judged("O-M1", dossier, JUDGING).cause
    assert judged("O-O11", dossier).result is Result.NOT_EVALUATED
