"""A healthy order as every witness tells it, in any currency, and the parameters it is judged with.

One mug at two and one teapot, shipped and delivered; amounts are worked out by hand for EUR, JPY and KWD.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from assay.events import Finding, Result
from assay.money import Money
from assay.oracles import ORACLES, Judging
from assay.records import (
    Address,
    Article,
    Call,
    Condition,
    Creation,
    CustomerMessage,
    Displayed,
    Document,
    Dossier,
    LabelRequest,
    Line,
    MinorAmount,
    Movement,
    Order,
    Parcel,
    Payment,
    PaymentOption,
    Posting,
    Rate,
    Reservation,
    Scan,
    Shipment,
    ShipmentEvent,
    StateChange,
    StockCount,
    Tender,
    UsedRate,
)
from assay.rounding import Rounding

FAIL, PASS, SILENT = Result.FAIL, Result.PASS, Result.NOT_EVALUATED
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
READ = AT + timedelta(days=5)
NUMBER = "1ZA1B2C31100000015"
JUDGING = Judging(
    rounding=Rounding(tax_included=True, level="line", mode="half_up", cash=(("CHF", Decimal("0.05")),)),
    base_currency="EUR",
    rate_max_age=timedelta(days=7),
    price_lists=frozenset({"KWD"}),
    shipping_services=frozenset({"table"}),
    shipping_prices=(Decimal("5.90"), Decimal("9.90")),
    freshness={
        "shop": timedelta(seconds=5),
        "payments": timedelta(seconds=10),
        "erp": timedelta(minutes=5),
        "carrier": timedelta(hours=1),
    },
    accounting_zone="Europe/Paris",
    packaging_g=150,
    reservation_ttl=timedelta(minutes=30),
    free_shipping_from=Decimal(150),
)
ADDRESS = Address(
    name="Zoë Müller", lines=("12 rue de l’Été",), city="Paris", postcode="75011", country="FR", phone="+33123456789"
)


@dataclass(frozen=True)
class Basket:
    """One basket in one currency: (unit price, total, tax) of mug and teapot, shipping and its tax, the total."""

    mug: tuple[str, str, str]
    pot: tuple[str, str, str]
    shipping: tuple[str, str]
    total: str
    units: int
    rate: str | None = None


BASKETS = {
    "EUR": Basket(("9.50", "19.00", "3.17"), ("42.00", "42.00", "7.00"), ("5.90", "0.98"), "66.90", 6690, "1"),
    # 9.50, 42.00 and 5.90 at 146.22.
    "JPY": Basket(("1389", "2778", "463"), ("6141", "6141", "1024"), ("863", "144"), "9782", 9782, "146.22"),
    "KWD": Basket(("3.200", "6.400", "1.067"), ("14.050", "14.050", "2.342"), ("8.250", "1.375"), "28.700", 28700),
}


def money(amount: str | Decimal, currency: str) -> Money:
    """That much money."""
    return Money.of(amount, currency)


def healthy(currency: str = "EUR") -> Dossier:
    """Everything known of a delivered order that is right in every system."""
    basket = BASKETS[currency]
    order = _order(basket, currency)
    payment = Payment(
        system="stripe",
        ref="pi_1",
        order_ref="ord_1",
        status="succeeded",
        amount=MinorAmount(basket.units, currency),
        captured=MinorAmount(basket.units, currency),
        refunded=MinorAmount(0, currency),
        created_at=AT,
        phase="captured",
        capturable=MinorAmount(0, currency),
        checkout_ref="chk_1",
    )
    parcel = Shipment(
        system="ups",
        ref=NUMBER,
        order_ref="A1",
        tracking_number=NUMBER,
        status="delivered",
        status_code="011",
        weight_g=2730,
        events=(ShipmentEvent(code="011", text="Delivered", at=AT + timedelta(days=2)),),
        delivered_at=AT + timedelta(days=2),
    )
    return Dossier(
        order=order,
        payments=(payment,),
        documents=(_sales_order(order, currency), _delivery()),
        shipments=(parcel,),
        calls=(call("stripe", "POST", "/v1/payment_intents"), call("sap", "POST", "/A_SalesOrder", status=201)),
        shown=_shown(basket, currency),
        bought=(("0017", 2), ("0018", 1)),
        messages=_messages(order),
        rates=_rates(currency),
        base_articles=articles(),
        labels=(label(),),
        creations=(creation("checkout-chk_1"),),
        stock=_stock(),
        scans=(Scan(place="merchant.log", characters=1000),),
        options=(
            PaymentOption(kind="card", gateway="stripe"),
            PaymentOption(kind="card", gateway="adyen"),
            PaymentOption(kind="invoice"),
        ),
        displayed=(displayed("checkout", f"{Decimal(basket.total):,} {currency}", money(basket.total, currency)),),
        read_at=READ,
    )


def displayed(place: str, text: str, amount: Money, language: str = "en", **more: Any) -> Displayed:
    """An amount as text."""
    return Displayed(place=place, text=text, language=language, amount=amount, **more)


def _lines(basket: Basket, currency: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            sku=sku,
            quantity=Decimal(quantity),
            name=name,
            unit_price=money(unit, currency),
            total=money(total, currency),
            tax_rate=Decimal(20),
            ref=ref,
            tax=money(tax, currency),
            discount=money("0", currency),
        )
        for ref, sku, name, quantity, (unit, total, tax) in (
            ("1", "0017", "Enamel mug, café crème", 2, basket.mug),
            ("2", "0018", "Théière", 1, basket.pot),
        )
    )


def _order(basket: Basket, currency: str) -> Order:
    total, shipping = money(basket.total, currency), money(basket.shipping[0], currency)
    tax = Decimal(basket.mug[2]) + Decimal(basket.pot[2]) + Decimal(basket.shipping[1])
    source = "ECB" if basket.rate else "price list"
    return Order(
        system="shop",
        ref="ord_1",
        number="A1",
        status="delivered",
        total=total,
        placed_at=AT,
        lines=_lines(basket, currency),
        payment_status="paid",
        shipping=shipping,
        shipping_tax=money(basket.shipping[1], currency),
        shipping_tax_rate=Decimal(20),
        shipping_service="table",
        discount=money("0", currency),
        tax=money(tax, currency),
        rounding=money("0", currency),
        rate=UsedRate(
            base="EUR",
            quote=currency,
            value=Decimal(basket.rate) if basket.rate else None,
            as_of=date(2026, 2, 27),
            source=source,
            label=f"1 EUR = {basket.rate} {currency}" if basket.rate and currency != "EUR" else None,
        ),
        tax_included=True,
        tax_treatment="domestic",
        email="zoe@example.com",
        customer_name="Zoë Müller",
        address=ADDRESS,
        payment_refs=("pi_1",),
        tracking_numbers=(NUMBER,),
        history=(
            change("status", "pending"),
            change("payment_status", "paid"),
            change("status", "confirmed"),
            change("status", "processing", minutes=14),
            change("status", "shipped", minutes=25),
            change("status", "delivered", minutes=2 * 24 * 60),
        ),
        tenders=(
            Tender(
                gateway="stripe",
                kind="card",
                ref="pi_1",
                status="succeeded",
                amount=total,
                captured=total,
                refunded=money("0", currency),
            ),
        ),
        postings=(Posting(reference="A1", number="4711", status="approved"),),
        parcels=(parcel(),),
    )


def _sales_order(order: Order, currency: str) -> Document:
    lines = []
    for line in order.lines:
        assert line.total is not None
        assert line.tax is not None
        net = (line.total - line.tax).amount
        conditions = (condition("goods", net, currency), condition("tax", line.tax.amount, currency))
        lines.append(
            Line(sku=line.sku, quantity=line.quantity, name=line.name, ref=line.ref, net=net, conditions=conditions)
        )
    assert order.shipping is not None
    assert order.shipping_tax is not None
    freight = (order.shipping - order.shipping_tax).amount
    address = order.address
    assert address is not None
    return Document(
        system="sap",
        ref="4711",
        kind="sales_order",
        order_ref="A1",
        status="C approval=B",
        lines=tuple(lines),
        total=sum((line.net for line in lines if line.net is not None), freight),
        currency=currency,
        document_date=date(2026, 3, 2),
        reference="A1",
        conditions=(condition("shipping", freight, currency), condition("tax", order.shipping_tax.amount, currency)),
        texts=("\n".join((str(order.customer_name), address.name, *address.lines, "75011 Paris", "FR")),),
    )


def _delivery() -> Document:
    return Document(
        system="sap",
        ref="80000000",
        kind="delivery",
        order_ref="A1",
        status="C",
        lines=(Line(sku="0017", quantity=Decimal(2)), Line(sku="0018", quantity=Decimal(1))),
        created_at=AT + timedelta(minutes=20),
        parent_ref="4711",
        posted=True,
    )


def _messages(order: Order) -> tuple[CustomerMessage, ...]:
    return (
        message("order_confirmed", f"We received your order {order.number} over {order.total}."),
        message("shipped", f"Parcel {NUMBER} of order {order.number} was handed to UPS.", minutes=25),
        message("delivered", f"Parcel {NUMBER} was delivered.", minutes=2 * 24 * 60),
    )


def _shown(basket: Basket, currency: str) -> tuple[tuple[str, Money], ...]:
    total = money(basket.total, currency)
    pages = (("product 0017", money(basket.mug[0], currency)), ("product 0018", money(basket.pot[0], currency)))
    return (*pages, ("checkout", total), ("confirmation", total))


def _rates(currency: str) -> tuple[Rate, ...]:
    value = BASKETS[currency].rate if currency in BASKETS else None
    if value is None or currency == "EUR":
        return ()
    return (rate(currency, value, date(2026, 2, 27)), rate(currency, "139.80", date(2026, 2, 10)))


def _stock() -> tuple[StockCount, ...]:
    counts = []
    for sku, units in (("0017", 2), ("0018", 1)):
        opening = Movement(sku=sku, kind="opening", quantity=100, reference="catalogue", at=AT)
        shipped = Movement(
            sku=sku, kind="shipped", quantity=-units, reference="80000000", at=AT + timedelta(minutes=25)
        )
        counts.append(count(sku, 100, at=AT, movements=(opening,)))
        counts.append(count(sku, 100 - units, at=READ, movements=(opening, shipped)))
    return tuple(counts)


def articles() -> tuple[Article, ...]:
    """What the shop sells, priced in its base currency; the set holds two mugs and a teapot."""
    return (
        Article(system="shop", sku="0017", price=money("9.50", "EUR"), weight_g=340),
        Article(system="shop", sku="0018", price=money("42.00", "EUR"), weight_g=1900),
        Article(
            system="shop",
            sku="SET",
            price=money("55.00", "EUR"),
            weight_g=0,
            components=(("0017", 2), ("0018", 1)),
        ),
    )


def change(field: str, value: str, *, minutes: float = 0, cause: str = "") -> StateChange:
    """An entry of the history, so many minutes after the order."""
    return StateChange(field=field, value=value, at=AT + timedelta(minutes=minutes), cause=cause)


def message(kind: str, text: str, *, minutes: float = 0) -> CustomerMessage:
    """A message, so many minutes after the order."""
    return CustomerMessage(kind=kind, recipient="zoe@example.com", text=text, at=AT + timedelta(minutes=minutes))


def condition(component: str, amount: Decimal | str, currency: str = "EUR") -> Condition:
    """A price condition."""
    return Condition(kind="XXXX", component=component, amount=Decimal(amount), currency=currency)


def rate(quote: str, value: str, as_of: date) -> Rate:
    """A published rate."""
    return Rate(system="ecb", base="EUR", quote=quote, value=Decimal(value), as_of=as_of)


def creation(key: str | None, *, kind: str = "payment", purpose: str = "chk_1") -> Creation:
    """A call that created something."""
    return Creation(system="stripe", kind=kind, key=key, purpose=purpose, at=AT, status=200)


def parcel(**more: Any) -> Parcel:
    """A labelled and delivered parcel with everything in it."""
    held: dict[str, Any] = {
        "ref": "shp_1",
        "carrier": "ups",
        "state": "labelled",
        "status": "delivered",
        "tracking_number": NUMBER,
        "contents": (("0017", 2), ("0018", 1)),
    }
    return Parcel(**{**held, **more})


def label(**more: Any) -> LabelRequest:
    """What was sent to the carrier."""
    held: dict[str, Any] = {
        "system": "ups",
        "weight": Decimal("2.8"),
        "weight_unit": "KGS",
        "receiver": replace(ADDRESS, lines=("12 rue de l'Ete",), name="Zoe Muller"),
        "dimensions": (Decimal(20), Decimal(18), Decimal(35)),
        "length_unit": "CM",
        "references": ("A1",),
    }
    return LabelRequest(**{**held, **more})


def count(sku: str, on_hand: int, *, at: datetime = READ, **more: Any) -> StockCount:
    """A count of an article, all of it sellable."""
    held: dict[str, Any] = {"reserved": 0, "sellable": on_hand, "movements": (), "reservations": ()}
    return StockCount(**{"system": "shop", "sku": sku, "at": at, "on_hand": on_hand, **held, **more})


def hold(sku: str, quantity: int, *, holder: str = "chk_1", state: str = "committed", age_s: int = 60) -> Reservation:
    """Units held at the instant of reading, that many seconds old."""
    return Reservation(
        sku=sku, quantity=quantity, holder=holder, state=state, at=READ - timedelta(seconds=age_s), expires_at=None
    )


def call(system: str, method: str, path: str, *, status: int = 200, **more: Any) -> Call:
    """A call in the journal."""
    held: dict[str, Any] = {
        "id": f"{system}{path}{more.get('id', '')}",
        "at": AT,
        "way": "proxy",
        "host": "example.com",
        "query": "",
        "duration_ms": 5,
        "refused": False,
        "request_headers": {},
        "request_body": "",
        "response_headers": {},
        "response_body": "",
    }
    return Call(**{"system": system, "method": method, "path": path, "status": status, **held, **more})


def with_order(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with its order changed."""
    assert dossier.order is not None
    return replace(dossier, order=replace(dossier.order, **more))


