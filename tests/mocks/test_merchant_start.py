"""How the merchant starts and is described: configuration, defects, seams, its own API document."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from mocks.merchant import seams
from tests.mocks.merchant_rig import OPERATOR, ROOT, SECRETS, Rig, serving

MERCHANT = ROOT / "mocks" / "merchant"


def start(tmp_path: Path, **config: Any) -> subprocess.CompletedProcess[str]:
    """Start a merchant that is expected to refuse, and return how it ended."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"suite_roots": [str(ROOT)], "dir": str(tmp_path / "state"), **config}))
    command = [sys.executable, "-m", "mocks.merchant", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT, env={**os.environ, **SECRETS})


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ({"defect": ["MON-01"]}, "did you mean 'defects'"),
        ({"settings": {"safety_stok": 1}}, "did you mean 'safety_stock'"),
        ({"settings": {"page_size": "many"}}, "settings.page_size: expected int"),
        ({"vendors": {"strip": {}}}, "did you mean 'stripe'"),
        ({"defects": ["MON-1"]}, "did you mean 'MON-01'"),
        ({"defect_dirs": ["/nowhere/at/all"]}, "no such folder"),
        ({"port": 99999}, "from 0 to 65535"),
    ],
)
def test_wrong_configuration_is_named(tmp_path: Path, config: dict[str, Any], hint: str) -> None:
    """A key, setting, vendor or defect that does not exist ends the start with 2 and says which was meant."""
    ended = start(tmp_path, **config)
    assert ended.returncode == 2 and hint in ended.stderr and "Traceback" not in ended.stderr


def test_defect_naming_an_unknown_seam_is_refused(tmp_path: Path) -> None:
    """A defect file with a seam that does not exist ends the start with 2, names the file and the nearest seam."""
    folder = tmp_path / "defects"
    folder.mkdir()
    (folder / "OWN-1.py").write_text('"""Ours."""\nSEAMS = {"to_minor_unit": lambda a, c, g: 1}\n')
    ended = start(tmp_path, defect_dirs=[str(folder)], defects=["OWN-1"])
    assert ended.returncode == 2 and "OWN-1.py" in ended.stderr and "did you mean 'to_minor_units'" in ended.stderr


def test_port_in_use_is_said(tmp_path: Path) -> None:
    """A port somebody else holds ends the start with 3."""
    with serving(tmp_path, ()) as rig:
        other = tmp_path / "other"
        other.mkdir()
        ended = start(other, port=int(rig.url.rsplit(":", 1)[1]))
    assert ended.returncode == 3 and "cannot be used" in ended.stderr


def test_readme_lists_every_seam() -> None:
    """README and registry hold the same seams, in the same families, with the same signatures and meanings."""
    seams.load_all()
    text = (MERCHANT / "README.md").read_text()
    listed: dict[str, tuple[str, str, str]] = {}
    for section in text.split("\n### ")[1:]:
        family, _, rest = section.partition("\n")
        for signature, meaning in re.findall(r"^- `([^`]+)`: (.+)$", rest, re.MULTILINE):
            listed[signature.split("(")[0]] = (family, signature, meaning)
    assert set(listed) == set(seams.REGISTRY)
    for name, seam in seams.REGISTRY.items():
        first = " ".join((seam.__doc__ or "").strip().split("\n\n")[0].split())
        assert listed[name] == (seam.family, seam.signature, first)
    assert {seam.family for seam in seams.REGISTRY.values()} == set(seams.FAMILIES)


def test_every_defect_file_is_whole() -> None:
    """Each shipped defect names its symptom and source, replaces known seams, and is off."""
    from mocks.merchant import switches

    seams.load_all()
    board = switches.Switchboard(())
    for defect in board.known():
        assert not defect["on"] and defect["meaning"].startswith(f"{defect['id']}: ")
        assert "Seen in " in defect["meaning"], defect["id"]
        assert set(defect["seams"]) <= set(seams.REGISTRY)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("start")) as running:
        yield running


