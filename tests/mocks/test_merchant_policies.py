"""What a total is made of under each declared policy: prices with and without tax, each level and mode of rounding."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from assay.rounding import Item, Rounding, compose, policies
from tests.mocks.merchant_rig import OPERATOR, Rig, serving

GERMANY = {"line1": "Pappelallee 78", "postcode": "10437", "city": "Berlin", "country": "DE"}
TIES = (("F-603", 3), ("B-200", 7), ("0017", 1), ("G-702", 9))
BASKETS = [
    ("EUR", None, TIES, None),
    ("EUR", GERMANY, (("D-404", 3), ("E-500", 1), ("E-503", 2), ("G-704", 11)), "WELCOME10"),
    ("JPY", GERMANY, (("D-404", 5), ("C-300", 3)), None),
    ("CHF", None, (("0017", 1920), ("A-100", 1)), "FIVE"),
]
USUAL = {"tax_included": True, "rounding_level": "line", "rounding_mode": "half_up"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("policies"), ("stripe", "sap_s4hana")) as running:
        yield running


@pytest.fixture(autouse=True)
def usual(rig: Rig) -> Iterator[None]:
    """Leave the shop as it was."""
    yield
    rig.settings(**USUAL)


def _amount(seen: Any) -> Decimal:
    return Decimal(seen["amount"])


def _expected(view: Any, policy: Rounding) -> Any:
    lines = [
        Item(_amount(line["unit_price"]), Decimal(line["quantity"]), Decimal(line["tax_rate"]))
        for line in view["lines"]
    ]
    shipping = Item(_amount(view["shipping"]["total"]), Decimal(1), Decimal(view["shipping"]["tax_rate"]))
    return compose(lines, shipping, _amount(view["discount"]), policy, view["currency"])


@pytest.mark.parametrize("policy", list(policies()), ids=str)
def test_a_total_is_composed_as_the_policy_says(rig: Rig, policy: Rounding) -> None:
    """Total, tax and what each line pays are those of the declared policy, to the smallest unit."""
    rig.settings(tax_included=policy.tax_included, rounding_level=policy.level, rounding_mode=policy.mode)
    for currency, address, lines, coupon in BASKETS:
        cart = rig.cart(currency, lines=lines, address=address)
        if coupon:
            rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": coupon})
        view = rig.ok("GET", f"/api/carts/{cart}")
        whole = _expected(view, policy)
        assert (_amount(view["total"]), _amount(view["tax"])) == (whole.total.amount, whole.tax)
        assert view["tax_included"] is policy.tax_included
        assert sum(_amount(line["tax"]) for line in view["lines"]) + _amount(view["shipping"]["tax"]) == whole.tax
        if policy.level in ("unit", "line"):
            assert [_amount(line["tax"]) for line in view["lines"]] == [parts.tax for parts in whole.lines]


@pytest.mark.parametrize(("included", "level"), [(False, "line"), (True, "unit"), (False, "total")])
def test_the_erp_gets_the_same_total(rig: Rig, included: bool, level: str) -> None:
    """Net values, taxes and the rounding line of the ERP's document are the order's total under every policy."""
    rig.settings(tax_included=included, rounding_level=level)
    cart = rig.cart("EUR", lines=TIES)
    rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": "WELCOME10"})
    order = rig.checkout(cart)[1]
    rig.advance(seconds=10)
    wanted = f"$filter=PurchaseOrderByCustomer eq '{order['number']}'"
    [document] = rig.sap(
        f"API_SALES_ORDER_SRV/A_SalesOrder?{wanted}&$expand=to_PricingElement,to_Item/to_PricingElement"
    )
    conditions = list(document["to_PricingElement"]["results"])
    for item in document["to_Item"]["results"]:
        conditions += item["to_PricingElement"]["results"]
    extra = sum(Decimal(each["ConditionAmount"]) for each in conditions if each["ConditionType"] in ("MWST", "DIFF"))
    assert Decimal(document["TotalNetAmount"]) + extra == _amount(order["total"])


@pytest.mark.parametrize(("name", "value"), [("rounding_level", "row"), ("rounding_mode", "up"), ("tax_included", 1)])
def test_a_policy_that_is_none_is_refused(rig: Rig, name: str, value: Any) -> None:
    """An unknown level or mode is refused with the ones there are."""
    status, answer = rig.call("POST", "/__admin/settings", {name: value}, **OPERATOR)
    assert status == 422 and name in answer["error"]["message"] and str(value) in answer["error"]["message"]
