"""A believable week of several monitors in a real store, behind a status source that tests can look at and change.

One monitor fails with a finding in yen, one is red because a system is down and another alert stands for it, one is in
maintenance, one is silent since its machine went, one never ran, and the rest are well.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from assay.errors import InfrastructureError
from assay.events import Finding, Measure, Probe, ProbeResult, Result, StepDone
from assay.money import Money
from assay.monitor import AlertRule, Monitor, Objective
from assay.reporting.status.live import Recent
from assay.reporting.status.source import AlertLine, KillSwitch
from assay.store import Store

ENVIRONMENT = "production"
NOW = datetime(2026, 3, 12, 14, 23, 20, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Reader:
    """Somebody's browser, without scripts: keeps cookies, follows redirects, reads an ASGI application."""

    def __init__(self, app: Any, base: str = "http://127.0.0.1:9464", peer: str = "127.0.0.1") -> None:
        self._transport = httpx.ASGITransport(app, client=(peer, 50_000), raise_app_exceptions=False)
        self._base = base
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, *, follow: bool = True, **more: Any) -> httpx.Response:
        """Return what is answered."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url=self._base, cookies=self.cookies, follow_redirects=follow
            ) as client:
                answer = await client.request(method, path, **more)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Read a page."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Send a form or a call."""
        return self.request("POST", path, **more)

    def put(self, path: str) -> httpx.Response:
        """Ask for what nobody offers."""
        return self.request("PUT", path)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application as the process does, on a free port of this machine, and give its address."""
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", proxy_headers=False, access_log=False)
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listening.close()


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert as the engine would show it."""

    name: str
    monitor: str | None
    state: str
    since: datetime
    severity: str = "page"
    told: bool = False
    flapping: bool = False
    suppressed_by: str | None = None
    children: tuple[str, ...] = ()
    quiet: str = ""
    summary: str = ""


@dataclass
class Source:
    """A running process, as the status page sees it; its fields are what tests change."""

    store: Store
    project: Path
    environment: str = ENVIRONMENT
    location: str = "paris"
    runbooks: str = "monitors/runbooks"
    started_at: datetime = NOW - 6 * DAY
    recent: Recent = field(default_factory=Recent)
    at: datetime = NOW
    declared: dict[str, Monitor] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    lines: list[Alert] = field(default_factory=list)
    away_since: datetime | None = None
    ill: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    switch: KillSwitch = field(default_factory=lambda: KillSwitch(on=False, where="monitors/STOP"))
    thrown: list[tuple[bool, str]] = field(default_factory=list)
    breaks: bool = False

    def now(self) -> datetime:
        """The instant of the test."""
        return self.at

    def monitors(self) -> Mapping[str, Monitor]:
        """The monitors of the week."""
        return self.declared

    def next_due(self) -> Mapping[str, datetime]:
        """When each is due next."""
        return self.due

    def store_away_since(self) -> datetime | None:
        """Since when the store is away."""
        return self.away_since

    def problems(self) -> Sequence[str]:
        """What is not well."""
        return self.ill

    def alerts(self) -> Sequence[AlertLine]:
        """The alerts, with those of silenced monitors kept quiet."""
        return self.lines

    def undeliverable(self) -> Sequence[str]:
        """What could not be told."""
        return self.unsaid

    def kill_switch(self) -> KillSwitch:
        """Whether it is thrown."""
        return self.switch

    def throw_kill_switch(self, on: bool, by: str) -> None:
        """Throw it, and remember who did."""
        if self.breaks:
            raise InfrastructureError("the store cannot be reached", hint="is the database server up?")
        self.thrown.append((on, by))
        self.switch = KillSwitch(on=on, where=self.switch.where)

    def metrics(self, accept: str) -> tuple[str, str]:
        """A scrape."""
        kind = "application/openmetrics-text" if "openmetrics" in accept else "text/plain"
        return f"{kind}; version=1.0.0; charset=utf-8", "# TYPE assay_kill_switch gauge\nassay_kill_switch 0\n# EOF\n"


def a_monitor(name: str, title: str, every: timedelta, **more: object) -> Monitor:
    """Return one monitor as a file would declare it."""
    usual: dict[str, object] = {
        "owner": "shop team",
        "runbook": f"{name}.md",
        "alert": AlertRule(severity="page", routes=("oncall",)),
        "interval_s": every.total_seconds(),
        "timeout_s": min(240.0, every.total_seconds() * 0.8),
        "source": Path("monitors/shipped.toml"),
    }
    return Monitor(name=name, title=title, **{**usual, **more})  # type: ignore[arg-type]


