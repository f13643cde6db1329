"""Turns the reference merchant's answers into records; apart from the verbs because it asks nobody anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from assay.connectors.merchant.reading import (
    counts_of,
    decimal_or_none,
    instant_or_none,
    items_or_none,
    money_or_none,
    read_day,
    read_flag,
    read_instant,
    read_money,
    text_or_none,
)
from assay.http import Answer
from assay.money import Money
from assay.records import (
    Address,
    AnalyticsEvent,
    Article,
    CreditMovement,
    CustomerMessage,
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


def decode_basket(seen: Answer) -> Basket:
    """Turn a cart into our record."""
    return Basket(
        ref=seen.text("id"),
        lines=tuple(_line(line, {}) for line in seen.items("lines")),
        goods=read_money(seen, "goods"),
        discount=read_money(seen, "discount"),
        shipping=read_money(seen, "shipping.total"),
        total=read_money(seen, "total"),
        tax=money_or_none(seen, "tax"),
        shipping_tax_rate=decimal_or_none(seen, "shipping.tax_rate"),
    )


def decode_article(seen: Answer) -> Article:
    """Turn a product page into our record."""
    return Article(
        system="merchant",
        sku=seen.text("sku"),
        price=money_or_none(seen, "price"),
        weight_g=seen.integer("weight_g"),
        name=seen.text("name"),
        backorder=read_flag(seen, "backorder"),
        components=tuple((part.text("sku"), part.integer("quantity")) for part in seen.items("bundle")),
        gtin=text_or_none(seen, "gtin"),
        gtin_14=text_or_none(seen, "gtin_14"),
    )


def decode_order(seen: Answer) -> Order:
    """Turn an order into our record; `InfrastructureError` names what the shop's document has and the order lacks."""
    parcels = tuple(map(_parcel, items_or_none(seen, "shipments")))
    # Units no longer wanted are shown by line id where the shop shows them.
    cancelled = counts_of(seen, "cancelled_lines")
    documents = (each for kind in ("sales_orders", "deliveries") for each in items_or_none(seen, f"erp.{kind}"))
    return Order(
        system="merchant",
        ref=seen.text("id"),
        number=seen.text("number"),
        status=seen.text("status"),
        total=read_money(seen, "total"),
        placed_at=read_instant(seen, "placed_at"),
        lines=tuple(_line(line, cancelled) for line in seen.items("lines")),
        payment_status=text_or_none(seen, "payment_status"),
        shipping=money_or_none(seen, "shipping.total"),
        shipping_tax=money_or_none(seen, "shipping.tax"),
        shipping_tax_rate=decimal_or_none(seen, "shipping.tax_rate"),
        shipping_service=text_or_none(seen, "shipping.service"),
        discount=money_or_none(seen, "discount"),
        tax=money_or_none(seen, "tax"),
        goods=money_or_none(seen, "goods"),
        rounding=money_or_none(seen, "rounding"),
        rate=_used_rate(seen.at("rate")) if seen.has("rate") else None,
        tax_included=read_flag(seen, "tax_included") if seen.has("tax_included") else None,
        tax_treatment=text_or_none(seen, "tax_treatment"),
        coupon=text_or_none(seen, "coupon"),
        hold=text_or_none(seen, "hold"),
        email=text_or_none(seen, "customer.email"),
        customer_name=text_or_none(seen, "customer.name"),
        address=_address(seen.at("address")) if seen.raw.get("address") else None,
        payment_refs=tuple(each.text("reference") for each in items_or_none(seen, "payments") if each.has("reference")),
        document_refs=tuple(each.text("number") for each in documents if each.has("number")),
        tracking_numbers=tuple(parcel.tracking_number for parcel in parcels if parcel.tracking_number),
        history=tuple(_state_change(each) for each in items_or_none(seen, "history")),
        edits=tuple(_edit(each, seen.text("currency")) for each in items_or_none(seen, "edits")),
        tenders=_tenders(seen),
        refunds=tuple(_refund(each) for each in items_or_none(seen, "refunds")),
        returns=tuple(_return(each) for each in items_or_none(seen, "returns")),
        store=text_or_none(seen, "store"),
        postings=_postings(seen),
        parcels=parcels,
    )


