"""A connector for the reference shop over its pages: what a user writes for a shop that has no API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

from assay.browser import PagedShop, Part, Visit
from assay.records import Line, Order
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
            total=page.amount("#total", currency),
            shipping=page.amount("#shipping", currency),
            discount=page.amount("#discount", currency),
            tax=page.amount("#tax", currency),
            placed_at=page.instant("#placed"),
            email=page.text("#email"),
            lines=tuple(_line(row, currency) for row in page.parts("tr.line")),
            payment_refs=tuple(page.texts(".payment")),
            tracking_numbers=tuple(page.texts(".parcel")),
        )


def _line(row: Part, currency: str) -> Line:
    return Line(
        sku=row.text(".sku"),
        quantity=Decimal(row.text(".quantity")),
        unit_price=row.amount(".unit-price", currency),
        total=row.amount(".line-total", currency),
        tax_rate=Decimal(row.text(".tax-rate")),
    )
