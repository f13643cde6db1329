"""What every operation passes: token, rate limit, JSON, negative testing, PayPal-Request-Id, and the answer's size.

Follows https://developer.paypal.com/api/rest/requests/ (headers), /reference/guidelines/idempotency/ (a repeated
PayPal-Request-Id gets the latest state of what the first one made) and /tools/sandbox/negative-testing/request-headers/
(PayPal-Mock-Response asks for an error; other values than an error's name are ignored).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from assay.simkit import Answer, Call
from assay.simkit.call import Handler
from assay.simkit.documents import null_in
from assay.simkit.oauth import BearerRefused, GrantRefused
from mocks.paypal.account import CLIENTS, Business, Document, Request
from mocks.paypal.issue import CATALOGUE, Problem, detail, error_body, problem

TOKEN_LIFETIME_S = 32_400
_LONGEST_REQUEST_ID = 108
_SCOPE = " ".join(
    f"https://uri.paypal.com/services/{name}"
    for name in ("payments/payment/authcapture", "payments/refund", "reporting/search/read")
)
_GRANT_WORDS = {
    "invalid_client": "Client Authentication failed",
    "unsupported_grant_type": "Grant Type is NULL",
    "invalid_request": "Grant Type is NULL",
}


class Done(NamedTuple):
    """What an operation did: the id of the resource it made or found, and the status of success."""

    id: str
    status: int = 200


Operation = Callable[[Business, Request], Done]
Show = Callable[[Business, str, bool], Document]


@dataclass(frozen=True, slots=True)
class Kind:
    """How an operation is guarded and answered.

    show: renders a resource, whole or minimal. area: whose list of issues is worded. keeps_s: how long a
    PayPal-Request-Id is remembered; None where the operation takes none. again: the status of a repeated request.
    """

    show: Show
    area: str = ""
    keeps_s: int | None = None
    again: int = 200


def token(business: Business, call: Call) -> Answer:
    """Answer POST /v1/oauth2/token."""
    debug = {"Paypal-Debug-Id": business.next_debug_id()}
    lifetime_s = int(business.setting("token_lifetime_s", TOKEN_LIFETIME_S))
    try:
        grant = business.tokens.grant(call, business.setting("clients", CLIENTS), lifetime_s)
    except GrantRefused as refusal:
        # Who sends no credentials at all is no known client either (RFC 6749, 5.2).
        is_named = "authorization" in call.headers or refusal.error != "invalid_request" or "grant" in str(refusal)
        error = refusal.error if is_named else "invalid_client"
        status = 401 if error == "invalid_client" else 400
        words = {"error": error, "error_description": _GRANT_WORDS[error]}
        return Answer(words, status, debug)
    nonce = hashlib.blake2b(grant.token.encode(), digest_size=16).hexdigest()
    body = {
        "scope": _SCOPE,
        "access_token": grant.token,
        "token_type": "Bearer",
        "app_id": "APP-ASSAY0000000000000",
        "expires_in": grant.lifetime_s,
        "nonce": f"{business.now()}{nonce}",
    }
    return Answer(body, 200, debug)


def operation(run: Operation, kind: Kind) -> Handler:
    """Return the handler of one operation on a resource."""

    def handle(business: Business, call: Call, debug_id: str) -> Answer:
        body = _body(call)
        _mocked(call, kind.area)
        request_id = _request_id(call, kind)
        whole = call.method == "GET" or "return=representation" in call.headers.get("prefer", "").replace(" ", "")
        known = _known(business, call, request_id, kind) if request_id else None
        if known is not None:
            return _answer(business, kind, Done(known, kind.again), whole)
        done = run(business, Request(body, call.params, request_id))
        empty = null_in(body)  # after whatever has an issue of its own; nothing of the run is kept
        if empty:
            raise problem("INVALID_PARAMETER_SYNTAX", "/" + "/".join(empty), None, area=kind.area)
        if request_id is not None:
            business.replays[f"{call.path} {request_id}"] = [business.timestamp(), done.id]
        return _answer(business, kind, done, whole)

    return guarded(handle)


def _answer(business: Business, kind: Kind, done: Done, whole: bool) -> Answer:
    """Return what an operation did; one that answers 204 shows its resource, with 200, only to who asks for it."""
    if done.status != 204:
        return Answer(kind.show(business, done.id, whole), done.status)
    return Answer(kind.show(business, done.id, True), 200) if whole else Answer(None, 204)


def guarded(run: Callable[[Business, Call, str], Answer]) -> Handler:
    """Return a handler that asks for token and rate first and answers every refusal in PayPal's words."""

    def handle(business: Business, call: Call) -> Answer:
        debug_id = business.next_debug_id()
        headers = {"Paypal-Debug-Id": debug_id}
        try:
            business.tokens.bearer(call)
            if business.is_throttled():
                return Answer(error_body(429, [], debug_id), 429, headers)
            answer = run(business, call, debug_id)
        except BearerRefused as refusal:
            if refusal.reason == "missing":
                return Answer(error_body(401, [], debug_id), 401, headers)
            words = "Token signature verification failed" if refusal.reason == "unknown" else "The token has expired"
            return Answer(
                {**error_body(401, [], debug_id), "error": "invalid_token", "error_description": words},
                401,
                {**headers, "WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        except Problem as refusal:
            business.world.documents.rollback()
            return Answer(error_body(refusal.status, refusal.details, debug_id), refusal.status, headers)
        return Answer(answer.body, answer.status, {**headers, **answer.headers}, answer.media_type)

    return handle


def query_of(call: Call) -> Mapping[str, str]:
    """Return the query's parameters, the last of each name."""
    return dict(call.query)


def _body(call: Call) -> Mapping[str, Any]:
    if call.method == "GET" or not call.body.strip():
        return {}
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("", "application/json"):
        raise Problem(415)
    try:
        body = call.json()
    except orjson.JSONDecodeError:
        raise problem("MALFORMED_REQUEST_JSON") from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise problem("MALFORMED_REQUEST_JSON")
    return body


def _mocked(call: Call, area: str) -> None:
    """Refuse as PayPal-Mock-Response asks, before anything is done."""
    header = call.headers.get("paypal-mock-response")
    if header is None:
        return
    try:
        wish = orjson.loads(header)
    except orjson.JSONDecodeError:
        return
    code = wish.get("mock_application_codes") if isinstance(wish, dict) else None
    if isinstance(code, list):
        code = code[0] if code else None
    if isinstance(code, str) and code in CATALOGUE:
        status = CATALOGUE[code][0]
        raise Problem(status, detail(code, area=area))
    if code == "INTERNAL_SERVER_ERROR":
        raise Problem(500)


def _request_id(call: Call, kind: Kind) -> str | None:
    given = call.headers.get("paypal-request-id")
    if not given or kind.keeps_s is None or call.method != "POST":
        return None
    if len(given) > _LONGEST_REQUEST_ID:
        raise problem("INVALID_STRING_LENGTH", "PayPal-Request-Id", given, area=kind.area)
    return given


def _known(business: Business, call: Call, request_id: str, kind: Kind) -> str | None:
    """Return the id of what an earlier request with this PayPal-Request-Id made."""
    known = business.replays.get(f"{call.path} {request_id}")
    if known is None or kind.keeps_s is None or business.timestamp() - known[0] >= kind.keeps_s:
        return None
    found: str = known[1]
    return found
