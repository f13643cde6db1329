"""PayPal's error body and its catalogue of issues, by the names and words its documents give them.

Sources: the published OpenAPI documents of Orders v2 and Payments v2 (name, message, issue and description are closed
lists there), and https://developer.paypal.com/api/errors/overview/ for DECIMALS_NOT_SUPPORTED, which the Orders API
answers though its OpenAPI document leaves it out.
"""

from __future__ import annotations

import re
from typing import Any

from assay.simkit import Answer, Failure

Document = dict[str, Any]

_WORD = re.compile("[A-Z0-9_]+")
_DOCS = "https://developer.paypal.com/api/rest/reference/orders/v2/errors/#"
_NAMES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}
_CURRENCIES = "api/reference/currency-codes/ for"
_ATTEMPT = "the Order for payment. Please redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS"

# By area where the documents word an issue differently: "" is Orders v2's list of creation, then the others' own.
# None as words: the document lists the issue and leaves its words open.
CATALOGUE: dict[str, tuple[int, dict[str, str]]] = {
    "MALFORMED_REQUEST_JSON": (400, {"": "The request JSON is not well formed."}),
    "INVALID_ARRAY_MAX_ITEMS": (400, {"": "The number of items in an array parameter is too large."}),
    "INVALID_ARRAY_MIN_ITEMS": (400, {"": "The number of items in an array parameter is too small."}),
    "INVALID_PARAMETER_SYNTAX": (400, {"": "The value of a field does not conform to the expected format."}),
    "INVALID_STRING_LENGTH": (
        400,
        {
            "": "The value of a field is either too short or too long",
            "payments": "The value of a field is either too short or too long.",
        },
    ),
    "INVALID_PARAMETER_VALUE": (
        400,
        {"": "A parameter value is not valid.", "payments": "The value of a field is invalid."},
    ),
    "MISSING_REQUIRED_PARAMETER": (
        400,
        {
            "": "A required parameter is missing.",
            "payments": "A required field / parameter is missing.",
        },
    ),
    "NOT_SUPPORTED": (400, {"": "This field is not currently supported."}),
    "PERMISSION_DENIED": (
        403,
        {"": "You do not have permission to access or perform operations on this resource."},
    ),
    "INVALID_RESOURCE_ID": (
        404,
        {"": "Specified resource ID does not exist. Please check the resource ID and try again."},
    ),
    "AMOUNT_MISMATCH": (
        422,
        {"": "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount."},
    ),
    "CANNOT_BE_NEGATIVE": (
        422,
        {
            "": "Must be greater than or equal to 0. If the currency supports decimals, only two decimal place "
            "precision is supported."
        },
    ),
    "CANNOT_BE_ZERO_OR_NEGATIVE": (
        422,
        {
            "": "Must be greater than zero. If the currency supports decimals, only two decimal place precision is "
            "supported."
        },
    ),
    "DECIMAL_PRECISION": (
        422,
        {"": "If the currency supports decimals, only two decimal place precision is supported."},
    ),
    "DECIMALS_NOT_SUPPORTED": (
        422,
        {
            "": f"Currency does not support decimals. Please refer to https://developer.paypal.com/docs/{_CURRENCIES} "
            "more information."
        },
    ),
    "DUPLICATE_REFERENCE_ID": (
        422,
        {"": "`reference_id` must be unique if multiple `purchase_unit` are provided."},
    ),
    "INVALID_CURRENCY_CODE": (
        422,
        {
            "": "Currency code is invalid or is not currently supported. Please refer "
            "https://developer.paypal.com/api/rest/reference/currency-codes/ for list of supported currency codes.",
            "payments": "Currency code is invalid or is not currently supported. Please refer "
            f"https://developer.paypal.com/docs/{_CURRENCIES} list of supported currency codes.",
        },
    ),
    "ITEM_TOTAL_MISMATCH": (
        422,
        {"": "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit."},
    ),
    "ITEM_TOTAL_REQUIRED": (
        422,
        {
            "": "If item details are specified (items.unit_amount and items.quantity) corresponding "
            "amount.breakdown.item_total is required."
        },
    ),
    "TAX_TOTAL_MISMATCH": (
        422,
        {"": "Should equal sum of (tax * quantity) across all items for a given purchase_unit."},
    ),
    "TAX_TOTAL_REQUIRED": (
        422,
        {
            "": "If item details are specified (items.tax_total and items.quantity) corresponding "
            "amount.breakdown.tax_total is required."
        },
    ),
    "MAX_VALUE_EXCEEDED": (422, {"": "Should be less than or equal to 999999999999999.99."}),
    "MULTI_CURRENCY_ORDER": (
        422,
        {
            "": "Multiple differing values of currency_code are not supported. Entire Order request must have the "
            "same currency_code."
        },
    ),
    "REFERENCE_ID_REQUIRED": (
        422,
        {"": "'reference_id' is required for each 'purchase_unit' if multiple 'purchase_unit' are provided."},
    ),
    "UNSUPPORTED_INTENT": (
        422,
        {"": "`intent=AUTHORIZE` is not supported for multiple purchase units. Only `intent=CAPTURE` is supported."},
    ),
    "COMPLIANCE_VIOLATION": (422, {"": "Transaction is declined due to compliance violation."}),
    "DUPLICATE_INVOICE_ID": (
        422,
        {
            "": "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting "
            "requires that Invoice Id be unique for each transaction.",
            "payments": "Requested invoice_id has been previously captured. Possible duplicate transaction.",
            "refund": "Invoice ID was previously used to refund a capture.",
        },
    ),
    "INSTRUMENT_DECLINED": (
        422,
        {
            "": "The instrument presented  was either declined by the processor or bank, or it can't be used for this "
            "payment."
        },
    ),
    "NOT_ENABLED_FOR_CARD_PROCESSING": (
        422,
        {
            "": "The API Caller account is not setup to be able to process card payments. Please contact PayPal "
            "customer support."
        },
    ),
    "PAYEE_BLOCKED_TRANSACTION": (
        422,
        {"": "The Fraud settings for this seller are such that this payment cannot be executed."},
    ),
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": (422, {"": "The payer account cannot be used for this transaction."}),
    "PAYER_ACCOUNT_RESTRICTED": (422, {"": "PAYER_ACCOUNT_RESTRICTED"}),
    "PAYER_CANNOT_PAY": (
        422,
        {
            "": "Combination of payer and payee settings mean that this buyer cannot pay this seller.",
            "pay": "Payer cannot pay for this transaction. Please contact the payer to find other ways to pay for this "
            "transaction.",
            "payments": "Payer cannot pay for this transaction. Please contact the payer to find other ways to pay for "
            "this transaction.",
        },
    ),
    "TRANSACTION_LIMIT_EXCEEDED": (422, {"": "Total payment amount exceeded transaction limit."}),
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": (
        422,
        {"": "The transaction exceeds the receiver's receiving limit."},
    ),
    "TRANSACTION_REFUSED": (
        422,
        {
            "": "The request was refused.",
            "payments": "PayPal's internal controls prevent authorization from being captured.",
        },
    ),
    "PAYER_ACTION_REQUIRED": (
        422,
        {"": "Transaction cannot complete successfully, instruct the buyer to return to PayPal."},
    ),
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": (
        422,
        {"": "Transaction failed. Redirect the payer to select another funding source."},
    ),
    "ACTION_DOES_NOT_MATCH_INTENT": (
        422,
        {
            "": "Order was created with an intent to 'CAPTURE'. Please use v2/checkout/orders/order_id/capture to "
            "complete the transaction or alternately Create an order with an intent of 'AUTHORIZE'."
        },
    ),
    "ORDER_NOT_APPROVED": (
        422,
        {
            "authorize": f"Payer has not yet approved {_ATTEMPT} links within the Create Order call.",
            "": f"Payer has not yet approved {_ATTEMPT} links within the Create Order call or provide a valid "
            "`payment_source` in the request.",
        },
    ),
    "ORDER_ALREADY_AUTHORIZED": (
        422,
        {"": "Order already authorized.If 'intent=AUTHORIZE' only one authorization per order is allowed."},
    ),
    "ORDER_ALREADY_CAPTURED": (
        422,
        {"": "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed."},
    ),
    "ORDER_EXPIRED": (
        422,
        {
            "": "Order is expired and hence cannot be authorized. Please contact Customer Support if you need to "
            "increase your order validity period."
        },
    ),
    "AUTHORIZATION_VOIDED": (422, {"": "A voided authorization cannot be captured or reauthorized. "}),
    "AUTHORIZATION_EXPIRED": (422, {"": "An expired authorization cannot be captured."}),
    "AUTHORIZATION_ALREADY_CAPTURED": (422, {"": "Authorization has previously been captured."}),
    "AUTH_CAPTURE_CURRENCY_MISMATCH": (
        422,
        {"": "Currency of capture must be the same as currency of authorization."},
    ),
    "AUTH_CURRENCY_MISMATCH": (
        422,
        {
            "": "The currency specified during reauthorization should be the same as the currency specified in the "
            "original authorization. Please check the currency of the authorization for which you are trying to "
            "reauthorize and try again."
        },
    ),
    "MAX_CAPTURE_COUNT_EXCEEDED": (
        422,
        {
            "": "Maxmimum number of allowable captures has been reached. No additional captures are possible for this "
            "authorization. Contact Customer Service or your account manager to change the number of captures for a "
            "given authorization."
        },
    ),
    "MAX_CAPTURE_AMOUNT_EXCEEDED": (
        422,
        {
            "": "Capture amount exceeds allowable limit. Please contact customer service or your account manager to "
            "request the change to your overage limit. The default overage limit is 115%, which allows the sum of all "
            "captures to be up to 115% of the order amount. The ability to over capture is subjected to regulatory "
            "approvals."
        },
    ),
    "REAUTHORIZATION_NOT_SUPPORTED": (
        422,
        {
            "": "A reauthorize cannot be attempted on an authorization_id that is the result of a prior "
            "reauthorization or on an authorization made on an Order saved using the `v2/orders/id/save` API."
        },
    ),
    "PREVIOUSLY_CAPTURED": (
        422,
        {"": "Authorization has been previously captured and hence cannot be voided."},
    ),
    "PREVIOUSLY_VOIDED": (
        422,
        {"": "Authorization has been previously voided and hence cannot be voided again."},
    ),
    "CANNOT_BE_VOIDED": (
        422,
        {"": "A reauthorization cannot be voided. Please void the original parent authorization."},
    ),
    "CAPTURE_FULLY_REFUNDED": (422, {"": "The capture has already been fully refunded"}),
    "REFUND_CAPTURE_CURRENCY_MISMATCH": (422, {"": "Refund must be in the same currency as the capture"}),
    "REFUND_TIME_LIMIT_EXCEEDED": (
        422,
        {"": "You are over the time limit to perform a refund on this capture"},
    ),
    "REFUND_AMOUNT_EXCEEDED": (
        422,
        {"": "The refund amount must be less than or equal to the capture amount that has not yet been refunded."},
    ),
    "REFUND_NOT_ALLOWED": (422, {"": "Capture cannot be refunded."}),
    "REFUND_FAILED_INSUFFICIENT_FUNDS": (
        422,
        {
            "": "Capture could not be refunded due to insufficient funds. Please check to see if you have sufficient "
            "funds in your PayPal account or if the bank account linked to your PayPal account is verified and has "
            "sufficient funds."
        },
    ),
    "TRANSACTION_DISPUTED": (
        422,
        {
            "": "Partial refunds cannot be offered at this time because there is an open case on this transaction. "
            "Visit the PayPal Resolution Center to review this case."
        },
    ),
    "PENDING_CAPTURE": (
        422,
        {
            "": "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has "
            "funded the transaction using e-check/bank funded."
        },
    ),
}


