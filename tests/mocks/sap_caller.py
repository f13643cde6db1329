"""One SAP simulator for many tests, and a caller that holds every answer against SAP's document where it is there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from tests.conformance.edmx_judge import ROOT, SPECS, EdmxJudge

BASE = "/sap/opu/odata/sap/"
SALES = "API_SALES_ORDER_SRV"
DELIVERY = "API_OUTBOUND_DELIVERY_SRV;v=0002"
STOCK = "API_MATERIAL_STOCK_SRV"
PRODUCT = "API_PRODUCT_SRV"
PARTNER = "API_BUSINESS_PARTNER"
DOCUMENTS = {
    SALES: "API_SALES_ORDER_SRV.edmx",
    DELIVERY: "API_OUTBOUND_DELIVERY_SRV_0002.edmx",
    STOCK: "API_MATERIAL_STOCK_SRV.edmx",
    PRODUCT: "API_PRODUCT_SRV.edmx",
    PARTNER: "API_BUSINESS_PARTNER.edmx",
}
MATERIALS = [
    {"product": "0017", "name": "Théière & 茶 <grande>", "gtin": "4006381333931", "weight_g": 1200, "stock": 100},
    {"product": "SKU-2", "name": "Mug", "weight_g": 300, "stock": 5, "plant": "1020", "storage_location": "102A"},
]
DEFAULTS: dict[str, Any] = {
    "materials": MATERIALS,
    "approval_s": 120,
    "delivery_s": 600,
    "goods_issue_s": 600,
    "delivery_retry_s": 3600,
    "session_s": 1800,
    "page_size": 1000,
    "users": {"ASSAY": "secret-assay"},
    "goods_receipts": [],
    "base_url": None,
    "condition_types": {},
    "currency_decimals": {},
}
_START_S = 20.0


@cache
def judge(service: str) -> EdmxJudge | None:
    """The judge of a service, or None where SAP's document is not there."""
    path = SPECS / "sap_s4hana" / DOCUMENTS[service]
    return EdmxJudge(path) if path.exists() else None


@dataclass(frozen=True)
class Reply:
    """One answer; `d` is the payload of a success, `code` and `message` are an error's."""

    status: int
    body: Any
    text: str
    headers: Mapping[str, str]

    @property
    def d(self) -> Any:
        """The payload of a success."""
        return self.body["d"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of a collection."""
        found: list[dict[str, Any]] = self.body["d"]["results"]
        return found

    @property
    def code(self) -> str:
        """SAP's error code."""
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        """SAP's error message."""
        return str(self.body["error"]["message"]["value"])


class SapCaller:
    """A client of the simulator with basic authentication; `sign_in` fetches a token for writes."""

    def __init__(self, url: str, user: str = "ASSAY", password: str = "secret-assay") -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, trust_env=False, auth=(user, password))
        self.client.headers["Accept"] = "application/json"

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def sign_in(self, service: str = SALES) -> SapCaller:
        """Fetch a CSRF token and keep it with the session cookie."""
        answer = self.client.get(f"{BASE}{service}/", headers={"X-CSRF-Token": "Fetch"})
        self.client.headers["X-CSRF-Token"] = answer.headers["x-csrf-token"]
        return self

    def send(
        self,
        method: str,
        service: str,
        path: str = "",
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        **options: Any,
    ) -> Reply:
        """Send any request; options become ``$`` query options."""
        query = {f"${name}": str(value) for name, value in options.items()}
        sent = dict(headers or {})
        if body is not None:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        answer = self.client.request(
            method, f"{BASE}{service}/{path}", params=query or None, headers=sent, content=content
        )
        is_json = "json" in answer.headers.get("content-type", "")
        parsed = answer.json() if is_json and answer.content else None
        judged = judge(service) if service in DOCUMENTS else None
        if judged is not None:
            assert judged.see(parsed) == []
        return Reply(answer.status_code, parsed, answer.text, answer.headers)

    def get(self, path: str, service: str = SALES, **options: Any) -> Reply:
        """GET a resource."""
        return self.send("GET", service, path, **options)

    def post(self, path: str, body: Any, service: str = SALES) -> Reply:
        """POST an entity."""
        return self.send("POST", service, path, body=body)

    def patch(self, path: str, body: Any, service: str = SALES, etag: str | None = "*") -> Reply:
        """PATCH an entity; `etag` None sends no precondition."""
        return self.send("PATCH", service, path, body=body, headers={} if etag is None else {"If-Match": etag})

    def delete(self, path: str, service: str = SALES, etag: str | None = "*") -> Reply:
        """DELETE an entity."""
        return self.send("DELETE", service, path, headers={} if etag is None else {"If-Match": etag})

    def order(self, **changes: Any) -> dict[str, Any]:
        """Create an order of one item (or as changed) and return it."""
        reply = self.post("A_SalesOrder", order_payload(**changes))
        assert reply.status == 201, reply.text
        created: dict[str, Any] = reply.d
        return created

    def read(self, number: str, *, expand: str = "to_Item") -> dict[str, Any]:
        """Read an order again."""
        found: dict[str, Any] = self.get(f"A_SalesOrder('{number}')", expand=expand).d
        return found


