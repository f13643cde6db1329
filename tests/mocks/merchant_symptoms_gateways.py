"""Questions about defects in what Adyen and PayPal are told."""

from __future__ import annotations

from decimal import Decimal

from tests.mocks.merchant_bench import SYMPTOMS, Bench, Symptom, shows
from tests.mocks.test_merchant_gateways import card

SHILLINGS = {
    "currencies": ["EUR", "UGX"],
    "price_list_currencies": ["KWD", "UGX"],
    "shipping_table_manual": {"KWD": "8.250", "UGX": "40000"},
}
USUAL = {
    "currencies": ["EUR", "USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR", "KWD"],
    "price_list_currencies": ["KWD"],
    "shipping_table_manual": {"KWD": "8.250"},
}


def refused(currency: str, *lines: tuple[str, int], coupon: str | None = None) -> Symptom:
    """Return the question whether PayPal refuses what it is told of a cart."""

    def symptom(bench: Bench) -> bool:
        cart = bench.rig.cart(currency, lines=lines, company="Atelier du Nord")
        if coupon:
            bench.rig.ok("POST", f"/api/carts/{cart}/coupon", {"code": coupon})
        status, answer = bench.rig.checkout(cart, {"kind": "paypal"})
        assert status in (202, 502), answer
        return status == 502

    return symptom


SYMPTOMS["MON-05"] = refused("JPY", ("0017", 1))
SYMPTOMS["MON-19"] = refused("EUR", ("F-601", 1920))
SYMPTOMS["MON-20"] = refused("EUR", ("H-803", 3), ("H-804", 1), coupon="WELCOME10")
SYMPTOMS["MON-23"] = refused("EUR", ("H-803", 3), ("H-804", 1), coupon="WELCOME10")


@shows("MON-04")
def is_no_whole_number(bench: Bench) -> bool:
    """Adyen is sent an amount in dinars that is no whole number."""
    bench.rig.checkout(bench.rig.cart("KWD"), card())
    return not isinstance(bench.sent["adyen"].last("/payments")["amount"]["value"], int)


@shows("MON-07")
def counts_by_iso(bench: Bench) -> bool:
    """Adyen, which counts crowns in hundredths, is sent whole ones."""
    order = bench.rig.order("ISK", payment=card())
    return Decimal(bench.sent["adyen"].last("/payments")["amount"]["value"]) != Decimal(order["total"]["amount"]) * 100


@shows("MON-08")
def shillings_by_iso(bench: Bench) -> bool:
    """Stripe, which counts shillings in hundredths, takes a hundredth of the total."""
    bench.rig.settings(**SHILLINGS)
    try:
        units, total = bench.charged("UGX")
    finally:
        bench.rig.settings(**USUAL)
    return units != total * 100


@shows("MON-22")
def tax_is_averaged(bench: Bench) -> bool:
    """PayPal is told another price of an article than the shop's, because tax of all rates was averaged."""
    bench.rig.checkout(bench.rig.cart(lines=(("0017", 1), ("E-503", 1))), {"kind": "paypal"})
    [unit] = bench.sent["paypal"].last("/v2/checkout/orders")["purchase_units"]
    mug = next(item for item in unit["items"] if item["sku"] == "0017")
    return Decimal(mug["unit_amount"]["value"]) != Decimal("7.92")
