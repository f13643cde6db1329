"""A page or an interface over HTTP, asked as a stranger would ask: whether it answers in time, with what it must show.

Each run opens a connection of its own, so that name, network, TLS and certificate are looked at every time. Where the
shop is asked, no answer is the verdict; where a vendor is, it is trouble: nothing was learnt about the shop.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from assay.drift.checks import check
from assay.drift.look import Look
from assay.errors import UsageError, did_you_mean
from assay.http import Limits, Unanswered, open_client, value_at
from assay.masking import mask_body, mask_url
from assay.roles import Reply
from assay.span import seconds_of
from assay.transport import HttpcoreTransport

ORACLE = "availability"
_MOVED = frozenset({301, 302, 303, 307, 308})
_LEFT_FOR_THE_VERDICT = 0.1
_SHOWN = 120
_TITLE = re.compile(r"<title[^>]{0,200}>\s*([^<]{1,120})", re.IGNORECASE)
_STATUS = re.compile(r"[1-5](?:xx|[0-9]{2})")
_CAUSES = {
    "dns": "DNS: the record of the name is gone or wrong, or the name server does not answer",
    "refused": "nothing listens there: the server, or what stands before it, is down",
    "unreachable": "the network: no way leads there from here",
    "tls": "TLS: its certificate or its protocol is not accepted, and customers' browsers will not accept it either",
    "silence": "time-out: the server takes the call and says nothing; it hangs or is overloaded",
    "slow": "time-out: the answer comes too slowly to be of use",
    "over": "time-out: the answer comes too slowly to be of use",
    "size": "content: what is sent there is no such page; an error loop or a wrong export",
    "broken": "something else than a web server answers there",
    "closed": "the server ends the call in the middle: it crashes, or what stands before it gives up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked and what must come back; see `web`."""

    url: str | None
    system: str | None
    path: str
    method: str
    status: tuple[str, ...]
    holds: str | Mapping[str, Any] | None
    redirects: int
    hosts: tuple[str, ...]
    max_bytes: int
    within_s: float
    tls_days: float | None

    def accepts(self, status: int) -> bool:
        """Whether it may answer with this status."""
        return any(each == str(status) or (each[1:] == "xx" and each[0] == str(status)[0]) for each in self.status)


@dataclass(frozen=True, slots=True)
class _Missed:
    """What was expected and did not come."""

    expected: str
    seen: str
    cause: str


def wanted_of(options: Mapping[str, Any]) -> Wanted:
    """Read the options of a check `web`; `UsageError` naming the option that is wrong."""
    url, system, method = options.get("url"), options.get("system"), str(options.get("method", "GET")).upper()
    holds, tls_days = options.get("holds"), options.get("tls_days")
    if (url is None) == (system is None):
        seen = "neither" if url is None else "both"
        raise UsageError("the check 'web' asks a url, or a path of a system", where="url", seen=seen, hint=_EXAMPLE)
    if url is not None:
        _judge_url(url, tls_days)
    path = _text(options, "path", "/")
    if not path.startswith("/") or (url is not None and path != "/"):
        hint = "write the path into url" if url is not None else f"write '/{path}'"
        raise UsageError("path is below a system's address and begins with '/'", where="path", seen=path, hint=hint)
    if method not in ("GET", "HEAD"):
        raise UsageError("a check only reads", where="method", expected="GET or HEAD", seen=method)
    if holds is not None and not (isinstance(holds, str) and holds) and not (isinstance(holds, Mapping) and holds):
        expected = 'a text that the page shows, or a table of JSON paths: {"status" = "ok"}'
        raise UsageError("that is nothing a page could hold", where="holds", expected=expected, seen=repr(holds))
    if holds is not None and method == "HEAD":
        raise UsageError("an answer to HEAD holds nothing", where="holds", hint='leave out method, or write "GET"')
    return Wanted(
        url=url,
        system=system,
        path=path,
        method=method,
        status=_statuses(options.get("status")),
        holds=holds,
        redirects=int(_number(options, "redirects", 0, least=0, most=20)),
        hosts=_hosts(options.get("hosts", ())),
        max_bytes=int(_number(options, "max_bytes", _MOST, least=1, most=256 * 1024 * 1024)),
        within_s=_span(options.get("within", "10s")),
        tls_days=None if tls_days is None else _number(options, "tls_days", 0, least=0, most=3650),
    )


