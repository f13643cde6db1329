"""Faults as data, and the mappings that put them in a call's way.

What each end sees, measured with WireMock 3.13.2 (``tests/engine/edge/test_faults.py`` proves it):

============== ============================================= ============================================
kind           the caller                                    the system behind the edge
============== ============================================= ============================================
delay…         the answer, late                              the call, done before the wait
status         that status instead of the answer             the call, done
rate_limit     429 with Retry-After                          nothing done
drop           a closed connection, not one byte of answer   the call, done (some milliseconds later)
drop, hold_ms  silence until its own time-out                the call, done at once
reset          connection reset by peer                      the call, done (some milliseconds later)
truncate       status, headers, half the body, then closed   the call, done
duplicate      one answer                                    the call twice, done twice
============== ============================================= ============================================

Towards a **simulator** the edge passes the call on with the request header ``X-Assay-Fault``, which simkit executes
after its handler has committed. Two kinds cannot go that way, because WireMock answers 500 by itself when the system
behind it hangs up, and a client treats a 500 (and even a half answer) otherwise than silence: *drop* and *reset* are
stubs with WireMock's own fault, and a webhook hands the call on. ``hold_ms`` lets the simulator act first and keep its
answer instead. Towards a **sandbox** or the **platform** no header of ours may go: WireMock's own delays, or a stub
and a webhook, where the half body becomes a malformed one. In front of a **live** system there are no faults.

WireMock accepts ``fault``, ``status`` and ``body`` beside ``proxyBaseUrl`` and ignores them silently, so no mapping
here has both. A share of calls is drawn by simkit where the header goes, and otherwise by a seeded cycle of WireMock
scenario states (parallel calls may shift it a little). One call meets one fault: the first that fits.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from assay.edge.routes import ANSWERED_HERE, FAULT_PRIORITY, Entrance, RouteTable, entrances, mapping_id
from assay.errors import SafetyError, UsageError, did_you_mean

HEADER = "X-Assay-Fault"
FaultKind = Literal["delay", "delay_lognormal", "drop", "status", "rate_limit", "reset", "truncate", "duplicate"]
_NEEDS: dict[str, tuple[str, ...]] = {
    "delay": ("delay_ms",),
    "delay_lognormal": ("median_ms", "sigma"),
    "status": ("code",),
    "rate_limit": ("retry_after_s",),
}
_PARAMETERS = ("delay_ms", "median_ms", "sigma", "code", "retry_after_s", "hold_ms")
_BREAKS = {"drop": "EMPTY_RESPONSE", "reset": "CONNECTION_RESET_BY_PEER", "truncate": "MALFORMED_RESPONSE_CHUNK"}
# Handed on by a webhook, which cannot leave out a header that the caller did not send: these are harmless empty …
_RESENT = (
    "Authorization",
    "Content-Type",
    "Accept",
    "User-Agent",
    "Cookie",
    "X-CSRF-Token",
    "transId",
    "transactionSrc",
)
_RESENT_TO_PLATFORM = ("Stripe-Signature", "credential")
# … and these are not, so they get a mapping of their own for calls that carry them.
_RESENT_IF_THERE = ("Idempotency-Key", "If-Match")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault in front of one system (or of the platform, by its reverse route's name).

    ``path`` is a regular expression over the vendor's whole path, without query. ``share`` of the calls are hit, drawn
    from ``seed``. ``since`` and ``until`` are instants of the landscape's clock (simulators only). ``resend`` names
    further headers a handed-on call must carry (sandbox and platform; drop and reset).
    """

    kind: FaultKind
    system: str
    path: str | None = None
    method: str | None = None
    share: float = 1.0
    seed: int = 0
    since: datetime | None = None
    until: datetime | None = None
    delay_ms: int | None = None
    median_ms: int | None = None
    sigma: float | None = None
    code: int | None = None
    retry_after_s: int | None = None
    hold_ms: int | None = None
    resend: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @property
    def name(self) -> str:
        """Return the fault in one line, as the journal names it."""
        given = [f"{key}={getattr(self, key)}" for key in _PARAMETERS if getattr(self, key) is not None]
        given += [f"{key}={getattr(self, key)}" for key in ("method", "path") if getattr(self, key) is not None]
        given += [f"share={self.share} seed={self.seed}"] if self.share < 1 else []
        given += [f"{key}={at.isoformat()}" for key, at in (("from", self.since), ("until", self.until)) if at]
        return " ".join([self.kind, self.system, *given])


