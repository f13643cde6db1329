"""Replaces ids by the objects they name (https://docs.stripe.com/expand)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mocks.stripe import dispute
from mocks.stripe.account import Account, Document
from mocks.stripe.error import invalid
from mocks.stripe.ledger import shown_transaction
from mocks.stripe.listing import sublist

_DEEPEST = 4


def _found(table: str) -> Callable[[Account, str], Any]:
    return lambda account, id_: account.world.table(table).get(id_)


_BY_PREFIX: Mapping[str, Callable[[Account, str], Any]] = {
    "pi": _found("payment_intents"),
    "ch": _found("charges"),
    "py": _found("charges"),
    "re": _found("refunds"),
    "pyr": _found("refunds"),
    "pm": _found("payment_methods"),
    "cus": _found("customers"),
    "dp": dispute.shown,
    "po": _found("payouts"),
    "ba": _found("bank_accounts"),
    "txn": lambda account, id_: shown_transaction(account, account.transactions[id_]),
}
_EXPANDABLE: Mapping[str, tuple[str, ...]] = {
    "payment_intent": (
        "application", "customer", "invoice", "latest_charge", "on_behalf_of", "payment_method", "review",
    ),
    "charge": (
        "application", "application_fee", "balance_transaction", "customer", "failure_balance_transaction", "invoice",
        "on_behalf_of", "payment_intent", "refunds", "review", "source_transfer",
    ),
    "refund": ("balance_transaction", "charge", "payment_intent", "source_transfer_reversal", "transfer_reversal"),
    "payment_method": ("customer",),
    "customer": ("default_source", "test_clock"),
    "balance_transaction": ("source",),
    "dispute": ("charge", "payment_intent"),
    "payout": (
        "balance_transaction", "destination", "failure_balance_transaction", "original_payout", "reversed_by",
    ),
}  # fmt: skip


def expanded(account: Account, body: Document, paths: list[str | None]) -> Document:
    """Return the body with every path expanded; lists take paths under ``data``. Raises `Problem`."""
    for path in paths:
        steps = (path or "").split(".")
        if len(steps) - (steps[0] == "data") > _DEEPEST:
            raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}", "expand")
        if body.get("object") in ("list", "search_result"):
            if steps[0] != "data" or len(steps) == 1:
                raise _cannot(path, f"data.{path}")
            body = {**body, "data": [_expand(account, item, steps[1:], path) for item in body["data"]]}
        else:
            body = _expand(account, body, steps, path)
    return body


def _expand(account: Account, document: Document, steps: list[str], path: str | None) -> Document:
    field, rest = steps[0], steps[1:]
    if field not in _EXPANDABLE.get(document.get("object", ""), ()):
        raise _cannot(path)
    value = document.get(field)
    if field == "refunds":
        value = sublist(
            [account.refunds[id_] for id_ in account.charge_refunds.get(document["id"], ())],
            f"/v1/charges/{document['id']}/refunds",
        )
        if rest[:1] == ["data"] and len(rest) > 1:
            value["data"] = [_expand(account, item, rest[1:], path) for item in value["data"]]
        return {**document, field: value}
    if isinstance(value, str):
        value = _BY_PREFIX[value.partition("_")[0]](account, value)
    if rest and isinstance(value, dict):
        value = _expand(account, value, rest, path)
    return {**document, field: value}


def _cannot(path: str | None, instead: str | None = None) -> Exception:
    hint = f" You may want to expand '{instead}' instead." if instead else ""
    return invalid(f"This property cannot be expanded ({path}).{hint}", "expand")
