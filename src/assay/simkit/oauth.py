"""An OAuth 2.0 token endpoint for the client credentials grant (RFC 6749, 4.4), for every vendor that has one.

It decides and remembers; the vendor's simulator writes the answers, because each words them in its own way.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from assay.simkit.call import Call
from assay.simkit.clock import from_us, to_us
from assay.simkit.world import World

_TABLE = "_tokens"
_TOKEN_LENGTH = 48

GrantError = Literal["invalid_request", "invalid_client", "unsupported_grant_type"]
BearerError = Literal["missing", "unknown", "expired"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One access token: whose it is and until when, in simulated time."""

    token: str
    client_id: str
    issued_at: datetime
    lifetime_s: int


class GrantRefused(Exception):
    """No token was issued; `error` is the code of RFC 6749, 5.2."""

    def __init__(self, error: GrantError, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class BearerRefused(Exception):
    """A call carried no token, one never issued here, or one that has expired."""

    def __init__(self, reason: BearerError) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenDesk:
    """Issues and checks bearer tokens; they are documents, so they outlive a SIGKILL and a rollback takes them back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens = world.table(_TABLE)

    def grant(self, call: Call, clients: Mapping[str, str], lifetime_s: int) -> Grant:
        """Issue a token to the client named by HTTP Basic, or else by the form; raises `GrantRefused`.

        clients: secret by client id. The form must ask for ``grant_type=client_credentials``.
        """
        form = _form(call)
        client_id, secret = _credentials(call, form)
        known = clients.get(client_id)
        if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
            raise GrantRefused("invalid_client", "the client is unknown or its secret is wrong")
        kind = form.get("grant_type")
        if kind is None:
            raise GrantRefused("invalid_request", "grant_type is missing")
        if kind != "client_credentials":
            raise GrantRefused("unsupported_grant_type", f"grant_type is {kind!r}, expected 'client_credentials'")
        self._forget_expired()
        now = self._world.now()
        token = self._world.ids.token("token", _TOKEN_LENGTH)
        self._tokens[token] = [client_id, to_us(now), lifetime_s]
        return Grant(token, client_id, now, lifetime_s)

    def bearer(self, call: Call) -> Grant:
        """Return the grant of the call's ``Authorization: Bearer`` token; raises `BearerRefused`."""
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise BearerRefused("missing")
        row = self._tokens.get(token.strip())
        if row is None:
            raise BearerRefused("unknown")
        grant = Grant(token.strip(), row[0], from_us(row[1]), row[2])
        if _has_expired(grant, self._world.now()):
            raise BearerRefused("expired")
        return grant

    def _forget_expired(self) -> None:
        # Tokens are in order of issue; one long past its end stays known as expired for as long again.
        now = self._world.now()
        for token, row in list(self._tokens.items()):
            if now < from_us(row[1]) + timedelta(seconds=2 * row[2]):
                return
            del self._tokens[token]


def _has_expired(grant: Grant, now: datetime) -> bool:
    return now >= grant.issued_at + timedelta(seconds=grant.lifetime_s)


def _form(call: Call) -> dict[str, str]:
    try:
        return dict(call.form())
    except ValueError as error:
        raise GrantRefused("invalid_request", f"the body is no form: {error}") from error


def _credentials(call: Call, form: Mapping[str, str]) -> tuple[str, str]:
    kind, _, encoded = call.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError as error:  # binascii.Error and UnicodeDecodeError are both one
            raise GrantRefused("invalid_request", "the Basic authorization is no base64 of 'id:secret'") from error
        if not colon:
            raise GrantRefused("invalid_request", "the Basic authorization is no base64 of 'id:secret'")
        return client_id, secret
    if "client_id" in form:
        return form["client_id"], form.get("client_secret", "")
    raise GrantRefused("invalid_request", "neither a Basic authorization nor a client_id in the form")
