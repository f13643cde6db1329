"""What every operation asks first: token, rate limit, version; and the state they share."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from assay.simkit import Answer, Call, World
from assay.simkit.oauth import BearerRefused, GrantRefused, TokenDesk
from mocks.ups.refusal import errors, refused

DEFAULT_CLIENTS = {"assay-client": "assay-secret"}
DEFAULT_SHIPPERS = ("A1B2C3",)
TOKEN_LIFETIME_S = 14_399
_VERSION = re.compile(r"v?\d{1,4}")
_SECOND = timedelta(seconds=1)


class Ups:
    """UPS as one account sees it: shipments, parcels and subscriptions of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = TokenDesk(world)
        self.shipments = world.table("shipments")
        self.parcels = world.table("parcels")
        self.references = world.table("references")
        self.watches = world.table("watches")
        self.accounts = world.table("accounts")
        self._calls: deque[datetime] = deque()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings as they are now."""
        return self.world.settings

    def is_shipper(self, number: str) -> bool:
        """Say whether an account number is one of ours; the setting `shipper_numbers` names them."""
        return number in self.settings.get("shipper_numbers", DEFAULT_SHIPPERS)

    def is_over_limit(self) -> bool:
        """Count one call of this second of simulated time and say whether it is one too many."""
        limit = self.settings.get("rate_limit_per_s")
        if not limit:
            return False
        now = self.world.now()
        while self._calls and self._calls[0] <= now - _SECOND:
            self._calls.popleft()
        if len(self._calls) >= int(limit):
            return True
        self._calls.append(now)
        return False


Operation = Callable[[Ups, Call], Answer]


def guarded(operation: Operation) -> Operation:
    """Return the operation behind token, rate limit and version check."""

    def handler(state: Ups, call: Call) -> Answer:
        if state.is_over_limit():
            return errors(("10429", "Too Many Requests"), status=429, headers={"Retry-After": "1"})
        try:
            state.tokens.bearer(call)
        except BearerRefused as refusal:
            if refusal.reason == "expired":
                raise refused("251004", "Bearer Token expired", 401) from None
            raise refused("250002", "Invalid Authentication Information.", 401) from None
        if not _VERSION.fullmatch(call.params.get("version", "v1")):
            raise refused("404", "The requested resource was not found.", 404)
        answer = operation(state, call)
        trans_id = call.headers.get("transid")
        return Answer(answer.body, answer.status, {**answer.headers, "transId": trans_id}) if trans_id else answer

    return handler


def token(state: Ups, call: Call) -> Answer:
    """Answer POST /security/v1/oauth/token. Every value is a string, numbers too, as UPS's document types them."""
    if state.is_over_limit():
        return errors(("10429", "Quota Limit Exceeded"), status=429, headers={"Retry-After": "1"})
    lifetime_s = int(state.settings.get("token_lifetime_s", TOKEN_LIFETIME_S))
    try:
        grant = state.tokens.grant(call, state.settings.get("clients", DEFAULT_CLIENTS), lifetime_s)
    except GrantRefused as refusal:
        if refusal.error == "invalid_client":
            return errors(("10401", "ClientId is Invalid"), status=401)
        if "grant_type" in refusal.description:
            return errors(("10400", "Invalid/Missing Grant Type"))
        return errors(("10400", "Invalid/Missing Authorization Header"))
    return Answer(
        {
            "token_type": "Bearer",
            "issued_at": str(int(grant.issued_at.timestamp() * 1_000)),
            "client_id": grant.client_id,
            "access_token": grant.token,
            "scope": "",
            "expires_in": str(grant.lifetime_s),
            "refresh_count": "0",
            "status": "approved",
        }
    )
