"""Each defect shows its symptom when it is on, and only then: healthy first, then broken, by the same question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mocks import merchant_symptoms_gateways, merchant_symptoms_hub, merchant_symptoms_shop
from tests.mocks.lossy_proxy import LossyProxy
from tests.mocks.merchant_bench import (
    SYMPTOMS,
    Bench,
)
from tests.mocks.merchant_rig import VENDORS, serving

SYMPTOM_MODULES = (merchant_symptoms_gateways, merchant_symptoms_hub, merchant_symptoms_shop)
"""Importing them registers their questions."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One merchant for this file's tests, its vendors behind relays."""
    with serving(tmp_path_factory.mktemp("defects"), (*VENDORS, "adyen", "paypal")) as rig:
        rig.kill_merchant()
        proxies = {name: LossyProxy(rig.vendor[name]) for name in ("stripe", "adyen", "paypal", "sap_s4hana", "ups")}
        vendors = {name: {"base_url": proxy.url} for name, proxy in proxies.items()}
        rig.start_merchant(vendors={**vendors, "ecb": {"base_url": rig.vendor["ecb"]}})
        rig.settle()
        try:
            yield Bench(rig, proxies)
        finally:
            for proxy in proxies.values():
                proxy.close()


# These move the clock by days or many deliveries and take seconds each.
SLOW = {"TIM-07", "ORD-18", "STK-02", "STK-04", "CAR-13", "MON-24", "MON-25", "MON-28", "ORD-10", "ERP-09", "ERP-10"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] if name in SLOW else []) for name in sorted(SYMPTOMS)]
)
def test_defect_shows_its_symptom(bench: Bench, name: str) -> None:
    """The healthy merchant does not show the symptom; with the defect on it does."""
    symptom = SYMPTOMS[name]
    assert not symptom(bench), f"{name}: the healthy merchant shows the symptom"
    bench.rig.defects(name)
    try:
        assert symptom(bench), f"{name}: the symptom does not show"
    finally:
        bench.rig.defects(off=[name])


def test_symptoms_are_of_known_defects() -> None:
    """Every question belongs to a defect file."""
    files = {path.stem for path in (Path(__file__).parents[2] / "mocks" / "merchant" / "defects").glob("*.py")}
    assert set(SYMPTOMS) <= files