MONITORS = (
    a_monitor(
        "order_base", "Synthetic order, card, base currency", 5 * MINUTE, flow="F01", cases=("eur_card",),
        systems=("shop", "stripe", "sap_s4hana"), objective=Objective(availability=0.995, latency_s=12.0),
        customers="Nobody can pay by card.",
    ),
    a_monitor(
        "order_foreign", "Synthetic order in JPY, KWD and INR", 30 * MINUTE, flow="F01", cases=("jpy", "kwd", "inr"),
        rotate=True, systems=("shop", "stripe"), objective=Objective(latency_s=15.0),
        customers="Customers in Japan are charged a hundred times the price.",
    ),
    a_monitor(
        "order_census", "Orders of shop, gateway and ERP are the same", 10 * MINUTE, check="order_census",
        systems=("shop", "stripe", "sap_s4hana"), owner="finance",
    ),
    a_monitor("fx_feed", "Exchange rates are fresh", 15 * MINUTE, check="rates", alert=AlertRule(severity="ticket")),
    a_monitor(
        "tracking", "Parcels and their tracking", 30 * MINUTE, check="parcels", systems=("ups",), owner="logistics",
        alert=AlertRule(severity="ticket"),
    ),
    a_monitor("stock_drift", "Stock of shop and ERP agree", 15 * MINUTE, check="stock", owner="logistics"),
    a_monitor("storefront", "The shop's pages answer", MINUTE, check="web", objective=Objective(latency_s=1.5)),
    a_monitor("backup_feed", "The nightly export is whole", DAY, interval_s=None, cron="40 2 * * *", check="web"),
    a_monitor("consent_sample", "Consent is kept everywhere", DAY, check="consent", owner="privacy"),
)  # fmt: skip

YEN = Finding(
    oracle="O-M1",
    result=Result.FAIL,
    order_ref="100047",
    systems=("merchant", "stripe"),
    expected="8000 JPY captured, as the customer was shown",
    seen="800000 JPY captured",
    formula="captured = order total, in minor units of its currency",
    cause="amount multiplied by 100 for a currency without minor units",
    at_risk=Money(792000, "JPY"),
    evidence=(
        "14:00:03.120 merchant → stripe POST /v1/payment_intents 200 amount=800000 currency=jpy",
        "14:00:03.944 stripe → merchant POST /webhooks 200 payment_intent.succeeded",
    ),
)
_STEPS = ("put in the basket", "check out", "pay", "read back in the ERP")


def week(store: Store, project: Path, *, days: int = 7) -> Source:
    """Fill a store with a week and return the process that watched it; the same one every time."""
    source = Source(store=store, project=project, declared={each.name: each for each in MONITORS})
    chance = random.Random(7)
    for monitor in MONITORS:
        if monitor.name != "consent_sample":
            store.probes.keep(list(_runs(monitor, chance, days)))
        every = timedelta(seconds=monitor.interval_s or 86_400)
        source.due[monitor.name] = NOW + chance.random() * every
    source.due["consent_sample"] = NOW + timedelta(seconds=40)
    source.lines = _alerts()
    source.unsaid = [
        "page of order_foreign to oncall: 3 tries, connection refused by 127.0.0.1:9; tried again in 4 min"
    ]
    runbook = project / "monitors" / "runbooks" / "order_foreign.md"
    runbook.parent.mkdir(parents=True, exist_ok=True)
    runbook.write_text(
        "# Synthetic foreign order is red\n\nWhat it means: customers are charged a wrong amount.\n\n"
        "## First look\n\n    assay explain 100047 --env production\n",
        encoding="utf-8",
    )
    _ledger(store)
    return source


def _runs(monitor: Monitor, chance: random.Random, days: int) -> list[Probe]:
    every = timedelta(seconds=monitor.interval_s or 86_400)
    back = min(timedelta(days=days), 2 * DAY if every < 5 * MINUTE else days * DAY)
    due, runs = NOW - back, []
    while due < NOW - timedelta(seconds=5):
        age = NOW - due
        slow = 1.0 + 0.5 * (due.hour in range(8, 20)) + (2.0 if DAY < age < DAY + 2 * HOUR else 0.0)
        seconds = {"F01": 4.2}.get(monitor.subject, 0.4) * slow * chance.lognormvariate(0.0, 0.25)
        runs.append(_run(monitor, due, age, round(seconds, 3), chance))
        due += every
    return runs


