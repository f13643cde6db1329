"""Who may call: basic authentication, and the CSRF token handshake SAP Gateway asks of every write."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any

from assay.simkit import Answer, Call, Refused, World, to_us

COOKIE = "SAP_SESSIONID_ASY_100"
_DEFAULT_USERS = {"ASSAY": "secret-assay"}
_TOUCH_US = 60_000_000
_LOGON_PAGE = "<!DOCTYPE html><html><head><title>Logon failed</title></head><body><h1>Logon failed</h1></body></html>"


def admit(state: Any, call: Call) -> Mapping[str, str]:
    """Return headers for the answer, or refuse with 401 (credentials) or 403 (token) as SAP Gateway does."""
    world: World = state.world
    user = _user(world, call)
    wish = call.headers.get("x-csrf-token", "")
    session = _session(world, call, user)
    if call.method in ("GET", "HEAD", "OPTIONS"):
        return _fetched(world, session, user) if wish.lower() == "fetch" else {}
    if session is None or not _same(world.table("sessions")[session]["token"], wish):
        raise Refused(Answer("CSRF token validation failed", 403, {"x-csrf-token": "Required"}, "text/plain"))
    return {}


def verify(world: World, call: Call) -> None:
    """Refuse a caller of a SOAP service with 401 unless name and password are known; no token is asked there."""
    _user(world, call)


def user_of(call: Call) -> str:
    """Return the name in the Authorization header of an admitted call."""
    return _credentials(call)[0]


def _credentials(call: Call) -> tuple[str, str]:
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def _user(world: World, call: Call) -> str:
    name, password = _credentials(call)
    known = world.settings.get("users", _DEFAULT_USERS).get(name)
    if known is None or not _same(str(known), password):
        headers = {"WWW-Authenticate": 'Basic realm="SAP NetWeaver Application Server [ASY/100][alias]"'}
        raise Refused(Answer(_LOGON_PAGE, 401, headers, "text/html"))
    return name


def _session(world: World, call: Call, user: str) -> str | None:
    """Return the id of the caller's live session, kept alive by its use."""
    try:
        morsel = SimpleCookie(call.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    sessions = world.table("sessions")
    found = sessions.get(morsel.value) if morsel is not None else None
    if morsel is None or found is None or found["user"] != user:
        return None
    now_us = world.clock.now_us()
    if found["used_us"] + _lifetime_us(world) <= now_us:
        return None
    if now_us - found["used_us"] > _TOUCH_US:
        sessions[morsel.value] = {**found, "used_us": now_us}
    return morsel.value


def _fetched(world: World, session: str | None, user: str) -> Mapping[str, str]:
    sessions = world.table("sessions")
    if session is not None:
        return {"x-csrf-token": sessions[session]["token"]}
    _forget_expired(world)
    identifier = world.ids.token("session", 32)
    token = world.ids.token("csrf", 22) + "=="
    sessions[identifier] = {"user": user, "token": token, "used_us": to_us(world.now())}
    return {"x-csrf-token": token, "Set-Cookie": f"{COOKIE}={identifier}; path=/; HttpOnly"}


def _forget_expired(world: World) -> None:
    sessions, edge_us = world.table("sessions"), world.clock.now_us() - _lifetime_us(world)
    for identifier in [name for name, each in sessions.items() if each["used_us"] <= edge_us]:
        del sessions[identifier]


def _lifetime_us(world: World) -> int:
    return timedelta(seconds=float(world.settings.get("session_s", 1_800))) // timedelta(microseconds=1)


def _same(expected: str, given: str) -> bool:
    return compare_digest(expected.encode(), given.encode())
