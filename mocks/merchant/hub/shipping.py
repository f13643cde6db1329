"""Labels: rated at checkout, bought once for a delivery, voided when an order is stopped.

A purchase is written down before the carrier is called. When its answer is lost, the next try first asks the carrier
for a parcel with our reference and takes that one over; only where there is none is a label bought again.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mocks.merchant import times
from mocks.merchant.clients.transport import Refused, Unreachable, timeout_s
from mocks.merchant.database import pack, unpack
from mocks.merchant.hub.message import write_message
from mocks.merchant.hub.tracking import close_untracked
from mocks.merchant.ids import digest, next_id
from mocks.merchant.policy import shipping as policy
from mocks.merchant.policy.address import LINE_LIMIT, address_lines, label_phone, label_region, transliterate
from mocks.merchant.policy.money import plain
from mocks.merchant.policy.rounding import round_line
from mocks.merchant.policy.tax import tax_treatment
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.cart import change_cart, load_cart, save_cart
from mocks.merchant.storefront.catalogue import unit_weight_g
from mocks.merchant.storefront.pricing import shipping_price, table_shipping, usable_rate

_SERVICES = {
    "11": "UPS Standard",
    "07": "UPS Express",
    "08": "UPS Expedited",
    "65": "UPS Saver",
    "54": "UPS Express Plus",
}
_UNIT_NAMES = {"KGS": "kilograms", "LBS": "pounds", "CM": "centimetres", "IN": "inches"}
_SHIPPER = {
    "Name": "Assay Reference Shop",
    "AttentionName": "Warehouse",
    "Phone": {"Number": "+33140000000"},
    "Address": {"AddressLine": ["1 quai de la Gare"], "City": "Paris", "PostalCode": "75013", "CountryCode": "FR"},
}


@seam("shipping and labels")
def before_second_purchase(shop: Shop, references: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the parcel an earlier, unanswered purchase made, found by our reference; None where there is none."""
    return shop.ups.find_by_reference(references[-1])


@seam("shipping and labels")
def label_parcel(shop: Shop, order: sqlite3.Row, parcels: Sequence[sqlite3.Row]) -> dict[str, Any]:
    """Return the carrier's request for one delivery: addresses, service, weights, references, customs."""
    body = unpack(order["body"])
    contents = [unpack(parcel["body"])["lines"] for parcel in parcels]
    references = policy.label_references(order["number"], parcels[0]["delivery"])
    shipment = shipment_request(
        shop,
        body["address"],
        contents,
        policy.service_code(body["shipping"]["service"], _is_export(shop, body["address"])),
    )
    shipment |= {
        "Description": "Goods",
        "ReferenceNumber": [{"Value": reference} for reference in references],
        "PaymentInformation": {"ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": shop.ups.account}}]},
    }
    if _is_export(shop, body["address"]):
        shipment["ShipmentServiceOptions"] = {"InternationalForms": _customs(shop, order, body, contents, references)}
        shipment["InvoiceLineTotal"] = _invoice_total(body)
    return shipment


def shipment_request(
    shop: Shop, address: Mapping[str, str], contents: Sequence[Sequence[Mapping[str, Any]]], service: str | None
) -> dict[str, Any]:
    """Return what rating and shipping share: who sends, who receives, what it weighs."""
    shipper = {**_SHIPPER, "ShipperNumber": shop.ups.account}
    shipment: dict[str, Any] = {
        "Shipper": shipper,
        "ShipFrom": _SHIPPER,
        "ShipTo": _receiver(shop, address),
        "Package": [_package(shop, lines) for lines in contents],
    }
    return {**shipment, "Service": {"Code": service}} if service else shipment


def quote_shipping(shop: Shop, cart_id: str) -> dict[str, Any]:
    """Return what shipping a cart costs: the carrier's services, or the shop's own table when it cannot say in time."""
    _, cart = load_cart(shop.database.read(), cart_id)
    rate = usable_rate(shop, cart["currency"], cart.get("store"))
    address = cart["address"]
    offered: list[dict[str, Any]] = []
    if address and cart["lines"] and rate.source != "price list":
        offered = _carrier_rates(shop, cart, address, rate)
    if not offered:
        country = (address or {}).get("country") or shop.settings["home_country"]
        amount = table_shipping(shop, country, cart["currency"], rate)
        offered = [
            {"id": "table", "name": "Standard delivery", "amount": plain(amount, cart["currency"]), "source": "table"}
        ]
    quoted = {"currency": cart["currency"], "rates": offered, "quoted_at": shop.now_iso()}
    _remember_offer(shop, cart_id, {**quoted, "for": _asked_for(cart)})
    return quoted


