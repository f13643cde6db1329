"""Several of a kind: two rates, two labels, two items of one line, bundles and parts, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from assay.events import Result
from assay.oracles.cause import unit_cause
from assay.records import Article, Edit, OrderRefund, ShipmentEvent
from tests.engine.oracles.world import (
    AT,
    FAIL,
    JUDGING,
    PASS,
    READ,
    SILENT,
    articles,
    call,
    change,
    condition,
    count,
    creation,
    healthy,
    hold,
    judged,
    message,
    money,
    parcel,
    rate,
    verdict,
    with_document,
    with_line,
    with_order,
    with_payment,
    with_shipment,
)


def test_any_rate_of_the_time_will_do() -> None:
    """O-M4 passes at any rate published in time; the order's own is the measure of what is wrong."""
    two = replace(healthy("JPY"), rates=(*healthy("JPY").rates, rate("JPY", "150.00", date(2026, 3, 1))))
    assert verdict("O-M4", two) is PASS
    assert "6141 JPY for 42.00 at 146.22" in judged("O-M4", with_line(two, 1, unit_price=money("42", "JPY"))).expected
    nameless = with_order(two, rate=None)
    assert verdict("O-M4", nameless) is PASS
    assert "at 150.00" in judged("O-M4", with_line(nameless, 1, unit_price=money("42", "JPY"))).expected


def test_a_listed_currency_is_not_converted() -> None:
    """O-M4 leaves alone what is priced by hand, whether the profile says so or the order."""
    assert verdict("O-M4", healthy("JPY"), replace(JUDGING, price_lists=frozenset({"JPY"}))) is SILENT
    assert verdict("O-M4", healthy("KWD"), replace(JUDGING, price_lists=frozenset())) is SILENT


def test_a_listed_article_is_not_converted() -> None:
    """O-M4 leaves alone what one article costs by hand in this currency, and goes on judging the others."""
    by_hand = with_line(healthy("JPY"), unit_price=money("1500", "JPY"))
    listed = replace(JUDGING, price_lists=frozenset({"0017/JPY"}))
    assert (verdict("O-M4", by_hand), verdict("O-M4", by_hand, listed)) == (FAIL, PASS)
    assert verdict("O-M4", by_hand, replace(JUDGING, price_lists=frozenset({"0017/USD"}))) is FAIL
    assert verdict("O-M4", with_line(by_hand, 1, unit_price=money("42", "JPY")), listed) is FAIL


def test_a_markup_is_part_of_what_is_expected() -> None:
    """O-M4 expects the markup, at risk counts every unit, and the cause is sought beyond it."""
    finding = judged("O-M4", healthy("JPY"), replace(JUDGING, markup=Decimal("0.10")))
    assert (finding.expected, finding.seen) == ("price of 0017 1528 JPY for 9.50 at 146.22", "1389 JPY")
    assert finding.at_risk == money("278", "JPY")
    doubled = with_line(healthy("JPY"), unit_price=money("223425", "JPY"))
    cause = judged("O-M4", doubled, replace(JUDGING, markup=Decimal("0.10"))).cause
    assert cause == "double: converted one time too many"


def test_the_dearer_zone_is_recognised() -> None:
    """O-M4 looks through all base prices of shipping for the one that explains what is seen."""
    finding = judged("O-M4", with_order(healthy("JPY"), shipping=money("211667", "JPY")))
    assert (finding.cause, "for 9.90" in finding.expected) == ("double: converted one time too many", True)
    unknown = judged("O-M4", with_order(healthy("JPY"), shipping=money("1000", "JPY")))
    assert "863 JPY for 5.90" in unknown.expected


@pytest.mark.parametrize(
    ("booked", "cause"),
    [
        (date(2026, 3, 1), "the day was taken in another zone"),
        (date(2026, 3, 3), "the day of the transfer was booked instead of the order's"),
        (date(2026, 3, 4), "the day of the transfer was booked instead of the order's"),
    ],
)
def test_why_a_day_is_wrong(booked: date, cause: str) -> None:
    """O-E3 tells the day of the transfer from a day in another zone."""
    confirmed = with_order(healthy(), history=(change("status", "confirmed", minutes=26 * 60),))
    assert judged("O-E3", with_document(confirmed, document_date=booked)).cause == cause


