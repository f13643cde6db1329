"""Stripe's error object and the refusals built from it (https://docs.stripe.com/api/errors)."""

from __future__ import annotations

from typing import Any

from assay.simkit import Answer, Failure

Document = dict[str, Any]

_TYPES = {402: "card_error"}
_DOCS = "https://stripe.com/docs/error-codes/"


class Problem(Exception):
    """A refusal in Stripe's words. `keep`: what the request changed so far stays (a declined charge is recorded).

    `saved`: the answer is replayed for the same idempotency key; Stripe saves what an endpoint that started executing
    answered, and never a refusal made before that (bad parameters, authentication, rate limit).
    """

    def __init__(self, status: int, error: Document, *, keep: bool = False, saved: bool = False) -> None:
        super().__init__(error.get("message", ""))
        self.status = status
        self.error = error
        self.keep = keep
        self.saved = saved


def error_object(
    message: str, *, type_: str = "invalid_request_error", code: str | None = None, **more: Any
) -> Document:
    """Return an error object; fields given as None are left out, a code brings its documentation link."""
    error: Document = {"message": message, "type": type_}
    if code is not None:
        error["code"] = code
        error["doc_url"] = _DOCS + code.replace("_", "-")
    error.update({name: value for name, value in more.items() if value is not None})
    return error


def invalid(message: str, param: str | None = None, code: str | None = None, *, status: int = 400) -> Problem:
    """Refuse parameters before anything is executed."""
    return Problem(status, error_object(message, code=code, param=param))


def refused(message: str, code: str | None = None, *, param: str | None = None, **more: Any) -> Problem:
    """Refuse what the parameters ask for because of the state of an object; saved for the idempotency key."""
    return Problem(400, error_object(message, code=code, param=param, **more), saved=True)


def missing_resource(kind: str, id_: str, param: str, *, status: int = 404) -> Problem:
    """Refuse an id nobody knows: 404 where it is the path, 400 where it is a parameter."""
    return invalid(f"No such {kind}: '{id_}'", param, "resource_missing", status=status)


def failure_answer(failure: Failure) -> Answer:
    """Turn what simkit could not hand to any operation into Stripe's error body."""
    type_ = "api_error" if failure.status >= 500 else "invalid_request_error"
    code = "rate_limit" if failure.kind == "rate_limited" else None
    # Stripe does not tell an unknown method from an unknown path.
    status = 404 if failure.kind == "method_not_allowed" else failure.status
    headers = {"Stripe-Rate-Limited-Reason": "global-rate"} if failure.kind == "rate_limited" else {}
    return Answer({"error": error_object(failure.message, type_=type_, code=code)}, status, headers)
