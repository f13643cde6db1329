"""F03: what a customer reads and what they pay, when currencies are switched, mixed, or not to be had.

In production it ends when the prices were looked at: reading pages creates nothing.
"""

from __future__ import annotations

from assay.flow import Case, Run, flow
from assay.roles import Erp, Storefront
from scenarios.buying import ADYEN, STRIPE, Gateways, paid_by, read_prices, see_booked, see_captured
from scenarios.f03_ways import WAYS, Visit

_LANGUAGES = ("en", "de", "fr", "ja", "hu", "is")
_OTHERS = ("EUR", "JPY", "USD")


def _case(
    name: str,
    way: str,
    currency: str,
    /,
    *lines: tuple[str, int],
    to: str = "FR",
    gateway: str = STRIPE,
    company: str = "",
    coupon: str | None = None,
    orders: int = 1,
    **notes: str,
) -> Case:
    return paid_by(
        "F03",
        name,
        currency,
        *lines,
        gateway=gateway,
        company=company,
        orders=orders,
        notes={"way": way, **notes},
        to=to,
        coupon=coupon,
        standard_delivery=True,
    )


CASES = (
    _case("eur", "buy", "EUR", ("0018", 1)),
    _case("usd", "buy", "USD", ("H-805", 1), to="US"),
    _case("jpy", "buy", "JPY", ("A-100", 2), ("A-101", 1), to="JP"),
    _case("kwd", "buy", "KWD", ("B-203", 1), to="KW"),
    _case("isk", "buy", "ISK", ("A-102", 1), to="IS"),
    _case("huf", "buy", "HUF", ("B-200", 2)),
    _case("chf", "buy", "CHF", ("B-202", 1)),
    _case("idr", "buy", "IDR", ("C-300", 1)),
    _case("wallet", "wallet", "JPY", ("C-304", 1), to="JP"),
    _case("wallet_kwd", "wallet", "KWD", ("D-400", 1), to="KW"),
    _case("switch_before", "switch_before", "JPY", ("D-401", 2), to="JP", before="EUR"),
    _case("switch_back", "switch_before", "EUR", ("D-406", 1), before="JPY"),
    _case("switch_after", "switch_after", "JPY", ("E-501", 1), to="JP", company="Maru Trading", other="EUR"),
    _case("switch_after_eur", "switch_after", "EUR", ("E-502", 1), company="Atelier du Port", other="JPY"),
    _case("second_purchase", "second_purchase", "JPY", ("F-600", 1), to="JP", before="EUR", orders=2),
    _case("free_shipping_missed", "buy", "JPY", ("C-302", 1), ("C-301", 1), to="JP"),
    _case("free_shipping", "buy", "JPY", ("C-303", 1), ("F-604", 1), ("F-602", 2), to="JP"),
    _case("free_shipping_huf", "buy", "HUF", ("I-903", 3), ("C-300", 1)),
    _case("promotion", "buy", "JPY", ("F-606", 1), to="JP", coupon="FIVE"),
    _case("promotion_usd", "buy", "USD", ("I-905", 1), to="US", coupon="FIVE"),
    _case("promotion_missed", "buy", "GBP", ("F-603", 9), to="GB", coupon="BIG"),
    _case("promotion_reached", "buy", "GBP", ("J-010", 2), to="GB", coupon="BIG"),
    _case("credit", "credit", "USD", ("G-701", 1), to="US", held="USD 8.00, EUR 12.00"),
    _case("credit_jpy", "credit", "JPY", ("G-703", 1), to="JP", held="EUR 12.00, JPY 900, USD 8.00"),
    _case("paypal_kwd", "unsupported", "KWD", ("H-800", 1), to="KW", refused="paypal"),
    _case("paypal_krw", "unsupported", "KRW", ("H-801", 1), refused="paypal"),
    _case("paypal_isk", "unsupported", "ISK", ("H-802", 2), to="IS", refused="paypal", gateway=ADYEN),
)


@flow(
    id="F03",
    title="Display, switching, disclosure",
    cases=CASES,
    tags=["money", "order", "payment", "checkout", "browse", "coupon"],
    read_only=True,
    production_cut="look at the prices",
)
def display(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Look at prices beside visitors of other currencies, buy as the case says, and see what was read charged."""
    wanted = run.case.purchase
    with run.step("look at the prices"):
        for sku, _ in wanted.lines:
            for currency in _OTHERS:  # visitors of other currencies at the same address, and then this customer
                shop.article(sku, currency)
            page = shop.article(sku, wanted.currency)
            run.check(page.price and page.price.currency == wanted.currency, f"{sku} is priced in {wanted.currency}")
        read_prices(run, shop, languages=_LANGUAGES)
    run.cancel_asked = False
    refs = WAYS[wanted.extra["way"]](Visit(run, shop, gateways))
    with run.step("the shop holds the order"):
        for ref in refs:
            run.saw("account", shop.order(ref).total, order=ref)
    see_captured(run, shop, gateways, *refs)
    see_booked(run, shop, erp, *refs)