def test_a_day_before_the_transfer_is_no_transfer() -> None:
    """O-E3 does not call a day the transfer's that lies before it."""
    late = with_order(healthy(), history=(change("status", "confirmed", minutes=3 * 24 * 60),))
    assert "another zone" in judged("O-E3", with_document(late, document_date=date(2026, 3, 3))).cause
    never = with_order(healthy(), history=())
    assert "of the transfer" in judged("O-E3", with_document(never, document_date=date(2026, 3, 3))).cause


def test_an_edit_is_of_its_own_day() -> None:
    """O-E3 takes the day of an edit for what was added, and no other."""
    edit = Edit(reason="more", at=datetime(2026, 3, 4, 23, 30, tzinfo=UTC))
    edited = with_order(healthy(), edits=(edit, Edit(reason="undated")))
    assert verdict("O-E3", with_document(edited, document_date=date(2026, 3, 5))) is PASS
    assert verdict("O-E3", with_document(edited, document_date=date(2026, 3, 4))) is FAIL


def test_the_nearest_text_is_shown() -> None:
    """O-E4 shows the line of the ERP's text that is most like the one it misses."""
    text = "Paris\nMuller Zoe\nsomething quite long that shares many letters with every name there is\n75011"
    finding = judged("O-E4", with_document(healthy(), texts=(text,)))
    assert finding.seen == "'Muller Zoe'"


def test_factors_are_compared_by_product() -> None:
    """A weight is recognised by the nearest of all factors."""
    assert "grams were taken for kilograms" in unit_cause(Decimal(2_000_000), Decimal(2000))
    assert "pounds were taken" in unit_cause(Decimal(907), Decimal(2000))


def test_two_items_of_one_line() -> None:
    """O-O6 adds up the items of a line, each of which may be a unit off where a rounding line evens them."""
    dossier = healthy()
    mug, pot = dossier.documents[0].lines
    half = replace(mug, quantity=Decimal(1), conditions=())
    header = (*dossier.documents[0].conditions, condition("rounding", "0.02"))
    for nets, result in ((("7.91", "7.92"), PASS), (("7.92", "7.93"), PASS), (("7.93", "7.93"), FAIL)):
        items = (*(replace(half, net=Decimal(net)) for net in nets), pot)
        assert verdict("O-O6", with_document(dossier, lines=items, conditions=header)) is result
    exact = (replace(half, net=Decimal("7.91")), replace(half, net=Decimal("7.92")), pot)
    assert verdict("O-O6", with_document(dossier, lines=exact)) is PASS
    apart = with_document(dossier, lines=(replace(half, net=Decimal(1)), replace(half, net=None), pot))
    assert verdict("O-O6", apart) is PASS


def test_bundles_that_were_not_taken_apart() -> None:
    """O-O6 says so where a bundle reached the ERP whole, and takes bundles in bundles apart."""
    dossier = healthy()
    mug = dossier.documents[0].lines[0]
    bundled = with_order(dossier, lines=(replace(dossier.order.lines[0], sku="SET"),))  # type: ignore[union-attr]
    whole = with_document(bundled, lines=(replace(mug, sku="SET"),))
    assert "without being taken apart" in judged("O-O6", whole).cause
    nested = Article(system="shop", sku="BOX", components=(("SET", 2),))
    boxed = replace(bundled, base_articles=(*articles(), nested))
    boxed = with_order(boxed, lines=(replace(dossier.order.lines[0], sku="BOX", quantity=Decimal(1)),))  # type: ignore[union-attr]
    items = (
        replace(mug, quantity=Decimal(4), ref=None),
        replace(dossier.documents[0].lines[1], quantity=Decimal(2), ref=None),
    )
    assert verdict("O-O6", with_document(boxed, lines=items)) is PASS
    without = replace(bundled, base_articles=())
    assert verdict("O-O6", without) is SILENT
    known = replace(healthy(), base_articles=())
    assert verdict("O-O6", known) is PASS
    fewer = with_document(known, lines=(replace(mug, quantity=Decimal(1)), healthy().documents[0].lines[1]))
    assert verdict("O-O6", fewer) is FAIL


