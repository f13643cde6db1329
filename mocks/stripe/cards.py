"""Stripe's published test cards and what each of them does (https://docs.stripe.com/testing, as known in 2025).

A payment method keeps the name of its card, never the number. ``pm_card_<name>`` and ``tok_<name>`` name the same card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. decline: (error code, decline code) of every charge. secure: when 3D Secure is asked for.

    secure: ``required`` (the issuer insists), ``optional`` (supported), ``unsupported``; after: what the charge does
    once authenticated; refund: ``pending`` or ``failed`` where refunds do not simply succeed; dispute: the reason a
    charge is disputed for; available: the balance is available at once.
    """

    name: str
    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: tuple[str, str] | None = None
    secure: str = "optional"
    after: tuple[str, str] | None = None
    refund: str = "succeeded"
    dispute: str = ""
    available: bool = False
    risk: str = "normal"
    cvc_check: str = "pass"
    line1_check: str = "pass"
    postal_code_check: str = "pass"


def _declined(name: str, number: str, decline_code: str, code: str = "card_declined") -> Card:
    return Card(name, number, decline=(code, decline_code))


_INSUFFICIENT = ("card_declined", "insufficient_funds")

_PLAIN = [
    Card("visa", "4242424242424242"),
    Card("visa_debit", "4000056655665556", funding="debit"),
    Card("mastercard", "5555555555554444", "mastercard"),
    Card("mastercard_2series", "2223003122003222", "mastercard"),
    Card("mastercard_debit", "5200828282828210", "mastercard", funding="debit"),
    Card("mastercard_prepaid", "5105105105105100", "mastercard", funding="prepaid"),
    Card("amex", "378282246310005", "amex"),
    Card("amex_2", "371449635398431", "amex"),
    Card("discover", "6011111111111117", "discover"),
    Card("discover_2", "6011000990139424", "discover"),
    Card("diners", "3056930009020004", "diners"),
    Card("diners_14digits", "36227206271667", "diners"),
    Card("jcb", "3566002020360505", "jcb", "JP"),
    Card("unionpay", "6200000000000005", "unionpay", "CN"),
    Card("visa_cartesBancaires", "4000002500001001", country="FR"),
    Card("mastercard_cartesBancaires", "5555552500001001", "mastercard", "FR"),
]

