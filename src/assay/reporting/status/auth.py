"""Who may read the status page, and who may change something by it.

On loopback everybody of this machine may, and the Host header must name this machine, so that a page of somebody else
whose name was made to point here is refused (DNS rebinding). Wherever a token is set it is asked for: as
``Authorization: Bearer``, or once by a form that leaves a cookie. A trusted proxy names the user it let in by a header.
Changes by a browser must come from a page of ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from assay.errors import UsageError
from assay.profile import read_credential
from assay.profile_watch import Monitoring
from assay.reporting.status.problems import Problem, problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION, FORM = "assay_session", "assay_form"
"""Names of the cookies: who signed in, and which browser was given a form."""
_SESSION_S = 12 * 3600
_OPEN = ("/healthz", "/login", "/static/")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_BODY = 64 * 1024
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # same-origin, not no-referrer: with the latter browsers send "Origin: null" even to ourselves.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. name is the user a proxy named, empty where nobody knows; by: open, token, session or proxy."""

    name: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rule. hosts: by which names it may be called (lower case, without port); by any where empty.

    public: host and port by which people reach it through a proxy. secure: whether they do by https, so that cookies
    must not travel otherwise.
    """

    token: str | None = field(default=None, repr=False)
    user_header: str | None = None
    trusted: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset(_LOOPBACK)
    public: str = ""
    secure: bool = False
    now: Callable[[], float] = time.time
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def reader(self, request: Request) -> Reader | None:
        """Return who asks, None where nobody may; compares in constant time."""
        if self.user_header is not None and self._is_trusted(request) and (user := self._named(request)):
            return Reader(user, "proxy")
        if self.token is not None:
            kind, _, given = request.headers.get("authorization", "").partition(" ")
            if kind.lower() == "bearer" and self.is_token(given.strip()):
                return Reader("", "token")
            if self._is_session(request.cookies.get(SESSION, "")):
                return Reader("", "session")
        return Reader("", "open") if self.token is None and self.user_header is None else None

    def is_token(self, given: str) -> bool:
        """Whether that is the token."""
        return self.token is not None and hmac.compare_digest(_digest(given), _digest(self.token))

    def new_session(self) -> str:
        """Return a cookie's value that lets its bearer in for half a day; the token itself is not in it."""
        until = str(int(self.now()) + _SESSION_S)
        return f"{until}.{self._sign('session', until)}"

    def form_token(self, cookie: str) -> str:
        """Return what a form must send back, for the browser that was given this cookie."""
        return self._sign("form", cookie)

    def is_ours(self, request: Request) -> bool:
        """Whether a change was asked for by a page of ours, or by a program (which no other page can imitate)."""
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        if origin is None:
            return True
        return urlsplit(origin).netloc.lower() in {request.headers.get("host", "").lower(), self.public} - {""}

    def is_called_well(self, request: Request) -> bool:
        """Whether the Host header names us, where that can be told."""
        return not self.hosts or _host_name(request.headers.get("host", "")) in self.hosts

    def _is_trusted(self, request: Request) -> bool:
        try:
            peer = ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.trusted)

    def _named(self, request: Request) -> str:
        names = request.headers.getlist(self.user_header or "")
        # Two of them: the proxy added its own to one that somebody sent, and which is which cannot be told.
        return names[0].strip()[:100] if len(names) == 1 else ""

    def _is_session(self, cookie: str) -> bool:
        until, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", until).encode()):
            return False
        return until.isdigit() and int(until) > self.now()

    def _sign(self, purpose: str, text: str) -> str:
        # Of the token, so that every process with it, and the next one, knows the cookie; else of this process alone.
        key = _digest(f"assay status {self.token}") if self.token is not None else self._secret
        return hmac.new(key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


def guard_of(monitoring: Monitoring) -> Guard:
    """Return the rule a profile asks for; `UsageError` where the token's variable is not set."""
    token = None
    if monitoring.token is not None:
        token = read_credential(monitoring.token)
        if not token:
            raise UsageError(
                "the status page's token is not set",
                where="monitoring.token",
                expected=f"the variable {monitoring.token.partition(':')[2]} with a secret of your own",
                hint="set it, or remove monitoring.token to serve this machine alone",
            )
    public = urlsplit(monitoring.public_url or "")
    hosts = frozenset({*_LOOPBACK, *([public.hostname] if public.hostname else [])})
    return Guard(
        token=token,
        user_header=monitoring.user_header,
        trusted=tuple(ip_network(each) for each in monitoring.trusted_proxies),
        hosts=hosts if monitoring.bind in _LOOPBACK else frozenset(),
        public=public.netloc.lower(),
        secure=public.scheme == "https",
    )


class Guarded:
    """An ASGI application behind a guard: refuses whom it must, and gives every answer its security headers."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        given = request.cookies.get(FORM)
        cookie = given or secrets.token_urlsafe(16)
        scope["assay.form"] = self._guard.form_token(cookie)
        refused = self._refused(request)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                known = {name for name, _ in headers}
                extra = {**_HEADERS, "cache-control": "no-store"}
                headers += [
                    (name.encode(), text.encode()) for name, text in extra.items() if name.encode() not in known
                ]
                if given is None and any(n == b"content-type" and v.startswith(b"text/html") for n, v in headers):
                    headers.append((b"set-cookie", self._cookie(FORM, cookie).encode()))
                message = {**message, "headers": headers}
            await send(message)

        await (refused or self._app)(scope, receive, guarded)

    def _refused(self, request: Request) -> Response | None:
        path = request.url.path
        if path == "/healthz":
            return None
        if not self._guard.is_called_well(request):
            return _no(
                request, 421, "This address is not ours",
                f"The Host header says '{_host_name(request.headers.get('host', ''))[:80]}'. Call it by 127.0.0.1 or "
                "localhost, or set monitoring.public_url to the name people use.",
            )  # fmt: skip
        reader = self._guard.reader(request)
        request.scope["assay.reader"] = reader
        if reader is None and not path.startswith(_OPEN):
            return _asked_in(request, self._guard)
        if (
            request.method not in _SAFE
            and (reader is None or reader.by != "token")
            and not self._guard.is_ours(request)
        ):
            return _no(request, 403, "That came from another site", "Changes are taken from pages of this one only.")
        return None

    def _cookie(self, name: str, text: str) -> str:
        return f"{name}={text}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if self._guard.secure else ''}"


def reader_of(request: Request) -> Reader:
    """Return who asks; whoever came this far may read."""
    return request.scope.get("assay.reader") or Reader("", "open")


async def form_of(request: Request) -> Mapping[str, str]:
    """Return a form's fields; `Problem` 403 without the hidden token of the page it stood on, 413 where too large."""
    body = await body_of(request)
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if not hmac.compare_digest(fields.get("form_token", "").encode(), str(request.scope["assay.form"]).encode()):
        raise Problem(403, "This form is out of date", "Go back, reload the page and send it again.")
    return fields


async def body_of(request: Request) -> bytes:
    """Return the body; `Problem` 413 for one no form and no call of ours has."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BODY:
            raise Problem(413, "That is too large", f"At most {_MOST_BODY // 1024} kB are read.")
        parts.append(part)
    return b"".join(parts)


async def sign_in(request: Request, guard: Guard) -> Response | None:
    """Answer the form of the login page: in with a cookie, or None where the token is wrong, after a pause."""
    fields = await form_of(request)
    if not guard.is_token(fields.get("token", "")):
        await asyncio.sleep(1)  # guessing is slow
        return None
    response = RedirectResponse(local_path(fields.get("next", "/")), 303)
    response.set_cookie(
        SESSION, guard.new_session(), max_age=_SESSION_S, httponly=True, samesite="strict", secure=guard.secure
    )
    return response


def local_path(path: str) -> str:
    """Return a path of this server; anything that leads elsewhere becomes the overview."""
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and "\\" not in path
    return path if is_ours else "/"


def _asked_in(request: Request, guard: Guard) -> Response:
    path = request.url.path
    if path.startswith("/api/"):
        detail = "Send the token as 'Authorization: Bearer …'."
        return problem_response(Problem(401, "Who are you?", detail), headers={"www-authenticate": "Bearer"})
    if guard.token is None or path in ("/metrics", "/readyz") or request.method not in _SAFE:
        words = "sign in at the proxy that stands before this page" if guard.token is None else "a token is needed"
        return PlainTextResponse(f"{words}\n", 401, {"www-authenticate": "Bearer"})
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/login?next={quote(path + query, safe='/')}", 303)


def _no(request: Request, status: int, title: str, detail: str) -> Response:
    if request.url.path.startswith("/api/"):
        return problem_response(Problem(status, title, detail))
    return PlainTextResponse(f"{title}. {detail}\n", status)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
