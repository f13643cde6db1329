"""A night on call for tests: an engine over a real store, a clock that is moved by hand, and routes that listen."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.alerts import AlertEngine, AlertView
from assay.events import Finding, Outcome, Probe, ProbeResult, Result
from assay.money import Money
from assay.monitor import AlertRule, Monitor
from assay.profile import Profile
from assay.store import Store

MIDNIGHT = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
MINUTE = 60.0
APPRISE_IS_OLD = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""apprise imports a module that Python 3.13 has no more."""


def watch(name: str = "checkout", **more: Any) -> Monitor:
    """Return a monitor that is due every minute."""
    return Monitor(
        **{
            "name": name,
            "title": f"Title of {name}",
            "owner": "shop team",
            "runbook": f"{name}.md",
            "customers": f"customers of {name} cannot buy",
            "check": "order_census",
            "interval_s": MINUTE,
            "alert": AlertRule(severity="page"),
            **more,
        }
    )


def wrong(**more: Any) -> Finding:
    """Return a finding over one order in yen."""
    return Finding(
        **{
            "oracle": "O-M1",
            "result": Result.FAIL,
            "order_ref": "1001",
            "systems": ("shop", "stripe"),
            "expected": "8,000 JPY",
            "seen": "800,000 JPY",
            "cause": "minor units were taken for major ones",
            "at_risk": Money(792_000, "JPY"),
            "evidence": ("00:01:02 POST api.stripe.com/v1/payment_intents amount=800000 -> 200",),
            **more,
        }
    )


@dataclass
class Night:
    """An engine whose time is moved by hand; `said` are the messages that its store holds, the oldest first."""

    store: Store
    profile: Profile
    monitors: dict[str, Monitor]
    at: datetime = MIDNIGHT
    environment: str = "production"
    engine: AlertEngine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.another()

    def another(self, **more: Any) -> AlertEngine:
        """Return one more engine on the same store, as another process would have it."""
        self.mono = getattr(self, "mono", 1000.0)
        return AlertEngine(
            self.profile,
            self.environment,
            lambda: self.monitors,
            self.store,
            **{"now": lambda: self.at, "monotonic": lambda: self.mono, "send_s": 5.0, **more},
        )

    def pass_time(self, seconds: float, *, engine: AlertEngine | None = None) -> None:
        """Let time pass and the engine do what is due."""
        self.at += timedelta(seconds=seconds)
        self.mono += seconds
        (engine or self.engine).tick(self.at)

    def run(
        self,
        result: str = "passed",
        name: str = "checkout",
        *,
        after: float = MINUTE,
        engine: AlertEngine | None = None,
        cases: Sequence[str] = (),
        **more: Any,
    ) -> None:
        """Let a monitor run once, a minute after the last, and the engine hear of it."""
        self.at += timedelta(seconds=after)
        self.mono += after
        verdict = ProbeResult(result)
        if verdict is ProbeResult.FAILED and "findings" not in more:
            more["findings"] = (wrong(),)
        outcomes = tuple(Outcome(flow="F01", case=case, environment=self.environment) for case in cases)
        probe = Probe(
            **{
                "id": f"{name}-{self.at.timestamp()}",
                "monitor": name,
                "subject": "order_census",
                "environment": self.environment,
                "location": "default",
                "result": verdict,
                "due_at": self.at,
                "started_at": self.at,
                "seconds": 0.5,
                "outcomes": outcomes,
                **more,
            }
        )
        (engine or self.engine)(probe)
        (engine or self.engine).tick(self.at)

    def runs(self, *results: str, **more: Any) -> None:
        """Let a monitor run several times."""
        for result in results:
            self.run(result, **more)

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """Every message that was to be told, the oldest first."""
        return [each.message for each in reversed(self.store.alerts.deliveries(self.environment, limit=1000))]

    @property
    def said(self) -> list[str]:
        """Their kinds and alerts: ``firing checkout``."""
        return [f"{each['kind']} {each['alert']}" for each in self.messages]

    def view(self, name: str = "checkout") -> AlertView:
        """Return what the status page would show of an alert."""
        return next(each for each in self.engine.view() if each.name == name)


def profile_of(tmp_path: Path, **alerts: Any) -> Profile:
    """Return a profile with one environment, and a route that listens where none is named."""
    content = {
        "environments": {"production": {}},
        "alerts": {"routes": {"chat": {"url": "env:NIGHT_CHAT"}}, **alerts},
        "monitoring": {"public_url": "https://status.example/assay"},
        "folder": tmp_path,
    }
    return Profile.model_validate(content)


@dataclass
class Ear:
    """A local HTTP server that hears messages. answer: (status, body) it gives, or a function that answers itself."""

    port: int = 0
    heard: list[Any] = field(default_factory=list)
    status: int = 200
    act: Callable[[BaseHTTPRequestHandler], None] | None = None
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def apprise(self) -> str:
        """Its apprise address."""
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def titles(self) -> list[str]:
        """The subjects heard, in their order."""
        return [each["title"] for each in self.heard]


@contextmanager
def listening() -> Iterator[Ear]:
    """Run a server on a free port of loopback."""
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            if ear.act is not None:
                ear.act(self)
                return
            if ear.status < 300:
                ear.heard.append(json.loads(body))
                ear.arrived.set()
            self.send_response(ear.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ear.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
