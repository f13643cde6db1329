"""The head of the Adyen simulator: its operations, jobs and what it stands for."""

from __future__ import annotations

from assay.simkit import Route, Simulator
from assay.simkit.call import Handler
from mocks.adyen import method, modification, page, payment, settlement
from mocks.adyen.account import Account
from mocks.adyen.error import failure_answer
from mocks.adyen.gate import operation

_OPERATIONS: dict[str, Handler] = {
    "/paymentMethods": operation(method.list_, method.LIST),
    "/payments": operation(payment.pay, payment.PAY),
    "/payments/details": operation(payment.details, payment.DETAILS, for_account=False),
    "/payments/{payment}/captures": operation(modification.capture, modification.CAPTURE, status=201),
    "/payments/{payment}/cancels": operation(modification.cancel, modification.CANCEL, status=201),
    "/payments/{payment}/refunds": operation(modification.refund, modification.REFUND, status=201),
    "/payments/{payment}/reversals": operation(modification.reverse, modification.CANCEL, status=201),
    "/payments/{payment}/amountUpdates": operation(modification.update_amount, modification.UPDATE, status=201),
    "/cancels": operation(modification.cancel_by_reference, modification.STANDALONE, status=201),
}
# The live platform, on a host of the merchant's own, puts a folder before the version.
_BASES = ("/v72", "/checkout/v72")

SIMULATOR = Simulator(
    vendor="adyen",
    title="Adyen Checkout API and settlement details report",
    hosts=("checkout-test.adyen.com", "checkoutshopper-test.adyen.com", "ca-test.adyen.com"),
    state=Account,
    routes=[
        *(Route("POST", base + path, handler) for base in _BASES for path, handler in _OPERATIONS.items()),
        Route("GET", payment.REDIRECT_PATH, page.show),
        Route("POST", payment.REDIRECT_PATH, page.finish),
        Route("GET", settlement.PATH, settlement.download),
    ],
    error=failure_answer,
    jobs={
        "authorise": payment.authorise_job,
        "close_offer": payment.close_offer_job,
        "capture_now": payment.capture_job,
        "expire": payment.expire_job,
        "modify": modification.modify_job,
        "fail_later": modification.fail_job,
        "close_batch": settlement.close_batch,
    },
    settings=(
        "api_key",
        "merchant_account",
        "hmac_key",
        "webhook_url",
        "webhook_events",
        "webhook_retries_s",
        "webhook_username",
        "webhook_password",
        "capture_delay",
        "multiple_partial_captures",
        "authorisation_days",
        "offer_hours",
        "pending_s",
        "debit_s",
        "modification_s",
        "scheme_reject_s",
        "redirect_base_url",
        "company_account",
        "settlement_currency",
        "settlement_currencies",
        "settlement_days",
        "exchange_rates",
        "conversion_percent",
        "fees",
        "report_base_url",
    ),
    sources=(
        "https://github.com/Adyen/adyen-openapi",
        "https://docs.adyen.com/api-explorer/Checkout/72/overview",
        "https://docs.adyen.com/development-resources/currency-codes",
        "https://docs.adyen.com/development-resources/testing/result-codes",
        "https://docs.adyen.com/development-resources/error-codes",
        "https://docs.adyen.com/development-resources/webhooks",
        "https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report",
        "https://docs.adyen.com/reporting/automatically-get-reports",
    ),
    not_faked=(
        "API versions other than 72; sessions, payment links, orders, stored payment methods, gift cards, donations",
        "payment methods other than scheme, ideal and sepadirectdebit; native 3D Secure 2 (it redirects instead)",
        "disputes; reports other than the settlement details report; payouts to others",
        "a message that failed holds no other one back in a queue, and only the status of an answer counts",
    ),
)
