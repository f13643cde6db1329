"""The one HTTP client: guarded, budgeted, timed, recorded, over a transport the runner chooses.

No library's request model ever reaches a flow: httpx's cost five times the CPU of the request itself. What carries the
bytes is imported when a client is opened with it.
"""

from __future__ import annotations

import base64
import itertools
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NoReturn
from urllib.parse import quote, urlencode, urlsplit

import orjson

from assay.capture import Capture
from assay.errors import InfrastructureError, SafetyError, UsageError
from assay.masking import mask_body, mask_url
from assay.rate_budget import RateBudget, budget_of, budgeted
from assay.roles import Reply
from assay.transport import (
    MOST_BYTES,
    GeventTransport,
    HttpcoreTransport,
    Limits,
    Transport,
    TransportFailed,
    own_until,
    time_left,
    until,
)

__all__ = [
    "Answer",
    "Capture",
    "Client",
    "Limits",
    "RateBudget",
    "Transport",
    "TransportFailed",
    "Unanswered",
    "basic_authorization",
    "budgeted",
    "open_client",
    "own_until",
    "time_left",
    "until",
    "value_at",
]

_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Unanswered(InfrastructureError):
    """A system gave no reply: `system` is its id, `failure` says of which kind the trouble is."""

    def __init__(self, system: str, failure: TransportFailed, *, where: str, hint: str) -> None:
        super().__init__(
            f"{system} did not answer: {failure}",
            where=where,
            expected=failure.expected,
            seen=failure.seen,
            hint=failure.do or hint,
        )
        self.system = system
        self.failure = failure