def choose_shipping(shop: Shop, cart_id: str, rate_id: str) -> bool:
    """Put one of the offered rates into a cart; return whether it is offered.

    What the customer was offered for this very cart holds, even where the carrier answers otherwise by now.
    """
    _, cart = load_cart(shop.database.read(), cart_id)
    offered = cart.get("offered")
    if offered is None or offered["for"] != _asked_for(cart) or not _is_offer_valid(shop, offered):
        offered = quote_shipping(shop, cart_id)
    chosen = next((rate for rate in offered["rates"] if rate["id"] == rate_id), None)
    if chosen is None:
        return False

    def change(connection: sqlite3.Connection, cart: dict[str, Any]) -> None:
        cart["shipping"] = {**chosen, "quoted_at": offered["quoted_at"]}

    change_cart(shop, cart_id, change)
    return True


def _remember_offer(shop: Shop, cart_id: str, offer: Mapping[str, Any]) -> None:
    with shop.database.write() as connection:
        status, cart = load_cart(connection, cart_id)
        if status == "open":
            save_cart(connection, {**cart, "offered": dict(offer)}, shop.now_iso())


def _asked_for(cart: Mapping[str, Any]) -> str:
    """Return what an offer depends on, in short."""
    return digest(pack({name: cart[name] for name in ("currency", "lines", "address")}))


def _is_offer_valid(shop: Shop, offered: Mapping[str, Any]) -> bool:
    age_s = (shop.now() - times.parse(offered["quoted_at"])).total_seconds()
    return policy.is_rate_valid(age_s, shop.settings["rate_ttl_s"])


def next_label(shop: Shop) -> str | None:
    """Return when the next label is to be bought or voided, or None."""
    row = shop.database.one("SELECT MIN(due_at) AS due FROM shipments WHERE state IN ('queued', 'buying', 'voiding')")
    return row["due"] if row else None


def work_on_labels(shop: Shop) -> int:
    """Buy and void the labels that are due; return how many deliveries were worked on."""
    rows = shop.database.all(
        "SELECT DISTINCT delivery, state FROM shipments WHERE state IN ('queued', 'buying', 'voiding') AND due_at <= ?",
        shop.now_iso(),
    )
    return sum(shop.for_each(lambda row: _work_on(shop, row), rows))


def _work_on(shop: Shop, row: sqlite3.Row) -> int:
    try:
        if row["state"] == "voiding":
            _void(shop, row["delivery"])
        else:
            _buy(shop, row["delivery"])
    except (Unreachable, Refused, ValueError) as error:
        _failed(shop, row["delivery"], error)
    return 1


def void_label(shop: Shop, order_id: str, *, buy_again: bool) -> int:
    """Ask for the labels of an order's unshipped parcels to be voided, bought again if told so; return how many."""
    with shop.database.write() as connection:
        rows = connection.execute(
            "SELECT * FROM shipments WHERE order_id = ? AND state = 'labelled' AND status IN ('none', 'created')",
            (order_id,),
        ).fetchall()
        for row in rows:
            body = {**unpack(row["body"]), "buy_again": buy_again}
            connection.execute(
                "UPDATE shipments SET state = 'voiding', due_at = ?, body = ? WHERE id = ?",
                (shop.now_iso(), pack(body), row["id"]),
            )
    return len(rows)