def item(material: str = "0017", quantity: str = "2", rate: str = "10.50", **more: Any) -> dict[str, Any]:
    """Return an item with a manual price."""
    price = {"ConditionType": "PPR0", "ConditionRateValue": rate, "ConditionCurrency": "EUR", "ConditionQuantity": "1"}
    return {"Material": material, "RequestedQuantity": quantity, "to_PricingElement": [price], **more}


def order_payload(**changes: Any) -> dict[str, Any]:
    """Return an order of one item, with fields changed."""
    return {
        "SalesOrderType": "OR",
        "SalesOrganization": "1010",
        "DistributionChannel": "10",
        "OrganizationDivision": "00",
        "SoldToParty": "10100001",
        "PurchaseOrderByCustomer": "SHOP-1",
        "TransactionCurrency": "EUR",
        "to_Item": [item()],
        **changes,
    }


class SapServer:
    """A running simulator; time moves only by `advance`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self._clock = folder / "clock.json"
        self._write_clock()
        self.url = ""
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        system = {"vendor": "sap_s4hana", "port": 0, "settings": DEFAULTS}
        config = {
            "suite_roots": [str(ROOT)],
            "dir": str(self.folder / "state"),
            "clock": str(self._clock),
            "ready": str(ready),
            "systems": [system],
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "assay.simkit.serve", str(self.folder / "config.json")]
        with (self.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _START_S
        while not ready.exists():
            assert process.poll() is None, (self.folder / "log.txt").read_text()
            assert time.monotonic() < deadline, f"not ready after {_START_S} s"
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{json.loads(ready.read_text())['ports']['sap_s4hana']}"
        return process

    def _write_clock(self) -> None:
        microseconds = (self.now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        draft = self._clock.with_suffix(".part")
        draft.write_text(json.dumps({"mode": "frozen", "at_us": microseconds}))
        draft.replace(self._clock)

    def advance(self, **span: float) -> None:
        """Move time on and return when everything then due has run."""
        self.now += timedelta(**span)
        self._write_clock()
        self.admin("settle")

    def admin(self, action: str, **body: Any) -> None:
        """Ask for an admin action."""
        httpx.post(f"{self.url}/__admin/{action}", json=body, trust_env=False).raise_for_status()

    def reset(self) -> None:
        """Forget every document and setting of the last test."""
        self.admin("settings", **DEFAULTS)
        self.admin("reset")

    def kill(self) -> None:
        """SIGKILL the simulator and start it again over what it wrote."""
        self._process.kill()
        self._process.wait(timeout=10)
        self._process = self._start()

    def stop(self) -> None:
        """End the simulator."""
        self._process.terminate()
        self._process.wait(timeout=10)


@contextmanager
def serving(folder: Path) -> Iterator[SapServer]:
    """Serve a simulator from a folder until the block ends."""
    server = SapServer(folder)
    try:
        yield server
    finally:
        server.stop()