def document() -> dict[str, Any]:
    """Return the merchant's own OpenAPI document."""
    loaded: dict[str, Any] = yaml.safe_load((MERCHANT / "openapi.yaml").read_text())
    return loaded


def check(content: Any, path: str, method: str, status: int) -> None:
    """Validate an answer against the document."""
    described = document()
    schema = described["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["schema"]
    jsonschema_rs.validator_for({**schema, "components": described["components"]}).validate(content)


def test_answers_fit_the_document(rig: Rig) -> None:
    """What the storefront answers along an order's life validates against openapi.yaml, served as it is stored."""
    assert rig.ok("GET", "/api/openapi.json") == document()
    check(rig.ok("GET", "/api/products"), "/api/products", "get", 200)
    check(rig.ok("GET", "/api/rates"), "/api/rates", "get", 200)
    check(rig.ok("GET", "/api/stock/SET-01"), "/api/stock/{sku}", "get", 200)
    cart = rig.cart(lines=(("0017", 2), ("SET-01", 1)))
    check(rig.ok("GET", f"/api/carts/{cart}"), "/api/carts/{id}", "get", 200)
    check(rig.ok("GET", f"/api/carts/{cart}/shipping-rates"), "/api/carts/{id}/shipping-rates", "get", 200)
    status, order = rig.checkout(cart)
    check(order, "/api/carts/{id}/checkout", "post", status)
    status, refusal = rig.checkout(rig.cart(), {"kind": "card", "payment_method": "pm_card_chargeDeclined"})
    check(refusal, "/api/carts/{id}/checkout", "post", status)
    rig.ship()
    refund = rig.ok(
        "POST", f"/api/orders/{order['id']}/refunds", {"lines": [{"line": "1", "quantity": 1}], "reason": "x"}
    )
    check(refund, "/api/orders/{id}/refunds", "post", 201)
    check(rig.read(order), "/api/orders/{id}", "get", 200)
    check(rig.ok("GET", "/api/orders"), "/api/orders", "get", 200)


def test_every_route_is_described(rig: Rig) -> None:
    """The document and the application offer the same operations, and operator operations need the token."""
    from mocks.merchant.api import application

    routes = (*application.STOREFRONT, *application.OPERATOR, *application.INBOUND)
    offered = {(method.lower(), path) for method, path, _ in routes}
    described = document()["paths"]
    assert offered - {("get", "/api/openapi.json")} == {
        (method, path) for path, entry in described.items() for method in entry
    }
    for path, entry in described.items():
        for method, operation in entry.items():
            if "security" in operation:
                concrete = re.sub(r"\{[a-z]+\}", "x", path)
                assert rig.call(method.upper(), concrete, {} if method == "post" else None)[0] == 401, path


def test_defects_switch_while_it_runs(rig: Rig) -> None:
    """A defect is listed, switched on and off, and an unknown one is refused with the nearest id."""
    assert rig.ok("POST", "/__admin/defects", {"on": ["MON-01"]}) == {"on": ["MON-01"]}
    assert next(entry for entry in rig.ok("GET", "/__admin/defects")["defects"] if entry["id"] == "MON-01")["on"]
    assert rig.order("JPY")["payments"][0]["captured"]["amount"] != rig.order("EUR")["total"]["amount"]
    assert rig.ok("POST", "/__admin/defects", {"off": ["MON-01"]}) == {"on": []}
    status, refusal = rig.call("POST", "/__admin/defects", {"on": ["ORD-3O"]})
    assert status == 422 and "did you mean 'ORD-30'" in refusal["error"]["message"]


def test_reset_forgets_orders(rig: Rig) -> None:
    """After a reset there are no orders and the catalogue's stock is back."""
    rig.order()
    rig.ok("POST", "/__admin/reset", {})
    assert rig.call("GET", "/api/orders", **OPERATOR)[1]["total"] == 0
    assert rig.ok("GET", "/api/stock/0017") == {
        "sku": "0017",
        "backorder": False,
        "on_hand": 5000,
        "reserved": 0,
        "safety": 0,
        "sellable": 5000,
    }
    assert rig.ok("GET", "/__admin/health")["system"] == "merchant"
