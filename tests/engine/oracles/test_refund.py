"""O-M6: refunds and returns, whole and in part, by line, pending, twice, at another rate, from the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.oracles import ORACLES
from assay.records import Dossier, GatewayRefund, MinorAmount, OrderRefund, OrderReturn, Tender
from tests.engine.oracles.world import (
    AT,
    FAIL,
    JUDGING,
    PASS,
    READ,
    SILENT,
    healthy,
    judged,
    money,
    rate,
    verdict,
    with_line,
    with_order,
    with_payment,
)

LATER = AT + timedelta(days=1)


def refund(amount: str, currency: str = "EUR", *, ref: str | None = "re_1", **more: Any) -> OrderRefund:
    """A refund of the shop, done at the gateway."""
    fields: dict[str, Any] = {"tender_ref": "pay_1", "status": "succeeded", "reason": "broken", "at": LATER}
    return OrderRefund(**{"ref": ref, "amount": money(amount, currency), **fields, **more})


def at_gateway(minor: int, currency: str = "EUR", *, ref: str = "re_1", **more: Any) -> GatewayRefund:
    """The same at the gateway."""
    fields: dict[str, Any] = {"status": "succeeded", "created_at": LATER}
    return GatewayRefund(**{"ref": ref, "amount": MinorAmount(minor, currency), **fields, **more})


def returned(
    shop: Sequence[OrderRefund], gateway: Sequence[GatewayRefund], currency: str = "EUR", **more: Any
) -> Dossier:
    """An order of which these were given back in part."""
    dossier = with_payment(
        healthy(currency), refunded=sum(each.amount.minor for each in gateway), refunds=tuple(gateway)
    )
    return with_order(dossier, refunds=tuple(shop), payment_status="partially_refunded", **more)


MUG, POT = (("1", 1),), (("2", 1),)
GOOD: dict[str, Dossier] = {
    "one unit of two": returned([refund("9.50", lines=MUG)], [at_gateway(950)]),
    "everything, line by line, with shipping": returned(
        [refund("66.90", lines=(("1", 2), ("2", 1)), shipping=True)], [at_gateway(6690)]
    ),
    "shipping alone": returned([refund("5.90", shipping=True)], [at_gateway(590)]),
    "an amount, out of goodwill": returned([refund("3.33", reason="late")], [at_gateway(333)]),
    "in yen, booked at the order's rate": returned(
        [refund("1389", "JPY", lines=MUG, base=money("9.50", "EUR"))], [at_gateway(1389, "JPY")], "JPY"
    ),
    "in dinars, of which there is no rate": returned(
        [refund("3.200", "KWD", lines=MUG, base=None)], [at_gateway(3200, "KWD")], "KWD"
    ),
    "INN-08: twenty days later, today's rate is another": replace(
        returned(
            [refund("1389", "JPY", lines=MUG, base=money("9.50", "EUR"), at=AT + timedelta(days=20))],
            [at_gateway(1389, "JPY", created_at=AT + timedelta(days=20))],
            "JPY",
        ),
        rates=(rate("JPY", "146.22", AT.date()), rate("JPY", "155.00", AT.date() + timedelta(days=20))),
    ),
    "pending for days": returned(
        [refund("9.50", lines=MUG, status="pending", at=AT)], [at_gateway(950, status="pending", settled=False)]
    ),
    "pending, its answer not noted yet": returned(
        [refund("9.50", ref=None, lines=MUG, status="queued")], [at_gateway(950)]
    ),
    "a first one failed": returned(
        [refund("9.50", ref="re_0", lines=MUG, status="failed"), refund("9.50", lines=MUG)],
        [at_gateway(950, ref="re_0", status="failed"), at_gateway(950)],
    ),
    "made at the console, and known": returned(
        [refund("9.50", reason="made at the gateway", base=money("9.50", "EUR"))], [at_gateway(950)]
    ),
    "at the console a moment ago": replace(returned([], [at_gateway(950)]), read_at=LATER + timedelta(seconds=9)),
    "two of the same for two reasons": returned(
        [refund("9.50", lines=MUG), refund("9.50", ref="re_2", lines=MUG, reason="the other, too")],
        [at_gateway(950), at_gateway(950, ref="re_2")],
    ),
    "two of the same, 61 s apart": returned(
        [refund("9.50", lines=MUG), refund("9.50", ref="re_2", lines=MUG, at=LATER + timedelta(seconds=61))],
        [at_gateway(950), at_gateway(950, ref="re_2")],
    ),
    "restocking is declared": returned([refund("8.00", lines=MUG, reason="Restocking fee kept")], [at_gateway(800)]),
    "a gateway that lists no refunds": with_payment(returned([refund("9.50", lines=MUG)], []), refunded=950),
    "a shop that shows no refunds, and knows of them": with_order(returned([], [at_gateway(950)])),
    "a shop that shows no references": returned([refund("9.50", ref=None, lines=MUG)], [at_gateway(950)]),
    "an authorisation released": with_order(
        with_payment(healthy(), captured=0, phase="voided"),
        refunds=(refund("66.90", ref=None, reason="cancelled"), refund("1.00", status="failed")),
        returns=(OrderReturn(ref="ret_1", status="received", at=LATER, credited=money("9.50", "EUR"), lines=MUG),),
        tenders=(),
    ),
    "a unit off, a line": returned([refund("9.49", lines=MUG)], [at_gateway(949)]),
    "two lines, two units off": returned([refund("51.48", lines=(*MUG, *POT))], [at_gateway(5148)]),
    "a return in the order's currency": returned(
        [refund("9.50", lines=MUG)],
        [at_gateway(950)],
        returns=(OrderReturn(ref="ret_1", status="received", at=LATER, credited=money("9.50", "EUR"), lines=MUG),),
    ),
    "a marked-up price, booked without the markup": returned(
        [refund("1389", "JPY", lines=MUG, base=money("9.50", "EUR"))], [at_gateway(1389, "JPY")], "JPY"
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_was_rightly_given_back_passes(case: str) -> None:
    """O-M6 passes refunds in part and whole, pending, failed, from the console, in every currency."""
    judging = replace(JUDGING, refund_reasons=("restocking",))
    finding = judged("O-M6", GOOD[case], judging)
    assert (finding.result, finding.sentence() if finding.result is FAIL else "") == (PASS, "")


JPY = returned([refund("1389", "JPY", lines=MUG, base=money("9.50", "EUR"))], [at_gateway(1389, "JPY")], "JPY")
BAD: list[tuple[str, Dossier, str]] = [
    ("MON-16", with_payment(JPY, refunds=(at_gateway(10, "JPY"),), refunded=10), "not converted (none)"),
    (
        "MON-17",
        returned([refund("1389", "JPY", base=money("1389.00", "EUR"))], [at_gateway(1389, "JPY")], "JPY"),
        "not converted (none): the foreign number was copied",
    ),
    (
        "another day's rate",
        replace(
            returned([refund("1389", "JPY", base=money("8.96", "EUR"))], [at_gateway(1389, "JPY")], "JPY"),
            rates=(rate("JPY", "146.22", AT.date()), rate("JPY", "155.00", AT.date() + timedelta(days=20))),
        ),
        "stale",
    ),
    ("PAY-03", returned([refund("9.50", lines=MUG)], [at_gateway(6690)]), "everything that was left"),
    (
        "ORD-17 at the gateway",
        returned([refund("9.50", lines=MUG)], [at_gateway(950), at_gateway(950, ref="re_2")]),
        "refunded twice: the gateway",
    ),
    (
        "ORD-17 in the shop",
        returned(
            [refund("9.50", lines=MUG), refund("9.50", ref="re_2", lines=MUG, at=LATER + timedelta(seconds=60))],
            [at_gateway(950), at_gateway(950, ref="re_2")],
        ),
        "refunded twice: a repeated request",
    ),
    ("console, unknown", with_order(returned([], [at_gateway(950)]), payment_status="paid"), "never reached the shop"),
    (
        "console, unknown in sums",
        with_order(with_payment(healthy(), refunded=950), payment_status="paid"),
        "not what the shop asked for",
    ),
    ("nothing at the gateway", returned([refund("9.50", lines=MUG)], []), "holds no such refund"),
    (
        "more than captured",
        returned([refund("66.91")], [at_gateway(6691)]),
        "more was given back than was taken",
    ),
    (
        "more than captured in the shop",
        returned([refund("66.90"), refund("0.01", ref="re_2", status="pending")], [at_gateway(6690)]),
        "more was given back than was taken",
    ),
    ("other currency", returned([refund("9.50", lines=MUG)], [at_gateway(950, "USD")]), "another currency"),
    ("exponent", with_payment(JPY, refunds=(at_gateway(138, "JPY"),), refunded=138), "no known pattern"),
    ("exponent up", returned([refund("0.50")], [at_gateway(500)]), "exponent"),
    ("two units off", returned([refund("9.48", lines=MUG)], [at_gateway(948)]), "no known pattern"),
    ("without tax", returned([refund("7.92", lines=MUG)], [at_gateway(792)]), "tax"),
    ("with shipping", returned([refund("15.40", lines=MUG)], [at_gateway(1540)]), "shipping was given back"),
    ("three of two", returned([refund("28.50", lines=(("1", 3),))], [at_gateway(2850)]), "more units"),
    (
        "MON-40, the amount",
        returned(
            [refund("9.50", lines=MUG)],
            [at_gateway(950)],
            returns=(OrderReturn(ref="ret_1", status="received", at=LATER, credited=money("95.00", "EUR"), lines=MUG),),
        ),
        "exponent",
    ),
    (
        "old, at the console",
        with_order(
            replace(returned([], [at_gateway(950)]), read_at=LATER + timedelta(seconds=10)), payment_status="paid"
        ),
        "never reached the shop",
    ),
]


@pytest.mark.parametrize(("defect", "dossier", "cause"), BAD, ids=[each[0] for each in BAD])
def test_what_was_wrongly_given_back_is_found(defect: str, dossier: Dossier, cause: str) -> None:
    """O-M6 fires on each way to give back wrongly and says which it was."""
    finding = judged("O-M6", dossier)
    assert (finding.result, cause in finding.cause) == (FAIL, True), finding.sentence()


def test_a_tender_is_not_given_back_twice() -> None:
    """O-M6 holds each tender of the shop against what it took."""
    order = healthy().order
    assert order is not None
    for minor, result in ((6690, PASS), (6691, FAIL)):
        tender = replace(order.tenders[0], refunded=replace(order.total, minor=minor))
        dossier = returned([refund("66.90")], [at_gateway(6690)], tenders=(tender,))
        assert verdict("O-M6", dossier) is result


def test_what_a_gift_card_got_back_is_no_refund_at_a_gateway() -> None:
    """O-M6 knows that a gift card's money goes back to the gift card, and no more than that."""
    order = healthy().order
    assert order is not None
    gift = Tender(
        gateway="gift_card", kind="gift_card", ref="GIFT", status="succeeded", amount=money("20.00", "EUR"),
        captured=money("20.00", "EUR"), refunded=money("9.50", "EUR"),
    )  # fmt: skip
    card = replace(order.tenders[0], amount=money("46.90", "EUR"), captured=money("46.90", "EUR"))
    base = with_payment(healthy(), captured=4690, amount=4690)
    both = with_order(
        base, tenders=(gift, card), payment_refs=("GIFT", "pi_1"), refunds=(refund("9.50", ref="gift-rfd_1"),)
    )
    assert verdict("O-M6", both) is PASS
    assert verdict("O-M6", with_order(both, refunds=(refund("9.51", ref="gift-rfd_1"),))) is FAIL


