"""A connector for the reference shop over its pages: what a user writes for a shop that has no API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

from assay.browser import PagedShop, Part, Visit
from assay.records import Address, Line, Order, Parcel, StateChange, UsedRate
from assay.roles import ConnectorHead, Purchase, ShopRefused

HEAD = ConnectorHead(vendor="paged_merchant", role="shop", live="https://shop.example", credentials=("operator_token",))


class PagedMerchant(PagedShop):
    """The reference shop, driven by its pages."""

    def buy(self, page: Visit, purchase: Purchase) -> str:
        """Put each article into the cart, say where it goes, pay, and read the number off the last page."""
        for sku, quantity in purchase.lines:
            page.open(f"/pages/products/{quote(sku, safe='')}?currency={purchase.currency}")
            page.fill("#articles [name=quantity]", str(quantity))
            page.press("#articles button")
        if purchase.coupon:
            page.fill("[name=code]", purchase.coupon)
            page.press("#redeem")
        page.press("#checkout")
        lines = (*purchase.address_lines, "")
        fields = {
            "email": purchase.email,
            "name": purchase.name,
            "line1": lines[0],
            "line2": lines[1],
            "city": purchase.city,
            "region": purchase.region or "",
            "postcode": purchase.postcode,
            "country": purchase.country,
            "phone": purchase.phone or "",
        }
        for name, text in fields.items():
            page.fill(f"[name={name}]", text)
        page.press("#continue")
        page.fill("[name=payment_method]", purchase.payment_method)
        page.press("#buy")
        if page.has("[role=alert]"):
            raise ShopRefused(page.text("[role=alert]"))
        return page.attribute("#number", "data-id")

    def read(self, page: Visit, ref: str) -> Order:
        """Read the order as an operator sees it."""
        self._sign_in(page)
        return self._order(page, ref)

    def listed(self, page: Visit, since: datetime, until: datetime) -> Sequence[Order]:
        """Read every order of the list, page after page."""
        self._sign_in(page)
        page.open(f"/pages/orders?since={quote(since.isoformat())}&until={quote(until.isoformat())}")
        refs = [each.attribute(":scope", "data-id") for each in page.parts(".order")]
        while page.has("#next"):
            page.press("#next")
            refs += [each.attribute(":scope", "data-id") for each in page.parts(".order")]
        return [self._order(page, ref) for ref in refs]

    def _sign_in(self, page: Visit) -> None:
        page.open("/pages/sign-in")
        page.fill("[name=token]", self.credentials["operator_token"])
        page.press("#enter")

    def _order(self, page: Visit, ref: str) -> Order:
        page.open(f"/pages/orders/{quote(ref, safe='')}", unknown=404)
        currency = page.text("#total").split()[-1]
        return Order(
            system="paged_merchant",
            ref=ref,
            number=page.text("#number"),
            status=page.text("#status"),
            payment_status=page.text("#payment-status"),
            placed_at=page.instant("#placed"),
            total=page.amount("#total", currency),
            goods=page.amount("#goods", currency),
            discount=page.amount("#discount", currency),
            shipping=page.amount("#shipping", currency),
            shipping_tax=page.amount("#shipping-tax", currency),
            shipping_tax_rate=Decimal(page.text("#shipping-tax-rate")),
            shipping_service=page.text("#shipping-service"),
            tax=page.amount("#tax", currency),
            tax_included=True,
            tax_treatment=page.text("#tax-treatment"),
            rounding=page.amount("#rounding", currency),
            rate=_rate(page, currency),
            email=page.text("#email"),
            customer_name=page.text("#customer"),
            address=_address(page),
            lines=tuple(_line(row, currency) for row in page.parts("tr.line")),
            payment_refs=tuple(page.texts(".payment")),
            tracking_numbers=tuple(each for each in map(_tracking, page.parts(".parcel")) if each),
            history=tuple(_change(each) for each in page.parts(".change")),
            parcels=tuple(_parcel(each) for each in page.parts(".parcel")),
        )


def _line(row: Part, currency: str) -> Line:
    return Line(
        sku=row.text(".sku"),
        name=row.text(".name"),
        ref=row.attribute(":scope", "data-id"),
        quantity=Decimal(row.text(".quantity")),
        unit_price=row.amount(".unit-price", currency),
        total=row.amount(".line-total", currency),
        tax=row.amount(".line-tax", currency),
        tax_rate=Decimal(row.text(".tax-rate")),
    )


def _address(page: Visit) -> Address:
    def shown(name: str) -> str | None:
        return page.text(f"address .{name}") if page.has(f"address .{name}") else None

    return Address(
        name=shown("name") or "",
        lines=tuple(line for line in (shown("line1"), shown("line2")) if line),
        city=shown("city") or "",
        postcode=shown("postcode") or "",
        country=shown("country") or "",
        region=shown("region"),
        phone=shown("phone"),
    )


def _rate(page: Visit, currency: str) -> UsedRate:
    return UsedRate(
        base="EUR",
        quote=currency,
        value=Decimal(page.text("#rate")) if page.has("#rate") else None,
        as_of=date.fromisoformat(page.text("#rate-date")[:10]),
        source=page.text("#rate-source"),
    )


def _change(item: Part) -> StateChange:
    return StateChange(
        field=item.attribute(":scope", "data-field"),
        value=item.attribute(":scope", "data-value"),
        at=item.instant(":scope", "data-at"),
    )


def _parcel(item: Part) -> Parcel:
    return Parcel(
        ref=item.attribute(":scope", "data-id"),
        carrier=item.attribute(":scope", "data-carrier"),
        state=item.attribute(":scope", "data-state"),
        status=item.attribute(":scope", "data-status"),
        tracking_number=_tracking(item),
    )


def _tracking(item: Part) -> str | None:
    return item.attribute(":scope", "data-tracking-number", needed=False)
