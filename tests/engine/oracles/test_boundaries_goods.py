"""Where a verdict over goods and books turns: exact limits of weight, time, words, units and values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.events import Result
from assay.oracles.address import first_lost
from assay.records import Address, Dossier, Reservation
from tests.engine.oracles.world import (
    ADDRESS,
    AT,
    FAIL,
    JUDGING,
    PASS,
    READ,
    SILENT,
    condition,
    count,
    healthy,
    hold,
    judged,
    label,
    money,
    parcel,
    verdict,
    with_document,
    with_line,
    with_order,
    with_shipment,
)


@pytest.mark.parametrize(("seen", "result"), [(2730, PASS), (2593, FAIL), (2594, PASS), (2866, PASS), (2867, FAIL)])
def test_five_per_cent_of_weight(seen: int, result: Result) -> None:
    """O-K1 allows 5 % of 2,730 g, which is 136.5 g, to the gram."""
    assert verdict("O-K1", with_shipment(healthy(), weight_g=seen)) is result


@pytest.mark.parametrize(("seen", "result"), [(590, PASS), (591, FAIL), (390, PASS), (389, FAIL)])
def test_a_step_of_weight(seen: int, result: Result) -> None:
    """O-K1 allows a light parcel the carrier's own step of 100 g, which is more than 5 %."""
    dossier = with_order(
        with_shipment(healthy(), weight_g=seen),
        lines=(replace(healthy().order.lines[0], quantity=Decimal(1)),),  # type: ignore[union-attr]
        parcels=(parcel(contents=(("0017", 1),)),),
    )
    assert verdict("O-K1", dossier) is result


@pytest.mark.parametrize(("seen", "result"), [(590, PASS), (591, FAIL), (390, PASS), (389, FAIL)])
def test_a_step_for_each_parcel(seen: int, result: Result) -> None:
    """O-K1 allows an order of two light parcels two steps in all, and each of them its own one."""
    one = replace(healthy().order.lines[0], quantity=Decimal(2))  # type: ignore[union-attr]
    first, second = parcel(contents=(("0017", 1),)), parcel(ref="2", tracking_number="1Z2", contents=(("0017", 1),))
    dossier = with_order(with_shipment(healthy(), weight_g=590), lines=(one,), parcels=(first, second))
    other = replace(dossier.shipments[0], tracking_number="1Z2", weight_g=seen)
    assert verdict("O-K1", replace(dossier, shipments=(*dossier.shipments, other))) is result


def test_labels_weigh_where_the_carrier_does_not_say() -> None:
    """O-K1 takes the label's weight, in its unit, where the carrier shows none; not one it refused."""
    silent = with_shipment(healthy(), weight_g=None)
    assert verdict("O-K1", silent) is PASS
    pounds = label(weight=Decimal("6.1"), weight_unit="LBS", length_unit="IN")
    assert verdict("O-K1", replace(silent, labels=(pounds,))) is PASS
    assert verdict("O-K1", replace(silent, labels=(label(weight=Decimal("27.3")),))) is FAIL
    assert verdict("O-K1", replace(silent, labels=(label(accepted=False),))) is SILENT
    assert verdict("O-K1", replace(silent, labels=(label(weight_unit="STN", length_unit=""),))) is SILENT


def test_an_article_left_out_of_every_parcel_is_missed() -> None:
    """O-K1 weighs the whole order once it has shipped, not only what the shop says is in its parcels."""
    short = with_order(with_shipment(healthy(), weight_g=830), parcels=(parcel(contents=(("0017", 2),)),))
    assert verdict("O-K1", short) is FAIL
    assert verdict("O-K1", with_order(short, status="partially_shipped")) is PASS


@pytest.mark.parametrize(("age_s", "result"), [(3600, PASS), (3601, FAIL)])
def test_fresh_news_of_the_carrier(age_s: int, result: Result) -> None:
    """O-K5 gives the shop as long as carriers may take, to the second."""
    late = with_order(with_shipment(healthy(), delivered_at=READ - timedelta(seconds=age_s)), status="shipped")
    assert verdict("O-K5", late) is result


