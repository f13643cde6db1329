"""The real connectors over real simulators and the reference merchant: a healthy order is right in every witness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assay.dossier import Gatherer, judging_of
from assay.events import Result
from assay.http import Client, open_client
from assay.landscape import Landscape, open_landscape
from assay.oracles import ORACLES, POPULATION_ORACLES
from assay.oracles.access import scan_text
from assay.profile import Profile, load_profile
from assay.records import Dossier
from tests.mocks.merchant_rig import ROOT, Rig, serving

SKUS = ("0017", "0018", "B-200", "D-403")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A merchant and its vendors without an edge."""
    with serving(tmp_path_factory.mktemp("witnesses")) as running:
        yield running


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The shipped profile."""
    return load_profile(ROOT / "assay.toml")


@pytest.fixture(scope="module")
def landscape(rig: Rig, profile: Profile) -> Iterator[Landscape]:
    """The witnesses of the rig, asked directly."""
    clients: list[Client] = []

    def opened(system: str, url: str) -> Client:
        clients.append(open_client(url, system=system))
        return clients[-1]

    environment = profile.environment("local")
    shop = environment.systems["merchant"].model_copy(update={"test_credentials": {"operator_token": "operator-demo"}})
    addresses = {**rig.vendor, "merchant": rig.url}
    here = {name: system for name, system in environment.systems.items() if name in addresses}
    environment = environment.model_copy(update={"systems": {**here, "merchant": shop}})
    yield open_landscape("local", environment, addresses, opened)
    for client in clients:
        client.close()


def test_healthy_orders_are_right_everywhere(rig: Rig, landscape: Landscape, profile: Profile) -> None:
    """Orders in EUR, JPY and KWD, a bundle and a coupon pass every oracle they have witnesses for, also together."""
    began = rig.now
    with Gatherer(landscape, base_currency="EUR") as gatherer:
        before = gatherer.stock(SKUS, rig.now)
    orders = {currency: rig.order(currency, lines=[("0017", 3), ("0018", 1)]) for currency in ("EUR", "JPY", "KWD")}
    orders["bundle"] = rig.order("JPY", lines=[("SET-01", 2)])
    cart = rig.cart("EUR", lines=[("0017", 2), ("B-200", 3)])
    rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "WELCOME10"})
    orders["coupon"] = rig.checkout(cart)[1]
    rig.ship()
    for _ in range(2):
        rig.advance(days=3)
    with Gatherer(landscape, base_currency="EUR", read_at=rig.now, logs={"log": rig.log}) as gatherer:
        after = gatherer.stock(SKUS, rig.now)
        dossiers = [replace(gatherer.dossier(order["id"]), stock=(*before, *after)) for order in orders.values()]
        population = gatherer.population(began, rig.now, dossiers, [*before, *after])
    population = replace(population, scans=(scan_text("log", rig.log(), {}),))
    judging = judging_of(profile.policies)
    for dossier in dossiers:
        assert [role for role, _ in dossier.unread] == ["journal"]
        loud = [oracle(dossier, judging) for oracle in ORACLES.values()]
        assert [each.sentence() for each in loud if each.result is Result.FAIL] == []
    passed = _passed(dossiers[1], judging)
    assert passed >= {f"O-{each}" for each in ("M1", "M2", "M4", "M5", "O1", "O2", "O3", "O4", "O6", "O11", "O12")}
    assert passed >= {f"O-{each}" for each in ("S1", "S3", "K1", "K4", "K5", "E2", "E3", "E4", "P1", "Z1")}
    together = {name: oracle(population, judging) for name, oracle in POPULATION_ORACLES.items()}
    other = {name: (each.result, each.reason) for name, each in together.items() if each.result is not Result.PASS}
    assert other == {"O-M11": (Result.NOT_EVALUATED, "no order has a coupon with a limit")}


@pytest.mark.parametrize(
    ("defect", "currency", "oracle", "cause"),
    [
        ("MON-01", "JPY", "O-M1", "exponent: JPY was sent with 2 decimals"),
        ("ERP-04", "EUR", "O-E2", "shipping was not handed over"),
        ("CAR-02", "EUR", "O-K1", "factor of 100"),
    ],
)
def test_a_defect_shows_in_the_witnesses(
    rig: Rig, landscape: Landscape, profile: Profile, defect: str, currency: str, oracle: str, cause: str
) -> None:
    """A switched defect is found from what the vendors' own systems say, with its cause."""
    rig.defects(defect)
    order = rig.order(currency, lines=[("0017", 3)])
    rig.ship()
    rig.defects(off=(defect,))
    with Gatherer(landscape, base_currency="EUR", read_at=rig.now + timedelta(hours=2)) as gatherer:
        dossier = gatherer.dossier(order["id"])
    finding = ORACLES[oracle](dossier, judging_of(profile.policies))
    assert finding.result is Result.FAIL
    assert cause in finding.cause


def _passed(dossier: Dossier, judging: Any) -> set[str]:
    return {name for name, oracle in ORACLES.items() if oracle(dossier, judging).result is Result.PASS}
