"""Adyen's published test cards and test values, and what a payment with them comes to.

Numbers: https://docs.adyen.com/development-resources/testing/test-card-numbers (all with 03/2030 and 737, 7373 for
American Express). Outcomes by holder name or RequestedTestAcquirerResponseCode:
https://docs.adyen.com/development-resources/testing/result-codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mocks.adyen.account import Account, Document
from mocks.adyen.error import Problem, invalid

_CARDS = {
    "4111111111111111": "visa",
    "4444333322221111": "visa",
    "4988438843884305": "visa",
    "5555444433331111": "mc",
    "5555341244441115": "mc",
    "2222400070000005": "mc",
    "370000000000002": "amex",
}
_AUTHENTICATED = {
    "4212345678901237": "visa",
    "4917610000000000": "visa",
    "4035501428146300": "visa",
    "5212345678901234": "mc",
}
_EXPIRY = (3, 2030)
_ENCRYPTED = "test_"
"""Adyen takes test values in encrypted fields in the clear behind this prefix (examples of Checkout v72)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the issuer says: Adyen's result code, refusal reason and its number."""

    result: str
    reason: str = ""
    number: int = 0


AUTHORISED = Outcome("Authorised")
REFUSED = Outcome("Refused", "Refused", 2)
NOT_AUTHENTICATED = Outcome("Refused", "3D Not Authenticated", 11)
SHOPPER_CANCELLED = Outcome("Cancelled", "Shopper Cancelled", 16)

_BY_NAME = {
    "UNKNOWN": Outcome("Error", "Unknown", 0),
    "APPROVED": AUTHORISED,
    "DECLINED": REFUSED,
    "REFERRAL": Outcome("Refused", "Referral", 3),
    "ERROR": Outcome("Error", "Acquirer Error", 4),
    "BLOCK_CARD": Outcome("Refused", "Blocked Card", 5),
    "CARD_EXPIRED": Outcome("Refused", "Expired Card", 6),
    "INVALID_AMOUNT": Outcome("Refused", "Invalid Amount", 7),
    "INVALID_CARD_NUMBER": Outcome("Refused", "Invalid Card Number", 8),
    "ISSUER_UNAVAILABLE": Outcome("Refused", "Issuer Unavailable", 9),
    "NOT_SUPPORTED": Outcome("Refused", "Not supported", 10),
    "NOT_3D_AUTHENTICATED": NOT_AUTHENTICATED,
    "NOT_ENOUGH_BALANCE": Outcome("Refused", "Not enough balance", 12),
    "PENDING": Outcome("Received", "", 13),
    "ACQUIRER_FRAUD": Outcome("Refused", "Acquirer Fraud", 14),
    "CANCELLED": Outcome("Refused", "Cancelled", 15),
    "SHOPPER_CANCELLED": Outcome("Refused", "Shopper Cancelled", 16),
    "INVALID_PIN": Outcome("Refused", "Invalid Pin", 17),
    "PIN_TRIES_EXCEEDED": Outcome("Refused", "Pin tries exceeded", 18),
    "PIN_VALIDATION_NOT_POSSIBLE": Outcome("Refused", "Pin validation not possible", 19),
    "FRAUD": Outcome("Refused", "FRAUD", 20),
    "NOT_SUBMITTED": Outcome("Refused", "Not Submitted", 21),
    "FRAUD_CANCELLED": Outcome("Cancelled", "FRAUD-CANCELLED", 22),
    "TRANSACTION_NOT_PERMITTED": Outcome("Refused", "Transaction Not Permitted", 23),
    "CVC_DECLINED": Outcome("Refused", "CVC Declined", 24),
    "RESTRICTED_CARD": Outcome("Refused", "Restricted Card", 25),
    "REVOCATION_OF_AUTH": Outcome("Refused", "Revocation Of Auth", 26),
    "DECLINED_NON_GENERIC": Outcome("Refused", "Declined Non Generic", 27),
    "WITHDRAWAL_AMOUNT_EXCEEDED": Outcome("Refused", "Withdrawal amount exceeded", 28),
}
# The number that asks for an outcome is the one listed beside its name, which for "Unknown" is 0.
_BY_NUMBER = {str(each.number): each for name, each in _BY_NAME.items() if name != "APPROVED"} | {"1": AUTHORISED}
LATER_FAILURES = {"capture failed": "CAPTURE_FAILED", "refund failed": "REFUND_FAILED"}


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept of a card: never its number, and whether its issuer wants the shopper to authenticate."""

    brand: str
    summary: str
    expiry: str
    outcome: Outcome
    authenticates: bool
    later: str


def read(account: Account, method: Document, additional: Any) -> Card:
    """Read the card of a payment method of type scheme; raises `Problem`."""
    number = _field(method, "number", "encryptedCardNumber").replace(" ", "")
    if not number:
        raise invalid("14_004", "Missing payment method details")
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19 or not _is_luhn(number):
        raise invalid("101", "Invalid card number")
    month, year = (
        _field(method, "expiryMonth", "encryptedExpiryMonth"),
        _field(method, "expiryYear", "encryptedExpiryYear"),
    )
    expiry = _expiry(account, month, year)
    brand = _CARDS.get(number) or _AUTHENTICATED.get(number) or ""
    cvc = _field(method, "cvc", "encryptedSecurityCode")
    _check_cvc(cvc, brand)
    name = str(method.get("holderName") or "").strip()
    outcome = _outcome(name, additional)
    right = brand and expiry == _EXPIRY and cvc in ("", "7373" if brand == "amex" else "737")
    return Card(
        brand or "visa",
        number[-4:],
        f"{expiry[0]}/{expiry[1]}",
        outcome if right else REFUSED,
        number in _AUTHENTICATED,
        LATER_FAILURES.get(name.lower(), ""),
    )


def _field(method: Document, plain: str, encrypted: str) -> str:
    value = method.get(plain)
    if value is None:
        value = method.get(encrypted)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.startswith(_ENCRYPTED):
            raise invalid("174", "Unable to decrypt data")
        return value.removeprefix(_ENCRYPTED)
    if not isinstance(value, str):
        raise invalid("14_005", "Invalid payment method details")
    return value


def _expiry(account: Account, month: str, year: str) -> tuple[int, int]:
    if not (month.isdecimal() and year.isdecimal() and len(month) <= 2 and len(year) <= 4):
        raise invalid("129", "Expiry Date Invalid")
    expiry = (int(month), int(year))
    now = account.world.now()
    if not 1 <= expiry[0] <= 12 or expiry[1] <= 2000 or (expiry[1], expiry[0]) < (now.year, now.month):
        raise invalid("140", "Invalid expiryMonth[1..12] / expiryYear[>2000], or before now")
    return expiry


def _check_cvc(cvc: str, brand: str) -> None:
    if cvc and not cvc.isdecimal():
        raise invalid("153", "Invalid CVC")
    if cvc and len(cvc) != (4 if brand == "amex" else 3):
        raise _wrong_length()


def _wrong_length() -> Problem:
    return invalid("103", "CVC is not the right length")


def _outcome(name: str, additional: Any) -> Outcome:
    asked = additional.get("RequestedTestAcquirerResponseCode") if isinstance(additional, dict) else None
    if asked is not None:
        return _BY_NUMBER.get(str(asked), AUTHORISED)
    # "DECLINED : 06 : ERROR" carries a scheme's own words behind the name.
    return _BY_NAME.get(name.partition(":")[0].strip(), AUTHORISED)


def _is_luhn(number: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