def test_parcels_and_their_order() -> None:
    """O-K5 wants an order delivered when all of its parcels are, and not before."""
    moving = with_shipment(healthy(), status="in_transit", delivered_at=None)
    assert verdict("O-K5", with_order(moving, status="shipped", parcels=(parcel(status="in_transit"),))) is PASS
    two = with_order(healthy(), status="shipped", parcels=(parcel(), parcel(ref="2", tracking_number=None)))
    assert verdict("O-K5", two) is PASS
    assert verdict("O-K5", with_order(healthy(), status="partially_shipped")) is PASS
    gone = parcel(ref="2", state="voided", tracking_number=None)
    assert verdict("O-K5", with_order(healthy(), status="shipped", parcels=(parcel(), gone))) is FAIL
    unknown = with_order(with_shipment(healthy(), status="unknown"), status="shipped", parcels=(parcel(status="none"),))
    assert verdict("O-K5", unknown) is PASS


def test_labels_and_numbers() -> None:
    """O-K4 counts active labels: voided, foreign and letter parcels are none of them."""
    twice = with_order(healthy(), parcels=(parcel(), parcel(ref="2", contents=())))
    assert "one label for two parcels" in judged("O-K4", twice).cause
    assert verdict("O-K4", replace(healthy(), messages=())) is PASS
    voided = replace(healthy().shipments[0], tracking_number="1ZX", status="voided")
    assert verdict("O-K4", replace(healthy(), shipments=(*healthy().shipments, voided))) is PASS
    unlabelled = with_order(replace(healthy(), shipments=()), parcels=(), tracking_numbers=())
    young = replace(unlabelled, read_at=AT + timedelta(minutes=20) + JUDGING.slack("carrier"))
    assert verdict("O-K4", young) is SILENT
    assert (
        verdict("O-K4", replace(young, read_at=AT + timedelta(minutes=20, seconds=1) + JUDGING.slack("carrier")))
        is FAIL
    )
    assert verdict("O-K4", with_order(unlabelled, status="cancelled")) is SILENT
    assert verdict("O-K4", replace(unlabelled, documents=unlabelled.documents[:1])) is SILENT
    assert verdict("O-K4", with_line(healthy(), quantity=Decimal(1))) is FAIL


def test_half_a_step_of_conversion() -> None:
    """O-M4 allows half a step, a markup where it is declared, and shipping that costs nothing."""
    for yen, result in (("1389", PASS), ("1388", FAIL), ("1390", FAIL)):
        assert verdict("O-M4", with_line(healthy("JPY"), unit_price=money(yen, "JPY"))) is result
    dearer = with_line(with_line(healthy("JPY"), unit_price=money("1403", "JPY")), 1, unit_price=money("6203", "JPY"))
    marked = replace(JUDGING, markup=Decimal("0.01"))
    assert verdict("O-M4", with_order(dearer, shipping=money("871", "JPY")), marked) is PASS
    assert verdict("O-M4", with_order(healthy("JPY"), shipping=money("0", "JPY"))) is PASS
    assert verdict("O-M4", with_order(healthy("JPY"), shipping=money("864", "JPY"))) is FAIL
    assert verdict("O-M4", with_order(healthy("JPY"), rate=None)) is PASS


@pytest.mark.parametrize(
    ("placed", "booked", "result"),
    [
        (datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC), date(2026, 3, 2), PASS),
        (datetime(2026, 3, 2, 23, 0, 0, tzinfo=UTC), date(2026, 3, 3), PASS),
        (datetime(2026, 3, 2, 23, 0, 0, tzinfo=UTC), date(2026, 3, 2), FAIL),
        (datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), date(2026, 3, 29), PASS),
        (datetime(2026, 3, 29, 22, 0, 0, tzinfo=UTC), date(2026, 3, 30), PASS),
        (datetime(2026, 3, 31, 22, 30, 0, tzinfo=UTC), date(2026, 3, 31), FAIL),
    ],
)
def test_the_day_of_the_books(placed: datetime, booked: date, result: Result) -> None:
    """O-E3 takes the day in the accounting zone, with its summer time, to the second."""
    finding = judged("O-E3", with_order(with_document(healthy(), document_date=booked), placed_at=placed))
    assert finding.result is result
    assert ("another period" in finding.seen) == (placed.day == 31)
    assert (finding.at_risk is not None) == (placed.day == 31)