def _buy(shop: Shop, delivery: str) -> None:
    with shop.database.write() as connection:
        parcels = connection.execute(
            "SELECT * FROM shipments WHERE delivery = ? AND state IN ('queued', 'buying') ORDER BY parcel", (delivery,)
        ).fetchall()
        order = connection.execute("SELECT * FROM orders WHERE id = ?", (parcels[0]["order_id"],)).fetchone()
        connection.execute(
            "UPDATE shipments SET state = 'buying', attempts = attempts + 1"
            " WHERE delivery = ? AND state IN ('queued', 'buying')",
            (delivery,),
        )
    weight = sum(_weight(shop, unpack(parcel["body"])["lines"]) for parcel in parcels)
    limit = shop.settings["letter_max_g"]
    if limit is not None and weight <= limit:
        _post_letter(shop, order, parcels)
        return
    request = label_parcel(shop, order, parcels)
    _re_rate(shop, order, request)
    if parcels[0]["attempts"] > 0:
        references = policy.label_references(order["number"], delivery)
        found = before_second_purchase(shop, references)
        if found is not None:
            _take_over(shop, order, parcels, found)
            return
    results = shop.ups.ship(request, shop.settings["label_format"])
    _store(shop, order, parcels, results)


def _re_rate(shop: Shop, order: sqlite3.Row, request: dict[str, Any]) -> None:
    """Ask for the rate again where the one of the checkout has lapsed, and ship with a service still offered."""
    age_s = (shop.now() - times.parse(order["placed_at"])).total_seconds()
    chosen = unpack(order["body"])["shipping"]["service"]
    if not chosen.startswith("ups_") or policy.is_rate_valid(age_s, shop.settings["rate_ttl_s"]):
        return
    shipment = {name: value for name, value in request.items() if name not in ("Service", "ShipmentServiceOptions")}
    offered = [rated["Service"]["Code"] for rated in shop.ups.rates(shipment, limit_s=shop.settings["rates_timeout_s"])]
    if offered and request["Service"]["Code"] not in offered:
        request["Service"] = {"Code": offered[0]}


def _store(shop: Shop, order: sqlite3.Row, parcels: Sequence[sqlite3.Row], results: Mapping[str, Any]) -> None:
    packages = results["PackageResults"]
    packages = packages if isinstance(packages, list) else [packages]
    charge = (results.get("ShipmentCharges") or {}).get("TotalCharges") or {}
    shipment_id = str(results.get("ShipmentIdentificationNumber") or packages[0]["TrackingNumber"])
    labels = [
        (str(package["TrackingNumber"]), package["ShippingLabel"]["GraphicImage"], shop.settings["label_format"])
        for package in packages
    ]
    money = {"amount": charge.get("MonetaryValue"), "currency": charge.get("CurrencyCode")} if charge else None
    _labelled(shop, order, parcels, labels, {"shipment_id": shipment_id, "charge": money})


def _take_over(shop: Shop, order: sqlite3.Row, parcels: Sequence[sqlite3.Row], found: Mapping[str, Any]) -> None:
    """Take over a parcel bought by a call whose answer was lost; its label is asked for again."""
    tracking = str(found["trackingNumber"])
    try:
        answer = shop.ups.recover_label(tracking)
        results = answer["LabelResults"]
        entries = results if isinstance(results, list) else [results]
        labels = [(str(entry["TrackingNumber"]), entry["LabelImage"]["GraphicImage"], "GIF") for entry in entries]
    except (Refused, KeyError):
        labels = [(tracking, "", "none")]
    _labelled(shop, order, parcels, labels, {"shipment_id": tracking, "charge": None, "taken_over": True})


def _labelled(
    shop: Shop,
    order: sqlite3.Row,
    parcels: Sequence[sqlite3.Row],
    labels: Sequence[tuple[str, str, str]],
    facts: Mapping[str, Any],
) -> None:
    with shop.database.write() as connection:
        for parcel, (tracking, image, image_format) in zip(parcels, labels, strict=False):
            body = {**unpack(parcel["body"]), **facts}
            body["weight_g"] = _weight(shop, body["lines"])
            body["service"] = policy.service_code(unpack(order["body"])["shipping"]["service"], False)
            label_id = next_id(connection, "lbl", shop.config.seed)
            connection.execute(
                "INSERT INTO labels VALUES (?, ?, ?, ?)",
                (label_id, parcel["id"], image_format, base64.b64decode(image)),
            )
            known = policy.label_tracking(tracking)
            connection.execute(
                "UPDATE shipments SET state = 'labelled', tracking = ?, label_id = ?, status = 'created',"
                " due_at = NULL, error = NULL, polled_at = ?, body = ? WHERE id = ?",
                (known, label_id, shop.now_iso(), pack(body), parcel["id"]),
            )
            write_message(connection, shop, order, "shipped", occasion=tracking, tracking=known or "-", carrier="UPS")
    shop.log.write("label", order=order["number"], tracking=[tracking for tracking, _, _ in labels])