def _postings(seen: Answer) -> tuple[Posting, ...]:
    """Return the documents the shop means to have in the ERP: what it posted, and what still waits to be posted."""
    known = {
        each.text("reference"): Posting(
            reference=each.text("reference"), number=text_or_none(each, "number"), status=each.text("status")
        )
        for each in items_or_none(seen, "erp.sales_orders")
    }
    for each in items_or_none(seen, "erp.outbox"):
        if each.text("kind") == "order" and each.text("state") != "cancelled":
            reference = each.text("reference")
            known.setdefault(reference, Posting(reference=reference, status=each.text("state")))
    return tuple(known.values())


def _state_change(seen: Answer) -> StateChange:
    return StateChange(
        field=seen.text("field"),
        value=seen.text("value"),
        at=read_instant(seen, "at"),
        cause=seen.text_or("cause", ""),
    )


def _edit(seen: Answer, currency: str) -> Edit:
    return Edit(
        reason=seen.text("reason"),
        at=instant_or_none(seen, "at"),
        extra=Money.of(seen.decimal("extra"), currency) if seen.has("extra") else None,
        payment_ref=text_or_none(seen, "payment"),
        line_refs=tuple(seen.text(f"lines.{place}") for place in range(len(items_or_none(seen, "lines")))),
    )


def _tenders(seen: Answer) -> tuple[Tender, ...]:
    """Return how an order is paid; an invoice nobody has paid yet is one, too."""
    found = tuple(_tender(each) for each in items_or_none(seen, "payments"))
    if found or text_or_none(seen, "paid_by") != "invoice":
        return found
    total = read_money(seen, "total")
    nothing = Money.zero(total.currency)
    return (
        Tender(
            gateway="bank", kind="invoice", ref=None, status="open", amount=total, captured=nothing, refunded=nothing
        ),
    )


def _tender(seen: Answer) -> Tender:
    return Tender(
        gateway=seen.text("gateway"),
        kind=seen.text("kind"),
        ref=text_or_none(seen, "reference"),
        status=seen.text("status"),
        amount=read_money(seen, "amount"),
        captured=read_money(seen, "captured"),
        refunded=read_money(seen, "refunded"),
    )


def _refund(seen: Answer) -> OrderRefund:
    return OrderRefund(
        ref=text_or_none(seen, "reference"),
        tender_ref=text_or_none(seen, "payment"),
        status=seen.text("status"),
        amount=read_money(seen, "amount"),
        reason=seen.text_or("reason", ""),
        at=read_instant(seen, "at"),
        lines=tuple(counts_of(seen, "lines").items()),
        shipping=seen.has("shipping") and read_flag(seen, "shipping"),
        base=money_or_none(seen, "base_amount"),
        gateway_ref=text_or_none(seen, "reference"),
    )


def _return(seen: Answer) -> OrderReturn:
    return OrderReturn(
        ref=seen.text("id"),
        status=seen.text("status"),
        at=read_instant(seen, "at"),
        credited=money_or_none(seen, "credited"),
        lines=tuple(counts_of(seen, "lines").items()),
    )


def _parcel(seen: Answer) -> Parcel:
    return Parcel(
        ref=seen.text("id"),
        carrier=seen.text("carrier"),
        state=seen.text("state"),
        status=seen.text("status"),
        tracking_number=text_or_none(seen, "tracking_number"),
        delivery_ref=text_or_none(seen, "delivery"),
        weight_g=seen.integer("weight_g") if seen.has("weight_g") else None,
        untracked=seen.text("status") == "untracked",
        error=text_or_none(seen, "error"),
        contents=tuple((each.text("sku"), each.integer("quantity")) for each in items_or_none(seen, "lines")),
    )


def _used_rate(seen: Answer) -> UsedRate:
    return UsedRate(
        base=seen.text("base"),
        quote=seen.text("currency"),
        value=decimal_or_none(seen, "rate"),
        as_of=read_day(seen, "date"),
        source=seen.text("source"),
        label=text_or_none(seen, "label"),
    )


