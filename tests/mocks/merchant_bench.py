"""The merchant on a bench: its vendors behind relays that remember, and a register of questions about defects."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from tests.mocks.lossy_proxy import LossyProxy
from tests.mocks.merchant_rig import SECRETS, Rig

NEW_YORK = {
    "line1": "350 Fifth Ave",
    "city": "New York",
    "region": "NY",
    "postcode": "10118",
    "country": "US",
    "phone": "2125551234",
}
STEPS_UP = {"kind": "card", "payment_method": "pm_card_threeDSecure2Required"}
DECLINED = {"kind": "card", "payment_method": "pm_card_chargeDeclined"}
ORDERS = "API_SALES_ORDER_SRV/A_SalesOrder"

_EVENTS = count()

Symptom = Callable[["Bench"], bool]
SYMPTOMS: dict[str, Symptom] = {}


class Bench:
    """The rig, and relays that remember what the merchant sent to its vendors."""

    def __init__(self, rig: Rig, sent: dict[str, LossyProxy]) -> None:
        self.rig = rig
        self.sent = sent

    def empty_cart(self) -> str:
        """Return a cart nobody has filled."""
        return str(self.rig.ok("POST", "/api/carts", {"currency": "EUR"})["id"])

    def total(self, name: str, currency: str, **cart: Any) -> Decimal:
        """Return an amount of a fresh cart."""
        view = self.rig.ok("GET", f"/api/carts/{self.rig.cart(currency, **cart)}")
        value = view[name]["total"] if name == "shipping" else view[name]
        return Decimal(value["amount"])

    def charged(self, currency: str, **cart: Any) -> tuple[int, Decimal]:
        """Return what the gateway took for an order, in its own unit, and the order's total."""
        status, order = self.rig.checkout(self.rig.cart(currency, **cart))
        if status != 201:
            return -1, Decimal(0)
        intent = self.rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
        return intent["amount"], Decimal(order["total"]["amount"])

    def document(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Return the ERP's document of an order, or None."""
        self.rig.settle()
        wanted = f"$filter=PurchaseOrderByCustomer eq '{order['number']}'"
        found = self.rig.sap(f"{ORDERS}?{wanted}&$expand=to_Item/to_PricingElement,to_PricingElement,to_Text")
        return found[0] if found else None

    def worth(self, currency: str, coupon: str | None = None, **cart: Any) -> bool:
        """Say whether the ERP's document is worth another amount than the order."""
        basket = self.rig.cart(currency, **cart)
        if coupon:
            self.rig.ok("POST", f"/api/carts/{basket}/coupon", {"code": coupon})
        order = self.rig.checkout(basket)[1]
        document = self.document(order)
        assert document is not None
        conditions = list(document["to_PricingElement"]["results"])
        for item in document["to_Item"]["results"]:
            conditions += item["to_PricingElement"]["results"]
        beyond = [
            Decimal(entry["ConditionAmount"]) for entry in conditions if entry["ConditionType"] in ("MWST", "DIFF")
        ]
        return Decimal(document["TotalNetAmount"]) + sum(beyond) != Decimal(order["total"]["amount"])

    def shipped(self, **cart: Any) -> dict[str, Any]:
        """Return an order after its delivery was issued and its label was to be bought."""
        order = self.rig.order(**cart)
        self.rig.ship()
        return dict(self.rig.read(order))

    def package(self) -> dict[str, Any]:
        """Return the first package of the newest label request."""
        return dict(self.sent["ups"].last("/ship")["ShipmentRequest"]["Shipment"]["Package"][0])

    def weight(self) -> Decimal:
        """Return the weight of the newest label request."""
        return Decimal(self.package()["PackageWeight"]["Weight"])

    def authenticated(self, outcome: str = "complete", **cart: Any) -> dict[str, Any]:
        """Return a checkout whose customer answered the bank's question."""
        waiting = self.rig.checkout(self.rig.cart(**cart), STEPS_UP)[1]
        page = urlsplit(waiting["redirect_url"])
        self.rig.client.post(f"{self.rig.vendor['stripe']}{page.path}?{page.query}", data={"outcome": outcome})
        return dict(waiting)

    def event(self, order: dict[str, Any], kind: str, status: str, **changed: Any) -> int:
        """Deliver a signed event about an order's payment, oddly spaced; return the answer's status."""
        intent = self.rig.stripe("GET", f"/v1/payment_intents/{order['payments'][0]['reference']}")
        subject = {**intent, "status": status, **changed}
        body = {"id": f"evt_{next(_EVENTS)}", "type": f"payment_intent.{kind}", "data": {"object": subject}, "é": "漢"}
        raw = json.dumps(body, ensure_ascii=False, separators=(" , ", ": ")).encode()
        stamp = int(self.rig.now.timestamp())
        signed = hmac.new(SECRETS["STRIPE_WEBHOOK_SECRET"].encode(), f"{stamp}.".encode() + raw, hashlib.sha256)
        headers = {"stripe-signature": f"t={stamp},v1={signed.hexdigest()}"}
        return self.rig.client.post(f"{self.rig.url}/webhooks/stripe", content=raw, headers=headers).status_code


def shows(*names: str) -> Callable[[Symptom], Symptom]:
    """Register a question that is answered yes while one of these defects is on."""

    def register(symptom: Symptom) -> Symptom:
        SYMPTOMS.update(dict.fromkeys(names, symptom))
        return symptom

    return register


def charge_differs(currency: str, exponent: int, **cart: Any) -> Symptom:
    """Return the question whether the gateway takes another amount than the order's total."""

    def symptom(bench: Bench) -> bool:
        taken, total = bench.charged(currency, **cart)
        return Decimal(taken) != total.scaleb(exponent)

    return symptom
