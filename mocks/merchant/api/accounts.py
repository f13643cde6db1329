"""Operations on money beside the orders: bank statements, customers' credit, what others are told, paying later."""

from __future__ import annotations

from typing import Any

from mocks.merchant import times
from mocks.merchant.api.handling import Call
from mocks.merchant.api.orders import reachable_order, require_operator
from mocks.merchant.api.worth import worth_of
from mocks.merchant.errors import Refusal
from mocks.merchant.hub import statement
from mocks.merchant.hub.analytics import events_of, figures
from mocks.merchant.policy.money import plain
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import cart, credit, pay_page
from mocks.merchant.storefront.checkout import Reply
from mocks.merchant.storefront.customer import customer_of
from mocks.merchant.storefront.order import money


def post_statement(shop: Shop, call: Call) -> Reply:
    """Read a bank statement, as the bank wrote it."""
    require_operator(shop, call)
    lines, added = statement.import_statement(shop, call.raw, call.query.get("form", ""))
    return Reply(201, {"lines": lines, "added": added})


def list_statement_lines(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the lines of statements booked in a span, as they were read."""
    require_operator(shop, call)
    since, until = _span(call)
    lines = [
        {
            "ref": line.ref,
            "amount": money(plain(line.amount, line.currency), line.currency),
            "booked_on": line.booked_on,
            "text": line.text,
        }
        for line in statement.statement_lines(shop, since, until)
    ]
    return {"lines": lines}


def give_credit(shop: Shop, call: Call) -> Reply:
    """Credit a customer, known by e-mail address."""
    require_operator(shop, call)
    content = call.json()
    email, reason = cart.email_of(content), cart.text(content, "reason", most=200)
    amount, currency = worth_of(shop, content, "worth")
    credit.give_credit(shop, email, currency, amount, reason)
    return Reply(201, {"email": email, "balances": _balances(shop, email)})


def get_credit(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what a customer holds, one amount a currency."""
    require_operator(shop, call)
    email = cart.email_of(call.query)
    return {"email": email, "balances": _balances(shop, email)}


def use_credit(shop: Shop, call: Call) -> dict[str, Any]:
    """Have a cart paid with its customer's credit as far as it goes, or no longer."""
    customer, wanted = customer_of(shop, call.bearer), call.json().get("use")
    if customer is None:
        raise Refusal(401, "customer_only", "This needs a customer's token in 'Authorization: Bearer …'.")
    if not isinstance(wanted, bool):
        raise Refusal(422, "invalid", "'use' must be true or false.", field="use", seen=wanted)
    cart.set_credit(shop, call.params["id"], customer, wanted)
    return cart.cart_view(shop, call.params["id"])


def list_credit_movements(shop: Shop, call: Call) -> dict[str, Any]:
    """Return the credit an order took and got back, oldest first."""
    row = reachable_order(shop, call)
    moved = credit.movements(shop, row["id"])
    return {
        "movements": [
            {"amount": money(each["amount"], each["currency"]), "order": row["id"], "at": each["at"]} for each in moved
        ]
    }


def list_analytics(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what analytics was told of an order, oldest first."""
    require_operator(shop, call)
    events = events_of(shop, cart.text(call.query, "order", most=60))
    return {
        "events": [
            {"name": each["name"], "value": money(each["amount"], each["currency"]), "at": each["at"]}
            for each in events
        ]
    }


def get_revenue(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what the orders placed in a span come to, by currency, and in the base currency where rates tell."""
    require_operator(shop, call)
    since, until = _span(call)
    told = figures(shop, since, until)
    return {"revenue": [each["total"] for each in told if each["name"] != "revenue"], "figures": told}


def show_pay_page(shop: Shop, call: Call) -> dict[str, Any]:
    """Return what the page asks for on which an order placed unpaid is paid."""
    row = reachable_order(shop, call)
    amount, currency = pay_page.amount_asked(shop, row, call.query.get("currency"))
    return {"order": row["id"], "number": row["number"], "amount": money(plain(amount, currency), currency)}


def pay_order(shop: Shop, call: Call) -> dict[str, Any]:
    """Pay an unpaid order by card."""
    return pay_page.pay(shop, reachable_order(shop, call, write=True), call.json())


def _balances(shop: Shop, email: str) -> list[dict[str, str]]:
    held = credit.balances(shop.database.read(), email.lower())
    return [money(plain(amount, currency), currency) for currency, amount in held.items()]


def _span(call: Call) -> tuple[str, str]:
    """Return the span of the query as instants are stored; everything where it names none. Raises `Refusal` 422."""
    bounds = []
    for name, default in (("since", "0001-01-02T00:00:00"), ("until", "9999-12-30T00:00:00")):
        text = call.query.get(name, default).replace(" ", "+")  # an offset's plus sign is a space in a query
        try:
            bounds.append(times.iso(times.parse(text)))
        except ValueError:
            told = f"'{name}' must be an instant in ISO 8601."
            raise Refusal(422, "invalid", told, field=name, seen=text) from None
    return bounds[0], bounds[1]
