"""What the shop refuses although something like it is right: found by generated requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mocks.merchant_rig import OPERATOR, Rig, serving


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One merchant for this file's tests."""
    with serving(tmp_path_factory.mktemp("refused")) as running:
        yield running


@pytest.mark.parametrize("wrong", [{"lines": {}}, {"lines": []}, {"lines": ""}, {"lines": None}, {"reason": 5}])
def test_a_cancellation_that_cannot_be_read_cancels_nothing(rig: Rig, wrong: dict[str, Any]) -> None:
    """Lines that are none, or a reason that is no text, are 422; the order stays, and not all of it is cancelled."""
    order = rig.order()
    status, said = rig.call("POST", f"/api/orders/{order['id']}/cancel?key={order['access_key']}", wrong)
    assert (status, said["error"]["field"]) == (422, next(iter(wrong)))
    assert rig.read(order)["status"] == order["status"] != "cancelled"


def test_a_payment_method_nobody_knows_is_declined(rig: Rig) -> None:
    """A name the gateway does not know is the buyer's to mend: 402, and another one pays the same cart."""
    cart = rig.cart()
    status, said = rig.checkout(cart, {"kind": "card", "payment_method": "pm_nobody"})
    assert (status, said["error"]["code"]) == (402, "payment_declined")
    assert rig.checkout(cart)[0] == 201


def test_an_idempotency_key_is_not_cut(rig: Rig) -> None:
    """200 characters are a key; one more is refused rather than taken for the key it begins with."""
    cart = rig.cart()
    status, said = rig.checkout(cart, key="k" * 201)
    assert (status, said["error"]["field"]) == (422, "Idempotency-Key")
    assert rig.checkout(cart, key="k" * 200)[0] == 201


def test_an_unknown_product_does_not_deny_the_cart(rig: Rig) -> None:
    """404 is for a cart that is not there; a SKU nobody has is 422."""
    for cart, status, code in ((rig.cart(), 422, "unknown_product"), ("crt_none", 404, "unknown_cart")):
        sku = "none" if status == 422 else "0017"
        seen, said = rig.call("POST", f"/api/carts/{cart}/lines", {"sku": sku, "quantity": 1})
        assert (seen, said["error"]["code"]) == (status, code)


def test_an_amount_is_a_text_and_a_currency_no_null(rig: Rig) -> None:
    """A number for an amount, null for a currency or a company are 422: nothing is guessed where money or a name is."""
    gift = {"value": {"amount": 7, "currency": "EUR"}}
    assert rig.call("POST", "/api/operator/gift-cards", gift, **OPERATOR)[1]["error"]["field"] == "value"
    order = rig.order()
    refund = {"reason": "goodwill", "amount": {"amount": "1.00", "currency": None}}
    status, said = rig.call("POST", f"/api/orders/{order['id']}/refunds", refund, **OPERATOR)
    assert (status, said["error"]["field"]) == (422, "amount.currency")
