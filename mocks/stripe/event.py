"""Events and the signed webhooks that carry them (https://docs.stripe.com/api/events, /webhooks/signature)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson

from mocks.stripe.account import API_VERSION, Account, Document, Request
from mocks.stripe.error import invalid, missing_resource
from mocks.stripe.form import Accepts, array, boolean, text
from mocks.stripe.listing import PAGING, page

# Live-mode deliveries are tried for up to three days, further and further apart.
_RETRIES_S = (300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200, 43_200, 43_200)
_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
}

LIST: Accepts = {**PAGING, "type": text, "types": array(), "delivery_success": boolean}


def emit(
    account: Account,
    type_: str,
    object_: Document,
    request: Request | None = None,
    *,
    previous: Document | None = None,
) -> None:
    """Record an event and tell the webhook endpoint; `request` is None for what Stripe does by itself."""
    id_ = account.new_id("evt")
    url = account.setting("webhook_url", None)
    wanted = account.setting("webhook_events", ["*"])
    told = bool(url) and ("*" in wanted or type_ in wanted)
    data: Document = {"object": object_} if previous is None else {"object": object_, "previous_attributes": previous}
    event = {
        "id": id_,
        "object": "event",
        "api_version": API_VERSION,
        "created": account.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": int(told),
        "request": {
            "id": request.id if request else None,
            "idempotency_key": request.idempotency_key if request else None,
        },
        "type": type_,
    }
    account.events[id_] = event
    if told:
        retries = tuple(int(wait) for wait in account.setting("webhook_retries_s", _RETRIES_S))
        _post(account, str(url), orjson.dumps(event).decode(), retries)


def send_again(account: Account, message: Document) -> None:
    """Send a webhook nobody took once more, signed at the new instant."""
    _post(account, message["url"], message["body"], tuple(message["retries_s"]))


def _post(account: Account, url: str, body: str, retries_s: tuple[int, ...]) -> None:
    secret = str(account.setting("webhook_secret", "whsec_assay"))
    headers = {**_HEADERS, "Stripe-Signature": signature(secret, body, account.now())}
    account.world.post(url, body.encode(), headers, retries_s=retries_s, renew="webhook")


def signature(secret: str, body: str, at: int) -> str:
    """Return the Stripe-Signature header: HMAC-SHA256 over ``<unix seconds>.<raw body>``."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def retrieve(account: Account, request: Request) -> Document:
    """Return one event."""
    found: Document | None = account.events.get(request.path["id"])
    if found is None:
        raise missing_resource("event", request.path["id"], "id")
    return found


def list_(account: Account, request: Request) -> Document:
    """Return events, newest first; `type` may end in ``.*``."""
    parameters = request.parameters
    if parameters.get("type") and parameters.get("types"):
        raise invalid("Only one of type and types can be given.", "types")
    types: list[str] = [parameters["type"]] if parameters.get("type") else list(parameters.get("types") or [])

    def keep(event: dict[str, Any]) -> bool:
        return any(_is_of(event["type"], type_) for type_ in types)

    return page(account.events, parameters, kind="event", url="/v1/events", keep=keep if types else None)


def _is_of(type_: str, wanted: str) -> bool:
    return type_.startswith(wanted[:-1]) if wanted.endswith("*") else type_ == wanted