def test_a_zone_nobody_knows() -> None:
    """O-E3 says so where the declared zone is none."""
    assert "no IANA zone" in judged("O-E3", healthy(), replace(JUDGING, accounting_zone="Europe/Parys")).reason


def test_texts_in_partners_and_other_forms() -> None:
    """O-E4 looks at partners too, compares composed and decomposed letters as one, and wants whole words."""
    partner = replace(ADDRESS, name="Zoe\u0308 Mu\u0308ller", lines=("12 rue de l’E\u0301te\u0301",))
    assert verdict("O-E4", with_document(healthy(), texts=(), partners=(partner,))) is PASS
    longer = replace(partner, postcode="750111")
    finding = judged("O-E4", with_document(healthy(), texts=(), partners=(longer,)))
    assert (finding.result, "cut or changed" in finding.cause) == (FAIL, True)


def test_books_without_parts() -> None:
    """O-E2 holds totals alone where an ERP shows no conditions, and a second posting to itself."""
    bare = with_document(healthy(), lines=(), conditions=())
    assert verdict("O-E2", with_document(bare, total=Decimal("55.75"))) is PASS
    assert verdict("O-E2", with_document(bare, total=Decimal("66.90"))) is PASS
    assert verdict("O-E2", with_document(bare, total=Decimal("66.89"))) is FAIL
    twice = replace(healthy(), documents=(healthy().documents[0], replace(healthy().documents[0], ref="4712")))
    assert verdict("O-E2", twice) is PASS
    other = with_document(healthy(), conditions=(*healthy().documents[0].conditions, condition("other", "1.00")))
    assert verdict("O-E2", with_document(other, total=Decimal("56.75"))) is FAIL


def test_a_rounding_line_evens_a_little() -> None:
    """O-E2 lets parts differ by a step for each line where a rounding line evens them exactly, and no further."""
    for tax, rounding, result in (
        ("1.01", "-0.03", PASS),
        ("1.02", "-0.04", FAIL),
        ("0.99", "-0.02", FAIL),
        ("0.99", "0", FAIL),
    ):
        found = (condition("shipping", "4.92"), condition("tax", tax), condition("rounding", rounding))
        assert verdict("O-E2", with_document(healthy(), conditions=found)) is result


def test_reservations_of_an_open_order() -> None:
    """O-S3 wants exactly what is still to ship held for an open order, changes by an agent included."""
    base = with_order(replace(healthy(), documents=healthy().documents[:1]), status="processing")

    def held(*reservations: Reservation) -> Dossier:
        return replace(base, stock=(count("0017", 100, reservations=reservations),))

    assert verdict("O-S3", held(hold("0017", 2))) is PASS
    assert verdict("O-S3", held(hold("0017", 1), hold("0017", 1, holder="chk_1/edit-1"))) is PASS
    assert verdict("O-S3", held(hold("0017", 1))) is FAIL
    assert verdict("O-S3", held(hold("0017", 3))) is FAIL
    assert verdict("O-S3", with_order(held(), hold="review")) is PASS
    assert verdict("O-S3", with_order(held(), status="pending")) is PASS
    assert verdict("O-S3", held(hold("0017", 2), hold("0017", 9, holder="chk_9"))) is PASS
    half = replace(healthy().documents[1], lines=(replace(healthy().documents[1].lines[0], quantity=Decimal(1)),))
    partly = replace(held(hold("0017", 1)), documents=(base.documents[0], half))
    assert verdict("O-S3", partly) is PASS


def test_available_units() -> None:
    """O-S1 recounts what may be sold from what is on hand, reserved and kept back, to the unit."""
    before = count("0018", 10, at=AT)
    for sellable, result in ((5, PASS), (6, FAIL), (4, FAIL)):
        after = count("0018", 10, sellable=sellable, safety=2, reservations=(hold("0018", 3),))
        dossier = with_order(replace(healthy(), stock=(before, after), documents=()), status="processing")
        assert verdict("O-S1", dossier) is result