def test_lines_that_are_gone_altogether() -> None:
    """O-O6 does not want a line in the ERP of which every unit was cancelled, and wants one of which some are left."""
    dossier = healthy()
    gone = with_line(dossier, cancelled=Decimal(2))
    left = with_document(
        gone, lines=(replace(dossier.documents[0].lines[0], rejected=True), dossier.documents[0].lines[1])
    )
    assert verdict("O-O6", left) is PASS
    assert verdict("O-O6", with_document(gone, lines=dossier.documents[0].lines[1:])) is PASS
    finding = judged("O-O6", gone)
    assert (finding.expected, finding.seen) == ("0017 × 0", "0017 × 2")


def test_two_articles_too_many() -> None:
    """O-K4 names the first article of which too much is shipped, with how much is wanted."""
    over = with_order(healthy(), parcels=(parcel(contents=(("0017", 3), ("0018", 2))),))
    finding = judged("O-K4", over)
    assert (finding.expected, finding.seen) == ("at most 2 of 0017 shipped", "3 in 1 parcels")
    both = with_order(healthy(), parcels=(parcel(), parcel(ref="2", tracking_number="1ZB")), tracking_numbers=())
    assert judged("O-K4", both).seen == "4 in 2 parcels"


def test_the_last_news_counts() -> None:
    """O-K5 takes the youngest scan of a parcel for its last news."""
    old = ShipmentEvent(code="1", text="Origin", at=AT)
    new = ShipmentEvent(code="2", text="Departed", at=READ)
    moving = with_shipment(healthy(), status="in_transit", delivered_at=None, events=(new, old))
    assert verdict("O-K5", with_order(moving, status="shipped", parcels=(parcel(status="created"),))) is PASS
    assert (
        verdict("O-K5", with_order(with_shipment(moving, events=(old,)), parcels=(parcel(status="created"),))) is FAIL
    )
    blind = with_shipment(moving, events=())
    assert verdict("O-K5", with_order(blind, parcels=(parcel(status="created"),))) is PASS


@pytest.mark.parametrize(
    ("shop", "carrier", "result"),
    [
        ("created", "in_transit", FAIL),
        ("unknown", "in_transit", FAIL),
        ("in_transit", "exception", PASS),
        ("exception", "in_transit", PASS),
        ("in_transit", "out_for_delivery", FAIL),
        ("out_for_delivery", "in_transit", PASS),
        ("out_for_delivery", "delivered", FAIL),
        ("none", "created", PASS),
    ],
)
def test_how_far_a_parcel_is(shop: str, carrier: str, result: Result) -> None:
    """O-K5 compares how far shop and carrier think a parcel is; what only exists need not be known."""
    dossier = with_order(with_shipment(healthy(), status=carrier), parcels=(parcel(status=shop),), status="delivered")
    assert verdict("O-K5", dossier) is result


def test_two_parcels_on_one_scale() -> None:
    """O-K1 weighs two parcels each by its contents and together by the order, with two packagings."""
    other = replace(healthy().shipments[0], tracking_number="1ZB", weight_g=2050)
    first = with_shipment(healthy(), weight_g=830)
    two = with_order(
        replace(first, shipments=(*first.shipments, other)),
        parcels=(
            parcel(contents=(("0017", 2),)),
            parcel(ref="2", tracking_number="1ZB", contents=(("0018", 1),)),
        ),
    )
    assert verdict("O-K1", two) is PASS
    assert verdict("O-K1", replace(two, shipments=(first.shipments[0], replace(other, weight_g=830)))) is FAIL
    unweighed = replace(two, base_articles=healthy().base_articles[1:])
    assert verdict("O-K1", unweighed) is SILENT
    plain = with_order(with_shipment(healthy(), weight_g=4000), parcels=(parcel(contents=()),), status="processing")
    assert verdict("O-K1", plain) is PASS
    assert verdict("O-K1", with_order(plain, status="delivered")) is FAIL
    named = judged(
        "O-K1", with_order(replace(plain, shipments=(replace(plain.shipments[0], system="dhl"),)), status="shipped")
    )
    assert named.systems == ("shop", "dhl")


