"""The head of the Stripe simulator: its operations, jobs and what it stands for."""

from __future__ import annotations

from assay.simkit import Route, Simulator
from mocks.stripe import (
    authentication,
    capture,
    charge,
    confirmation,
    customer,
    dispute,
    event,
    intent,
    ledger,
    method,
    payout,
    refund,
)
from mocks.stripe.account import Account
from mocks.stripe.error import failure_answer
from mocks.stripe.gate import operation
from mocks.stripe.listing import CURSORS
from mocks.stripe.search import SEARCH, search_of

SEARCH_INTENTS = search_of("payment_intents", lambda account: account.intents)
SEARCH_CHARGES = search_of("charges", lambda account: account.charges)
SEARCH_CUSTOMERS = search_of("customers", lambda account: account.customers)

ROUTES = [
    Route("POST", "/v1/payment_intents", operation(intent.create, intent.CREATE)),
    Route("GET", "/v1/payment_intents", operation(intent.list_, intent.LIST)),
    Route("GET", "/v1/payment_intents/search", operation(SEARCH_INTENTS, SEARCH)),
    Route("GET", "/v1/charges/search", operation(SEARCH_CHARGES, SEARCH)),
    Route("GET", "/v1/customers/search", operation(SEARCH_CUSTOMERS, SEARCH)),
    Route("GET", "/v1/payment_intents/{intent}", operation(intent.retrieve, intent.RETRIEVE, publishable=True)),
    Route("POST", "/v1/payment_intents/{intent}", operation(intent.update, intent.UPDATE)),
    Route("POST", "/v1/payment_intents/{intent}/confirm", operation(intent.confirm, intent.CONFIRM, publishable=True)),
    Route("POST", "/v1/payment_intents/{intent}/capture", operation(capture.capture, capture.CAPTURE)),
    Route("POST", "/v1/payment_intents/{intent}/cancel", operation(capture.cancel, capture.CANCEL)),
    Route("POST", "/v1/payment_methods", operation(method.create, method.CREATE, publishable=True)),
    Route("GET", "/v1/payment_methods", operation(method.list_, method.LIST)),
    Route("GET", "/v1/payment_methods/{payment_method}", operation(method.retrieve)),
    Route("POST", "/v1/payment_methods/{payment_method}", operation(method.update, method.UPDATE)),
    Route("POST", "/v1/payment_methods/{payment_method}/attach", operation(method.attach, method.ATTACH)),
    Route("POST", "/v1/payment_methods/{payment_method}/detach", operation(method.detach)),
    Route("POST", "/v1/customers", operation(customer.create, customer.CREATE)),
    Route("GET", "/v1/customers", operation(customer.list_, customer.LIST)),
    Route("GET", "/v1/customers/{customer}", operation(customer.retrieve)),
    Route("POST", "/v1/customers/{customer}", operation(customer.update, customer.UPDATE)),
    Route("GET", "/v1/charges", operation(charge.list_, charge.LIST)),
    Route("GET", "/v1/charges/{charge}", operation(charge.retrieve)),
    Route("POST", "/v1/charges/{charge}", operation(charge.update, charge.UPDATE)),
    Route("GET", "/v1/charges/{charge}/refunds", operation(refund.list_of_charge, CURSORS)),
    Route("POST", "/v1/refunds", operation(refund.create, refund.CREATE)),
    Route("GET", "/v1/refunds", operation(refund.list_, refund.LIST)),
    Route("GET", "/v1/refunds/{refund}", operation(refund.retrieve)),
    Route("POST", "/v1/refunds/{refund}", operation(refund.update, refund.UPDATE)),
    Route("GET", "/v1/balance_transactions", operation(ledger.list_, ledger.LIST)),
    Route("GET", "/v1/balance_transactions/{id}", operation(ledger.retrieve)),
    Route("GET", "/v1/balance", operation(ledger.balance)),
    Route("GET", "/v1/payouts", operation(payout.list_, payout.LIST)),
    Route("GET", "/v1/payouts/{payout}", operation(payout.retrieve)),
    Route("GET", "/v1/disputes", operation(dispute.list_, dispute.LIST)),
    Route("GET", "/v1/disputes/{dispute}", operation(dispute.retrieve)),
    Route("POST", "/v1/disputes/{dispute}", operation(dispute.update, dispute.UPDATE)),
    Route("POST", "/v1/disputes/{dispute}/close", operation(dispute.close)),
    Route("GET", "/v1/events", operation(event.list_, event.LIST)),
    Route("GET", "/v1/events/{id}", operation(event.retrieve)),
    Route("GET", confirmation.AUTHENTICATION_PATH, authentication.show),
    Route("POST", confirmation.AUTHENTICATION_PATH, authentication.finish),
]

SIMULATOR = Simulator(
    vendor="stripe",
    title="Stripe API",
    hosts=("api.stripe.com", "hooks.stripe.com"),
    state=Account,
    routes=ROUTES,
    error=failure_answer,
    jobs={
        "expire_hold": capture.expire_hold,
        "open_dispute": dispute.open_dispute,
        "decide_dispute": dispute.decide_dispute,
        "pay_out": payout.pay_out,
        "arrive": payout.arrive,
        "settle_debit": confirmation.settle_debit,
        "settle_refund": refund.settle_refund,
        "webhook": event.send_again,
    },
    settings=(
        "secret_keys",
        "publishable_keys",
        "webhook_url",
        "webhook_secret",
        "webhook_events",
        "webhook_retries_s",
        "settlement_currency",
        "settlement_currencies",
        "payout_interval",
        "payout_arrival_days",
        "payout_failure_code",
        "exchange_rates",
        "fees",
        "available_after_days",
        "sepa_debit_s",
        "refund_settle_s",
        "dispute_s",
        "search_delay_s",
        "rate_limit_per_s",
        "payment_method_types",
        "statement_descriptor",
        "authentication_base_url",
    ),
    sources=(
        "https://github.com/stripe/openapi",
        "https://docs.stripe.com/api",
        "https://docs.stripe.com/currencies",
        "https://docs.stripe.com/payouts",
        "https://docs.stripe.com/testing",
        "https://docs.stripe.com/webhooks/signature",
    ),
    not_faked=(
        "bodies have the shape of API version 2023-08-16 whatever Stripe-Version asks for",
        "Connect, Checkout, invoices, subscriptions, setup intents, Radar rules",
        "payouts on request, inquiries before disputes",
        "payment methods other than card and sepa_debit",
        "multipart bodies; a second request with an idempotency key whose first is still running",
        "pending_webhooks stays what it was when the event was made",
    ),
)