def decode_rate(seen: Answer) -> Rate:
    """Turn a rate the shop prices with into our record."""
    return Rate(
        system="merchant",
        base=seen.text("base"),
        quote=seen.text("currency"),
        value=seen.decimal("rate"),
        as_of=read_day(seen, "date"),
    )


def decode_option(seen: Answer) -> PaymentOption:
    """Turn a way to pay into our record."""
    return PaymentOption(kind=seen.text("kind"), gateway=text_or_none(seen, "gateway"))


def decode_message(seen: Answer) -> CustomerMessage:
    """Turn what was written to a customer into our record."""
    return CustomerMessage(
        kind=seen.text("kind"),
        recipient=seen.text("recipient"),
        subject=seen.text("subject"),
        text=seen.text("text"),
        at=read_instant(seen, "at"),
    )


def decode_credit_movement(seen: Answer) -> CreditMovement:
    """Turn a movement of store credit into our record."""
    return CreditMovement(
        amount=read_money(seen, "amount"), order_ref=text_or_none(seen, "order"), at=read_instant(seen, "at")
    )


def decode_event(seen: Answer, order_ref: str) -> AnalyticsEvent:
    """Turn what analytics was told of an order into our record."""
    return AnalyticsEvent(
        name=seen.text("name"), order_ref=order_ref, value=read_money(seen, "value"), at=read_instant(seen, "at")
    )


def decode_figure(seen: Answer, since: datetime, until: datetime) -> Figure:
    """Turn a sum the platform tells others into our record."""
    parts = tuple(read_money(each) for each in items_or_none(seen, "per_currency"))
    total = read_money(seen, "total")
    return Figure(system="merchant", name=seen.text("name"), total=total, since=since, until=until, per_currency=parts)


def decode_statement_line(seen: Answer) -> StatementLine:
    """Turn a line of a bank statement, as the shop read it, into our record."""
    return StatementLine(
        system="merchant",
        ref=seen.text("ref"),
        amount=read_money(seen, "amount"),
        booked_on=read_day(seen, "booked_on"),
        text=seen.text_or("text", ""),
    )


def decode_stock_count(count: Answer, booked: Answer, at: datetime) -> StockCount:
    """Turn a SKU's count, movements and live reservations into our record; `at` is noted in it."""
    sku = count.text("sku")
    return StockCount(
        system="merchant",
        sku=sku,
        at=at,
        on_hand=count.integer("on_hand"),
        reserved=count.integer("reserved"),
        sellable=count.integer("sellable"),
        safety=count.integer("safety"),
        backorder=read_flag(count, "backorder"),
        movements=tuple(
            Movement(
                sku=sku,
                kind=each.text("kind"),
                quantity=each.integer("quantity"),
                reference=each.text("reference"),
                at=read_instant(each, "at"),
            )
            for each in booked.items("movements")
        ),
        reservations=tuple(
            Reservation(
                sku=sku,
                quantity=each.integer("quantity"),
                holder=each.text("holder"),
                state=each.text("state"),
                at=read_instant(each, "at"),
                expires_at=instant_or_none(each, "expires_at"),
            )
            for each in booked.items("reservations")
        ),
    )


def _line(seen: Answer, cancelled: Mapping[str, int]) -> Line:
    ref = text_or_none(seen, "id")
    return Line(
        sku=seen.text("sku"),
        quantity=seen.decimal("quantity"),
        name=text_or_none(seen, "name"),
        unit_price=read_money(seen, "unit_price"),
        total=read_money(seen, "total"),
        tax_rate=decimal_or_none(seen, "tax_rate"),
        ref=ref,
        tax=money_or_none(seen, "tax"),
        discount=money_or_none(seen, "discount"),
        cancelled=decimal_or_none(seen, "cancelled") or Decimal(cancelled.get(ref or "", 0)),
    )


def _address(seen: Answer) -> Address:
    return Address(
        name=seen.text("name"),
        lines=tuple(seen.text(key) for key in ("line1", "line2") if seen.has(key)),
        city=seen.text("city"),
        postcode=seen.text_or("postcode", ""),
        country=seen.text("country"),
        region=text_or_none(seen, "region"),
        phone=text_or_none(seen, "phone"),
    )
