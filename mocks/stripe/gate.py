"""What every operation passes: API key, rate limit, idempotency key, parameters in, expansion and headers out.

Follows https://docs.stripe.com/api/authentication, /idempotent_requests, /request_ids, /expanding_objects.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import orjson

from assay.simkit import Answer, Call
from assay.simkit.call import Handler
from mocks.stripe.account import API_VERSION, Account, Document, Request
from mocks.stripe.error import Problem, error_object, invalid
from mocks.stripe.expansion import expanded
from mocks.stripe.form import Accepts, array, read, tree_of

Operation = Callable[[Account, Request], Document]

_REPLAY_FOR_S = 24 * 3600
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z_]+)?(;.*)?\Z")
_EXPAND = array()


def operation(run: Operation, accepts: Accepts | None = None, *, publishable: bool = False) -> Handler:
    """Return the handler of one operation. `accepts`: its parameters beside `expand`, which every operation takes."""
    takes = {**(accepts or {}), "expand": _EXPAND}

    def handle(account: Account, call: Call) -> Answer:
        return _handle(account, call, run, takes, publishable)

    return handle


def _handle(account: Account, call: Call, run: Operation, accepts: Accepts, publishable: bool) -> Answer:
    headers = {"Request-Id": account.next_request_id(), "Stripe-Version": API_VERSION}
    key = (call.headers.get("idempotency-key") or None) if call.method == "POST" else None
    fingerprint = ""
    saved = True
    try:
        restricted = _authorise(account, call, publishable)
        headers["Stripe-Version"] = _version(call)
        if account.is_throttled():
            headers["Stripe-Rate-Limited-Reason"] = "global-rate"
            raise invalid("Too many requests in too short a time.", code="rate_limit", status=429)
        tree = tree_of(_pairs(call))
        if key is not None:
            headers["Idempotency-Key"] = key
            fingerprint = _fingerprint(call, tree)
            replay = _replay(account, key, fingerprint, call.path)
            if replay is not None:
                status, body, original = replay
                headers |= {"Idempotent-Replayed": "true", "Original-Request": original}
                return Answer(body, status, headers)
        parameters = read(tree, accepts)
        request = Request(headers["Request-Id"], key, parameters, call.params, restricted)
        body = run(account, request)
        paths = parameters.get("expand")
        if paths:
            body = expanded(account, body, paths)
        status = 200
    except Problem as problem:
        if not problem.keep:
            account.world.documents.rollback()
        body, status, saved = {"error": problem.error}, problem.status, problem.saved
    if key is not None and saved:
        headers["Original-Request"] = headers["Request-Id"]
        account.replays[key] = [account.now(), fingerprint, status, body, headers["Request-Id"]]
    return Answer(body, status, headers)


def _authorise(account: Account, call: Call, publishable: bool) -> bool:
    """Return whether the key is a publishable one. Raises `Problem` 401 without a known key, 403 for the wrong kind."""
    key = _key(call.headers.get("authorization", ""))
    if not key:
        raise invalid(
            "No API key was given. Send it in the Authorization header: 'Authorization: Bearer YOUR_SECRET_KEY'.",
            status=401,
        )
    if key in account.setting("secret_keys", ["sk_test_assay"]):
        return False
    if key not in account.setting("publishable_keys", ["pk_test_assay"]):
        raise invalid(f"Invalid API Key provided: {key[:8]}****", status=401)
    if not publishable:
        raise invalid(
            "This operation needs a secret API key, not a publishable one.", None, "secret_key_required", status=403
        )
    return True


def _key(header: str) -> str:
    scheme, _, credential = header.partition(" ")
    if scheme.lower() == "bearer":
        return credential.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _version(call: Call) -> str:
    version = call.headers.get("stripe-version")
    if version is None:
        return API_VERSION
    if not _VERSION.match(version):
        raise invalid(f"Invalid Stripe API version: {version[:40]}")
    return version


def _pairs(call: Call) -> list[tuple[str, str]]:
    pairs = call.query if call.query_string else []
    if call.method == "GET" or not call.body:
        return pairs
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("", "application/x-www-form-urlencoded"):
        raise invalid("Invalid request: the content type of a POST must be application/x-www-form-urlencoded.")
    try:
        return pairs + call.form()
    except ValueError as error:
        raise invalid(f"Invalid request: the body is no readable form ({type(error).__name__}).") from error


def _fingerprint(call: Call, tree: dict[str, Any]) -> str:
    content = orjson.dumps([call.path, tree], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _replay(account: Account, key: str, fingerprint: str, path: str) -> tuple[int, Document, str] | None:
    if len(key) > 255:
        raise invalid("An idempotency key can have up to 255 characters.")
    known = account.replays.get(key)
    if known is None or account.now() - known[0] >= _REPLAY_FOR_S:
        return None
    _, first, status, body, original = known
    if not hmac.compare_digest(first, fingerprint):
        message = (
            f"The idempotency key '{key}' was first used with other parameters or another operation than {path} "
            "with these; use a new key for a new request."
        )
        raise Problem(400, error_object(message, type_="idempotency_error"))
    return status, body, original
