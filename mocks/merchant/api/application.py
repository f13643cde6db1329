"""The ASGI application: every route of the API, the pages, the webhooks, the operator and the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from mocks.merchant.api import accounts, changes, currencies, inbound, operator, orders, storefront
from mocks.merchant.api.admin import Admin
from mocks.merchant.api.handling import Handler, endpoint
from mocks.merchant.pages import PAGES
from mocks.merchant.shop import Shop

Routes = list[tuple[str, str, Handler]]

STOREFRONT: Routes = [
    ("GET", "/api/openapi.json", storefront.get_openapi),
    ("GET", "/api/products", storefront.list_products),
    ("GET", "/api/products/{sku}", storefront.get_product),
    ("GET", "/api/stores", currencies.list_stores),
    ("GET", "/api/rates", currencies.list_rates),
    ("GET", "/api/stock/{sku}", storefront.get_stock),
    ("POST", "/api/customers", storefront.register_customer),
    ("POST", "/api/carts", storefront.create_cart),
    ("GET", "/api/carts/{id}", storefront.get_cart),
    ("POST", "/api/carts/{id}/lines", storefront.add_line),
    ("PUT", "/api/carts/{id}/lines/{line}", storefront.put_line),
    ("DELETE", "/api/carts/{id}/lines/{line}", storefront.delete_line),
    ("POST", "/api/carts/{id}/coupon", storefront.post_coupon),
    ("DELETE", "/api/carts/{id}/coupon", storefront.delete_coupon),
    ("PUT", "/api/carts/{id}/customer", storefront.put_customer),
    ("GET", "/api/carts/{id}/shipping-rates", storefront.get_shipping_rates),
    ("PUT", "/api/carts/{id}/shipping", storefront.put_shipping),
    ("PUT", "/api/carts/{id}/currency", currencies.put_currency),
    ("GET", "/api/carts/{id}/wallet", currencies.get_wallet),
    ("GET", "/api/carts/{id}/payment-methods", storefront.get_payment_methods),
    ("PUT", "/api/carts/{id}/credit", accounts.use_credit),
    ("POST", "/api/carts/{id}/checkout", storefront.post_checkout),
    ("GET", "/api/orders", orders.list_orders),
    ("GET", "/api/orders/{id}", orders.get_order),
    ("GET", "/api/orders/{id}/messages", orders.get_messages),
    ("GET", "/api/orders/{id}/credit", accounts.list_credit_movements),
    ("GET", "/api/orders/{id}/pay-page", accounts.show_pay_page),
    ("POST", "/api/orders/{id}/pay", accounts.pay_order),
    ("GET", "/api/orders/{id}/labels/{label}", changes.get_label),
    ("POST", "/api/orders/{id}/cancel", changes.cancel_order),
    ("POST", "/api/orders/{id}/refunds", changes.create_refund),
    ("POST", "/api/orders/{id}/returns", changes.create_return),
    ("POST", "/api/orders/{id}/edit", changes.edit_order),
    ("GET", "/checkout/return", inbound.browser_return),
]

OPERATOR: Routes = [
    ("GET", "/api/operator/dead-letters", operator.list_dead_letters),
    ("POST", "/api/operator/dead-letters/{id}/replay", operator.replay_dead_letter),
    ("GET", "/api/operator/held", operator.list_held),
    ("POST", "/api/operator/orders/{id}/release", operator.release),
    ("POST", "/api/operator/orders/{id}/paid", operator.invoice_paid),
    ("POST", "/api/operator/orders/{id}/labels", operator.buy_label_again),
    ("POST", "/api/operator/gift-cards", operator.issue_gift_card),
    ("POST", "/api/operator/returns/{id}/receive", operator.receive_return),
    ("GET", "/api/operator/stock/{sku}/movements", operator.list_movements),
    ("POST", "/api/operator/credit", accounts.give_credit),
    ("GET", "/api/operator/credit", accounts.get_credit),
    ("POST", "/api/operator/statements", accounts.post_statement),
    ("GET", "/api/operator/statements", accounts.list_statement_lines),
    ("GET", "/api/operator/analytics", accounts.list_analytics),
    ("POST", "/api/operator/amounts", currencies.read_amount),
    ("GET", "/api/operator/jobs", operator.list_jobs),
    ("GET", "/api/operator/revenue", accounts.get_revenue),
]

INBOUND: Routes = [
    ("POST", "/webhooks/stripe", inbound.stripe_events),
    ("POST", "/webhooks/adyen", inbound.adyen_events),
    ("POST", "/webhooks/paypal", inbound.paypal_events),
    ("POST", "/webhooks/ups", inbound.ups_events),
]


def routes_of(admin: Admin) -> Routes:
    """Return every route of the merchant."""
    return [
        *STOREFRONT,
        *OPERATOR,
        *INBOUND,
        *PAGES,
        ("GET", "/__admin/health", admin.health),
        ("POST", "/__admin/start", admin.start),
        ("POST", "/__admin/settle", admin.settle),
        ("POST", "/__admin/reset", admin.reset),
        ("POST", "/__admin/settings", admin.settings),
        ("GET", "/__admin/defects", admin.list_defects),
        ("POST", "/__admin/defects", admin.switch_defects),
    ]


def build_application(shop: Shop, admin: Admin) -> Callable[..., Any]:
    """Return the ASGI application of a merchant."""
    routes = [Route(path, endpoint(shop, handler), methods=[method]) for method, path, handler in routes_of(admin)]
    inner = Starlette(routes=routes)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/__admin"):
            admin.calls += 1
        await inner(scope, receive, send)

    return counted