def test_one_request_over_two_tenders() -> None:
    """O-M6 adds up what one request gave back of two tenders before it holds it against the lines."""
    first, rest = refund("20.00", lines=POT), refund("22.00", ref="gift-1", tender_ref="pay_2")
    order = healthy().order
    assert order is not None
    gift = replace(order.tenders[0], gateway="gift_card", ref="GIFT", captured=money("22.00", "EUR"),
                   amount=money("22.00", "EUR"), refunded=money("22.00", "EUR"))  # fmt: skip
    dossier = returned([first, rest], [at_gateway(2000)], tenders=(order.tenders[0], gift))
    assert verdict("O-M6", dossier) is PASS
    assert verdict("O-M6", returned([first], [at_gateway(2000)])) is FAIL


def test_a_discount_is_taken_off_what_is_given_back() -> None:
    """O-M6 knows the share of a discounted line, and names a refund that forgot the discount."""
    cheap: dict[str, Any] = {"discount": money("6.10", "EUR"), "total": money("60.80", "EUR")}
    line: dict[str, Any] = {"total": money("17.10", "EUR"), "discount": money("1.90", "EUR")}
    for amount, minor, result in (("8.55", 855, PASS), ("9.50", 950, FAIL)):
        dossier = with_line(returned([refund(amount, lines=MUG)], [at_gateway(minor)], **cheap), **line)
        finding = judged("O-M6", dossier)
        assert finding.result is result
        assert "discount was not taken off" in finding.cause or result is PASS