class Client:
    """A client bound to one system's base URL; it implements `assay.roles.Http`."""

    def __init__(
        self,
        base_url: str,
        transport: Transport,
        *,
        system: str,
        headers: Mapping[str, str],
        allow_hosts: Sequence[str],
        budget: RateBudget | None,
        recorder: Callable[[Capture], None] | None,
        now: Callable[[], datetime],
        trace_id: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.system = system
        self._transport = transport
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._allow_hosts = tuple(host.lower() for host in allow_hosts)
        self._budget = budget
        self._recorder = recorder
        self._now = now
        self._trace_id = trace_id
        self._spans = itertools.count(1)
        self._span_prefix = zlib.crc32(self.base_url.encode())
        self._guard(self.base_url)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the transport's kept connections."""
        self._transport.close()

    def traced(self, trace_id: str, recorder: Callable[[Capture], None] | None = None) -> Client:
        """Return a client over the same connections whose requests carry this trace id (32 hexadecimal digits)."""
        if len(trace_id) != 32 or set(trace_id) - set("0123456789abcdef") or set(trace_id) == {"0"}:
            raise UsageError("that is no W3C trace id", expected="32 lower-case hexadecimal digits", seen=trace_id)
        sibling = object.__new__(Client)
        sibling.__dict__.update(self.__dict__, _trace_id=trace_id, _recorder=recorder or self._recorder)
        return sibling

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send one request and return the reply, whatever its status.

        path: below the base URL, starting with ``/``; or an absolute URL of an allowed host. `InfrastructureError`
        (`Unanswered`) when no whole reply came back, `SafetyError` when the host is not allowed (nothing is sent then).
        """
        url = self._url(path, params)
        try:
            content_type, content = _encode(json, form, body)
            sent = {**self._headers, "content-type": content_type} if content_type else dict(self._headers)
            if headers:
                sent.update((name.lower(), value) for name, value in headers.items())
            _refuse_unsendable(url, sent)
        except UsageError as error:
            error.where = f"{self.system}: {method} {mask_url(url)}"
            raise
        if self._trace_id:
            sent["traceparent"] = f"00-{self._trace_id}-{self._span_prefix:08x}{next(self._spans) & 0xFFFFFFFF:08x}-01"
        budget = self._budget or budget_of(self.system)
        if budget is None:
            return self._exchange(method, url, sent, content)
        return self._budgeted(budget, method, url, sent, content)

    def _budgeted(self, budget: RateBudget, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        allowance_s, least_s = min(budget.max_wait_s, time_left()), 0.5
        while True:
            allowance_s -= budget.take(allowance_s, system=self.system)
            reply = self._exchange(method, url, headers, content)
            if reply.status not in (429, 503):
                return reply
            asked_s = _retry_after_s(reply, self._now)
            if asked_s is None and reply.status == 503:
                return reply
            # The least is doubled each time, so that a vendor who always says "now" is not asked for ever.
            wait_s, least_s = max(asked_s or 0.0, least_s), least_s * 2
            budget.close_for(wait_s)
            # 429 means "not processed"; after a 503 only what may be sent twice is sent twice.
            repeatable = reply.status == 429 or method in _SAFE_TO_REPEAT or "idempotency-key" in headers
            if not repeatable or wait_s > allowance_s:
                return reply

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        started_at = self._now()
        started = time.perf_counter()
        try:
            reply = self._transport.send(method, url, headers, content)
        except TransportFailed as failure:
            self._record(method, url, headers, content, None, started_at, started, error=str(failure))
            hint = f"check that {self.system} runs and is reachable at {mask_url(self.base_url)}"
            raise Unanswered(self.system, failure, where=f"{method} {mask_url(url)}", hint=hint) from failure
        self._record(method, url, headers, content, reply, started_at, started)
        return reply

    def _record(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        reply: Reply | None,
        started_at: datetime,
        started: float,
        error: str | None = None,
    ) -> None:
        if self._recorder is None:
            return
        elapsed_s = time.perf_counter() - started
        capture = Capture(
            self.system, method, url, headers, content, reply, started_at, elapsed_s, self._trace_id, error
        )
        self._recorder(capture)

    def _url(self, path: str, params: Sequence[tuple[str, str]]) -> str:
        if path.startswith(("http://", "https://")):
            url = path
            self._guard(url)
        elif path.startswith("/"):
            url = self.base_url + path  # whose host was guarded when we were made, and no path changes it
        else:
            raise UsageError("a request path starts with '/'", where=self.system, seen=path, hint=f"write '/{path}'")
        if params:
            url += ("&" if "?" in path else "?") + urlencode(params, quote_via=quote, safe="$")
        return url

    def _guard(self, url: str) -> None:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        for allowed in self._allow_hosts:
            if host == allowed or parts.netloc.lower() == allowed:
                return
            if allowed.startswith("*.") and host.endswith(allowed[1:]):
                return
        raise SafetyError(
            f"'{host}' is not a host {self.system} may be called at; nothing was sent",
            where=mask_url(url),
            expected="one of " + ", ".join(self._allow_hosts),
            hint="add the host to the system's hosts in the profile if it is meant",
        )


def open_client(
    base_url: str,
    *,
    system: str = "",
    transport: Literal["httpcore", "geventhttpclient"] | Transport = "httpcore",
    timeout_s: float = 10.0,
    total_s: float | None = None,
    max_bytes: int = MOST_BYTES,
    headers: Mapping[str, str] | None = None,
    allow_hosts: Sequence[str] = (),
    budget: RateBudget | None = None,
    recorder: Callable[[Capture], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    trace_id: str | None = None,
    ca_file: str | None = None,
    connections: int = 16,
    proxy: str | None = None,
) -> Client:
    """Open a client for one system; `UsageError` for a base URL that is none or a transport that is not installed.

    system: its id, for messages and records (default: the host). allow_hosts: the only hosts it may call, as ``host``,
    ``host:port`` or ``*.domain`` (default: the base URL's own). timeout_s: for connecting and for each silence.
    total_s: for a whole call (default: three times timeout_s); `until` may end it earlier. max_bytes: the longest body,
    packed or not. recorder: gets every exchange, not masked yet. ca_file: an extra CA to trust. connections: the most
    kept per client. proxy: ``http://host:port`` to go through; the environment's HTTPS_PROXY is never read.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("that is no base URL", where=system or None, expected="http(s)://host…", seen=base_url)
    if "@" in parts.netloc:
        raise UsageError("a base URL holds no user or password", where=system or None, hint="use credentials instead")
    if timeout_s <= 0:
        raise UsageError("every request has a time limit", expected="timeout_s > 0", seen=str(timeout_s))
    limits = Limits(timeout_s, 3 * timeout_s if total_s is None else total_s, max_bytes)
    if transport == "httpcore":
        transport = HttpcoreTransport(limits, ca_file, connections, proxy)
    elif transport == "geventhttpclient":
        transport = GeventTransport(limits, ca_file, connections, proxy)
    elif isinstance(transport, str):
        raise UsageError("no such HTTP transport", expected="httpcore or geventhttpclient", seen=transport)
    client = Client(
        base_url,
        transport,
        system=system or parts.hostname,
        headers={"user-agent": "assay", "accept-encoding": "identity", **(headers or {})},
        allow_hosts=tuple(allow_hosts) or (parts.hostname,),
        budget=budget,
        recorder=recorder,
        now=now,
    )
    return client.traced(trace_id) if trace_id else client


class Answer:
    """A decoded JSON answer read by dotted path: what is missing or of another type raises, with vendor and path.

    A path's parts are members or list positions (``d.results.0.SalesOrder``). `InfrastructureError` names the vendor,
    the operation, the path, what was expected and what is there.
    """

    __slots__ = ("_at", "_operation", "_system", "_value")

    def __init__(self, value: Any, *, system: str, operation: str, at: str = "") -> None:
        self._value = value
        self._system = system
        self._operation = operation
        self._at = at

    @classmethod
    def of(cls, reply: Reply, *, system: str, operation: str) -> Answer:
        """Read a reply's JSON object; `InfrastructureError` when the body is none."""
        try:
            value = reply.json()
        except (ValueError, RecursionError):  # no JSON, or lists in lists without end
            value = None
        if not isinstance(value, dict):
            raise InfrastructureError(
                f"{system} did not answer with a JSON object",
                where=operation,
                expected="a JSON object",
                seen=f"status {reply.status}, {mask_body(reply.body[:120])!r}",
                hint=f"check that the address is {system}'s and not a proxy's or a login page's",
            )
        return cls(value, system=system, operation=operation)

    @property
    def raw(self) -> Any:
        """The decoded value itself."""
        return self._value

    def has(self, path: str) -> bool:
        """Say whether something other than null or an empty text is there."""
        return self._find(path) not in (None, "")

    def text(self, path: str) -> str:
        """Return a text."""
        value = self._find(path)
        return value if isinstance(value, str) else self._refuse(path, "a text", value)

    def text_or(self, path: str, default: str) -> str:
        """Return a text, or the default where it is absent or null."""
        value = self._find(path)
        return default if value is None else self.text(path)

    def integer(self, path: str) -> int:
        """Return a whole number."""
        value = self._find(path)
        return value if type(value) is int else self._refuse(path, "a whole number", value)

    def decimal(self, path: str) -> Decimal:
        """Return an exact number, from a JSON number or a decimal text."""
        value = self._find(path)
        if type(value) in (int, str, Decimal):
            try:
                number = Decimal(value)
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite():
                return number
        return self._refuse(path, "a decimal number", value)

    def at(self, path: str) -> Answer:
        """Return the object at the path."""
        value = self._find(path)
        return self._under(path, value if isinstance(value, dict) else self._refuse(path, "an object", value))

    def items(self, path: str) -> list[Answer]:
        """Return the elements of the list at the path."""
        value = self._find(path)
        elements: list[Any] = value if isinstance(value, list) else self._refuse(path, "a list", value)
        return [self._under(f"{path}.{position}", element) for position, element in enumerate(elements)]

    def refuse(self, path: str, expected: str) -> NoReturn:
        """Raise the error for a value that has the right type and the wrong content."""
        self._refuse(path, expected, self._find(path))

    def _under(self, path: str, value: Any) -> Answer:
        return Answer(value, system=self._system, operation=self._operation, at=f"{self._at}{path}.")

    def _find(self, path: str) -> Any:
        return value_at(self._value, path)

    def _refuse(self, path: str, expected: str, seen: Any) -> NoReturn:
        shown = "nothing" if seen is None else f"{type(seen).__name__} {mask_body(repr(seen)[:120])}"
        raise InfrastructureError(
            f"{self._system} answered in a shape its document does not have",
            where=f"{self._operation}: {self._at}{path}",
            expected=expected,
            seen=shown,
            hint=f"compare the answer with {self._system}'s document; its version may have changed",
        )


def value_at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path of members and list positions of decoded JSON; None where nothing does."""
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):  # no list is longer
            value = value[int(part[:9])]
        else:
            return None
    return value


def basic_authorization(user: str, password: str) -> str:
    """Return the value of an Authorization header of scheme Basic, in UTF-8 (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _refuse_unsendable(url: str, headers: Mapping[str, str]) -> None:
    """Refuse what no transport may send, or each would send in another way."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("a URL is printable ASCII without spaces", hint="quote the parts of the path")
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise UsageError(
                f"the header '{name}' holds a character that no header may",
                expected="printable ASCII",
                hint="a secret read from a file may end in a line break",
            )


def _encode(json: Any, form: Sequence[tuple[str, str]] | None, body: bytes | None) -> tuple[str | None, bytes]:
    """Return content type and bytes of the one body given; None and nothing without one."""
    if sum(part is not None for part in (json, form, body)) > 1:
        raise UsageError("a request has one body", expected="json, form or body", seen="more than one")
    if form is not None:
        return "application/x-www-form-urlencoded", urlencode(form).encode()
    if json is not None:
        try:
            return "application/json", orjson.dumps(json)
        except TypeError as error:
            raise UsageError(
                f"that cannot be sent as JSON: {error}", hint="write amounts as texts or whole numbers"
            ) from None
    return None, body or b""


def _retry_after_s(reply: Reply, now: Callable[[], datetime]) -> float | None:
    """Read Retry-After, in seconds or as a date (RFC 9110 section 10.2.3); None where it is absent or unreadable."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - now()).total_seconds(), 0.0)
