"""The head of the PayPal simulator: its operations, jobs and what it stands for."""

from __future__ import annotations

from assay.simkit import Route, Simulator
from mocks.paypal import approval, books, event, hold, order, payment, refund, reporting
from mocks.paypal.account import Business
from mocks.paypal.gate import Kind, guarded, operation, token
from mocks.paypal.issue import failure_answer

_HOURS_6 = 6 * 3600
_DAYS_45 = 45 * 24 * 3600

CREATED = Kind(order.show, keeps_s=_HOURS_6)
PAID = Kind(order.show_paid, area="pay", keeps_s=_HOURS_6)
HELD = Kind(order.show_paid, area="authorize", keeps_s=_HOURS_6)
HOLD = Kind(payment.show_authorization, area="payments", keeps_s=_DAYS_45, again=201)
# The published document gives void no PayPal-Request-Id; PayPal's own client sends one.
VOID = Kind(payment.show_authorization, area="payments", keeps_s=_DAYS_45, again=204)
CAPTURE = Kind(payment.show_capture, area="payments", keeps_s=_DAYS_45, again=201)
REFUND = Kind(payment.show_refund, area="refund", keeps_s=_DAYS_45, again=201)

ROUTES = [
    Route("POST", "/v1/oauth2/token", token),
    Route("POST", "/v2/checkout/orders", operation(order.create, CREATED)),
    Route("GET", "/v2/checkout/orders/{id}", operation(order.retrieve, CREATED)),
    Route("POST", "/v2/checkout/orders/{id}/authorize", operation(order.authorize, HELD)),
    Route("POST", "/v2/checkout/orders/{id}/capture", operation(order.capture, PAID)),
    Route("GET", "/v2/payments/authorizations/{authorization_id}", operation(hold.retrieve, HOLD)),
    Route("POST", "/v2/payments/authorizations/{authorization_id}/capture", operation(hold.capture, CAPTURE)),
    Route("POST", "/v2/payments/authorizations/{authorization_id}/reauthorize", operation(hold.reauthorize, HOLD)),
    Route("POST", "/v2/payments/authorizations/{authorization_id}/void", operation(hold.void, VOID)),
    Route("GET", "/v2/payments/captures/{capture_id}", operation(refund.retrieve_capture, CAPTURE)),
    Route("POST", "/v2/payments/captures/{capture_id}/refund", operation(refund.create, REFUND)),
    Route("GET", "/v2/payments/refunds/{refund_id}", operation(refund.retrieve, REFUND)),
    Route("POST", "/v1/notifications/verify-webhook-signature", guarded(event.verify)),
    Route("GET", "/v1/notifications/webhooks-events", guarded(event.list_)),
    Route("GET", "/v1/notifications/webhooks-events/{event_id}", guarded(event.retrieve)),
    Route("POST", "/v1/notifications/webhooks-events/{event_id}/resend", guarded(event.resend)),
    Route("GET", reporting.PATH, guarded(reporting.list_)),
    Route("GET", "/v1/notifications/certs/{id}", event.show_certificate),
    Route("GET", "/checkoutnow", approval.show),
    Route("POST", "/checkoutnow", approval.finish),
]

SIMULATOR = Simulator(
    vendor="paypal",
    title="PayPal Orders v2, Payments v2 and Transaction Search v1",
    hosts=("api-m.paypal.com", "api.paypal.com", "www.paypal.com"),
    state=Business,
    routes=ROUTES,
    error=failure_answer,
    jobs={"clear_echeck": payment.clear_echeck, "webhook": event.send_again, "transfer": books.transfer},
    settings=(
        "clients",
        "token_lifetime_s",
        "rate_limit_per_s",
        "payee",
        "payer",
        "order_lifetime_s",
        "overcapture_percent",
        "unique_invoice_ids",
        "echeck_s",
        "fees",
        "held_currencies",
        "exchange_rates",
        "conversion_percent",
        "reporting_delay_s",
        "auto_transfer",
        "webhook_url",
        "webhook_id",
        "webhook_events",
        "webhook_retries_s",
        "api_base_url",
        "approval_base_url",
        "certificate_base_url",
    ),
    sources=(
        "https://developer.paypal.com/docs/api/orders/v2/",
        "https://developer.paypal.com/docs/api/payments/v2/",
        "https://developer.paypal.com/docs/api/webhooks/v1/",
        "https://developer.paypal.com/docs/api/transaction-search/v1/",
        "https://developer.paypal.com/reports/reference/t-codes",
        "https://developer.paypal.com/api/rest/reference/currency-codes/",
        "https://developer.paypal.com/tools/sandbox/negative-testing/request-headers/",
        "https://developer.paypal.com/reference/guidelines/idempotency/",
    ),
    not_faked=(
        "payment sources other than the PayPal wallet (cards, vault, Apple Pay, local methods)",
        "changing an order (PATCH), confirming a payment source, tracking, saved orders",
        "marketplaces: platform fees, several payees, delayed disbursement",
        "disputes, payouts to others, subscriptions, balances of the past, managing webhook subscriptions",
        "two requests racing with one PayPal-Request-Id (409)",
    ),
)
