"""O-O3 over several tries of one purchase: a key of its own for each that took nothing, and never more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.events import Result
from assay.records import Dossier, MinorAmount
from tests.engine.oracles.world import FAIL, PASS, change, creation, healthy, judged, with_order


def tried(*keys: str, told: tuple[str, ...] = (), phase: str = "voided", declined: bool = False) -> Dossier:
    """A paid order of which further tries took nothing, each made under one of these keys."""
    dossier = healthy()
    paid = dossier.payments[0]
    dead = replace(paid, ref="pi_0", captured=MinorAmount(0, "EUR"), phase=phase, declined=declined, checkout_ref="x")
    payments = (dead, paid) if phase else (paid,)
    return replace(dossier, payments=payments, creations=tuple(creation(key) for key in keys), told=told)


@pytest.mark.parametrize(
    ("dossier", "result"),
    [
        (tried("k1", "k2"), PASS),
        (tried("k1", "k2", phase="open", declined=True), PASS),
        (tried("k1", "k2", phase="open"), FAIL),
        (tried("k1", "k2", "k3"), FAIL),
        (tried("k1", "k2", phase=""), FAIL),
        (tried("k1", "k2", phase="", told=("declined", "ordered")), PASS),
        (tried("k1", "k2", phase="", told=("requires_action", "requires_action", "ordered")), PASS),
        (tried("k1", "k2", phase="", told=("requires_action", "ordered")), FAIL),
        (tried("k1", "k2", "k3", phase="", told=("requires_action", "declined", "requires_action")), FAIL),
        (tried("k1", "k2", phase="", told=("ordered", "ordered")), FAIL),
    ],
)
def test_a_try_that_took_nothing_has_a_key_of_its_own(dossier: Dossier, result: Result) -> None:
    """O-O3 lets a new try have a new key once the one before it was declined, voided or given up by its payer."""
    assert judged("O-O3", dossier).result is result


def test_a_try_at_another_gateway_excuses_nothing() -> None:
    """O-O3 counts tries and keys of one gateway."""
    dossier = tried("k1", "k2")
    elsewhere = (replace(dossier.payments[0], system="adyen"), dossier.payments[1])
    assert judged("O-O3", replace(dossier, payments=elsewhere)).result is FAIL


@pytest.mark.parametrize(("cause", "result"), [("order on Invoice", PASS), ("approved", FAIL)])
def test_an_invoice_paid_by_card_afterwards(cause: str, result: Result) -> None:
    """O-O12 knows from the history that an order was placed on invoice, though a card has paid it since."""
    history = (change("status", "pending"), change("status", "confirmed", cause=cause),
               change("payment_status", "paid", minutes=120))  # fmt: skip
    confirmed = with_order(healthy(), status="confirmed", history=history, parcels=(), tracking_numbers=())
    assert judged("O-O12", replace(confirmed, messages=healthy().messages[:1], shipments=())).result is result
