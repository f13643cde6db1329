"""Turns the reference merchant's answers into records; apart from the verbs because it asks nobody anything."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from assay.money import Money
from assay.records import (
    Address,
    AnalyticsEvent,
    Article,
    CreditMovement,
    Edit,
    Figure,
    Line,
    Movement,
    Order,
    OrderRefund,
    OrderReturn,
    Parcel,
    PaymentOption,
    Posting,
    Rate,
    Reservation,
    StateChange,
    StatementLine,
    StockCount,
    Tender,
    UsedRate,
)
from assay.roles import Basket


def decode_basket(seen: dict[str, Any]) -> Basket:
    """Turn a cart into our record."""
    return Basket(
        ref=seen["id"],
        lines=tuple(_line(line) for line in seen["lines"]),
        goods=read_money(seen["goods"]),
        discount=read_money(seen["discount"]),
        shipping=read_money(seen["shipping"]["total"]),
        total=read_money(seen["total"]),
        tax=_optional(seen, "tax"),
        shipping_tax_rate=_decimal(seen["shipping"].get("tax_rate")),
    )


def decode_article(seen: dict[str, Any]) -> Article:
    """Turn a product page into our record."""
    return Article(
        system="merchant",
        sku=seen["sku"],
        price=read_money(seen["price"]) if seen.get("price") else None,
        weight_g=seen["weight_g"],
        name=seen["name"],
        backorder=seen["backorder"],
        components=tuple((part["sku"], part["quantity"]) for part in seen["bundle"]),
    )


def decode_order(seen: dict[str, Any]) -> Order:
    """Turn an order into our record."""
    address, erp, customer = seen.get("address"), seen.get("erp", {}), seen.get("customer", {})
    shipping, parcels = seen.get("shipping") or {}, tuple(map(_parcel, seen.get("shipments", ())))
    # Units no longer wanted are shown by line id where the shop shows them.
    cancelled = seen.get("cancelled_lines") or {}
    return Order(
        system="merchant",
        ref=seen["id"],
        number=seen["number"],
        status=seen["status"],
        total=read_money(seen["total"]),
        placed_at=datetime.fromisoformat(seen["placed_at"]),
        lines=tuple(_line(line, cancelled.get(line.get("id"), 0)) for line in seen["lines"]),
        payment_status=seen.get("payment_status"),
        shipping=_optional(shipping, "total"),
        shipping_tax=_optional(shipping, "tax"),
        shipping_tax_rate=_decimal(shipping.get("tax_rate")),
        shipping_service=shipping.get("service"),
        discount=_optional(seen, "discount"),
        tax=_optional(seen, "tax"),
        goods=_optional(seen, "goods"),
        rounding=_optional(seen, "rounding"),
        rate=_used_rate(seen["rate"]) if seen.get("rate") else None,
        tax_included=seen.get("tax_included"),
        tax_treatment=seen.get("tax_treatment"),
        coupon=seen.get("coupon"),
        hold=seen.get("hold"),
        email=customer.get("email"),
        customer_name=customer.get("name"),
        address=_address(address) if address else None,
        payment_refs=tuple(each["reference"] for each in seen.get("payments", ()) if each.get("reference")),
        document_refs=tuple(
            each["number"]
            for kind in ("sales_orders", "deliveries")
            for each in erp.get(kind, ())
            if each.get("number")
        ),
        tracking_numbers=tuple(parcel.tracking_number for parcel in parcels if parcel.tracking_number),
        history=tuple(_state_change(each) for each in seen.get("history", ())),
        edits=tuple(_edit(each, seen["currency"]) for each in seen.get("edits", ())),
        tenders=_tenders(seen),
        refunds=tuple(_refund(each) for each in seen.get("refunds", ())),
        returns=tuple(_return(each) for each in seen.get("returns", ())),
        store=seen.get("store"),
        postings=_postings(erp),
        parcels=parcels,
    )


def _postings(erp: dict[str, Any]) -> tuple[Posting, ...]:
    """Return the documents the shop means to have in the ERP: what it posted, and what still waits to be posted."""
    known = {
        each["reference"]: Posting(reference=each["reference"], number=each.get("number"), status=each["status"])
        for each in erp.get("sales_orders", ())
    }
    for each in erp.get("outbox", ()):
        if each["kind"] == "order" and each["state"] != "cancelled":
            known.setdefault(each["reference"], Posting(reference=each["reference"], status=each["state"]))
    return tuple(known.values())


def _state_change(seen: dict[str, Any]) -> StateChange:
    at = datetime.fromisoformat(seen["at"])
    return StateChange(field=seen["field"], value=seen["value"], at=at, cause=seen.get("cause") or "")


def _edit(seen: dict[str, Any], currency: str) -> Edit:
    return Edit(
        reason=seen["reason"],
        at=datetime.fromisoformat(seen["at"]) if seen.get("at") else None,
        extra=Money.of(seen["extra"], currency) if seen.get("extra") else None,
        payment_ref=seen.get("payment"),
        line_refs=tuple(seen.get("lines", ())),
    )


def _tenders(seen: dict[str, Any]) -> tuple[Tender, ...]:
    """Return how an order is paid; an invoice nobody has paid yet is one, too."""
    found = tuple(_tender(each) for each in seen.get("payments", ()))
    if found or seen.get("paid_by") != "invoice":
        return found
    total = read_money(seen["total"])
    nothing = Money.zero(total.currency)
    return (
        Tender(
            gateway="bank", kind="invoice", ref=None, status="open", amount=total, captured=nothing, refunded=nothing
        ),
    )


def _tender(seen: dict[str, Any]) -> Tender:
    return Tender(
        gateway=seen["gateway"],
        kind=seen["kind"],
        ref=seen.get("reference"),
        status=seen["status"],
        amount=read_money(seen["amount"]),
        captured=read_money(seen["captured"]),
        refunded=read_money(seen["refunded"]),
    )


def _refund(seen: dict[str, Any]) -> OrderRefund:
    return OrderRefund(
        ref=seen.get("reference"),
        tender_ref=seen.get("payment"),
        status=seen["status"],
        amount=read_money(seen["amount"]),
        reason=seen.get("reason") or "",
        at=datetime.fromisoformat(seen["at"]),
        lines=tuple((seen.get("lines") or {}).items()),
        shipping=bool(seen.get("shipping")),
        base=_optional(seen, "base_amount"),
        gateway_ref=seen.get("reference"),
    )


def _return(seen: dict[str, Any]) -> OrderReturn:
    return OrderReturn(
        ref=seen["id"],
        status=seen["status"],
        at=datetime.fromisoformat(seen["at"]),
        credited=_optional(seen, "credited"),
        lines=tuple((seen.get("lines") or {}).items()),
    )


def _parcel(seen: dict[str, Any]) -> Parcel:
    return Parcel(
        ref=seen["id"],
        carrier=seen["carrier"],
        state=seen["state"],
        status=seen["status"],
        tracking_number=seen.get("tracking_number"),
        delivery_ref=seen.get("delivery"),
        weight_g=seen.get("weight_g"),
        untracked=seen["status"] == "untracked",
        error=seen.get("error"),
        contents=tuple((each["sku"], each["quantity"]) for each in seen.get("lines", ())),
    )


def _used_rate(seen: dict[str, Any]) -> UsedRate:
    return UsedRate(
        base=seen["base"],
        quote=seen["currency"],
        value=_decimal(seen.get("rate")),
        as_of=date.fromisoformat(seen["date"][:10]),
        source=seen["source"],
        label=seen.get("label"),
    )


def decode_rate(seen: dict[str, Any]) -> Rate:
    """Turn a rate the shop prices with into our record."""
    return Rate(
        system="merchant",
        base=seen["base"],
        quote=seen["currency"],
        value=Decimal(seen["rate"]),
        as_of=date.fromisoformat(seen["date"][:10]),
    )


def decode_option(seen: dict[str, Any]) -> PaymentOption:
    """Turn a way to pay into our record."""
    return PaymentOption(kind=seen["kind"], gateway=seen.get("gateway"))


def decode_credit_movement(seen: dict[str, Any]) -> CreditMovement:
    """Turn a movement of store credit into our record."""
    at = datetime.fromisoformat(seen["at"])
    return CreditMovement(amount=read_money(seen["amount"]), order_ref=seen.get("order"), at=at)


def decode_event(seen: dict[str, Any], order_ref: str) -> AnalyticsEvent:
    """Turn what analytics was told of an order into our record."""
    at = datetime.fromisoformat(seen["at"])
    return AnalyticsEvent(name=seen["name"], order_ref=order_ref, value=read_money(seen["value"]), at=at)


def decode_figure(seen: dict[str, Any], since: datetime, until: datetime) -> Figure:
    """Turn a sum the platform tells others into our record."""
    parts = tuple(read_money(each) for each in seen.get("per_currency", ()))
    total = read_money(seen["total"])
    return Figure(system="merchant", name=seen["name"], total=total, since=since, until=until, per_currency=parts)


def decode_statement_line(seen: dict[str, Any]) -> StatementLine:
    """Turn a line of a bank statement, as the shop read it, into our record."""
    return StatementLine(
        system="merchant",
        ref=seen["ref"],
        amount=read_money(seen["amount"]),
        booked_on=date.fromisoformat(seen["booked_on"]),
        text=seen.get("text") or "",
    )


def decode_stock_count(count: dict[str, Any], booked: dict[str, Any], at: datetime) -> StockCount:
    """Turn a SKU's count, movements and live reservations into our record; `at` is noted in it."""
    sku = count["sku"]
    return StockCount(
        system="merchant",
        sku=sku,
        at=at,
        on_hand=count["on_hand"],
        reserved=count["reserved"],
        sellable=count["sellable"],
        safety=count["safety"],
        backorder=count["backorder"],
        movements=tuple(
            Movement(
                sku=sku,
                kind=each["kind"],
                quantity=each["quantity"],
                reference=each["reference"],
                at=datetime.fromisoformat(each["at"]),
            )
            for each in booked["movements"]
        ),
        reservations=tuple(
            Reservation(
                sku=sku,
                quantity=each["quantity"],
                holder=each["holder"],
                state=each["state"],
                at=datetime.fromisoformat(each["at"]),
                expires_at=datetime.fromisoformat(each["expires_at"]) if each.get("expires_at") else None,
            )
            for each in booked["reservations"]
        ),
    )


def _line(seen: dict[str, Any], cancelled: int = 0) -> Line:
    return Line(
        sku=seen["sku"],
        quantity=Decimal(seen["quantity"]),
        name=seen.get("name"),
        unit_price=read_money(seen["unit_price"]),
        total=read_money(seen["total"]),
        tax_rate=_decimal(seen.get("tax_rate")),
        ref=seen.get("id"),
        tax=_optional(seen, "tax"),
        discount=_optional(seen, "discount"),
        cancelled=Decimal(seen.get("cancelled") or cancelled),
    )


def _address(seen: dict[str, Any]) -> Address:
    lines = tuple(seen[key] for key in ("line1", "line2") if seen.get(key))
    return Address(
        name=seen["name"],
        lines=lines,
        city=seen["city"],
        postcode=seen["postcode"],
        country=seen["country"],
        region=seen.get("region"),
        phone=seen.get("phone"),
    )


def read_money(seen: dict[str, str]) -> Money:
    """Read an amount with its currency."""
    return Money.of(seen["amount"], seen["currency"])


def _optional(seen: dict[str, Any], name: str) -> Money | None:
    return read_money(seen[name]) if seen.get(name) else None


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