def _post_letter(shop: Shop, order: sqlite3.Row, parcels: Sequence[sqlite3.Row]) -> None:
    with shop.database.write() as connection:
        for parcel in parcels:
            body = {**unpack(parcel["body"]), "service": "letter"}
            body["weight_g"] = _weight(shop, body["lines"])
            connection.execute(
                "UPDATE shipments SET state = 'labelled', carrier = 'letter', status = 'untracked', due_at = NULL,"
                " body = ? WHERE id = ?",
                (pack(body), parcel["id"]),
            )
            write_message(connection, shop, order, "shipped", occasion=parcel["id"], tracking="-", carrier="the post")
        close_untracked(connection, shop, order["id"])


def _void(shop: Shop, delivery: str) -> None:
    parcels = shop.database.all(
        "SELECT * FROM shipments WHERE delivery = ? AND state = 'voiding' ORDER BY parcel", delivery
    )
    body = unpack(parcels[0]["body"])
    shop.ups.void(body["shipment_id"])
    with shop.database.write() as connection:
        for parcel in parcels:
            content = unpack(parcel["body"])
            content["voided"] = True
            connection.execute(
                "UPDATE shipments SET state = 'voided', status = 'voided', due_at = NULL, body = ? WHERE id = ?",
                (pack(content), parcel["id"]),
            )
            if content.pop("buy_again", False):
                fresh = {"lines": content["lines"], "events": []}
                # Another delivery reference: the first one would find the voided parcel.
                connection.execute(
                    "INSERT INTO shipments (id, order_id, delivery, parcel, state, carrier, status, due_at, body)"
                    " VALUES (?, ?, ?, ?, 'queued', 'ups', 'none', ?, ?)",
                    (
                        next_id(connection, "shp", shop.config.seed), parcel["order_id"], f"{delivery}R",
                        parcel["parcel"], shop.now_iso(), pack(fresh),
                    ),
                )  # fmt: skip


def _failed(shop: Shop, delivery: str, error: Exception) -> None:
    """Plan the next try; what the carrier refuses for its content waits for an operator."""
    hopeless = isinstance(error, ValueError) or (isinstance(error, Refused) and not error.is_temporary)
    with shop.database.write() as connection:
        row = connection.execute(
            "SELECT attempts, state FROM shipments WHERE delivery = ? AND due_at IS NOT NULL LIMIT 1", (delivery,)
        ).fetchone()
        steps = shop.settings["outbox_backoff_s"]
        due = None if hopeless else shop.later_iso(steps[min(max(row["attempts"], 1), len(steps)) - 1])
        state = "failed" if hopeless else row["state"]
        connection.execute(
            "UPDATE shipments SET state = ?, due_at = ?, error = ? WHERE delivery = ? AND due_at IS NOT NULL",
            (state, due, str(error)[:300], delivery),
        )
    shop.log.write("label_failed", delivery=delivery, waits_for_operator=hopeless, error=str(error))


def _carrier_rates(shop: Shop, cart: Mapping[str, Any], address: Mapping[str, str], rate: Any) -> list[dict[str, Any]]:
    lines = [
        {"sku": line["sku"], "quantity": line["quantity"], "unit_g": _unit_g(shop, line["sku"])}
        for line in cart["lines"]
    ]
    limit_s = timeout_s("ups", "rate", float(shop.settings["rates_timeout_s"]))
    try:
        rated = shop.ups.rates(shipment_request(shop, address, [lines], None), limit_s=limit_s or 3600)
    except (Unreachable, Refused, ValueError) as error:
        shop.log.write("rates_fall_back", cart=cart["id"], error=str(error))
        return []
    offered = []
    for entry in rated:
        code, charge = entry["Service"]["Code"], entry["TotalCharges"]
        if charge["CurrencyCode"] != shop.catalogue.base_currency or code not in _SERVICES:
            continue
        amount = shipping_price(
            Decimal(charge["MonetaryValue"]), cart["currency"], rate, shop.settings["rounding_mode"]
        )
        shown = plain(round_line(amount, cart["currency"], shop.settings["rounding_mode"]), cart["currency"])
        offered.append({"id": f"ups_{code}", "name": _SERVICES[code], "amount": shown, "source": "ups"})
    return offered