class Problem(Exception):
    """A refusal in PayPal's words: a status and one or more details, each an issue with the field that caused it."""

    def __init__(self, status: int, *details: Document) -> None:
        super().__init__(", ".join(each["issue"] for each in details) or str(status))
        self.status = status
        self.details = list(details)


def detail(issue: str, field: str | None = None, value: Any = None, *, area: str = "") -> Document:
    """Return one detail of an error; `area` chooses the words where the documents have several."""
    words = CATALOGUE[issue][1]
    found: Document = {} if field is None else {"field": field}
    if value is not None:
        found["value"] = str(value)[:100]
    if field is not None:
        found["location"] = "body"
    return {**found, "issue": issue, "description": words.get(area) or words[""]}


def problem(issue: str, field: str | None = None, value: Any = None, *, area: str = "") -> Problem:
    """Return what to raise to refuse with one issue, under the status the documents give it."""
    return Problem(CATALOGUE[issue][0], detail(issue, field, value, area=area))


def error_body(status: int, details: list[Document], debug_id: str) -> Document:
    """Return PayPal's error object."""
    name, message = _NAMES.get(status, _NAMES[500])
    body: Document = {"name": name, "message": message, "debug_id": debug_id}
    if details:
        body["details"] = details
    # Only issues named by a word have a page of their own.
    if details and _WORD.fullmatch(details[0]["issue"]):
        link = f"{_DOCS}{details[0]['issue'].lower().replace('_', '-')}"
        body["links"] = [{"href": link, "rel": "information_link", "method": "GET"}]
    return body


def failure_answer(failure: Failure) -> Answer:
    """Turn what simkit could not hand to any operation into PayPal's error body."""
    # PayPal does not tell an unknown method from an unknown path.
    status = 404 if failure.kind == "method_not_allowed" else failure.status
    details = [detail("MALFORMED_REQUEST_JSON")] if failure.kind == "unreadable" else []
    return Answer(error_body(status, details, "0" * 13), status, {"Paypal-Debug-Id": "0" * 13})
