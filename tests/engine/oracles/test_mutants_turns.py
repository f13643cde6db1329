"""Turns that mutants took unnoticed: which of several is named, how many are listed, and where the last unit counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from assay.events import Result
from assay.oracles.address import first_lost
from assay.oracles.strangers import strangers
from assay.records import Posting
from tests.engine.oracles.test_defects import again, messages
from tests.engine.oracles.test_population import population, said
from tests.engine.oracles.world import (
    JUDGING,
    call,
    change,
    healthy,
    judged,
    message,
    money,
    with_line,
    with_order,
    with_payment,
)


def test_words_spelled_each_in_its_own_way() -> None:
    """O-K2 takes two half-accented spellings of one word for the same word."""
    assert first_lost(["rue de l’Été"], ["rue de l’Eté"]) is None


def test_a_long_list_is_counted() -> None:
    """O-O8 names five orders and says how many more there are."""
    finding = said("O-O8", population(*range(1, 8), documents=()))
    assert finding.seen.endswith("A1, A2, A3, A4, A5 and 2 more")


def test_parts_of_an_order_are_named_in_their_order() -> None:
    """O-O6 names the documents of an order in parts as the ERP listed them."""
    dossier = healthy()
    whole = dossier.documents[0]
    first = replace(whole, reference="A1-1", lines=(replace(whole.lines[0], net=Decimal("15.80")),))
    second = replace(whole, reference="A1-2", ref="4712", lines=whole.lines[1:])
    parts = replace(
        with_order(dossier, postings=(Posting(reference="A1-1"), Posting(reference="A1-2"))),
        documents=(first, second, *dossier.documents[1:]),
    )
    assert judged("O-O6", parts).seen == "15.80 in 4711, 4712"


def test_the_nearest_price_of_a_table_is_named() -> None:
    """O-M4 compares shipping with the entry that is nearest once the markup is added."""
    marked_up = replace(JUDGING, markup=Decimal("0.3"))
    dossier = replace(with_order(healthy("JPY"), shipping=money("1300", "JPY")), base_articles=())
    assert judged("O-M4", dossier, marked_up).expected == "shipping 1122 JPY for 5.90 at 146.22"


def test_one_unit_of_a_conversion_is_a_rounding() -> None:
    """O-M4 says of a price that is less than one step off that it was rounded otherwise."""
    finding = judged("O-M4", with_line(healthy("JPY"), unit_price=money("1390", "JPY")))
    assert finding.cause == "rounding on another level or in another mode"


def test_the_first_voided_payment_is_named() -> None:
    """O-P1 names the first of several payments that all lapsed."""
    dossier = again(with_payment(healthy(), phase="voided", captured=0), phase="voided")
    assert judged("O-P1", dossier).seen == "voided, delivered (pi_1)"


def test_any_message_twice_is_once_too_often() -> None:
    """O-O12 allows no message twice that has no two occasions, whatever its kind."""
    letter = message("review_wanted", "How do you like your mug?")
    assert judged("O-O12", messages(healthy(), letter)).result is Result.PASS
    assert judged("O-O12", messages(healthy(), letter, letter)).seen == "2"


def test_a_confirmed_order_is_confirmed_to_its_customer() -> None:
    """O-O12 wants the message as soon as the order is confirmed, not only when it goes on."""
    only_confirmed = (change("payment_status", "paid"), change("status", "confirmed"))
    dossier = with_order(
        replace(healthy(), messages=()), status="confirmed", history=only_confirmed, parcels=(), tracking_numbers=()
    )
    assert judged("O-O12", dossier).expected == "a message order_confirmed"


def test_five_calls_are_evidence_enough() -> None:
    """A refused host's finding counts every call and shows the first five."""
    refused = [
        replace(call("unrouted", "GET", f"/{number}", status=502, refused=True), host="api.example.net")
        for number in range(7)
    ]
    (finding,) = strangers(replace(each, at=each.at + timedelta(seconds=1)) for each in refused)
    assert finding.seen == "7 calls to api.example.net"
    assert [line.split()[2] for line in finding.evidence] == ["/0", "/1", "/2", "/3", "/4"]