def test_an_authorisation_beside_a_voided_one() -> None:
    """O-P1 wants one captured payment for delivered goods, and looks at when the order ended."""
    voided = replace(
        healthy().payments[0],
        ref="pi_0",
        phase="voided",
        captured=with_payment(healthy(), captured=0).payments[0].captured,
    )
    assert verdict("O-P1", replace(healthy(), payments=(voided, *healthy().payments))) is PASS
    assert verdict("O-P1", replace(healthy(), payments=(voided,))) is FAIL
    edited = with_order(replace(healthy(), payments=(voided,)), edits=(Edit(reason="free of charge"),))
    assert verdict("O-P1", edited) is PASS
    held = with_payment(healthy(), captured=0, phase="authorised", capturable=6690)
    history = (replace(change("status", "shipped"), at=READ), change("status", "delivered"))
    assert verdict("O-P1", with_order(held, history=history)) is FAIL
    assert verdict("O-P1", with_order(held, history=history[::-1])) is PASS
    assert verdict("O-P1", with_order(held, status="cancelled")) is FAIL
    partly = with_payment(healthy(), captured=3000, capturable=3690)
    assert verdict("O-P1", partly) is PASS


def test_findings_keep_their_own_evidence() -> None:
    """A finding that names its calls keeps them, and what passes carries none."""
    hook = call("stripe", "POST", "/hook", way="reverse", request_body="{}")
    again = with_order(healthy(), history=(*healthy().order.history, change("payment_status", "paid")))  # type: ignore[union-attr]
    finding = judged("O-O5", replace(again, calls=(hook, replace(hook, id="2"), call("stripe", "GET", "/other"))))
    assert [each.split()[3] for each in finding.evidence] == ["/hook", "/hook"]
    assert judged("O-M1", healthy()).evidence == ()


def test_totals_at_the_orders_rate() -> None:
    """O-M2 accepts gross as well as net in the ERP's own currency, and only in the direction of the rate."""
    books = replace(JUDGING, booked_currency={"sap": "EUR"})
    gross = round(Decimal(9782) / Decimal("146.22"), 2)
    assert verdict("O-M2", with_document(healthy("JPY"), currency="EUR", total=gross), books) is PASS
    assert verdict("O-M2", with_document(healthy("JPY"), currency="EUR", total=-gross), books) is FAIL
    delivery = with_document(healthy("JPY"), currency="EUR", total=None)
    assert verdict("O-M2", delivery, books) is PASS
    valueless = with_order(
        with_document(healthy("JPY"), currency="EUR", total=gross),
        rate=replace(healthy("JPY").order.rate, value=None),  # type: ignore[union-attr, type-var]
    )
    assert verdict("O-M2", valueless, books) is SILENT
    other = with_order(
        with_document(healthy("JPY"), currency="EUR", total=gross),
        rate=replace(healthy("JPY").order.rate, base="USD"),  # type: ignore[union-attr, type-var]
    )
    assert verdict("O-M2", other, books) is SILENT


