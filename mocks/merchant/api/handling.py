"""From a request to a handler's answer: bodies read, JSON checked, refusals and failures in one error shape."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from mocks.merchant.errors import Misconfigured, Refusal
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.checkout import Reply

_LARGEST = 1_000_000
_DOCUMENTS = ("application/xml", "text/xml", "text/plain")


_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read: path parameters, query, headers (lower case) and the raw body."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object. Raises `Refusal` 400."""
        if not self.raw:
            return {}
        try:
            content = orjson.loads(self.raw)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, "not_json", f"The body is not JSON: {error}.") from error
        if not isinstance(content, dict):
            raise Refusal(400, "not_an_object", "The body must be a JSON object.")
        return content

    @property
    def bearer(self) -> str | None:
        """The token of the Authorization header."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" and token else None

    @property
    def idempotency_key(self) -> str | None:
        """The key that stands for this request. Raises `Refusal` 422 for one longer than is documented."""
        key = self.headers.get("idempotency-key")
        if key and len(key) > _LONGEST_KEY:
            told = f"An Idempotency-Key has at most {_LONGEST_KEY} characters."
            raise Refusal(422, "invalid", told, field="Idempotency-Key", seen=f"{len(key)} characters")
        return key

    def number(self, name: str, default: int, *, least: int = 1, most: int = 500) -> int:
        """Return a whole number of the query. Raises `Refusal` 422 outside the bounds."""
        text = self.query.get(name, str(default))
        if not text.isdecimal() or not least <= int(text[:9]) <= most:
            raise Refusal(422, "invalid", f"'{name}' must be from {least} to {most}.", field=name, seen=text)
        return int(text)


Handler = Callable[[Shop, Call], "Reply | dict[str, Any] | Response"]


def endpoint(shop: Shop, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return the ASGI endpoint of a handler that runs in a thread."""

    async def serve(request: Request) -> Response:
        try:
            raw = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        call = Call(
            request.method,
            request.url.path,
            request.path_params,
            dict(request.query_params),
            dict(request.headers),
            raw,
        )
        return await run_in_threadpool(_answer, shop, handler, call)

    return serve


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(content), status, dict(headers or {}), "application/json")


def _noted(call: Call) -> Any:
    """Return what the log keeps of a body: all of a JSON object, the size of a document."""
    media = call.headers.get("content-type", "")
    return {"bytes": len(call.raw)} if media.startswith(_DOCUMENTS) else call.json()


def _answer(shop: Shop, handler: Handler, call: Call) -> Response:
    try:
        if len(call.raw) > _LARGEST:
            raise Refusal(413, "too_large", f"The body is larger than {_LARGEST} bytes.")
        if call.method != "GET" and call.path.startswith("/api/"):
            shop.log.write("request", method=call.method, path=call.path, body=_noted(call))
        answer = handler(shop, call)
    except Refusal as refusal:
        shop.log.write("refused", method=call.method, path=call.path, status=refusal.status, code=refusal.code)
        return json_response(refusal.status, refusal.body())
    except Misconfigured as error:
        return json_response(422, {"error": {"code": "misconfigured", "message": str(error)}})
    except Exception as error:
        shop.log.write("failed", method=call.method, path=call.path, error=repr(error), trace=traceback.format_exc())
        return json_response(500, {"error": {"code": "internal", "message": "The shop failed; its log says why."}})
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Reply):
        return json_response(answer.status, answer.body)
    return json_response(200, answer)
