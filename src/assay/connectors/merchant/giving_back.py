"""Money and goods that go back: refunds, returns, and the credit a customer holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.connectors.merchant.calling import Caller, written
from assay.connectors.merchant.decoding import decode_basket, decode_credit_movement
from assay.connectors.merchant.reading import read_money, text_or_none
from assay.money import Money, sum_of
from assay.records import CreditMovement
from assay.roles import Basket

_OVER = ("succeeded", "failed", "canceled")


class GivingBack(Caller):
    """What the shop's people do with money that was taken."""

    def refund_order(
        self,
        ref: str,
        *,
        amount: Money | None = None,
        lines: Mapping[str, int] | None = None,
        shipping: bool = False,
        reason: str = "a test refund of Assay",
        key: str | None = None,
    ) -> Sequence[str]:
        """Give back an amount, or units by the shop's id of the line, and shipping; everything where nothing is named.

        Everything is what was captured and neither given back nor about to be. Return the gateway's references, or the
        shop's own of refunds the gateway has not answered yet. The same key again makes none.
        """
        content: dict[str, Any] = {"reason": reason}
        if lines is not None or shipping:
            wanted = [{"line": line, "quantity": quantity} for line, quantity in (lines or {}).items()]
            content |= {"lines": wanted, "shipping": shipping}
        else:
            content["amount"] = written(amount if amount is not None else self._refundable(ref))
        made = self._operate(f"/api/orders/{ref}/refunds", content, key=key).items("refunds")
        return [text_or_none(each, "reference") or each.text("id") for each in made]

    def _refundable(self, ref: str) -> Money:
        order = self._call("GET", f"/api/orders/{ref}", headers=self._operator)
        currency = order.text("currency")
        taken = sum_of([read_money(each, "captured") for each in order.items("payments")], currency)
        given = sum_of([read_money(each, "refunded") for each in order.items("payments")], currency)
        waiting = [read_money(each, "amount") for each in order.items("refunds") if each.text("status") not in _OVER]
        return taken - given - sum_of(waiting, currency)

    def request_return(self, ref: str, lines: Mapping[str, int], reason: str) -> str:
        """Announce a return of units by the shop's id of the line; return its reference."""
        wanted = [{"line": line, "quantity": quantity} for line, quantity in lines.items()]
        return self._operate(f"/api/orders/{ref}/returns", {"lines": wanted, "reason": reason}).text("id")

    def receive_return(self, return_ref: str) -> None:
        """Take the goods in, which gives the money back."""
        self._operate(f"/api/operator/returns/{return_ref}/receive", {})

    def give_credit(self, customer: str, worth: Money, reason: str) -> None:
        """Credit a customer, known by e-mail address."""
        self._operate("/api/operator/credit", {"email": customer, "worth": written(worth), "reason": reason})

    def credit(self, customer: str) -> Sequence[Money]:
        """Return what a customer holds, one amount a currency."""
        answer = self._call("GET", "/api/operator/credit", params=[("email", customer)], headers=self._operator)
        return [read_money(each) for each in answer.items("balances")]

    def use_credit(self, cart: str, customer: str) -> Basket:
        """Have a cart paid with the customer's credit as far as it goes; `customer` is the token of `register`."""
        headers = {"Authorization": f"Bearer {customer}"}
        return decode_basket(self._call("PUT", f"/api/carts/{cart}/credit", {"use": True}, headers=headers))

    def credit_movements(self, order_ref: str) -> Sequence[CreditMovement]:
        """Return the credit an order took and got back."""
        answer = self._call("GET", f"/api/orders/{order_ref}/credit", headers=self._operator)
        return [decode_credit_movement(each) for each in answer.items("movements")]
