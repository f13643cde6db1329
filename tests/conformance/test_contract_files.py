"""Every contract.yaml is what its vendor documents, or says with a reason where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from assay.contracts.comparing import Compared, compare
from assay.contracts.registry import Registry, held
from assay.profile import load_profile
from tests.conformance.openapi_judge import ROOT, SPECS

_MOST_UNDECIDED = {
    "adyen": 0.20,
    "paypal": 0.02,
    "ups": 0.06,
    "frankfurter": 0.01,
    "stripe": 0.06,
    "sap_s4hana": 0.10,
}

SMALL = ("adyen", "paypal", "ups", "frankfurter")


@cache
def registry() -> Registry:
    """Return the documents of the shipped profile's systems."""
    systems = load_profile(ROOT / "assay.toml").environment("local").systems
    return held(systems, ROOT, roots=(ROOT,), specs=SPECS)


def report(found: Compared) -> Sequence[str]:
    """Return what departs without a reason, and reasons of what no longer departs."""
    departs = [f"{each.operation} {each.direction} {each.status}: {each.deviation}" for each in found.unexplained]
    return [*departs, *(f"{each.where}: nothing departs there any more" for each in found.stale)]


def hold(system: str, seed: int = 1) -> None:
    """Compare a system's contract with its vendor's documents, which must be here."""
    if not registry().vendor(system):
        pytest.skip(f"the vendor's documents are not here: {SPECS} (set ASSAY_SPECS to a folder that has them)")
    found = compare(registry(), system, seed=seed)
    assert not report(found), "\n".join(report(found)[:20])
    assert found.values >= 200
    assert found.undecided_share <= _MOST_UNDECIDED[system]


@pytest.mark.parametrize("system", SMALL)
def test_a_contract_departs_from_its_vendors_document_with_a_reason_alone(system: str) -> None:
    """No place departs without a reason, no reason stands for what departs no more, by path and 200 drawn values."""
    hold(system)


@pytest.mark.full
@pytest.mark.parametrize(
    ("system", "seed"),
    [("stripe", 1), ("sap_s4hana", 1), *((each, seed) for each in SMALL for seed in (2, 3))],
)
def test_other_vendors_and_other_values_find_nothing_else(system: str, seed: int) -> None:
    """The same of every vendor that has a document, whatever values are drawn."""
    hold(system, seed)
