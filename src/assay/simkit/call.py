"""What a handler receives and gives back: a call, an answer, a route, a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson


class Call:
    """One HTTP request to a simulator, with the body read."""

    __slots__ = ("body", "headers", "method", "params", "path", "query_string")

    def __init__(
        self, method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes, params: dict[str, str]
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.body = body
        self.params = params

    @property
    def query(self) -> list[tuple[str, str]]:
        """Query parameters in order, repeated names kept, percent-decoded."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    def json(self) -> Any:
        """Parse the body as JSON; raises `ValueError` (orjson.JSONDecodeError) when it is none."""
        return orjson.loads(self.body)

    def form(self) -> list[tuple[str, str]]:
        """Parse the body as application/x-www-form-urlencoded; raises `ValueError` for bytes that are no UTF-8."""
        return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=1_000)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a simulator answers. A dict or list body is sent as JSON, a str as UTF-8, None as nothing."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def encoded(self) -> bytes:
        """Return the bytes of the body."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return orjson.dumps(self.body)


class Refused(Exception):
    """Raised by a handler to answer at once; everything the handler changed is undone unless `keep` is set."""

    def __init__(self, answer: Answer, *, keep: bool = False) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.keep = keep


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no handler answered; the vendor's head turns it into the vendor's own error body.

    kind: ``not_found`` (404), ``method_not_allowed`` (405), ``unreadable`` (400), ``rate_limited`` (429),
    ``unavailable`` (another status asked for by a fault) or ``internal`` (500, a fault of the simulator).
    """

    kind: str
    status: int
    message: str
    retry_after_s: int | None = None


Handler = Callable[[Any, Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: method, path template in Starlette's syntax (``/v1/refunds/{id}``), handler(state, call)."""

    method: str
    path: str
    handler: Handler
