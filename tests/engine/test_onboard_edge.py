"""Onboarding an own shop behind the edge: whether its calls came through, and what happens before the edge is up."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import run_assay
from tests.engine.corner_shop import Corner, opened, write_project

PROFILE = """\
[scenarios]
shipped = false
[policies.freshness]
erp = 1
[systems.my_shop]
role = "shop"
credentials = {{ token = "env:SHOP_TOKEN" }}
[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = {{ api_key = "env:STRIPE_API_KEY" }}
test_credentials = {{ api_key = "sk_test_assay" }}
[environments.mine.systems]
my_shop = {{ mode = "live", base_url = "{shop}" }}
stripe = "simulated"
"""
ENV = {"SHOP_TOKEN": "geheim"}
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("onboard")]


def _onboard(folder: Path) -> dict[str, str]:
    done = run_assay("doctor", "--onboard", "--json", "--env", "mine", cwd=folder, env=ENV, timeout_s=180)
    content: dict[str, Any] = json.loads(done.stdout)
    return {each["name"]: f"{each['state']}: {each['seen']} → {each['do']}" for each in content["checks"]}


@pytest.fixture(scope="module")
def corner() -> Iterator[Corner]:
    """The shop, listening."""
    with opened() as shop:
        yield shop


@pytest.fixture(scope="module")
def project(corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose shop is on this machine and whose gateway is simulated; what is up at the end is taken down."""
    folder = tmp_path_factory.mktemp("corner")
    write_project(folder, PROFILE.format(shop=corner.url))
    yield folder
    run_assay("down", "--env", "mine", "--forget", cwd=folder)


def test_before_the_edge_is_up(project: Path) -> None:
    """An own shop cannot know of an edge that is started only now: said, with the command to start it."""
    told = _onboard(project)
    assert "the landscape of 'mine' is not up" in told["landscape"]
    assert "assay up --env mine" in told["landscape"]


@pytest.fixture(scope="module")
def edge(project: Path) -> tuple[str, Path]:
    """The edge's address and the CA bundle, once it is up."""
    done = run_assay("up", "--env", "mine", "--json", cwd=project, env=ENV, timeout_s=120)
    assert done.returncode == 0, done.stderr
    running = json.loads((project / ".assay/mine/landscape.json").read_text())
    bundle = project / ".assay/mine/edge/certificates/ca-bundle.pem"
    return f"http://127.0.0.1:{running['processes']['edge']['ports']['edge']}", bundle


@pytest.mark.full
def test_a_proxy_that_is_ignored(project: Path, edge: tuple[str, Path]) -> None:
    """The order went through and the edge saw no call: the setting that is missing is named."""
    told = _onboard(project)
    assert told["order"].startswith("ok")
    assert told["proxy"].startswith("wrong: the edge saw no call of the platform, although order W-1 went through")
    assert "assay proxy env --env mine" in told["proxy"]
    assert "stripe does not know pi_1" in told["stripe"]


def test_a_proxy_that_is_used(project: Path, corner: Corner, edge: tuple[str, Path]) -> None:
    """A call that came through the edge is counted, and nothing is wrong with the proxy."""
    address, bundle = edge
    trusted = ssl.create_default_context(cafile=str(bundle))

    def charge() -> None:
        with httpx.Client(proxy=address, verify=trusted, trust_env=False) as client:
            client.get("https://api.stripe.com/v1/balance", headers={"Authorization": "Bearer sk_test_assay"})

    corner.on_order = charge
    told = _onboard(project)
    assert told["proxy"].startswith("ok: calls came through the edge: api.stripe.com (1)"), told


def test_what_a_vendor_refused_is_shown_in_its_own_words(project: Path, corner: Corner, edge: tuple[str, Path]) -> None:
    """A write that the gateway refused is shown with method, path, status and what the gateway said of it."""
    address, bundle = edge
    trusted = ssl.create_default_context(cafile=str(bundle))

    def charge() -> None:
        with httpx.Client(proxy=address, verify=trusted, trust_env=False) as client:
            url, key = "https://api.stripe.com/v1/payment_intents", {"Authorization": "Bearer sk_test_assay"}
            client.post(url, headers=key, data={"currency": "eur"})

    corner.on_order = charge
    told = _onboard(project)
    assert told["stripe calls"].startswith("note: 1 refused; the last: POST /v1/payment_intents answered 400: "), told
    assert "Missing required param: amount" in told["stripe calls"]
