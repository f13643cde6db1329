"""The reference landscape read as a real one is: by address, in real time, in production, within a budget.

For whatever needs monitors, budgets, undo or alerts as they are in production, without a production: tests, benchmarks
and the soak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from assay.local.plan import MERCHANT, SIMULATORS, Plan
from assay.local.project import plan_for
from assay.local.state import Running
from tests.serving import Quiet, serving

ROOT = Path(__file__).resolve().parents[1]
NAME = "rehearsal"
"""The environment's name; the landscape behind it is ``local``."""
CREDENTIALS = {
    "SHOP_OPERATOR_TOKEN": "operator-test-token",
    "STRIPE_API_KEY": "sk_test_assay",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_assay",
    "STRIPE_WEBHOOK_SECRET": "whsec_assay",
    "ADYEN_API_KEY": "AQE_test_assay",
    "ADYEN_MERCHANT_ACCOUNT": "AssayECOM",
    "ADYEN_HMAC_KEY": "A55A" * 16,
    "ADYEN_CAPTURE": "immediate",
    "ADYEN_TIME_ZONE": "UTC",
    "PAYPAL_CLIENT_ID": "assay-client",
    "PAYPAL_CLIENT_SECRET": "assay-secret",
    "SAP_USER": "ASSAY",
    "SAP_PASSWORD": "secret-assay",
    "UPS_CLIENT_ID": "assay-client",
    "UPS_CLIENT_SECRET": "assay-secret",
}
# Real time is not moved on: limits must fit between two runs that are seconds apart.
LIMITS_S: Mapping[str, float] = {"shop": 2, "payments": 3, "erp": 4, "carrier": 8}
_CURRENCIES = ("EUR", "JPY", "KWD", "INR", "USD", "GBP")


@dataclass(slots=True)
class Rehearsal:
    """A project whose environment `NAME` is up. environ: what its commands need in their environment."""

    folder: Path
    urls: Mapping[str, str]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """The environment's plan; the credentials must be in this process's environment."""
        return plan_for(NAME, self.folder / "assay.toml")

    def command(self, *words: str) -> list[str]:
        """Return a command line of assay."""
        return [str(Path(sys.executable).with_name("assay")), *words]

    def assay(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of assay to its end in the project's folder."""
        return subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )

    def defect(self, name: str, *, on: bool) -> None:
        """Switch a defect of the reference merchant."""
        done = self.assay("defects", "on" if on else "off", name)
        assert done.returncode == 0, done.stderr


@contextmanager
def rehearsal(
    folder: Path,
    *,
    skus: Sequence[str],
    customers: Sequence[str],
    limits_s: Mapping[str, float] = LIMITS_S,
    more: str = "",
    environ: Mapping[str, str] | None = None,
    budget: int = 100_000,
) -> Iterator[Rehearsal]:
    """Bring it up in this folder and take it down afterwards.

    skus, customers: what synthetic orders may hold and who may place them. limits_s: freshness limits by role. more:
    further text of assay.toml. budget: orders an hour, and ten thousand times that much of every currency.
    """
    text = (ROOT / "assay.toml").read_text()
    for role, limit in limits_s.items():
        text = "\n".join(f"{role} = {limit:g}" if line.startswith(f"{role} = ") else line for line in text.split("\n"))
    (folder / "assay.toml").write_text(text)
    found = Rehearsal(folder, {}, {**os.environ, **CREDENTIALS, **(environ or {})})
    up = found.assay("up", "--json")
    assert up.returncode == 0, up.stderr
    try:
        urls = {name: url for part in json.loads(up.stdout)["parts"] for name, url in part["urls"].items()}
        found.urls = {name: url for name, url in urls.items() if name != "edge"}
        money = dict.fromkeys(_CURRENCIES, budget * 10_000)
        text += f"\n{more}\n" + production(
            NAME, found.urls, skus=skus, customers=customers, orders_per_hour=budget, money_per_hour=money
        )
        (folder / "assay.toml").write_text(text)
        yield found
    finally:
        found.assay("down")


def production(
    name: str,
    systems: Mapping[str, str],
    *,
    skus: Sequence[str],
    customers: Sequence[str],
    orders_per_hour: int,
    money_per_hour: Mapping[str, int],
    payment: str = "card",
) -> str:
    """Return the text of an environment that is production, with a budget, and whose systems are at these addresses."""
    money = ", ".join(f"{currency} = {amount}" for currency, amount in money_per_hour.items())
    lines = "\n".join(f'{system} = {{ mode = "live", base_url = "{url}" }}' for system, url in systems.items())
    return f"""
[environments.{name}]
production = true
view = "witness"

[environments.{name}.safety]
skus = {json.dumps(list(skus))}
customers = {json.dumps(list(customers))}
orders_per_hour = {orders_per_hour}
money_per_hour = {{ {money} }}
kill_switch = "file:STOP"
payment = "{payment}"

[environments.{name}.systems]
{lines}
"""


def real_environment(systems: Mapping[str, str]) -> str:
    """Return the text of an environment ``real``, in which one customer buys one article on a voucher, at most."""
    return production(
        "real",
        systems,
        skus=["0017"],
        customers=["own@example.com"],
        orders_per_hour=500,
        money_per_hour={"EUR": 50_000},
        payment="voucher",
    )


def addresses(running: Running) -> dict[str, str]:
    """Return where the platform and the simulators of a landscape are reached without its edge, by name."""
    ports = running.processes[SIMULATORS].ports | running.processes[MERCHANT].ports
    return {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}


class _Receiver(Quiet):
    told: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Keep one message."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.told.append(json.loads(body or b"{}"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def receiving(told: list[dict[str, Any]]) -> Iterator[str]:
    """Take JSON messages into this list while the block lasts; yield the address, ``http://…``."""
    handler: type[BaseHTTPRequestHandler] = type("Bound", (_Receiver,), {"told": told})
    with serving(handler) as url:
        yield url
