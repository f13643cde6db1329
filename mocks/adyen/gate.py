"""What every operation passes: API key, JSON object, merchant account, idempotency key.

Follows https://docs.adyen.com/development-resources/api-authentication and /api-idempotency: a repeated key answers
with the first answer, whatever the body, and the key comes back in a header.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Collection

from assay.simkit import Answer, Call
from assay.simkit.call import Handler
from assay.simkit.documents import null_in
from mocks.adyen.account import Account, Document, Request
from mocks.adyen.error import Problem, invalid, unauthorised, unreadable, wrong_account

Operation = Callable[[Account, Request], Document]

_REPLAY_FOR_S = 31 * 24 * 3600
_LONGEST_KEY = 64


def operation(run: Operation, accepts: Collection[str], *, status: int = 200, for_account: bool = True) -> Handler:
    """Return the handler of one operation. `accepts`: the fields of its body; `for_account`: it names the merchant."""

    def handle(account: Account, call: Call) -> Answer:
        return _handle(account, call, run, accepts, status, for_account)

    return handle


def _handle(
    account: Account, call: Call, run: Operation, accepts: Collection[str], status: int, for_account: bool
) -> Answer:
    key = call.headers.get("idempotency-key") or ""
    try:
        authorise(account, call)
        if len(key) > _LONGEST_KEY:
            raise invalid("702", f"An idempotency key can have up to {_LONGEST_KEY} characters.")
        known = account.replays.get(key) if key else None
        if known is not None and account.now() - known[0] < _REPLAY_FOR_S:
            return Answer(known[2], known[1], {"Idempotency-Key": key})
        body = _body(call, accepts)
        if for_account and body.get("merchantAccount") != account.setting("merchant_account", "AssayECOM"):
            raise wrong_account()
        result, saved = run(account, Request(body, call.params)), True
        empty = null_in(body)  # after whatever Adyen has a code of its own for; nothing of the run is kept
        if empty:
            raise unreadable(f"Structure of the request contains null, which no field can be: {'.'.join(empty)}")
    except Problem as problem:
        account.world.documents.rollback()
        result, status, saved = problem.body, problem.status, problem.saved
    if key and saved and len(key) <= _LONGEST_KEY:
        account.replays[key] = [account.now(), status, result]
    return Answer(result, status, {"Idempotency-Key": key} if key and saved else {})


def authorise(account: Account, call: Call) -> None:
    """Refuse a call without the API key, in its header or as the password of Basic authentication."""
    key = str(account.setting("api_key", "AQE_test_assay"))
    if not hmac.compare_digest(_presented(call).encode(), key.encode()):
        raise unauthorised()


def _presented(call: Call) -> str:
    """Return the API key, or the password of Basic authentication, which this account's only user has as well."""
    given = call.headers.get("x-api-key")
    if given is not None:
        return given
    scheme, _, credential = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _body(call: Call, accepts: Collection[str]) -> Document:
    try:
        body = call.json()
    except ValueError as error:
        raise unreadable(f"Problem parsing request: {type(error).__name__}") from error
    if not isinstance(body, dict):
        raise unreadable("Problem parsing request: the body must be a JSON object")
    strange = sorted(set(body) - set(accepts))
    if strange:
        raise unreadable(f"Structure of the request contains the following unknown fields: {strange}")
    return body


def text(body: Document, name: str, longest: int, missing: Problem | None = None) -> str:
    """Return a text field; a missing one raises `missing`, or is empty where none is given."""
    value = body.get(name)
    if value is None or value == "":
        if missing is not None:
            raise missing
        return ""
    if not isinstance(value, str):
        raise invalid("192", f"Invalid field {name}")
    if len(value) > longest:
        raise invalid("29_001", f"Field '{name}' may not exceed {longest} characters.")
    return value
