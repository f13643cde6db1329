"""A shop that counts its stock, without movements or reservations: what can be judged is, the rest is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assay.events import Result
from assay.oracles import ORACLES, POPULATION_ORACLES
from assay.records import Dossier, Population

from .world import JUDGING, READ, healthy


def _counted(**changes: Any) -> Dossier:
    dossier = healthy()
    return replace(dossier, stock=tuple(replace(each, **changes) for each in dossier.stock))


def test_stock_without_movements_is_no_finding() -> None:
    """Stock that went down while nobody keeps movements is not evaluated, and says what is missing."""
    dossier = _counted(movements=None)
    finding = ORACLES["O-S1"](dossier, JUDGING)
    assert (finding.result, "StockCount.movements" in finding.reason) == (Result.NOT_EVALUATED, True)
    bought = Population(since=READ, until=READ, dossiers=(dossier,), stock=dossier.stock)
    assert POPULATION_ORACLES["O-S2"](bought, JUDGING).result is Result.NOT_EVALUATED


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"sellable": -1}, Result.FAIL),
        ({"sellable": -1, "safety": 1}, Result.NOT_EVALUATED),
        ({"on_hand": -1}, Result.FAIL),
        ({"sellable": -1, "backorder": True}, Result.PASS),
    ],
)
def test_less_than_nothing_is_oversold_whoever_keeps_movements(changes: dict[str, Any], result: Result) -> None:
    """A count below nothing, safety stock apart, was sold twice; an article on back-order may go there."""
    dossier = _counted(movements=None, **changes)
    bought = Population(since=READ, until=READ, dossiers=(dossier,), stock=dossier.stock)
    assert POPULATION_ORACLES["O-S2"](bought, JUDGING).result is result


def test_what_may_be_sold_is_judged_without_movements() -> None:
    """Sellable that is not on hand less reserved is wrong whatever else is kept."""
    assert ORACLES["O-S1"](_counted(movements=None, sellable=1), JUDGING).result is Result.FAIL


@pytest.mark.parametrize(("missing", "result"), [(0, Result.PASS), (1, Result.FAIL)])
def test_a_number_of_reserved_units_is_enough_for_what_may_be_sold(missing: int, result: Result) -> None:
    """Without reservations one by one, the count's own number of reserved units is subtracted."""
    dossier = _counted(reservations=None)
    last = replace(dossier.stock[-1], reserved=1, sellable=dossier.stock[-1].on_hand - 1 - missing)
    stock = (*dossier.stock[:-1], last)
    assert ORACLES["O-S1"](replace(dossier, stock=stock), JUDGING).result is result


def test_closure_needs_reservations() -> None:
    """Whether a hold was given back cannot be said by a shop that shows no holds."""
    finding = ORACLES["O-S3"](_counted(reservations=None), JUDGING)
    assert (finding.result, "StockCount.reservations" in finding.reason) == (Result.NOT_EVALUATED, True)