_MOST = 4 * 1024 * 1024
_EXAMPLE = 'options = {url = "https://shop.example/"}, or {system = "my_shop", path = "/"}'


@check(
    "web",
    oracles=(ORACLE,),
    judge=wanted_of,
    url=None,
    system=None,
    path="/",
    method="GET",
    status=None,
    holds=None,
    redirects=0,
    hosts=[],
    max_bytes=_MOST,
    within="10s",
    tls_days=None,
)
def web(look: Look) -> None:
    """Ask for a page or an interface: it must answer in time, with the right status and content.

    url, or path of a system (its id in the profile). method: GET or HEAD. status: 200, "2xx", or a list of such ones;
    any 2xx where none is given. holds: a text of the body, or a table of JSON paths with what must stand there.
    redirects: how many are followed, to the same host and those of hosts. max_bytes: the longest body. within: the time
    for all of it. tls_days: for how many days its certificate must still be valid.
    """
    wanted = wanted_of(look.options)
    url, system, is_vendor = _place(look, wanted)
    about = f"{wanted.method} {mask_url(url)}"
    certificates: list[Mapping[str, Any]] = []
    with look.step("ask"):
        answer = _asked(look, wanted, url, system, certificates, is_vendor=is_vendor)
    found = (
        [answer] if isinstance(answer, _Missed) else [*_judged(wanted, answer), *_of_certificate(wanted, certificates)]
    )
    for missed in found:
        look.holds(
            False,
            oracle=ORACLE,
            about=about,
            systems=(system,),
            expected=missed.expected,
            seen=missed.seen,
            cause=missed.cause,
        )
    if not found:
        look.holds(True, oracle=ORACLE, about=about)


def _place(look: Look, wanted: Wanted) -> tuple[str, str, bool]:
    """Return the address, whose it is, and whether that is a vendor of the shop."""
    addresses, systems = look.landscape.addresses, look.landscape.environment.systems
    if wanted.system is not None:
        if wanted.system not in addresses:
            raise UsageError(
                f"nobody knows where '{wanted.system}' is",
                where=f"environment {look.environment}, option system",
                hint=did_you_mean(wanted.system, addresses),
            )
        url, system = addresses[wanted.system].rstrip("/") + wanted.path, wanted.system
        _judge_url(url, wanted.tls_days)
    else:
        url = wanted.url or ""
        place = urlsplit(url).netloc.lower()
        owners = [name for name, base_url in addresses.items() if urlsplit(base_url).netloc.lower() == place]
        system = owners[0] if owners else urlsplit(url).hostname or place
    return url, system, system in systems and systems[system].role != "shop"


def _asked(
    look: Look, wanted: Wanted, url: str, system: str, certificates: list[Mapping[str, Any]], *, is_vendor: bool
) -> Reply | _Missed:
    """Ask, follow redirects, and return the last answer, or why there is none."""
    began = time.monotonic()
    limit_s = min(wanted.within_s, (look.deadline - began) * (1 - _LEFT_FOR_THE_VERDICT))
    hosts = (urlsplit(url).hostname or "", *wanted.hosts)
    been = [url]
    while True:
        left_s = max(began + limit_s - time.monotonic(), 0.001)
        proxy, ca_file = look.landscape.way_to(been[-1])
        limits = Limits(left_s, left_s, wanted.max_bytes)
        transport = HttpcoreTransport(limits, ca_file, 0, proxy, certificate=certificates.append)
        try:
            with open_client(been[-1], system=system, transport=transport, allow_hosts=hosts) as client:
                reply = client.request(wanted.method, been[-1])
        except Unanswered as error:
            kind = error.failure.kind
            if is_vendor or kind == "proxy" or (kind == "wrong" and len(been) == 1):
                raise  # nothing was learnt about the shop
            return _unanswered(error, limit_s, been)
        if not wanted.redirects or reply.status not in _MOVED or not reply.headers.get("location"):
            return reply
        following = _following(been[-1], reply.headers["location"])
        if (wrong := _wrong_way(been, following, hosts, wanted.redirects)) is not None:
            return wrong
        been.append(following)


