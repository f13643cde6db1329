"""Where verdicts about payments turn: whose payment counts, what is still open, and what an unpaid order was told."""

from __future__ import annotations

from dataclasses import replace

from assay.records import Dossier, MinorAmount, Tender
from tests.engine.oracles.test_defects import again
from tests.engine.oracles.world import FAIL, PASS, SILENT, healthy, judged, message, money, with_order, with_payment


def unpaid(**more: object) -> Dossier:
    """A confirmed order whose only payment came to nothing."""
    return with_order(with_payment(healthy(), captured=0, phase="failed"), status="confirmed", **more)


def with_gift_card(dossier: Dossier, amount: str) -> Dossier:
    """The order with that much of its total paid by gift card, and the rest by card."""
    zero = money("0", "EUR")
    card = Tender(
        gateway="gift_card",
        kind="gift_card",
        ref="GIFT",
        status="succeeded",
        amount=money(amount, "EUR"),
        captured=money(amount, "EUR"),
        refunded=zero,
    )
    return with_order(dossier, tenders=(card,))


def test_a_gateway_that_does_not_say_what_is_open_leaves_nothing_open() -> None:
    """O-P1 passes a payment captured in full whose gateway shows no rest to be captured."""
    assert judged("O-P1", with_payment(healthy(), capturable=None)).result is PASS


def test_what_is_open_is_held_to_the_unit() -> None:
    """O-P1 allows exactly what was authorised and not captured to stay open, and not one unit more."""
    part = with_order(with_payment(healthy(), captured=6600, capturable=90), status="processing")
    assert judged("O-P1", part).result is PASS
    assert judged("O-P1", with_payment(part, capturable=91)).expected.startswith("at most 90 open of 6690")


def test_no_more_is_captured_than_was_authorised() -> None:
    """O-P1 finds one unit too many, and names the payment it was taken of."""
    finding = judged("O-P1", with_payment(healthy(), captured=6691))
    assert (finding.result, finding.seen) == (FAIL, "captured 6691 (pi_1)")


def test_the_first_open_authorisation_is_named() -> None:
    """O-P1 names the first of several authorisations that outlived their order."""
    open_still = with_payment(healthy(), captured=0, phase="authorised")
    finding = judged("O-P1", again(open_still))
    assert finding.seen == "authorised, delivered (pi_1)"
    assert finding.cause == "nothing was captured: the money may lapse"
    beside = again(healthy(), phase="authorised", captured=MinorAmount(0, "EUR"))
    assert judged("O-P1", beside).cause == "the rest was never released"


def test_one_payment_that_succeeded_is_enough() -> None:
    """O-P2 passes an order of which one payment failed and another one was captured."""
    failed_first = with_payment(healthy(), captured=0, phase="failed")
    both = again(failed_first, phase="captured", captured=MinorAmount(6690, "EUR"))
    assert judged("O-P2", with_order(both, payment_refs=("pi_1", "pi_2"))).result is PASS


def test_another_order_s_payment_completes_none() -> None:
    """O-P2 looks at the payments the order names, and at all of its checkout's where it names none."""
    beside = again(unpaid(), phase="captured", captured=MinorAmount(6690, "EUR"))
    assert judged("O-P2", beside).result is FAIL
    assert judged("O-P2", with_order(beside, payment_refs=())).result is PASS
    assert judged("O-P2", unpaid(payment_refs=())).result is FAIL


def test_what_gateways_are_to_take_decides_to_the_unit() -> None:
    """O-P2 says nothing where a gift card paid everything, and judges as soon as one cent is left for a gateway."""
    whole = judged("O-P2", with_gift_card(unpaid(), "66.90"))
    assert (whole.result, whole.reason) == (SILENT, "nothing of this order is paid at a gateway")
    assert judged("O-P2", with_gift_card(unpaid(), "66.89")).result is FAIL


def test_the_last_payment_that_failed_is_named() -> None:
    """O-P2 names the youngest of several attempts."""
    two = with_order(again(unpaid()), payment_refs=("pi_1", "pi_2"))
    assert "; pi_2 is succeeded, nothing captured" in judged("O-P2", two).seen


def test_only_a_confirmation_is_called_one() -> None:
    """O-P2 mentions the confirmation where one was written, and no other message for it."""
    refused = replace(unpaid(payment_status="paid"), messages=(message("payment_failed", "Your bank said no."),))
    assert judged("O-P2", refused).seen.startswith("confirmed, paid; pi_1")
    told = replace(refused, messages=(message("order_confirmed", "We received your order."), *refused.messages))
    assert judged("O-P2", told).seen.startswith("confirmed, paid and the confirmation written; pi_1")