@pytest.mark.parametrize(
    ("wanted", "seen", "lost"),
    [
        (("Große Straße 5",), ("Grosse Strasse 5",), None),
        (("Müllerweg 5",), ("Muellerweg 5",), None),
        (("Müllerweg 5",), ("Mullerweg 5",), None),
        (("Müllerweg 5",), ("Mollerweg 5",), "müllerweg"),
        (("350 Fifth Avenue", "Suite 5"), ("350 Fifth Ave Ste 5",), None),
        (("5 Rue A",), ("Rue A 5",), "rue"),
        (("Rue A", "Rue B"), ("Rue A B",), "rue"),
        (("Łódzka 1",), ("Lodzka 1",), None),
        ((), (), None),
        (("A",), (), "a"),
        (("東京 1",), ("東京 1",), None),
    ],
)
def test_words_of_an_address(wanted: tuple[str, ...], seen: tuple[str, ...], lost: str | None) -> None:
    """O-K2 finds every word in order, spelled without accents or shortened as postmen do, and names the first lost."""
    assert first_lost(wanted, seen) == lost


def test_lines_and_fields_of_a_label() -> None:
    """O-K2 allows 35 characters for UPS, any length where no limit is known, and fields in another writing."""

    def labelled(receiver: Address, **more: Any) -> Dossier:
        return replace(healthy(), labels=(label(receiver=receiver, **more),))

    long = replace(ADDRESS, lines=("12 rue de l’Été", "x" * 35))
    assert verdict("O-K2", labelled(long)) is PASS
    assert verdict("O-K2", labelled(replace(long, lines=("12 rue de l’Été", "x" * 36)))) is FAIL
    assert verdict("O-K2", labelled(replace(long, lines=("12 rue de l’Été", "x" * 36)), system="dhl")) is PASS
    assert verdict("O-K2", labelled(replace(ADDRESS, postcode="75 011"))) is PASS
    assert verdict("O-K2", labelled(replace(ADDRESS, city="Lyon"))) is FAIL
    assert verdict("O-K2", labelled(replace(ADDRESS, country="BE"))) is FAIL
    assert verdict("O-K2", labelled(replace(ADDRESS, phone=None))) is PASS
    region = with_order(labelled(replace(ADDRESS, region="me")), address=replace(ADDRESS, region="ME"))
    assert verdict("O-K2", region) is PASS
    abroad = with_order(labelled(replace(ADDRESS, phone="0033123456789")), tax_treatment="export")
    assert verdict("O-K2", abroad) is FAIL
    assert (
        verdict("O-K2", with_order(labelled(replace(ADDRESS, phone="+33 1 23 45 67 89")), tax_treatment="export"))
        is PASS
    )


def test_lines_without_ids_or_values() -> None:
    """O-O6 compares values only of items that carry a line's id, and allows a unit each where a rounding line evens."""
    dossier = healthy()
    items = dossier.documents[0].lines
    for change_of, result in (
        ({"ref": None, "net": Decimal(1)}, PASS),
        ({"net": None}, PASS),
        ({"net": Decimal("15.84")}, FAIL),
    ):
        found = (replace(items[0], **change_of), items[1])
        assert verdict("O-O6", with_document(dossier, lines=found)) is result
    evened = (*dossier.documents[0].conditions, condition("rounding", "0.01"))
    for net, result in (("15.84", PASS), ("15.85", FAIL)):
        found = (replace(items[0], net=Decimal(net)), items[1])
        assert verdict("O-O6", with_document(dossier, lines=found, conditions=evened)) is result
    rejected = (*items, replace(items[0], sku="X", rejected=True))
    assert verdict("O-O6", with_document(dossier, lines=rejected)) is PASS
    foreign = with_document(dossier, currency="USD", lines=(replace(items[0], net=Decimal(1)), items[1]))
    assert verdict("O-O6", foreign) is PASS