def test_composition_without_parts() -> None:
    """O-M5 judges the total of an order whose lines show nothing else, and every line where they do."""
    bare = with_line(with_line(healthy(), total=None, tax=None), 1, total=None, tax=None)
    assert verdict("O-M5", bare) is PASS
    assert verdict("O-M5", with_order(bare, tax=None)) is PASS
    assert verdict("O-M5", with_line(healthy(), 1, tax=money("7.01", "EUR"))) is FAIL
    untaxed = with_order(healthy(), shipping_tax_rate=None, tax=money("10.17", "EUR"))
    assert verdict("O-M5", untaxed) is PASS
    per_total = replace(JUDGING, rounding=replace(JUDGING.rounding, level="total"))  # type: ignore[type-var]
    assert verdict("O-M5", with_line(healthy(), 1, tax=money("7.01", "EUR")), per_total) is PASS
    nothing = with_line(healthy(), quantity=Decimal(-1))
    assert "no basket" in judged("O-M5", nothing).cause
    many = with_order(with_line(healthy(), quantity=Decimal(3)), total=money("76.47", "EUR"))
    assert "rounding on another level" in judged("O-M5", many).cause
    more = with_order(with_line(healthy(), quantity=Decimal(3)), total=money("76.48", "EUR"))
    assert "no known pattern" in judged("O-M5", more).cause


def test_two_gateways_and_other_currencies() -> None:
    """O-M1 leaves to others what several gateways or another currency make of an order."""
    other = replace(healthy().payments[0], system="adyen", ref="psp_1")
    both = replace(healthy(), payments=(*healthy().payments, other))
    assert "several gateways" in judged("O-M1", both).reason
    assert verdict("O-O11", both) is SILENT
    foreign = with_payment(healthy(), captured=replace(healthy().payments[0].captured, currency="USD"))
    assert "O-M2 judges that" in judged("O-M1", foreign).reason
    assert verdict("O-O11", foreign) is PASS
    assert verdict("O-O11", replace(foreign, bought=())) is SILENT
    assert verdict("O-O3", replace(foreign, payments=foreign.payments * 2, creations=())) is PASS


def test_units_of_an_article_nobody_bought() -> None:
    """A count of an article that is not in the order is judged by its own movements."""
    before, after = count("0099", 7, at=AT), count("0099", 7)
    assert verdict("O-S1", replace(healthy(), stock=(before, after))) is PASS
    kept = replace(after, reservations=(hold("0099", 1, holder="chk_9"),), sellable=6)
    assert verdict("O-S3", replace(healthy(), stock=(kept,))) is PASS
    three = (before, replace(before, at=AT + timedelta(hours=1), on_hand=5, sellable=5), after)
    assert verdict("O-S1", replace(healthy(), stock=three)) is PASS
    assert verdict("O-S1", replace(healthy(), stock=three[::-1])) is PASS


def test_one_key_for_each_purpose() -> None:
    """O-O3 shows the purpose whose key changed, and tells calls without a key apart."""
    keys = (creation("a", purpose="x"), creation("b", purpose="y"), creation("c", purpose="y"))
    assert judged("O-O3", replace(healthy(), creations=keys)).seen == "2 keys for y: b, c"
    single = replace(healthy(), creations=(creation(None),))
    assert verdict("O-O3", single) is PASS
    unpaid = replace(healthy(), payments=(), creations=(creation("a"),))
    assert verdict("O-O3", unpaid) is PASS


def test_messages_of_other_kinds() -> None:
    """O-O12 does not miss the message of a parcel without a label, nor of an order that never was confirmed."""
    waiting = with_order(
        replace(healthy(), messages=()), parcels=(parcel(state="queued"),), history=(change("status", "held"),)
    )
    assert verdict("O-O12", waiting) is PASS
    labelled = with_order(waiting, parcels=(parcel(),))
    assert judged("O-O12", labelled).expected == "a message shipped"
    refused = replace(healthy(), messages=(*healthy().messages, message("payment_failed", "refused")))
    assert verdict("O-O12", with_payment(refused, refunded=6690)) is PASS
    assert verdict("O-O12", with_payment(refused, refunded=6689)) is FAIL