def with_line(dossier: Dossier, place: int = 0, **more: Any) -> Dossier:
    """The dossier with one line of its order changed."""
    assert dossier.order is not None
    listed = list(dossier.order.lines)
    listed[place] = replace(listed[place], **more)
    return with_order(dossier, lines=tuple(listed))


def with_payment(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with its first payment changed; whole numbers become amounts."""
    first = dossier.payments[0]
    amounts = {name: MinorAmount(value, first.amount.currency) for name, value in more.items() if type(value) is int}
    return replace(dossier, payments=(replace(first, **{**more, **amounts}), *dossier.payments[1:]))


def with_document(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with its sales order changed."""
    return replace(dossier, documents=(replace(dossier.documents[0], **more), *dossier.documents[1:]))


def with_shipment(dossier: Dossier, **more: Any) -> Dossier:
    """The dossier with its parcel changed at the carrier."""
    return replace(dossier, shipments=(replace(dossier.shipments[0], **more),))


def judged(oracle: str, dossier: Dossier, judging: Judging = JUDGING) -> Finding:
    """What an oracle says."""
    return ORACLES[oracle](dossier, judging)


def verdict(oracle: str, dossier: Dossier, judging: Judging = JUDGING) -> Result:
    """The bare verdict of an oracle."""
    return judged(oracle, dossier, judging).result