_BEHAVING = [
    _declined("visa_chargeDeclined", "4000000000000002", "generic_decline"),
    _declined("visa_chargeDeclinedInsufficientFunds", "4000000000009995", "insufficient_funds"),
    _declined("visa_chargeDeclinedLostCard", "4000000000009987", "lost_card"),
    _declined("visa_chargeDeclinedStolenCard", "4000000000009979", "stolen_card"),
    _declined("chargeDeclinedExpiredCard", "4000000000000069", "expired_card", "expired_card"),
    _declined("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    _declined("chargeDeclinedProcessingError", "4000000000000119", "processing_error", "processing_error"),
    _declined("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_velocity_exceeded"),
    _declined("chargeCustomerFail", "4000000000000341", "generic_decline"),
    replace(_declined("radarBlock", "4100000000000019", "fraudulent"), risk="highest"),
    replace(_declined("riskLevelHighest", "4000000000004954", "fraudulent"), risk="highest"),
    Card("riskLevelElevated", "4000000000009235", risk="elevated"),
    Card("cvcCheckFail", "4000000000000101", cvc_check="fail"),
    Card("avsFail", "4000000000000010", line1_check="fail", postal_code_check="fail"),
    Card("avsLine1Fail", "4000000000000028", line1_check="fail"),
    Card("avsZipFail", "4000000000000036", postal_code_check="fail"),
    Card("avsUnchecked", "4000000000000044", line1_check="unavailable", postal_code_check="unavailable"),
    Card("bypassPending", "4000000000000077", available=True),
    Card("bypassPendingInternational", "4000003720000278", country="IE", available=True),
    Card("pendingRefund", "4000000000007726", refund="pending"),
    Card("refundFail", "4000000000005126", refund="failed"),
    Card("createDispute", "4000000000000259", dispute="fraudulent"),
    Card("createDisputeProductNotReceived", "4000000000002685", dispute="product_not_received"),
    Card("threeDSecure2Required", "4000000000003220", secure="required"),
    Card("threeDSecureRequired", "4000000000003063", secure="required"),
    Card("authenticationRequired", "4000002760003184", country="DE", secure="required"),
    Card("authenticationRequiredOnSetup", "4000002500003155", country="FR", secure="required"),
    Card("threeDSecureRequiredChargeDeclined", "4000008400001629", secure="required",
         after=("card_declined", "generic_decline")),
    Card("threeDSecureRequiredProcessingError", "4000008400001280", secure="required",
         after=("processing_error", "processing_error")),
    Card("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", country="GB", secure="required",
         after=_INSUFFICIENT),
    Card("threeDSecureOptional", "4000000000003055"),
    Card("amex_threeDSecureNotSupported", "378282246310005", "amex", secure="unsupported"),
]  # fmt: skip

_COUNTRIES = """
ar 4000000320000021 br 4000000760000002 ca 4000001240000000 cl 4000001520000001 co 4000001700000003
cr 4000001880000005 ec 4000002180000000 mx 4000004840008001 pa 4000005910000000 py 4000006000000066
pe 4000006040000068 uy 4000008580000003 ae 4000007840000001 at 4000000400000008 be 4000000560000004
bg 4000001000000000 by 4000001120000005 hr 4000001910000009 cy 4000001960000008 cz 4000002030000002
dk 4000002080000001 ee 4000002330000009 fi 4000002460000001 fr 4000002500000003 de 4000002760000016
gi 4000002920000005 gr 4000003000000030 hu 4000003480000005 ie 4000003720000005 it 4000003800000008
lv 4000004280000005 li 4000004380000004 lt 4000004400000000 lu 4000004420000006 mt 4000004700000007
nl 4000005280000002 no 4000005780000007 pl 4000006160000005 pt 4000006200000007 ro 4000006420000001
si 4000007050000006 sk 4000007030000001 es 4000007240000007 se 4000007520000008 ch 4000007560000009
gb 4000008260000000 au 4000000360000006 cn 4000001560000002 hk 4000003440000004 in 4000003560000008
jp 4000003920000003 my 4000004580000002 nz 4000005540000008 sg 4000007020000003 tw 4000001580000008
th_credit 4000007640000003
"""

# Names Stripe publishes beside the ones above, for the same behaviour.
_ALIASES = {
    "us": "visa",
    "chargeDeclined": "visa_chargeDeclined",
    "chargeDeclinedInsufficientFunds": "visa_chargeDeclinedInsufficientFunds",
    "chargeDeclinedLostCard": "visa_chargeDeclinedLostCard",
    "chargeDeclinedStolenCard": "visa_chargeDeclinedStolenCard",
    "chargeDeclinedVelocityLimitExceeded": "visa_chargeDeclinedVelocityLimitExceeded",
    "chargeDeclinedFraudulent": "radarBlock",
    "visa_chargeDeclinedFraudulent": "radarBlock",
    "visa_chargeDeclinedExpiredCard": "chargeDeclinedExpiredCard",
    "visa_chargeDeclinedIncorrectCvc": "chargeDeclinedIncorrectCvc",
    "visa_chargeDeclinedProcessingError": "chargeDeclinedProcessingError",
    "threeDSecure2Optional": "threeDSecureOptional",
}


def _cards() -> dict[str, Card]:
    words = _COUNTRIES.split()
    national = [
        Card(name, number, country=name[:2].upper()) for name, number in zip(words[::2], words[1::2], strict=True)
    ]
    cards = {card.name: card for card in [*_PLAIN, *_BEHAVING, *national]}
    return cards | {alias: cards[name] for alias, name in _ALIASES.items()}


CARDS = _cards()
# The first card of a number wins: 3782… is plain American Express unless asked for by name.
BY_NUMBER = {card.number: card for card in reversed([*_PLAIN, *_BEHAVING, *CARDS.values()])} | {
    card.number: card for card in _PLAIN
}

SELLER_MESSAGES = {
    "generic_decline": "The bank did not return any further details with this decline.",
    "fraudulent": "Stripe blocked this payment as too risky.",
}
DECLINE_MESSAGES = {
    "generic_decline": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "test_mode_live_card": "Your card was declined: test mode takes published test cards only.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently.",
    "authentication_required": "Your card was declined: this payment requires authentication.",
}


def card_named(token: str) -> Card | None:
    """Return the card behind ``pm_card_<name>`` or ``tok_<name>``, or None."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            return CARDS.get(token.removeprefix(prefix))
    return None


def is_luhn(number: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
