"""The reference merchant and its vendors' simulators as real servers on free ports, with a clock that stands still."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from assay.edge.sockets import free_port

ROOT = Path(__file__).parents[2]
VENDORS = ("stripe", "sap_s4hana", "ups", "ecb")
FURTHER = ("adyen", "paypal", "frankfurter")
SECRETS = {
    "STRIPE_API_KEY": "sk_test_assay",
    "STRIPE_WEBHOOK_SECRET": "whsec_rig",
    "ADYEN_API_KEY": "AQE_test_assay",
    "ADYEN_HMAC_KEY": "A55A" * 16,
    "PAYPAL_CLIENT_ID": "assay-client",
    "PAYPAL_CLIENT_SECRET": "assay-secret",
    "SAP_USER": "ASSAY",
    "SAP_PASSWORD": "secret-assay",
    "UPS_CLIENT_ID": "assay-client",
    "UPS_CLIENT_SECRET": "assay-secret",
    "UPS_WEBHOOK_CREDENTIAL": "rig-credential",
}
OPERATOR = {"authorization": "Bearer operator-demo"}
ADDRESS = {
    "name": "Zoë Müller",
    "line1": "12 rue de l’Été",
    "postcode": "75011",
    "city": "Paris",
    "country": "FR",
    "phone": "+33123456789",
}
_START_S = 20.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rig:
    """A merchant with its vendors; time moves only by `advance`."""

    def __init__(self, folder: Path, vendors: Sequence[str], simulator_settings: dict[str, Any]) -> None:
        self.folder = folder
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._clock = folder / "clock.json"
        self._set(self.now)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.client = httpx.Client(trust_env=False, timeout=120)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        hooks = {
            "stripe": {
                "webhook_url": f"{self.url}/webhooks/stripe",
                "webhook_secret": SECRETS["STRIPE_WEBHOOK_SECRET"],
            },
            "adyen": {"webhook_url": f"{self.url}/webhooks/adyen", "hmac_key": SECRETS["ADYEN_HMAC_KEY"]},
            "paypal": {"webhook_url": f"{self.url}/webhooks/paypal"},
            "ups": {"webhook_url": f"{self.url}/webhooks/ups", "webhook_credential": SECRETS["UPS_WEBHOOK_CREDENTIAL"]},
        }
        systems = [
            {"vendor": vendor, "port": 0, "settings": {**hooks.get(vendor, {}), **simulator_settings.get(vendor, {})}}
            for vendor in vendors
        ]
        config = {
            "suite_roots": [str(ROOT)],
            "dir": str(folder / "simulators"),
            "clock": str(self._clock),
            "systems": systems,
        }
        ports = self._start("simulators", [sys.executable, "-m", "assay.simkit.serve"], config) if systems else {}
        self.vendor = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def config(self, **more: Any) -> dict[str, Any]:
        """Return a merchant's configuration against these vendors; what is not simulated is a closed port."""
        closed = "http://127.0.0.1:9"
        return {
            "suite_roots": [str(ROOT)],
            "dir": str(self.folder / "merchant"),
            "clock": str(self._clock),
            "port": self._port,
            "public_url": self.url,
            "vendors": {name: {"base_url": self.vendor.get(name, closed)} for name in (*VENDORS, *FURTHER)},
            **more,
        }

    def start_merchant(self, **more: Any) -> None:
        """Start the merchant, over what an earlier one left."""
        self._start("merchant", [sys.executable, "-m", "mocks.merchant"], self.config(**more))

    def kill_merchant(self) -> None:
        """End the merchant with SIGKILL."""
        process = self._processes.pop("merchant")
        process.kill()
        process.wait(timeout=10)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Call the merchant, or any absolute URL; return status and decoded JSON."""
        url = path if path.startswith("http") else self.url + path
        content = None if body is None else json.dumps(body).encode()
        answer = self.client.request(
            method, url, content=content, headers={"content-type": "application/json", **headers}, timeout=30
        )
        return answer.status_code, answer.json() if answer.content else None

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call the merchant as its operator and return the JSON of a successful answer."""
        status, content = self.call(method, path, body, **{**OPERATOR, **headers})
        assert status in (200, 201), (status, content)
        return content

    def settings(self, **changed: Any) -> None:
        """Change the shop's configuration."""
        self.ok("POST", "/__admin/settings", changed)

    def defects(self, *on: str, off: Sequence[str] = ()) -> None:
        """Switch defects."""
        self.ok("POST", "/__admin/defects", {"on": list(on), "off": list(off)})

    def cart(
        self,
        currency: str = "EUR",
        lines: Sequence[tuple[str, int]] = (("0017", 1),),
        address: dict[str, str] | None = None,
        **customer: str,
    ) -> str:
        """Fill a cart and say who buys; return its id."""
        cart = str(self.ok("POST", "/api/carts", {"currency": currency})["id"])
        for sku, quantity in lines:
            self.ok("POST", f"/api/carts/{cart}/lines", {"sku": sku, "quantity": quantity})
        self.ok("PUT", f"/api/carts/{cart}/customer", self.buyer(address, **customer))
        return cart

    def buyer(self, address: dict[str, str] | None = None, **customer: str) -> dict[str, Any]:
        """Return who buys, and where it goes."""
        who = {"email": "zoe@example.com", "name": "Zoë Müller", **customer}
        return {**who, "address": {**ADDRESS, **(address or {})}}

    def checkout(self, cart: str, payment: dict[str, Any] | None = None, key: str | None = None) -> tuple[int, Any]:
        """Submit a cart, by default with a good card."""
        chosen = payment or {"kind": "card", "payment_method": "pm_card_visa"}
        headers = {"idempotency-key": key} if key else {}
        return self.call("POST", f"/api/carts/{cart}/checkout", {"payment": chosen}, **headers)

    def order(self, currency: str = "EUR", payment: dict[str, Any] | None = None, **cart: Any) -> Any:
        """Place an order and return it."""
        status, content = self.checkout(self.cart(currency, **cart), payment)
        assert status == 201, (status, content)
        return content

    def read(self, order: dict[str, Any]) -> Any:
        """Return an order as it stands."""
        return self.ok("GET", f"/api/orders/{order['id']}")

    def settle(self) -> None:
        """Return when nothing is due anywhere at this instant."""
        for _ in range(2):
            for url in (*dict.fromkeys(self.vendor.values()), self.url):
                self.client.post(f"{url}/__admin/settle", content=b"{}")

    def advance(self, **span: float) -> None:
        """Move time on and let everything due run."""
        self._set(self.now + timedelta(**span))
        self.settle()

    def ship(self) -> None:
        """Move on until the ERP has delivered what it approved and labels are bought."""
        for minutes in (3, 11, 11, 6):
            self.advance(minutes=minutes)

    def stripe(self, method: str, path: str, form: dict[str, Any] | None = None) -> Any:
        """Call the payment gateway's API directly."""
        key = {"authorization": f"Bearer {SECRETS['STRIPE_API_KEY']}"}
        answer = self.client.request(method, self.vendor["stripe"] + path, data=form, headers=key)
        return answer.json()

    def sap(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of an ERP list."""
        url = f"{self.vendor['sap_s4hana']}/sap/opu/odata/sap/{path}"
        answer = self.client.get(url, auth=("ASSAY", "secret-assay"), headers={"accept": "application/json"})
        content = answer.json()["d"]
        return list(content["results"]) if "results" in content else [content]

    def log(self) -> str:
        """Return the merchant's log."""
        return (self.folder / "merchant" / "merchant.log.jsonl").read_text()

    def close(self) -> None:
        """Stop everything."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
        self.client.close()

    def _set(self, at: datetime) -> None:
        self.now = at
        draft = self._clock.with_suffix(".part")
        draft.write_text(json.dumps({"mode": "frozen", "at_us": (at - _EPOCH) // timedelta(microseconds=1)}))
        draft.replace(self._clock)

    def _start(self, name: str, command: list[str], config: dict[str, Any]) -> dict[str, int]:
        ready = self.folder / f"{name}.ready"
        ready.unlink(missing_ok=True)
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({**config, "ready": str(ready)}))
        with (self.folder / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                [*command, str(path)], stdout=out, stderr=out, cwd=ROOT, env={**os.environ, **SECRETS}
            )
        self._processes[name] = process
        deadline = time.monotonic() + _START_S
        while not ready.exists():
            assert process.poll() is None, (self.folder / f"{name}.out").read_text()[-3000:]
            assert time.monotonic() < deadline, f"{name} is not ready after {_START_S} s"
            time.sleep(0.01)
        ports: dict[str, int] = json.loads(ready.read_text())["ports"]
        return ports


@contextmanager
def serving(
    folder: Path, vendors: Sequence[str] = VENDORS, simulator_settings: dict[str, Any] | None = None, **merchant: Any
) -> Iterator[Rig]:
    """Serve a merchant and its vendors; the merchant has fetched its rates."""
    rig = Rig(folder, vendors, simulator_settings or {})
    try:
        rig.start_merchant(**merchant)
        rig.settle()
        yield rig
    finally:
        rig.close()
