"""Payment methods of the account, by currency and country (``POST /paymentMethods``)."""

from __future__ import annotations

from mocks.adyen.account import Account, Document, Request
from mocks.adyen.currency import amount_of
from mocks.adyen.error import invalid

CARD, IDEAL, SEPA = "scheme", "ideal", "sepadirectdebit"
_METHODS: tuple[Document, ...] = (
    {"name": "Cards", "type": CARD, "brands": ["visa", "mc", "amex"]},
    {"name": "iDEAL", "type": IDEAL},
    {"name": "SEPA Direct Debit", "type": SEPA},
)
_LIST = """
additionalData allowedPaymentMethods amount blockedPaymentMethods browserInfo channel countryCode merchantAccount
order shopperConversionId shopperEmail shopperIP shopperLocale shopperReference splitCardFundingSources store
storeFiltrationMode telephoneNumber
"""
LIST = frozenset(_LIST.split())


def list_(account: Account, request: Request) -> Document:
    """Return what a shopper of this country may pay this amount with."""
    body = request.body
    currency = amount_of(body)["currency"] if "amount" in body else None
    country = body.get("countryCode")
    if country is not None and not (isinstance(country, str) and len(country) == 2 and country.isalpha()):
        raise invalid("200", "Invalid country code")
    allowed = body.get("allowedPaymentMethods") or [each["type"] for each in _METHODS]
    blocked = body.get("blockedPaymentMethods") or []
    if not isinstance(allowed, list) or not isinstance(blocked, list):
        raise invalid("702", "allowedPaymentMethods and blockedPaymentMethods are lists of names")
    offered = [
        each
        for each in _METHODS
        if each["type"] in allowed and each["type"] not in blocked and is_offered(each["type"], currency, country)
    ]
    return {"paymentMethods": offered}


def is_offered(type_: str, currency: str | None, country: str | None = None) -> bool:
    """Say whether a method takes this currency and is offered in this country; None stands for any."""
    if type_ == CARD:
        return True
    return currency in (None, "EUR") and (type_ == SEPA or country in (None, "NL"))