_KEPT = "!#$%&'()*+,/:;=?@[]~-._"


def _following(url: str, location: str) -> str:
    """Return where a redirect leads; what is no address is left as it is."""
    try:
        return urljoin(url, quote(location, safe=_KEPT)).partition("#")[0]
    except ValueError:
        return "no address"


def _unanswered(error: Unanswered, limit_s: float, been: Sequence[str]) -> _Missed:
    failure = error.failure
    late = {"silence": f"no answer within {limit_s:.3g} s", "slow": f"no whole answer within {limit_s:.3g} s"}
    seen = late.get(failure.kind, str(failure)) + (f" ({failure.seen})" if failure.seen else "")
    if len(been) > 1:
        seen += f", redirected to {mask_url(been[-1])}"
    expected = failure.expected if failure.kind == "size" else f"a whole answer within {limit_s:.3g} s"
    return _Missed(expected, seen, _CAUSES.get(failure.kind, str(failure)))


def _wrong_way(been: Sequence[str], following: str, hosts: Sequence[str], most: int) -> _Missed | None:
    """Say what is wrong with a redirect; None where it may be followed."""
    expected = f"at most {most} redirects" + (f" within {', '.join(hosts)}" if hosts else "")
    to = f"redirected to {mask_url(following)}"
    parts = urlsplit(following)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return _Missed(expected, to, "the redirect leads to no page")
    if following in been:
        return _Missed(expected, f"{to}, where it had been before", "the redirects go in a circle")
    if len(been) > most:
        return _Missed(expected, f"{len(been)} and more, the last {to}", "one redirect follows another without end")
    if urlsplit(been[-1]).scheme == "https" and parts.scheme == "http":
        return _Missed("encrypted redirects", to, "the redirect leaves TLS: anybody on the way reads what follows")
    if not any(_is_host(parts.hostname.lower(), host.lower()) for host in hosts):
        cause = "the redirect leads to a host nobody named; put it into hosts where it is meant"
        return _Missed(expected, to, cause)
    return None


