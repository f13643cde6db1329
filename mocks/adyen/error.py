"""Adyen's error body and the refusals built from it.

Codes and their texts: https://docs.adyen.com/development-resources/error-codes; shape: schema ServiceError of Checkout
v72.
"""

from __future__ import annotations

from typing import Any

from assay.simkit import Answer, Failure


class Problem(Exception):
    """A refusal in Adyen's words; `saved`: the answer is given again for the same idempotency key."""

    def __init__(self, status: int, code: str, message: str, type_: str = "validation") -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"status": status, "errorCode": code, "message": message, "errorType": type_}
        self.saved = status == 422


def invalid(code: str, message: str) -> Problem:
    """Refuse a request that can be read and makes no sense (422)."""
    return Problem(422, code, message)


def unreadable(message: str) -> Problem:
    """Refuse a request that has not the structure of the operation (400)."""
    return Problem(400, "702", message)


def unauthorised() -> Problem:
    """Refuse a call without a known API key."""
    return Problem(401, "000", "HTTP Status Response - Unauthorized", "security")


def wrong_account() -> Problem:
    """Refuse a merchant account the key does not open."""
    return Problem(403, "901", "Invalid Merchant Account", "security")


def failure_answer(failure: Failure) -> Answer:
    """Turn what simkit could not hand to any operation into Adyen's error body."""
    # Adyen does not tell an unknown method from an unknown path.
    status = 404 if failure.kind == "method_not_allowed" else failure.status
    code = {"unreadable": "702", "unavailable": "703"}.get(failure.kind, "903" if status >= 500 else "000")
    type_ = "internal" if status >= 500 else "validation"
    return Answer({"status": status, "errorCode": code, "message": failure.message, "errorType": type_}, status)
