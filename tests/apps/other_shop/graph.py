"""The GraphQL side: what each field of schema.graphql answers, and who may ask."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.apps.other_shop import backlog, catalogue, checkout, order, stock
from tests.apps.other_shop.money import as_text
from tests.apps.other_shop.shop import LOG, Shop
from tests.apps.other_shop.trouble import Refusal, VendorRefused

if TYPE_CHECKING:
    Info = GraphQLResolveInfo["Caller"]

MOST_ORDERS = 500
_MOST_TOKENS = 5000
_SCHEMA_FILE = Path(__file__).with_name("schema.graphql")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: with the shop's key or without."""

    shop: Shop
    has_key: bool


def load_schema() -> GraphQLSchema:
    """Return the schema with every field of its two roots bound to what answers it."""
    schema = build_schema(_SCHEMA_FILE.read_text(encoding="utf-8"))
    for root, resolvers in RESOLVERS.items():
        for name, field in cast(GraphQLObjectType, schema.type_map[root]).fields.items():
            field.resolve = resolvers[name]
    instant = cast(GraphQLScalarType, schema.type_map["Instant"])
    instant.coerce_input_value = _instant
    return schema


def answer(schema: GraphQLSchema, caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one GraphQL request: data, and errors with a code that programs can read."""
    asked = _understood(schema, request["query"])
    if not isinstance(asked, DocumentNode):
        return {"errors": [_described(error) for error in asked]}
    result = execute_sync(
        schema,
        asked,
        context_value=caller,
        variable_values=request.get("variables"),
        operation_name=request.get("operationName"),
    )
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        content["errors"] = [_described(error) for error in result.errors]
    return content


@functools.lru_cache(maxsize=256)
def _understood(schema: GraphQLSchema, query: str) -> DocumentNode | list[GraphQLError]:
    """Return a query parsed and checked, or what is wrong with it; clients ask the same few again and again."""
    try:
        document = parse(query, max_tokens=_MOST_TOKENS)
    except GraphQLError as error:
        return [error]
    return validate(schema, document) or document


def _described(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    described: dict[str, Any] = {**error.formatted}
    if isinstance(cause, Refusal):
        described["extensions"] = {"code": cause.code, **cause.details}
    elif isinstance(cause, VendorRefused):
        described["extensions"] = {"code": "PAYMENT_DECLINED", "reason": cause.code}
    elif cause is None or isinstance(cause, GraphQLError):
        described["extensions"] = {"code": "BAD_REQUEST"}
    else:
        LOG.error("a resolver failed", exc_info=cause)
        described.update(message="the shop failed; its log says why", extensions={"code": "INTERNAL"})
    return described


def _instant(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphQLError(f"expected an instant like 2026-11-22T15:04:05Z, seen {value!r}")
    return moment


def _shop(info: Info) -> Shop:
    return info.context.shop


def _with_key(info: Info) -> Shop:
    caller = info.context
    if not caller.has_key:
        raise Refusal("FORBIDDEN", f"{info.field_name}: expected the header X-Shop-Key with the shop's key")
    return caller.shop


def _articles(_: None, info: Info, currency: str) -> list[dict[str, Any]]:
    return [_article(_shop(info), each, currency) for each in catalogue.ARTICLES.values()]


def _article(shop: Shop, article: catalogue.Article, currency: str) -> dict[str, Any]:
    with shop.database.transaction() as connection:
        available = stock.read_level(connection, article.sku).available
    return {
        "sku": article.sku,
        "title": article.title,
        "currency": currency,
        "price": as_text(article.prices[currency], currency),
        "taxPercent": int(article.tax_percent),
        "weightGrams": article.weight_g,
        "available": available,
    }


def _cart(shop: Shop, cart: str) -> dict[str, Any]:
    with shop.database.transaction() as connection:
        currency, lines = checkout.read_cart(connection, cart)
    return {"id": cart, **_priced(lines, currency)}


def _priced(lines: Sequence[order.Line], currency: str) -> dict[str, Any]:
    return {
        "currency": currency,
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "unitPrice": as_text(line.unit_price, currency),
                "unitTax": as_text(line.unit_tax, currency),
                "taxPercent": int(line.tax_percent),
                "total": as_text(line.total, currency),
                "tax": as_text(line.tax, currency),
            }
            for line in lines
        ],
        "total": as_text(sum((line.total for line in lines), start=Decimal(0)), currency),
        "tax": as_text(sum((line.tax for line in lines), start=Decimal(0)), currency),
    }


def _described_order(bought: order.Order) -> dict[str, Any]:
    to = bought.recipient
    return {
        **_priced(bought.lines, bought.currency),
        "number": bought.number,
        "state": bought.state,
        "total": as_text(bought.total, bought.currency),
        "tax": as_text(bought.tax, bought.currency),
        "customer": {name: getattr(to, name) for name in order.Recipient.__slots__},
        "payments": [_payment(bought.payment)] if bought.payment else [],
        "refunds": [_refund(bought.refund)] if bought.refund else [],
        "sapDocument": bought.sap_document,
        "sapRejectedAt": bought.sap_rejected_at,
        "trackingNumber": bought.tracking_number,
        "labelVoidedAt": bought.label_voided_at,
        "createdAt": bought.created_at,
        "changedAt": bought.changed_at,
        "paidAt": bought.paid_at,
        "bookedAt": bought.booked_at,
        "shippedAt": bought.shipped_at,
        "cancelledAt": bought.cancelled_at,
        "cancelReason": bought.cancel_reason,
        "problem": bought.problem,
    }


def _payment(payment: order.Payment) -> dict[str, Any]:
    return {
        "stripeId": payment.intent,
        "status": payment.status,
        "amountMinor": payment.amount,
        "currency": payment.currency.upper(),
        "clientSecret": payment.client_secret if payment.status == "requires_action" else None,
    }


def _refund(refund: order.Refund) -> dict[str, Any]:
    return {
        "stripeId": refund.refund,
        "status": refund.status,
        "amountMinor": refund.amount,
        "currency": refund.currency.upper(),
    }


def _read_order(shop: Shop, number: str) -> dict[str, Any]:
    with shop.database.transaction() as connection:
        return _described_order(order.load(connection, number))


def _order(_: None, info: Info, number: str, email: str | None = None) -> dict[str, Any]:
    caller = info.context
    with caller.shop.database.transaction() as connection:
        bought = order.load(connection, number)
    # A wrong address is answered like a wrong number: nobody learns which orders exist.
    if not caller.has_key and (email or "").casefold() != bought.recipient.email.casefold():
        raise Refusal("UNKNOWN_ORDER", f"number: no order {number!r}", number=number)
    return _described_order(bought)


def _orders(
    _: None, info: Info, since: datetime, until: datetime, first: int, after: str | None = None
) -> dict[str, Any]:
    shop = _with_key(info)
    if not 1 <= first <= MOST_ORDERS:
        raise Refusal("BAD_INPUT", f"first: expected 1 to {MOST_ORDERS}, seen {first}")
    with shop.database.transaction() as connection:
        found, has_more = order.find_between(connection, since, until, first=first, after=after or "")
    return {"orders": [_described_order(each) for each in found], "hasMore": has_more}


def _level(level: stock.Level) -> dict[str, Any]:
    return {"sku": level.sku, "onHand": level.on_hand, "reserved": level.reserved, "available": level.available}


def _stock(_: None, info: Info) -> list[dict[str, Any]]:
    with _with_key(info).database.transaction() as connection:
        return [_level(level) for level in stock.read_levels(connection)]


def _jobs(_: None, info: Info) -> list[dict[str, Any]]:
    with _with_key(info).database.transaction() as connection:
        rows = backlog.open_jobs(connection)
    names = {"kind": "kind", "orderNumber": "order_number", "state": "state", "attempts": "attempts"}
    names |= {"dueAt": "due", "lastError": "last_error"}
    return [{field: row[column] for field, column in names.items()} for row in rows]


def _create_cart(_: None, info: Info, currency: str) -> dict[str, Any]:
    return _cart(_shop(info), checkout.open_cart(_shop(info), currency))


def _put(_: None, info: Info, cart: str, sku: str, quantity: int) -> dict[str, Any]:
    checkout.put(_shop(info), cart, sku, quantity)
    return _cart(_shop(info), cart)


def _checkout(_: None, info: Info, cart: str, customer: Mapping[str, str], **rest: str) -> dict[str, Any]:
    shop = _shop(info)
    number = checkout.place(shop, cart, order.Recipient(**customer), rest["paymentMethod"])
    return _read_order(shop, number)


def _cancel(_: None, info: Info, number: str, reason: str) -> dict[str, Any]:
    shop = _with_key(info)
    checkout.cancel(shop, number, reason)
    return _read_order(shop, number)


def _set_stock(_: None, info: Info, sku: str, **rest: int) -> dict[str, Any]:
    with _with_key(info).database.transaction() as connection:
        return _level(stock.count(connection, sku, rest["onHand"]))


RESOLVERS = {
    "Query": {
        "articles": _articles,
        "article": lambda _, info, sku, currency: _article(_shop(info), catalogue.find_article(sku), currency),
        "cart": lambda _, info, id: _cart(_shop(info), id),
        "order": _order,
        "orders": _orders,
        "stock": _stock,
        "jobs": _jobs,
    },
    "Mutation": {
        "createCart": _create_cart,
        "putIntoCart": _put,
        "checkout": _checkout,
        "cancelOrder": _cancel,
        "setStock": _set_stock,
    },
}
