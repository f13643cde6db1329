"""A healthy order is silent in every currency, and what was really judged is said."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from assay.events import Result
from assay.oracles import ORACLES, POPULATION_ORACLES, UNDECLARED
from tests.engine.oracles.world import BASKETS, JUDGING, healthy, judged

# What a healthy dossier cannot show: no conversion in the base currency or by a manual list, no event twice, nothing
# given back.
_UNJUDGED = {"EUR": {"O-M4", "O-M6", "O-O5"}, "JPY": {"O-M6", "O-O5"}, "KWD": {"O-M4", "O-M6", "O-M11", "O-O5"}}


@pytest.mark.parametrize("currency", sorted(BASKETS))
@pytest.mark.parametrize("name", sorted(ORACLES))
def test_a_healthy_order_passes(name: str, currency: str) -> None:
    """Every oracle passes a healthy order in EUR, JPY and KWD, but for what such an order cannot show."""
    finding = judged(name, healthy(currency))
    expected = Result.NOT_EVALUATED if name in _UNJUDGED[currency] else Result.PASS
    assert (finding.result, finding.reason if expected is Result.PASS else "") == (expected, "")


def test_every_specified_oracle_is_there() -> None:
    """The oracles of this part of the specification are registered, each with a formula and its witnesses."""
    wanted = {
        "M": (1, 2, 3, 4, 5, 6, 9, 10, 11),
        "O": (1, 2, 3, 4, 5, 6, 11, 12),
        "S": (1, 3),
        "K": (1, 2, 4, 5),
        "E": (2, 3, 4),
    }
    numbers = {f"O-{family}{number}" for family, listed in wanted.items() for number in listed}
    assert numbers | {"O-P1", "O-P2", "O-P4", "O-Z1"} <= ORACLES.keys()
    assert POPULATION_ORACLES.keys() >= {"O-O1", "O-O2", "O-O8", "O-S2", "O-S3", "O-M7", "O-M8", "O-M11", "O-M12"}
    assert all(each.formula and each.needs for each in ORACLES.values())


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("O-M5", "policies.rounding"),
        ("O-M4", "policies.base_currency"),
        ("O-M11", "policies.promotions"),
        ("O-E3", "policies.books.zone"),
        ("O-K1", "policies.shipping.packaging_g"),
    ],
)
def test_an_undeclared_parameter_is_named(name: str, line: str) -> None:
    """Without its parameter an oracle is not evaluated and names the line that switches it on."""
    finding = judged(name, healthy("JPY"), UNDECLARED)
    assert finding.result is Result.NOT_EVALUATED
    assert line in finding.reason


def test_rates_without_an_age_are_not_judged() -> None:
    """O-M4 needs to know how old a rate may be."""
    finding = judged("O-M4", healthy("JPY"), replace(JUDGING, rate_max_age=None))
    assert "policies.rates.max_age_days" in finding.reason


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_an_unread_witness_is_no_verdict(name: str) -> None:
    """Every witness an oracle needs makes it not evaluated when unread, with the reason; never pass, never fail."""
    for role in ORACLES[name].needs:
        finding = judged(name, replace(healthy(), unread=((role, "401"),)))
        assert (finding.result, finding.reason) == (Result.NOT_EVALUATED, f"{role}: 401")


def test_money_oracles_are_quick() -> None:
    """All money oracles over one dossier take at most a millisecond of CPU."""
    dossier = healthy("JPY")
    names = [name for name in ORACLES if name.startswith(("O-M", "O-P4"))]
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(20):
            for name in names:
                ORACLES[name](dossier, JUDGING)
        best = min(best, (time.process_time() - began) / 20)
    assert best <= 0.001
