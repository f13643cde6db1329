"""Calls the Adyen simulator as a shop and as its shopper, and hears its webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.mocks.conftest import SimulatedClock, serving
from tests.mocks.webhook_listener import Heard

KEY, MERCHANT = "AQE_test_assay", "AssayECOM"
HMAC_KEY = "A55A" * 16
CARD = {"type": "scheme", "number": "4111111111111111", "expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}
AUTHENTICATED = "4212345678901237"
Witness = Callable[[str, str, httpx.Response], None]


class Caller:
    """A shop with an API key; `witness` sees every call and answer."""

    def __init__(self, url: str, key: str = KEY, witness: Witness | None = None) -> None:
        self.url = url
        self._witness = witness
        self._client = httpx.Client(base_url=url, trust_env=False, headers={"X-API-Key": key})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def forget_key(self) -> None:
        """Send no X-API-Key from now on."""
        del self._client.headers["X-API-Key"]

    def post(self, path: str, body: Any, base: str = "/v72", **headers: str) -> httpx.Response:
        """POST a JSON body, bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self._client.post(
            base + path, content=content, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        if self._witness is not None:
            self._witness("POST", base + path, answer)
        return answer

    def pay(self, value: int = 1_000, currency: str = "EUR", *, key: str = "", **more: Any) -> httpx.Response:
        """Start a payment; `method` changes fields of the card, other names change the body (None leaves out)."""
        body: dict[str, Any] = {
            "amount": {"value": value, "currency": currency},
            "reference": "A100001",
            "merchantAccount": MERCHANT,
            "returnUrl": "https://shop.example/back?order=A100001",
            "paymentMethod": {**CARD, **more.pop("method", {})},
            **more,
        }
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/payments", {name: each for name, each in body.items() if each is not None}, **headers)

    def modify(
        self, payment: str, kind: str, value: int | None = None, currency: str = "EUR", **more: Any
    ) -> httpx.Response:
        """Ask for a capture, cancel, refund, reversal or amountUpdate of a payment."""
        body: dict[str, Any] = {"merchantAccount": MERCHANT, **more}
        if value is not None:
            body["amount"] = {"value": value, "currency": currency}
        return self.post(f"/payments/{payment}/{kind}", body)

    def visit(self, action: dict[str, Any], outcome: str) -> str:
        """Go to the page of an action, press its button, and return the redirectResult one comes back with."""
        page = urlsplit(action["url"])
        address = f"{page.path}?{page.query}"
        assert outcome in self._client.get(address).text
        answer = self._client.post(address, data={"outcome": outcome})
        assert answer.status_code == 303, answer.text
        [result] = parse_qs(urlsplit(answer.headers["location"]).query)["redirectResult"]
        return result

    def details(self, result: str) -> httpx.Response:
        """Hand over what the shopper came back with."""
        return self.post("/payments/details", {"details": {"redirectResult": result}})


def items(heard: Heard) -> list[dict[str, Any]]:
    """Return the items of the webhooks heard, in the order of their coming."""
    bodies = (json.loads(body) for body, _ in heard.messages)
    return [each["NotificationRequestItem"] for body in bodies for each in body["notificationItems"]]


class Server:
    """One simulator for many tests: emptied by `reset`, with a clock that stands still."""

    def __init__(self, url: str, clock: SimulatedClock, state: Path) -> None:
        self.url = url
        self.clock = clock
        self.state = state
        self._changed: dict[str, None] = {}

    def reset(self, **settings: Any) -> None:
        """Forget everything and set these settings, all others to their defaults."""
        self._admin("reset", {})
        self._admin("settings", {**self._changed, **settings})
        self._changed |= dict.fromkeys(settings)

    def _admin(self, action: str, body: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/__admin/{action}", json=body, trust_env=False).raise_for_status()


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Serve the simulator from an empty folder."""
    clock = SimulatedClock(folder / "clock.json")
    with serving(folder, clock) as serve:
        yield Server(serve("adyen"), clock, folder / "adyen-0" / "state" / "adyen.jsonl")
