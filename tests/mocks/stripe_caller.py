"""Calls the Stripe simulator over HTTP in Stripe's form encoding, and hears its webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import httpx

KEY = "sk_test_assay"


@dataclass(frozen=True)
class Reply:
    """One answer; `body` is the JSON read."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def error(self) -> dict[str, Any]:
        """The error object of a refusal."""
        found: dict[str, Any] = self.body["error"]
        return found


class Caller:
    """A client of the simulator; `witness` sees (method, path, reply) of every call."""

    def __init__(self, url: str, key: str = KEY, witness: Callable[[str, str, Reply], None] | None = None) -> None:
        self.url = url
        self.key = key
        self._witness = witness
        self._client = httpx.Client(base_url=url, trust_env=False)

    def post(self, path: str, idempotency_key: Any = None, **form: Any) -> Reply:
        """POST a form; dicts and lists become brackets."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.send("POST", path, form=form, headers=headers)

    def get(self, path: str, **query: Any) -> Reply:
        """GET with query parameters."""
        return self.send("GET", path, query=query)

    def send(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send any request and read the answer."""
        all_headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if form is not None:
            content = urlencode(list(_pairs(form))).encode()
            all_headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        address = f"{path}?{urlencode(list(_pairs(query)))}" if query else path
        answer = self._client.request(method, address, content=content, headers=all_headers)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        reply = Reply(answer.status_code, answer.json() if is_json else answer.text, dict(answer.headers))
        if self._witness is not None:
            self._witness(method, path, reply)
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def _pairs(form: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    for name, value in form.items():
        key = f"{within}[{name}]" if within else name
        if isinstance(value, Mapping):
            yield from _pairs(value, key)
        elif isinstance(value, list):
            for item in value:
                yield f"{key}[]", str(item)
        elif isinstance(value, bool):
            yield key, str(value).lower()
        else:
            yield key, str(value)