def test_prices_without_tax_are_given_back_with_it() -> None:
    """O-M6 adds a line's tax where prices do not hold it."""
    net: dict[str, Any] = {"tax_included": False, "shipping_tax": money("1.18", "EUR"), "total": money("80.28", "EUR")}
    paid = with_payment(
        with_line(
            returned([refund("18.48", lines=MUG, shipping=True)], [at_gateway(1848)], **net), tax=money("3.80", "EUR")
        ),
        captured=8028,
        amount=8028,
    )
    assert verdict("O-M6", paid) is PASS
    assert verdict("O-M6", with_order(paid, tax_included=True)) is FAIL


def test_what_the_gateway_cannot_give_back_exactly() -> None:
    """O-M6 allows the gateway's own step where an amount does not fit it, and nothing beside it."""
    for minor, result in ((4750, PASS), (4760, PASS), (4740, FAIL), (4770, FAIL)):
        dossier = returned([refund("4.756", "KWD", reason="late")], [at_gateway(minor, "KWD")], "KWD")
        assert verdict("O-M6", dossier) is result, minor


def test_cash_rounding_may_be_part_of_it() -> None:
    """O-M6 allows what the order shows as rounding, to the unit."""
    for amount, minor, result in (("9.53", 953, PASS), ("9.54", 954, FAIL)):
        dossier = returned(
            [refund(amount, lines=MUG)], [at_gateway(minor)], rounding=money("0.02", "EUR"), total=money("66.92", "EUR")
        )
        assert verdict("O-M6", dossier) is result


