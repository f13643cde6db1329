"""What a finding names and how many: the first of two lines, gateways and parcels, three traces, five orders."""

from __future__ import annotations

from dataclasses import replace

from assay.oracles.access import scan_text
from assay.oracles.address import first_lost
from assay.records import Posting
from tests.engine.oracles.test_attempts import asked, attempt, taken
from tests.engine.oracles.test_attempts import money as dinars
from tests.engine.oracles.test_attempts import said as said_of_one
from tests.engine.oracles.test_population import document, order, population, said
from tests.engine.oracles.test_turns_of_books import two_parcels
from tests.engine.oracles.world import ADDRESS, FAIL, PASS, healthy, judged, label, with_order


def test_three_traces_are_enough() -> None:
    """O-Z1 names the first three pieces of card data in one place."""
    canaries = {f"canary-{letter}": f"kind {letter}" for letter in "abcd"}
    dossier = replace(healthy(), scans=(scan_text("shop.log", " ".join(canaries), canaries),))
    assert judged("O-Z1", dossier).seen == "kind a c***, kind b c***, kind c c***"


def test_the_first_line_too_long_is_shown() -> None:
    """O-K2 shows the first of two lines that are longer than the carrier allows, with its length."""
    lines = ("12 rue de l’Été", "x" * 36, "y" * 40)
    dossier = replace(healthy(), labels=(label(receiver=replace(ADDRESS, lines=lines)),))
    assert judged("O-K2", dossier).seen == f"36: '{'x' * 36}'"


def test_one_spelling_may_be_shortened() -> None:
    """O-K2 takes a word for shortened when any of its spellings is."""
    assert first_lost(["Große Straße 5"], ["Grosse Str 5"]) is None


def test_what_could_not_be_charged_is_at_risk_as_a_whole() -> None:
    """O-M1 puts the whole total at risk where nothing was asked too much, and names what was refused."""
    shown = (("checkout", dinars("10.755")),)
    assert said_of_one("O-M1", attempt(shown=shown, creations=(asked("10755"),))).at_risk == dinars("10.755")


def test_the_gateway_that_took_money_first_is_named() -> None:
    """O-O2 names the gateway of the first of two payments without an order."""
    both = (taken(system="adyen"), taken(ref="pi_2"))
    assert said_of_one("O-O2", attempt(payments=both)).systems == ("adyen", "shop")


def test_an_order_in_parts_may_be_all_there_is() -> None:
    """O-O8 knows an order by its parts alone."""
    postings = (Posting(reference="A1-1"), Posting(reference="A1-2"))
    parts = tuple(replace(document(1), order_ref=None, reference=each.reference) for each in postings)
    assert said("O-O8", population(1, orders=(order(1, postings=postings),), documents=parts)).result is PASS
    assert said("O-O8", population(1, orders=(order(1, postings=postings),), documents=parts[:1])).result is FAIL


def test_five_orders_are_named_without_a_count() -> None:
    """O-O8 says how many more are missing only where there are more than it names."""
    assert said("O-O8", population(*range(1, 6), documents=())).seen.endswith("A1, A2, A3, A4, A5")


def test_orders_of_the_first_doubled_payment_are_counted() -> None:
    """O-O1 counts the orders of the payment it names."""
    orders = (order(1), *(order(each, payment_refs=("pi_1",)) for each in (2, 3)))
    more = (order(4), order(5, payment_refs=("pi_4",)))
    assert said("O-O1", population(1, 2, 3, 4, 5, orders=(*orders, *more))).seen == "3 (A1, A2, A3)"


def test_a_part_posted_twice_is_named_by_its_documents() -> None:
    """O-O1 names the documents of the part that was posted again, and the system of the first document."""
    base = healthy()
    whole = base.documents[0]
    parts = (
        replace(whole, reference="A1-1"),
        replace(whole, reference="A1-1", ref="4712", system="odoo"),
        replace(whole, reference="A1-2", ref="4713", system="odoo"),
    )
    finding = judged("O-O1", with_order(replace(base, documents=parts)))
    assert (finding.seen, finding.systems) == ("2 (4711, 4712) for A1-1", ("shop", "sap"))


def test_the_first_shipment_s_carrier_weighs() -> None:
    """O-K1 names the carrier of the first shipment where a parcel weighs too much."""
    assert judged("O-K1", two_parcels()).systems == ("shop", "ups")