def test_a_second_posting_is_not_a_second_content() -> None:
    """O-O6 looks at one of two postings of the same reference; an article nobody ordered is no bundle."""
    dossier = healthy()
    twice = replace(dossier, documents=(dossier.documents[0], replace(dossier.documents[0], ref="4712")))
    assert verdict("O-O6", twice) is PASS
    other = replace(dossier.documents[0].lines[0], sku="X")
    assert "lost or doubled" in judged("O-O6", with_document(dossier, lines=(other,))).cause


def test_a_hundredth_is_no_rounding() -> None:
    """O-M4 takes a rate for a rounded one only within one per cent."""
    dossier = healthy("JPY")
    assert dossier.order is not None
    assert dossier.order.rate is not None
    off = with_order(dossier, rate=replace(dossier.order.rate, value=Decimal("147.6822")))
    assert judged("O-M4", off).cause == "nobody published this rate"
    near = with_order(dossier, rate=replace(dossier.order.rate, value=Decimal("147.68")))
    assert judged("O-M4", near).cause == "truncation: the rate was rounded before it was used"
    assert "for 9.90" in judged("O-M4", with_order(dossier, shipping=money("1300", "JPY"))).expected


@pytest.mark.parametrize(("shown", "cause"), [("66.92", "rounding on another level"), ("66.93", "no known pattern")])
def test_a_cent_for_each_line(shown: str, cause: str) -> None:
    """O-M3 takes a difference of up to a step a line between shown and charged for a rounding."""
    assert cause in judged("O-M3", replace(healthy(), shown=(("checkout", money(shown, "EUR")),))).cause


def test_the_gateway_that_charged_twice_is_named() -> None:
    """O-O1 names the gateway and the payments that are for one purpose."""
    first = healthy().payments[0]
    other = replace(first, system="adyen", ref="psp_1", purpose="1")
    finding = judged("O-O1", replace(healthy(), payments=(other, first, replace(first, ref="pi_2"))))
    assert (finding.systems, finding.seen) == (("shop", "stripe"), "2 (pi_1, pi_2)")


def test_refunds_that_came_of_one_event() -> None:
    """O-O5 counts refunds by the gateway's reference."""
    hook = call("stripe", "POST", "/hook", way="reverse", request_body="{}")
    back = OrderRefund(ref="re_1", tender_ref=None, status="done", amount=money("5.00", "EUR"), reason="", at=AT)
    for refunds, result in (((back, back), FAIL), ((back, replace(back, ref="re_2")), PASS), ((back,), PASS)):
        dossier = with_order(replace(healthy(), calls=(hook, replace(hook, id="2"))), refunds=refunds)
        assert verdict("O-O5", dossier) is result
    assert judged("O-O5", with_order(dossier, refunds=(back, back))).seen == "twice: refund re_1"


def test_a_declined_try_does_not_hide_an_early_message() -> None:
    """O-O12 finds a confirmation before the money although an earlier payment was declined."""
    declined = replace(healthy().payments[0], ref="pi_0", declined=True)
    early = with_order(healthy(), history=(change("status", "confirmed"), change("payment_status", "paid", minutes=1)))
    assert verdict("O-O12", replace(early, payments=(declined, *healthy().payments))) is FAIL


@pytest.mark.parametrize(("unit", "weight", "result"), [
    ("KGS", "2.866", PASS), ("KGS", "2.867", FAIL), ("KG", "2.594", PASS), ("KG", "2.593", FAIL),
    ("GRM", "2866", PASS), ("GRM", "2867", FAIL), ("OZS", "101.09", PASS), ("OZS", "101.12", FAIL),
    ("LBS", "6.318", PASS), ("LBS", "6.322", FAIL),
])  # fmt: skip
def test_units_of_labels(unit: str, weight: str, result: Result) -> None:
    """O-K1 reads each of the carrier's units of weight to the gram."""
    asked = replace(healthy().labels[0], weight=Decimal(weight), weight_unit=unit, length_unit="")
    assert verdict("O-K1", replace(with_shipment(healthy(), weight_g=None), labels=(asked,))) is result