def fault_header(fault: Fault) -> str:
    """Return the value of ``X-Assay-Fault`` for a simulator."""
    values: dict[str, object] = {}
    match fault.kind:
        case "delay":
            values["ms"] = fault.delay_ms
        case "delay_lognormal":
            values |= {"median_ms": fault.median_ms, "sigma": fault.sigma}
        case "status":
            values["code"] = fault.code
        case "rate_limit":
            values["retry_after"] = fault.retry_after_s
        case "drop":
            values["ms"] = fault.hold_ms
    if fault.share < 1:
        values |= {"share": fault.share, "seed": fault.seed}
    values |= {key: at.isoformat() for key, at in (("from", fault.since), ("until", fault.until)) if at}
    # A held drop is a delay to the simulator: it acts, and answers when nobody listens any more.
    kind = "delay" if fault.kind == "drop" else fault.kind
    return "; ".join([kind, *(f"{key}={value}" for key, value in values.items())])


def fault_mappings(table: RouteTable, faults: Sequence[Fault], *, port: int) -> list[dict[str, Any]]:
    """Return the mappings that put ``faults`` in front of the routes of ``table``, the earlier fault first.

    Raises UsageError for an unknown system and for what cannot be done towards that kind of system, SafetyError for a
    live one.
    """
    ways = entrances(table, port=port)
    mappings: list[dict[str, Any]] = []
    for rank, fault in enumerate(faults):
        hit = [way for way in ways if way.system == fault.system]
        if not hit:
            raise UsageError(
                f"There is no system '{fault.system}' to put a fault in front of.",
                where=fault.name,
                hint=did_you_mean(fault.system, {way.system for way in ways}),
            )
        for way in hit:
            mappings.extend(_mappings_of(fault, way, FAULT_PRIORITY + rank * 4))
    return mappings


def _mappings_of(fault: Fault, way: Entrance, priority: int) -> list[dict[str, Any]]:
    if way.mode == "live":
        raise SafetyError(
            "Faults are never put in front of a live system.",
            where=fault.name,
            hint="use the simulator or the sandbox of this system",
        )
    if way.mode in ANSWERED_HERE:
        plans = _plans_without_backend(fault)
    elif way.mode == "simulator" and (fault.kind not in ("drop", "reset") or fault.hold_ms is not None):
        response = way.proxy()
        response["additionalProxyRequestHeaders"] = {**way.forwarded, HEADER: fault_header(fault)}
        return [_mapping(fault, way, priority, "header", {"response": response})]
    else:
        _refuse_span(fault, way)
        plans = _plans(fault, way)
    if fault.share >= 1:
        return [_mapping(fault, way, priority + offset, name, plan) for name, offset, plan in plans]
    return _cycle(fault, way, priority, plans)


_Plan = tuple[str, int, dict[str, Any]]


def _plans(fault: Fault, way: Entrance) -> list[_Plan]:
    """Return (name, priority offset, mapping parts) of what WireMock does by itself towards this entrance."""
    if fault.kind in ("delay", "delay_lognormal"):
        return [("delay", 0, {"response": way.proxy() | _delay(fault)})]
    if fault.kind == "rate_limit":
        return [("answer", 0, {"response": _too_many(fault)})]
    if fault.kind == "drop" and fault.hold_ms is not None:
        return [("hold", 0, {"response": way.proxy() | {"fixedDelayMilliseconds": fault.hold_ms}})]
    if fault.kind == "duplicate":
        response = way.proxy()
    elif fault.kind == "status":
        response = _status(fault)
    else:
        response = {"fault": _BREAKS[fault.kind]}
    return [
        (f"resend{number}", number, {"response": response, **matched, "serveEventListeners": [listener]})
        for number, (matched, listener) in enumerate(_resends(fault, way))
    ]


def _plans_without_backend(fault: Fault) -> list[_Plan]:
    """Return what can be done in front of stubs, where nothing is behind to act."""
    _refuse_span(fault, None)
    if fault.kind == "rate_limit":
        return [("answer", 0, {"response": _too_many(fault)})]
    if fault.kind == "status":
        return [("answer", 0, {"response": _status(fault)})]
    if fault.kind in _BREAKS and fault.hold_ms is None:
        return [("answer", 0, {"response": {"fault": _BREAKS[fault.kind]}})]
    raise UsageError(
        f"A fault of kind '{fault.kind}' needs a system that acts, and '{fault.system}' is answered by stubs.",
        where=fault.name,
        hint="give the system mode simulated, or write the delay into the stub itself",
    )


def _cycle(fault: Fault, way: Entrance, priority: int, plans: list[_Plan]) -> list[dict[str, Any]]:
    """Return a ring of scenario states in which the fault's share of states does it and the others pass the call on."""
    length = next((n for n in (2, 4, 5, 10, 20, 50) if _is_whole(fault.share * n)), 100)
    hits = min(length - 1, max(1, round(fault.share * length)))
    # S311: a fault's share is repeatable on purpose, not a secret.
    struck = set(random.Random(fault.seed).sample(range(length), hits))  # noqa: S311
    passing: list[_Plan] = [("pass", 0, {"response": way.proxy()})] if way.target else []
    ring: list[dict[str, Any]] = []
    for state in range(length):
        step = {
            "scenarioName": mapping_id(f"cycle {fault.name} {way.way} {way.host} {way.prefix}"),
            "requiredScenarioState": _state(state),
            "newScenarioState": _state((state + 1) % length),
        }
        for name, offset, plan in plans if state in struck else passing:
            ring.append(_mapping(fault, way, priority + offset, f"{name} {state}", plan | step))
    return ring


