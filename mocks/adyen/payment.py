"""Payments: authorised, refused, sent away to authenticate, or left open (``/payments``, ``/payments/details``).

Follows Checkout v72 and https://docs.adyen.com/online-payments/payment-result-codes. The final word on a payment is its
AUTHORISATION webhook.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from mocks.adyen import card, settlement, webhook
from mocks.adyen.account import Account, Document, Request
from mocks.adyen.card import AUTHORISED, NOT_AUTHENTICATED, REFUSED, SHOPPER_CANCELLED, Outcome
from mocks.adyen.currency import amount_of
from mocks.adyen.error import Problem, invalid
from mocks.adyen.gate import text
from mocks.adyen.method import CARD, IDEAL, SEPA, is_offered

REDIRECT_PATH = "/checkoutshopper/threeDS/redirect"
_REDIRECT_HOST = "https://checkoutshopper-test.adyen.com"
_LONGEST_DELAY_H = 672
_HOUR_S = 3_600
_DAY_S = 24 * _HOUR_S
_MOST_AUTHORISED_DAYS = 28

_PAY = """
accountInfo additionalAmount additionalData amount applicationInfo authenticationData bankAccount billingAddress
browserInfo captureDelayHours channel checkoutAttemptId company countryCode dateOfBirth dccQuote deliverAt
deliveryAddress deliveryDate deviceFingerprint enableOneClick enablePayOut enableRecurring enhancedSchemeData
entityType fraudOffset fundOrigin fundRecipient industryUsage installments lineItems localizedShopperStatement mandate
mcc merchantAccount merchantOrderReference merchantRiskIndicator metadata mpiData order orderReference origin
paymentMethod paymentValidations platformChargebackLogic recurringExpiry recurringFrequency recurringProcessingModel
redirectFromIssuerMethod redirectToIssuerMethod reference returnUrl riskData sessionValidity shopperConversionId
shopperEmail shopperIP shopperInteraction shopperLocale shopperName shopperReference shopperStatement shopperTaxInfo
socialSecurityNumber splits store storePaymentMethod subMerchants surcharge telephoneNumber threeDS2RequestData
threeDSAuthenticationOnly trustedShopper
"""
PAY = frozenset(_PAY.split())
DETAILS = frozenset(("authenticationData", "details", "paymentData", "threeDSAuthenticationOnly"))


def pay(account: Account, request: Request) -> Document:
    """Start a payment and return how far it came."""
    body = request.body
    amount = amount_of(body)
    reference = text(body, "reference", 80, invalid("130", "Reference Missing"))
    return_url = _return_url(body)
    method = body.get("paymentMethod")
    if not isinstance(method, dict):
        raise invalid("14_006", "paymentMethod object has not been provided in the request")
    type_ = text(method, "type", 80) or CARD
    if type_ not in (CARD, "card", IDEAL, SEPA) or not is_offered(
        CARD if type_ == "card" else type_, amount["currency"]
    ):
        raise Problem(500, "905", "Payment details are not supported", "configuration")
    payment: Document = {
        "pspReference": account.new_reference(),
        "reference": reference,
        "amount": amount,
        "captured": 0,
        "refunded": 0,
        "status": "waiting",
        "type": type_,
        "brand": type_,
        "returnUrl": return_url,
        "captureAfterH": _capture_after_h(account, body) if type_ in (CARD, "card") else 0,
        "outcome": ["Received", "", 0],
    }
    account.references[reference] = [*account.references.get(reference, []), payment["pspReference"]]
    if type_ == IDEAL:
        return _sent_away(account, payment)
    if type_ == SEPA:
        return _debit(account, payment, method)
    return _by_card(account, payment, method, body.get("additionalData"))


def _return_url(body: Document) -> str:
    address = text(body, "returnUrl", 1_024, invalid("14_030", "Return URL is missing."))
    try:
        urlsplit(address)
    except ValueError as error:
        raise invalid("192", "Invalid field returnUrl") from error
    return address


def _by_card(account: Account, payment: Document, method: Document, additional: Any) -> Document:
    read = card.read(account, method, additional)
    payment = {
        **payment,
        "brand": read.brand,
        "summary": read.summary,
        "expiry": read.expiry,
        "authCode": f"{account.world.ids.number('auth', 44_925) % 1_000_000:06d}",
        "later": read.later,
        "issuer": [read.outcome.result, read.outcome.reason, read.outcome.number],
    }
    if read.authenticates:
        return _sent_away(account, payment)
    return answer(_issued(account, payment))


def _debit(account: Account, payment: Document, method: Document) -> Document:
    iban = str(method.get("iban") or "").replace(" ", "").upper()
    if not _is_iban(iban):
        raise invalid("161", "Invalid iban")
    if not str(method.get("ownerName") or "").strip():
        raise invalid("203", "Invalid Bank account holder name")
    account.update(payment)
    account.in_seconds(float(account.setting("debit_s", 0)), "authorise", payment["pspReference"])
    return answer(payment)


def _is_iban(iban: str) -> bool:
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum() and iban[:2].isalpha()):
        return False
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


def _issued(account: Account, payment: Document) -> Document:
    """Let the issuer decide on a payment by card."""
    outcome = Outcome(*payment["issuer"])
    if outcome.result == "Received":
        account.in_seconds(float(account.setting("pending_s", _HOUR_S)), "authorise", payment["pspReference"])
        return account.update(payment, outcome=list(payment["issuer"]))
    return decide(account, payment, outcome)


def decide(account: Account, payment: Document, outcome: Outcome) -> Document:
    """Give a payment its final result and tell the shop."""
    is_authorised = outcome.result == "Authorised"
    payment = account.update(
        payment,
        status="authorised" if is_authorised else "refused",
        outcome=[outcome.result, outcome.reason, outcome.number],
    )
    reason = outcome.reason or "null"
    if is_authorised and "authCode" in payment:
        reason = f"{payment['authCode']}:{payment['summary']}:{payment['expiry']}"
    operations = ["CANCEL", "CAPTURE", "REFUND"] if is_authorised else None
    additional = _card_data(payment)
    webhook.emit(
        account, payment, "AUTHORISATION", amount=payment["amount"], success=is_authorised, reason=reason,
        additional=additional, operations=operations,
    )  # fmt: skip
    if is_authorised:
        payment = _await_capture(account, payment)
    return payment


def _await_capture(account: Account, payment: Document) -> Document:
    delay_h = payment["captureAfterH"]
    if delay_h is None:
        days = float(account.setting("authorisation_days", _MOST_AUTHORISED_DAYS))
        account.in_seconds(days * _DAY_S, "expire", payment["pspReference"])
    elif delay_h == 0:
        payment = account.update(payment, captured=payment["amount"]["value"], closed=True)
        settlement.book(account, payment, "Settled", payment["captured"])
    else:
        account.in_seconds(delay_h * _HOUR_S, "capture_now", payment["pspReference"])
    return payment


def _capture_after_h(account: Account, body: Document) -> int | None:
    """Return after how many hours a payment captures itself; None: never, the shop does."""
    additional = body.get("additionalData")
    if isinstance(additional, dict) and str(additional.get("manualCapture", "")).lower() == "true":
        return None
    asked = body.get("captureDelayHours")
    if asked is None:
        asked = account.setting("capture_delay", "immediate")
        if asked in ("immediate", "manual"):
            return 0 if asked == "immediate" else None
        asked = int(asked)
    if type(asked) is not int or not 0 <= asked <= _LONGEST_DELAY_H:
        raise invalid("164", "Auto capture delay invalid or out of range")
    return asked


def _sent_away(account: Account, payment: Document) -> Document:
    """Answer with a page the shopper has to visit first."""
    token = account.new_token("redirect", 40)
    account.redirects[token] = {"pspReference": payment["pspReference"], "outcome": None, "result": None}
    payment = account.update(payment, outcome=["RedirectShopper", "", 0])
    account.in_seconds(float(account.setting("offer_hours", 12)) * _HOUR_S, "close_offer", payment["pspReference"])
    base = str(account.setting("redirect_base_url", _REDIRECT_HOST)).rstrip("/")
    url = f"{base}{REDIRECT_PATH}?{urlencode({'MD': token})}"
    kind = CARD if "issuer" in payment else payment["type"]
    action = {"paymentMethodType": kind, "url": url, "method": "GET", "type": "redirect"}
    result: Document = {"resultCode": "RedirectShopper", "action": action}
    if "issuer" in payment:
        result |= {"pspReference": payment["pspReference"], "merchantReference": payment["reference"]}
    return result


def returned(account: Account, payment: Document, choice: str) -> None:
    """Take what the shopper did on the page; a bank's page decides, a card's issuer waits for ``/payments/details``."""
    if payment["status"] != "waiting" or "issuer" in payment:
        return
    if choice == "pending":
        account.update(payment, outcome=["Pending", "", 0])
        account.in_seconds(float(account.setting("pending_s", _HOUR_S)), "authorise", payment["pspReference"])
        return
    outcomes = {"authorised": AUTHORISED, "refused": REFUSED, "cancelled": SHOPPER_CANCELLED}
    decide(account, payment, outcomes[choice])


def details(account: Account, request: Request) -> Document:
    """Finish a payment whose shopper came back, and return its result; the same again gives the same."""
    given = request.body.get("details")
    if not isinstance(given, dict) or not given:
        raise invalid("14_004", "Missing payment method details")
    token = given.get("redirectResult")
    record = account.redirects.get(token) if isinstance(token, str) else None
    if record is None or record["outcome"] is None or token != record["result"]:
        raise invalid("14_018", "Invalid payload provided")
    payment = account.payments[record["pspReference"]]
    if payment["status"] == "waiting" and payment["outcome"][0] == "RedirectShopper":
        match record["outcome"]:
            case "authorised":
                payment = _issued(account, payment)
            case "cancelled":
                payment = decide(account, payment, SHOPPER_CANCELLED)
            case _:
                payment = decide(account, payment, NOT_AUTHENTICATED)
    return answer(payment)


def answer(payment: Document) -> Document:
    """Return what the API says of a payment that needs nothing more of the shopper."""
    result, reason, number = payment["outcome"]
    body: Document = {
        "pspReference": payment["pspReference"],
        "resultCode": result,
        "merchantReference": payment["reference"],
        "amount": payment["amount"],
    }
    if reason:
        body |= {"refusalReason": reason, "refusalReasonCode": str(number)}
    if result == "Authorised":
        brand = {"brand": payment["brand"]} if "issuer" in payment else {}
        body["paymentMethod"] = {"type": CARD if "issuer" in payment else payment["type"], **brand}
    if "issuer" in payment:
        body["additionalData"] = _card_data(payment)
    return body


def _card_data(payment: Document) -> Document:
    if "issuer" not in payment:
        return {}
    data = {
        "cardSummary": payment["summary"],
        "expiryDate": payment["expiry"],
        "paymentMethodVariant": payment["brand"],
    }
    return {**data, "authCode": payment["authCode"]} if payment["outcome"][0] == "Authorised" else data


def authorise_job(account: Account, psp_reference: str) -> None:
    """Job: the bank has answered at last."""
    payment = account.payments[psp_reference]
    if payment["status"] == "waiting":
        decide(account, payment, AUTHORISED)


def close_offer_job(account: Account, psp_reference: str) -> None:
    """Job: the shopper never came back."""
    payment = account.payments[psp_reference]
    if payment["status"] == "waiting" and payment["outcome"][0] == "RedirectShopper":
        payment = account.update(payment, status="refused", outcome=["Cancelled", "Shopper Cancelled", 16])
        webhook.emit(account, payment, "OFFER_CLOSED", amount=payment["amount"])


def capture_job(account: Account, psp_reference: str) -> None:
    """Job: the capture delay is over."""
    payment = account.payments[psp_reference]
    if payment["status"] == "authorised" and not payment["captured"]:
        payment = account.update(payment, captured=payment["amount"]["value"], closed=True)
        settlement.book(account, payment, "Settled", payment["captured"])


def expire_job(account: Account, psp_reference: str) -> None:
    """Job: nobody captured in time; what is left goes back to the shopper."""
    payment = account.payments[psp_reference]
    if payment["status"] == "authorised" and not payment.get("closed"):
        payment = account.update(payment, closed=True, status="authorised" if payment["captured"] else "expired")
        webhook.emit(account, payment, "EXPIRE", amount=payment["amount"])