def _is_host(host: str, allowed: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _judged(wanted: Wanted, reply: Reply) -> list[_Missed]:
    """Hold status and content against what was wanted."""
    if not wanted.accepts(reply.status):
        return [_Missed(f"status {' or '.join(wanted.status)}", _answer_text(reply), _cause_of_status(reply.status))]
    if wanted.holds is None:
        return []
    if isinstance(wanted.holds, str):
        if wanted.holds in reply.text:
            return []
        cause = "content: the page answers without what it must show"
        return [_Missed(f"a page that holds {wanted.holds!r}", _answer_text(reply), cause)]
    try:
        value = reply.json()
    except (ValueError, RecursionError):
        return [_Missed("JSON", _answer_text(reply), "content: what answers is not the interface that was meant")]
    cause = "content: the interface answers, and not with what it must"
    return [
        _Missed(f"{path} = {expected!r}", f"{path} = {_shown(value_at(value, path))}", cause)
        for path, expected in wanted.holds.items()
        if not _same(value_at(value, path), expected)
    ]


def _of_certificate(wanted: Wanted, certificates: Sequence[Mapping[str, Any]]) -> list[_Missed]:
    """Say which certificates end too soon; those of redirects are meant, too."""
    found = []
    for certificate in certificates if wanted.tls_days is not None else ():
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
        days = (ends - datetime.now(UTC)).total_seconds() / 86_400
        if days < (wanted.tls_days or 0):
            expected = f"a certificate valid for {wanted.tls_days:g} more days"
            cause = "the certificate was not renewed; when it ends, browsers refuse the shop"
            found.append(_Missed(expected, f"it ends on {ends:%Y-%m-%d %H:%M} UTC, in {days:.1f} days", cause))
    return found


def _answer_text(reply: Reply) -> str:
    """Return an answer in few words: status, where it leads, its title or its first letters."""
    told = f"status {reply.status}"
    if location := reply.headers.get("location"):
        return f"{told} to {mask_url(location)[:_SHOWN]}"
    title = _TITLE.search(reply.text[:65_536])
    if title:
        return f"{told}, a page titled '{mask_body(' '.join(title[1].split()))}'"
    start = mask_body(reply.text[:_SHOWN]).strip()
    return f"{told}, {start!r}" if start and start.isprintable() else f"{told}, {len(reply.body)} bytes"


def _cause_of_status(status: int) -> str:
    if status >= 500:
        return "the shop answers with an error of its own"
    if status == 429:
        return "it is asked too often: a rate limit, or a protection against bots"
    if status in (401, 403):
        return "access is refused: a login, a firewall, or a protection against bots"
    if status in (404, 410):
        return "the page is gone: its address changed, or what publishes it failed"
    if 300 <= status < 400:
        return "it redirects; set redirects = 1 where that is meant"
    return "it answers in another way than was agreed"


def _same(seen: Any, expected: Any) -> bool:
    if isinstance(seen, bool) or isinstance(expected, bool):
        return seen is expected
    if isinstance(expected, float):  # TOML's; JSON's are decimals
        expected = Decimal(str(expected))
    return bool(seen == expected)


def _shown(value: Any) -> str:
    return "nothing" if value is None else mask_body(str(value) if isinstance(value, Decimal) else repr(value))[:_SHOWN]


# --- options ---------------------------------------------------------------------------------------------------------


def _judge_url(url: object, tls_days: object) -> None:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("that is no address of a page", where="url", expected="http(s)://host/path", seen=str(url))
    if "@" in parts.netloc:
        raise UsageError("an address holds no user or password", where="url", hint="check a page that needs none")
    if not str(url).isascii() or not str(url).isprintable() or " " in str(url):
        raise UsageError("an address is printable ASCII without spaces", where="url", hint="write %20 for a space")
    if tls_days is not None and parts.scheme != "https":
        raise UsageError("only https has a certificate", where="tls_days", seen=str(url), hint="take tls_days out")


def _statuses(value: object) -> tuple[str, ...]:
    wanted = ("2xx",) if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)
    found = tuple(str(each).lower() for each in wanted)
    wrong = [each for each in found if not _STATUS.fullmatch(each)]
    if wrong or not found:
        expected = '200, "2xx" or a list of such'
        raise UsageError("that is no HTTP status", where="status", expected=expected, seen=", ".join(wrong) or "none")
    return found


def _hosts(value: object) -> tuple[str, ...]:
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    for each in found:
        if not isinstance(each, str) or not each or "/" in each:
            expected = 'hosts such as "www.shop.example" or "*.shop.example"'
            raise UsageError("that is no host", where="hosts", expected=expected, seen=repr(each))
    return tuple(str(each) for each in found)


def _number(options: Mapping[str, Any], name: str, usual: float, *, least: float, most: float) -> float:
    value = options.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        expected = f"a number from {least:g} to {most:g}"
        raise UsageError(f"{name} is out of range", where=name, expected=expected, seen=repr(value))
    return value


def _text(options: Mapping[str, Any], name: str, usual: str) -> str:
    value = options.get(name, usual)
    if not isinstance(value, str):
        raise UsageError(f"{name} is a text", where=name, seen=repr(value))
    return value


def _span(value: Any) -> float:
    try:
        return seconds_of(value)
    except UsageError as error:
        error.where = "within"
        raise