def _run(monitor: Monitor, due: datetime, age: timedelta, seconds: float, chance: random.Random) -> Probe:
    result = ProbeResult.PASSED
    findings: tuple[Finding, ...] = ()
    trouble: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    name = monitor.name
    if name == "order_foreign" and (age < 3 * HOUR or 50 * HOUR < age < 53 * HOUR):
        result, findings = ProbeResult.FAILED, (YEN,)
    elif name == "order_base" and 30 * HOUR < age < 31 * HOUR:
        result = ProbeResult.FAILED
    elif name == "tracking" and age < 2 * HOUR:
        result, trouble, unreachable = ProbeResult.ERROR, ("UPS did not answer within 10 s",), ("ups",)
    elif name == "stock_drift" and age < 40 * MINUTE:
        result, findings = ProbeResult.FAILED, (_drifted(age),)
    elif name == "storefront" and chance.random() < 0.002:
        result = ProbeResult.MISSED
    failed_step = result is ProbeResult.FAILED and not findings
    steps = tuple(
        StepDone(
            name=step, started_at=due, seconds=seconds / 4,
            error="AssertionError: the page says 'card declined' (scenarios/checkout.py:81)"
            if failed_step and step == 'pay' else None,
        )
        for step in (_STEPS[:3] if failed_step else _STEPS)
    )  # fmt: skip
    return Probe(
        id=f"{name}-{due.isoformat()}",
        monitor=name,
        subject=monitor.subject,
        environment=ENVIRONMENT,
        location="paris",
        result=result,
        due_at=due,
        started_at=due + timedelta(seconds=chance.random() * 0.05),
        seconds=seconds,
        steps=steps,
        findings=findings,
        measures=tuple(_measures(name, age, chance)),
        trouble=trouble,
        unreachable=unreachable,
        run_id=f"run-{due:%H%M}",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )


def _drifted(age: timedelta) -> Finding:
    return Finding(
        oracle="O-S1",
        result=Result.FAIL,
        order_ref="stock of SKU-RED-S",
        systems=("shop", "sap_s4hana"),
        expected="42 pieces, as the ERP counts",
        seen=f"{45 + age // (15 * MINUTE)} pieces in the shop",
        cause="reservations are not taken off",
    )


def _measures(name: str, age: timedelta, chance: random.Random) -> list[Measure]:
    hours = age / HOUR
    if name == "order_census":
        missing = 3.0 if 26 < hours < 27 else 0.0
        return [
            Measure(name="assay_drift_census_orders", value=180 + round(40 * chance.random())),
            Measure(name="assay_drift_census_missing", value=missing, labels={"system": "sap_s4hana"}),
            Measure(name="assay_drift_census_missing", value=0.0, labels={"system": "stripe"}),
        ]
    if name == "fx_feed":
        age_s = 3600 * ((hours + 4) % 24)
        return [
            Measure(name="assay_drift_rate_age_seconds", value=86_400 - age_s),
            Measure(name="assay_drift_rate_deviation_ratio", value=0.002 * chance.random(), labels={"pair": "EUR/JPY"}),
        ]
    if name == "stock_drift":
        return [Measure(name="assay_drift_stock_delta_units", value=max(0.0, 6 - 6 * hours), labels={"sku_class": "A"})]
    return []


def _alerts() -> list[Alert]:
    well = [
        Alert(name=each.name, monitor=each.name, state="passing", since=NOW - 5 * DAY, severity=each.alert.severity)
        for each in MONITORS
        if each.name in ("order_base", "order_census", "fx_feed", "storefront", "backup_feed")
    ]
    yen = "O-M1: order 100047 in merchant and stripe: expected 8000 JPY captured, seen 800000 JPY captured"
    return [
        *well,
        Alert(name="consent_sample", monitor="consent_sample", state="unknown", since=NOW - DAY),
        Alert(
            name="order_foreign", monitor="order_foreign", state="failing", since=NOW - 173 * MINUTE, told=True,
            summary=yen,
        ),
        Alert(
            name="system ups", monitor=None, state="failing", since=NOW - 113 * MINUTE, severity="ticket", told=True,
            children=("tracking",), summary="UPS does not answer: connection timed out after 10 s",
        ),
        Alert(
            name="tracking", monitor="tracking", state="unknown", since=NOW - 113 * MINUTE, severity="ticket",
            suppressed_by="system ups", summary="no verdict in 4 runs: UPS did not answer within 10 s",
        ),
        Alert(
            name="stock_drift", monitor="stock_drift", state="failing", since=NOW - 38 * MINUTE,
            quiet="maintenance 'warehouse move' until 16:00", summary="O-S1: stock of SKU-RED-S: 45 pieces, not 42",
        ),
    ]  # fmt: skip


def _ledger(store: Store) -> None:
    common = {"environment": ENVIRONMENT, "run_id": "run-1400", "scope": "o1", "holder": "gone:1:1"}
    leaked = store.intents.add(
        **common, system="shop", kind="order", marker="assay-7f3a jpy", verb="cancel_order", arguments={}, ref="100047",
        created_at=NOW - 3 * HOUR, until=NOW - 2 * HOUR,
    )  # fmt: skip
    store.intents.settle(leaked, "leaked", "cancel_order was refused: the order is already shipped", NOW - 2 * HOUR)
    store.intents.add(
        **common, system="stripe", kind="payment", marker="assay-7f3b", verb="void", arguments={}, ref=None,
        created_at=NOW - 2 * MINUTE, until=NOW + HOUR,
    )  # fmt: skip