def _state(number: int) -> str:
    return "Started" if number == 0 else f"call {number}"  # WireMock's own name of every scenario's first state


def _is_whole(value: float) -> bool:
    return math.isclose(value, round(value), abs_tol=1e-9)


def _resends(fault: Fault, way: Entrance) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    """Give, per combination of the headers that must not be sent empty, who is matched and the webhook to use."""
    request = "originalRequest"
    path = f"{{{{{{substring {request}.url {len(way.prefix) + 1}}}}}}}" if way.prefix else f"{{{{{{{request}.url}}}}}}"
    ours = dict(way.forwarded) if way.mode == "simulator" else {}
    usual = (*_RESENT, *_RESENT_TO_PLATFORM) if way.way == "reverse" else _RESENT
    for there in ((True, True), (True, False), (False, True), (False, False)):
        present = [name for name, is_there in zip(_RESENT_IF_THERE, there, strict=True) if is_there]
        names = dict.fromkeys((*usual, *fault.resend, *present))
        parameters = {
            "method": f"{{{{{{{request}.method}}}}}}",
            "url": f"{(way.target or '').rstrip('/')}{path}",
            "headers": {name: f"{{{{{{{request}.headers.{name}}}}}}}" for name in names} | ours,
            "body": f"{{{{{{{request}.body}}}}}}",
        }
        matched = {"headers": {name: {"matches": ".+"} for name in present}} if present else {}
        yield {"matched": matched}, {"name": "webhook", "parameters": parameters}


def _mapping(fault: Fault, way: Entrance, priority: int, step: str, parts: dict[str, Any]) -> dict[str, Any]:
    name = f"fault {fault.name} {way.way} {way.host} {way.prefix} {step}"
    request = way.request(path=fault.path, method=fault.method) | parts.get("matched", {})
    mark = {**way.mark, "kind": "fault", "fault": fault.name}
    rest = {key: value for key, value in parts.items() if key != "matched"}
    return {
        "id": mapping_id(name),
        "name": name,
        "priority": priority,
        "request": request,
        "metadata": {"assay": mark},
        **rest,
    }


def _delay(fault: Fault) -> dict[str, Any]:
    if fault.kind == "delay":
        return {"fixedDelayMilliseconds": fault.delay_ms}
    return {"delayDistribution": {"type": "lognormal", "median": fault.median_ms, "sigma": fault.sigma}}


def _status(fault: Fault) -> dict[str, Any]:
    return {
        "status": fault.code,
        "headers": {"Content-Type": "application/json"},
        "jsonBody": {"error": {"message": "injected by a fault of the edge"}},
    }


def _too_many(fault: Fault) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Retry-After": str(fault.retry_after_s)}
    return {"status": 429, "headers": headers, "jsonBody": {"error": {"message": "Too many requests"}}}


def _refuse_span(fault: Fault, way: Entrance | None) -> None:
    if fault.since is None and fault.until is None:
        return
    what = f"in front of a {way.mode}" if way is not None and way.mode != "simulator" else f"of kind '{fault.kind}'"
    raise UsageError(
        f"A fault {what} cannot have a time span: only a simulator knows the landscape's clock.",
        where=fault.name,
        expected="no since and until",
        hint="give a drop hold_ms, or set and clear the fault when its time comes",
    )


def _check(fault: Fault) -> None:
    if fault.kind not in get_args(FaultKind):
        raise UsageError(
            f"Unknown kind of fault '{fault.kind}'.", where="kind", hint=did_you_mean(fault.kind, get_args(FaultKind))
        )
    needs = _NEEDS.get(fault.kind, ())
    allowed = (*needs, "hold_ms") if fault.kind == "drop" else needs
    for name in _PARAMETERS:
        value = getattr(fault, name)
        if name in needs and value is None:
            raise UsageError(f"A fault of kind '{fault.kind}' needs {name}.", where=fault.name)
        if value is not None and name not in allowed:
            raise UsageError(f"A fault of kind '{fault.kind}' has no {name}.", where=fault.name)
        if value is not None and value < 0:
            raise UsageError("A fault's figures cannot be negative.", where=fault.name, seen=f"{name}={value}")
    if not 0 < fault.share <= 1:
        raise UsageError("A fault's share lies above 0 and up to 1.", where=fault.name, seen=str(fault.share))
    if fault.code is not None and not 200 <= fault.code <= 599:
        raise UsageError("A status lies between 200 and 599.", where=fault.name, seen=str(fault.code))
    for instant in (fault.since, fault.until):
        if instant is not None and instant.utcoffset() is None:
            raise UsageError("A fault's time span needs a time zone.", where=fault.name, seen=instant.isoformat())