def _receiver(shop: Shop, address: Mapping[str, str]) -> dict[str, Any]:
    def written(text: str) -> str:
        return transliterate(text) if shop.settings["label_transliterate"] else text

    lines = address_lines(written(address["line1"]), written(address["line2"]), LINE_LIMIT)
    place: dict[str, Any] = {"AddressLine": lines, "City": written(address["city"]), "CountryCode": address["country"]}
    if address["postcode"]:
        place["PostalCode"] = address["postcode"]
    region = label_region(address["country"], address["region"])
    if region:
        place["StateProvinceCode"] = region
    name = written(address["name"])[:LINE_LIMIT]
    receiver: dict[str, Any] = {"Name": name, "AttentionName": name, "Address": place}
    phone = label_phone(address["phone"])
    return {**receiver, "Phone": {"Number": phone}} if phone else receiver


def _package(shop: Shop, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    weight_unit, length_unit = policy.weight_units(_SHIPPER["Address"]["CountryCode"])  # type: ignore[index]
    length, width, height = policy.parcel_size_cm(shop.catalogue, lines)
    weight = policy.carrier_weight(_weight(shop, lines), weight_unit)
    return {
        "Packaging": {"Code": "02"},
        "PackagingType": {"Code": "02"},
        "Dimensions": {
            "UnitOfMeasurement": {"Code": length_unit, "Description": _UNIT_NAMES[length_unit]},
            "Length": policy.carrier_length(length, length_unit),
            "Width": policy.carrier_length(width, length_unit),
            "Height": policy.carrier_length(height, length_unit),
        },
        "PackageWeight": {
            "UnitOfMeasurement": {"Code": weight_unit, "Description": _UNIT_NAMES[weight_unit]},
            "Weight": weight,
        },
    }


def _customs(
    shop: Shop,
    order: sqlite3.Row,
    body: Mapping[str, Any],
    contents: Sequence[Sequence[Mapping[str, Any]]],
    references: Sequence[str],
) -> dict[str, Any]:
    by_id = {line["id"]: line for line in body["lines"]}
    products = []
    for part in (part for lines in contents for part in lines):
        line, product = by_id[part["line"]], shop.catalogue.product(part["sku"])
        value, _ = policy.customs_amount(Decimal(line["total"]) / line["quantity"], order["currency"])
        quantity = policy.customs_quantity(part["quantity"])
        products.append(
            {
                "Description": [transliterate(product.name)[:35]],
                "Unit": {
                    "Number": str(quantity),
                    "UnitOfMeasurement": {"Code": "PCS"},
                    "Value": f"{value.quantize(Decimal('0.01'))}",
                },
                "CommodityCode": product.hs_code,
                "OriginCountryCode": product.origin,
            }
        )
    receiver = _receiver(shop, body["address"])
    return {
        "FormType": ["01"],
        "InvoiceNumber": policy.customs_invoice_number(order["number"], " ".join(references)),
        "InvoiceDate": order["placed_at"][:10].replace("-", ""),
        "ReasonForExport": "SALE",
        "CurrencyCode": policy.customs_amount(Decimal(0), order["currency"])[1],
        "Contacts": {"SoldTo": {**receiver, "Phone": receiver.get("Phone") or {"Number": "0"}}},
        "Product": products,
    }


def _invoice_total(body: Mapping[str, Any]) -> dict[str, str]:
    goods = Decimal(body["goods"]) - Decimal(body["discount"])
    value, currency = policy.customs_amount(goods, body["currency"])
    return {"CurrencyCode": currency, "MonetaryValue": f"{max(value, Decimal(1)).quantize(Decimal(1)):f}"}


def _weight(shop: Shop, lines: Sequence[Mapping[str, Any]]) -> int:
    return policy.parcel_weight_g(lines, shop.settings["packaging_g"])


def _unit_g(shop: Shop, sku: str) -> int:
    return unit_weight_g(shop.catalogue, shop.catalogue.product(sku))


def _is_export(shop: Shop, address: Mapping[str, str]) -> bool:
    return tax_treatment(address["country"], None, shop.settings["home_country"]) == "export"