def test_the_base_amount_to_a_cent() -> None:
    """O-M6 allows less than one minor unit of the base currency beside the amount at the order's rate."""
    for base, result in (("9.49", PASS), ("9.50", PASS), ("9.51", FAIL), ("9.48", FAIL)):
        dossier = returned([refund("1389", "JPY", base=money(base, "EUR"))], [at_gateway(1389, "JPY")], "JPY")
        assert verdict("O-M6", dossier) is result, base
    marked_up = returned([refund("1389", "JPY", base=money("8.64", "EUR"))], [at_gateway(1389, "JPY")], "JPY")
    assert judged("O-M6", marked_up, replace(JUDGING, markup=Decimal("0.10"))).result is PASS
    own = returned([refund("9.50", base=money("9.51", "EUR"))], [at_gateway(950)])
    assert verdict("O-M6", own) is FAIL


def test_nothing_given_back_is_not_judged() -> None:
    """O-M6 says nothing of an order of which nothing was given back, or only asked for."""
    assert judged("O-M6", healthy()).result is SILENT
    asked = with_order(healthy(), refunds=(refund("9.50", status="failed"),))
    assert "nothing of this order was given back" in judged("O-M6", asked).reason
    assert ORACLES["O-M6"].needs == ("payments",)


def test_amounts_without_lines_are_twice_only_at_one_tender() -> None:
    """O-M6 takes two equal amounts for one click twice where tender and reason are the same, too."""
    first = refund("4.00", reason="late")
    second = replace(first, ref="re_2")
    both = [at_gateway(400), at_gateway(400, ref="re_2")]
    assert verdict("O-M6", returned([first, second], both)) is FAIL
    assert verdict("O-M6", returned([first, replace(second, tender_ref="pay_2")], both)) is PASS
    assert verdict("O-M6", returned([first, replace(second, amount=money("4.01", "EUR"))],
                                    [both[0], at_gateway(401, ref="re_2")])) is PASS  # fmt: skip


def test_read_at_nothing_is_old() -> None:
    """O-M6 gives no time to what was read at an unknown instant."""
    dossier = with_order(replace(returned([], [at_gateway(950)]), read_at=None), payment_status="paid")
    assert verdict("O-M6", dossier) is FAIL
    assert READ > LATER
    gone = replace(returned([refund("9.50", at=READ - timedelta(seconds=9))], []), read_at=READ)
    assert verdict("O-M6", gone) is Result.PASS


def test_a_release_is_no_refund() -> None:
    """O-M6 takes a shop's word for a released authorisation, whatever its name, and no refund for a release."""
    gone = with_payment(healthy(), captured=0, phase="voided")
    named = with_order(gone, refunds=(refund("66.90", reason="cancelled"),), tenders=())
    assert judged("O-M6", named).result is SILENT
    assert judged("O-M6", with_order(named, refunds=(refund("66.89"),))).result is FAIL
    # A first try was voided, the second paid and given back whole.
    base = returned([refund("66.90", lines=(("1", 2), ("2", 1)), shipping=True)], [at_gateway(6690)])
    first = replace(gone.payments[0], ref="pi_0")
    assert judged("O-M6", replace(base, payments=(first, *base.payments))).result is PASS
