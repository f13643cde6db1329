"""One run of a monitor: whatever happens in it, it ends in time, is judged for what it is, and leaves nothing behind.

The landscape is up once. As `local` its clock is ours; as `real` the same systems are read and bought from in
production, as if nobody could move their time.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.drift.look import Look
from assay.errors import InfrastructureError
from assay.events import Probe, ProbeResult
from assay.flow import Case, Flow, Run, flow
from assay.local.plan import MERCHANT, SIMULATORS, Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.monitor import AlertRule, Monitor
from assay.roles import Erp, Payments, Purchase, Shop
from assay.runners.scheduler.probing import Prober
from assay.runners.session import Session
from tests.rehearsal import CREDENTIALS, addresses, real_environment
from tests.serving import Quiet, serving

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("probing")]
DUE = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EMAIL = "own@example.com"
SYSTEMS = ("merchant", "stripe", "sap_s4hana", "ups", "ecb")


def buys(currency: str = "EUR", name: str = "") -> Case:
    """Return a case that buys one article."""
    return Case(name or currency.lower(), Purchase(currency=currency, lines=(("0017", 1),), email=EMAIL))


def declared(act: Callable[..., None], *cases: Case, **more: Any) -> Flow:
    """Return a flow of this test."""
    return flow(id="own", title="Of this test", cases=cases or (buys(),), reversible=True, **more)(act)


def buy(run: Run, shop: Shop) -> None:
    """Buy, and see it paid."""
    with run.step("buy"):
        run.buy(shop)


def buy_and_see(run: Run, shop: Shop, payments: Payments, erp: Erp) -> None:
    """Buy, and see the order in the ERP."""
    with run.step("buy"):
        order = shop.order(run.buy(shop))
    with run.step("the ERP holds it"):
        run.eventually(lambda: erp.documents_of(order.number), within="erp")


@dataclass
class Place:
    """The landscape under both names."""

    local: Plan
    real: Plan

    def plan_with(self, folder: Path, **addresses: str) -> Plan:
        """Return `real` with some systems elsewhere."""
        text = (self.real.profile.folder / "assay.toml").read_text()
        running = self.local.home.read()
        for system, address in addresses.items():
            part = MERCHANT if system == "merchant" else SIMULATORS
            port = running.port(part, system)
            text = text.replace(
                f'{system} = {{ mode = "live", base_url = "http://127.0.0.1:{port}"',
                f'{system} = {{ mode = "live", base_url = "{address}"',
            )
        (folder / "assay.toml").write_text(text)
        return plan_for("real", folder / "assay.toml")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The landscape, up."""
    folder = tmp_path_factory.mktemp("probing")
    shipped = (ROOT / "assay.toml").read_text()
    (folder / "assay.toml").write_text(shipped)
    local = plan_for("local", folder / "assay.toml")
    try:
        running = bring_up(local, lambda _: None)
        systems = {name: url for name, url in addresses(running).items() if name in SYSTEMS}
        head = shipped[: shipped.index("[environments.local.systems]")]
        head = re.sub(r"(?m)^\[systems\.\w+\.test_credentials\]\n(?:.+\n)*", "", head)
        own = "\n".join(line for line in head.splitlines() if "test_credentials" not in line)
        other = folder / "real"
        other.mkdir()
        (other / "assay.toml").write_text(own + real_environment(systems))
        yield Place(local, plan_for("real", other / "assay.toml"))
    finally:
        take_down(local.home, lambda _: None)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of the real ones stand in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["local", "real"])
def plan(place: Place, request: pytest.FixtureRequest) -> Plan:
    """The landscape under each name."""
    found: Plan = getattr(place, request.param)
    return found


@pytest.fixture
def open_prober(place: Place) -> Iterator[Callable[..., Prober]]:
    """Return what opens a prober on a plan, with one flow called `own`."""
    opened: list[Any] = []

    def open_on(plan: Plan, *flows: Flow) -> Prober:
        session = Session(plan, plan.home.read(), runner="monitor")
        prober = Prober(session, {each.id: each for each in flows}, location="here")
        opened.extend([prober, session])
        return prober

    yield open_on
    for each in opened:
        each.close()


def watching(**more: Any) -> Monitor:
    """Return a monitor of the flow `own`, unless it is told otherwise."""
    given: dict[str, Any] = {"name": "own", "title": "Own", "owner": "me", "runbook": "x.md", "interval_s": 60.0}
    given |= {} if {"check", "code"} & more.keys() else {"flow": "own"}
    return Monitor(alert=AlertRule(), **given, **more)


def run(prober: Prober, monitor: Monitor, *, due_at: datetime = DUE, stop: threading.Event | None = None) -> Probe:
    """Run a monitor once."""
    return prober.probe(monitor, due_at=due_at, stop=stop or threading.Event())


def orders_of(plan: Plan) -> Mapping[str, str]:
    """Return the status of every order of our customers, by its reference."""
    with Session(plan, plan.home.read()) as session:
        shop = session.landscape.by_role("shop")
        listed = shop.orders(session.now() - timedelta(days=30), session.now() + timedelta(days=1))
        return {each.ref: each.status for each in listed if each.email == EMAIL}


def test_the_shipped_checks_read_production(open_prober: Callable[..., Prober], place: Place) -> None:
    """With witnesses alone, in production, each shipped check reaches a verdict or says by name what it lacks."""
    # First of all: later the landscape's clock is ahead of the real one.
    prober = open_prober(place.real, declared(buy))
    assert run(prober, watching(timeout_s=8.0)).result is ProbeResult.PASSED
    for name in ("order_census", "orders", "rates", "stock", "parcels", "hooks", "latency", "marker"):
        probe = run(prober, replace(watching(check=name), name=name, timeout_s=40.0))
        assert probe.result is ProbeResult.PASSED, (name, probe.trouble, [each.sentence() for each in probe.findings])


def test_an_order_is_judged_and_taken_back(open_prober: Callable[..., Prober], plan: Plan) -> None:
    """A flow that goes well passes by its oracles; in production its order is cancelled before the run is told."""
    prober = open_prober(plan, declared(buy_and_see))
    probe = run(prober, watching(timeout_s=12.0))
    assert probe.result is ProbeResult.PASSED, probe
    assert probe.good
    assert (probe.monitor, probe.subject, probe.location, probe.due_at) == ("own", "own", "here", DUE)
    [outcome] = probe.outcomes
    assert outcome.evaluated
    assert [step.name for step in probe.all_steps] == ["buy", "the ERP holds it"]
    assert len(probe.order_refs) == 1
    assert probe.trace_id == outcome.trace_id != ""
    if plan.environment.production:
        assert outcome.undo == "done"
        assert orders_of(plan)[outcome.order_refs[0]] == "cancelled"


def test_each_due_time_has_its_case(open_prober: Callable[..., Prober], place: Place) -> None:
    """A rotation takes one case a turn, each in its turn, whichever process runs it."""
    act = declared(buy, buys("EUR"), buys("JPY"))
    probers = [open_prober(place.local, act), open_prober(place.local, act)]
    monitor = watching(rotate=True)
    turns = [DUE + timedelta(seconds=60 * number) for number in range(4)]
    seen = [run(probers[number % 2], monitor, due_at=at).outcomes[0].case for number, at in enumerate(turns)]
    assert seen[:2] == seen[2:]
    assert set(seen) == {"eur", "jpy"}


def waits_in_the_session(run: Run, shop: Shop) -> None:
    """Buy, and wait as flows may."""
    buy(run, shop)
    with run.step("linger"):
        run.surroundings.wait(60.0)


def looks_for_ever(run: Run, shop: Shop) -> None:
    """Buy, and look for what never comes."""
    buy(run, shop)
    with run.step("linger"):
        run.eventually(lambda: False, within="rates")


def catches_all(run: Run, shop: Shop) -> None:
    """Buy, and wait again and again whatever is raised."""
    buy(run, shop)
    with run.step("linger"):
        for _ in range(1000):
            try:
                run.surroundings.wait(0.2)
            except Exception:
                shop.orders(datetime.now(UTC), datetime.now(UTC))


@pytest.mark.parametrize("act", [waits_in_the_session, looks_for_ever, catches_all])
def test_a_flow_ends_with_its_time(open_prober: Callable[..., Prober], place: Place, act: Callable[..., None]) -> None:
    """Wherever a flow waits, its run ends with the monitor's timeout, is red, and its order is taken back after it."""
    prober = open_prober(place.real, declared(act))
    began = time.monotonic()
    probe = run(prober, watching(timeout_s=2.0))
    assert time.monotonic() - began < 15
    assert probe.result is ProbeResult.FAILED, probe
    assert [step.name for step in probe.all_steps if step.error][:1] == ["linger"]
    assert probe.unreachable == ()
    assert set(orders_of(place.real).values()) == {"cancelled"}


def test_a_process_that_ends_leaves_no_order(open_prober: Callable[..., Prober], place: Place) -> None:
    """When the process is told to end, a run gives up where it waits, takes back its order, and is no verdict."""
    stop = threading.Event()
    prober = open_prober(place.real, declared(waits_in_the_session))
    threading.Timer(1.5, stop.set).start()
    probe = run(prober, watching(timeout_s=30.0), stop=stop)
    assert probe.result is ProbeResult.ERROR
    assert "ended with its process" in " ".join(probe.trouble)
    assert set(orders_of(place.real).values()) == {"cancelled"}


def test_real_runs_go_on_side_by_side(open_prober: Callable[..., Prober], plan: Plan) -> None:
    """Where time is nobody's two monitors act at once; where it is ours to move, one after the other."""
    together = threading.Barrier(2)
    met: list[bool] = []

    def meets(look: Look) -> None:
        try:
            together.wait(1.5)
            met.append(True)
        except threading.BrokenBarrierError:
            together.reset()
            met.append(False)

    prober = open_prober(plan)
    threads = [threading.Thread(target=run, args=(prober, watching(code=meets))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert met == [plan.environment.production] * 2


def test_the_kill_switch_refuses(open_prober: Callable[..., Prober], place: Place) -> None:
    """With the switch on nothing is bought, and the run says refused."""
    switch = place.real.profile.folder / "STOP"
    before = orders_of(place.real)
    prober = open_prober(place.real, declared(buy))
    switch.touch()
    try:
        probe = run(prober, watching(timeout_s=10.0))
    finally:
        switch.unlink()
    assert probe.result is ProbeResult.REFUSED, probe
    assert "kill switch" in " ".join(probe.trouble)
    assert orders_of(place.real) == before


def closed_port() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_silent_witness_is_no_verdict(open_prober: Callable[..., Prober], place: Place, tmp_path: Path) -> None:
    """An order that cannot be held against the ERP is neither right nor wrong: error, with the system's name."""
    plan = place.plan_with(tmp_path, sap_s4hana=closed_port())
    probe = run(open_prober(plan, declared(buy)), watching(timeout_s=10.0))
    assert probe.result is ProbeResult.ERROR, probe
    assert probe.unreachable == ("sap_s4hana",)
    assert "did not answer" in " ".join(probe.trouble)
    assert probe.outcomes[0].undo == "done"


class Broken(Quiet):
    """A shop that answers every call with an error of its own."""

    def do_GET(self) -> None:
        """Answer with 500."""
        self.send_response(500)
        self.end_headers()

    do_POST = do_PUT = do_GET  # noqa: N815


def test_a_shop_that_breaks_is_a_verdict(open_prober: Callable[..., Prober], place: Place, tmp_path: Path) -> None:
    """A shop that answers customers with 500 is red, one that does not answer at all is an error with its name."""
    with serving(Broken) as address:
        plan = place.plan_with(tmp_path, merchant=address)
        broken = run(open_prober(plan, declared(buy)), watching(timeout_s=10.0))
    assert broken.result is ProbeResult.FAILED, broken
    assert broken.unreachable == ()
    gone = run(open_prober(plan, declared(buy)), watching(timeout_s=10.0))
    assert gone.result is ProbeResult.ERROR, gone
    assert gone.unreachable == ("merchant",)


def test_nothing_judged_is_not_green(open_prober: Callable[..., Prober], place: Place) -> None:
    """A flow that ends well and leaves nothing an oracle could judge has not passed."""

    def looks(run: Run, shop: Shop) -> None:
        with run.step("look"):
            shop.orders(datetime.now(UTC), datetime.now(UTC))

    probe = run(open_prober(place.local, declared(looks)), watching())
    assert probe.result is ProbeResult.ERROR
    assert "no oracle was evaluated" in " ".join(probe.trouble)


def broken_code(look: Look) -> None:
    """Fail as code does."""
    with look.step("read"):
        raise ZeroDivisionError("of somebody's own")


def passing(look: Look) -> None:
    """Find all well."""
    look.holds(True, systems=("shop",), expected="x", seen="x", cause="")


def failing(look: Look) -> None:
    """Find something, and then break."""
    look.holds(False, systems=("shop",), expected="x", seen="y", cause="z")
    raise InfrastructureError("and then it broke")


@pytest.mark.parametrize(
    ("code", "result"),
    [(broken_code, ProbeResult.ERROR), (passing, ProbeResult.PASSED), (failing, ProbeResult.FAILED)],
)
def test_code_of_ones_own(
    open_prober: Callable[..., Prober], place: Place, code: Callable[[Look], None], result: ProbeResult
) -> None:
    """Own code passes, fails or breaks, and nothing it raises goes further; what it found before counts."""
    probe = run(open_prober(place.real), watching(code=code))
    assert probe.result is result, probe
    assert bool(probe.trouble) == (code is not passing)


def test_a_check_ends_with_its_time(open_prober: Callable[..., Prober], place: Place) -> None:
    """A check that waits is ended with the monitor's timeout, and is no verdict."""

    def waits(look: Look) -> None:
        with look.step("wait"):
            look.pause(60.0)

    began = time.monotonic()
    probe = run(open_prober(place.real), watching(code=waits, timeout_s=0.5))
    assert time.monotonic() - began < 10
    assert probe.result is ProbeResult.ERROR
    assert "time is over" in " ".join(probe.trouble)


def test_what_is_gone_is_said(open_prober: Callable[..., Prober], place: Place) -> None:
    """A flow whose file was taken away is an error in words, not a crash."""
    prober = open_prober(place.local, declared(buy))
    prober.take_flows({})
    probe = run(prober, watching())
    assert probe.result is ProbeResult.ERROR
    assert "no flow 'own'" in " ".join(probe.trouble)


def test_sessions_are_used_again(open_prober: Callable[..., Prober], place: Place) -> None:
    """Runs one after the other open no further connections, whatever they come to."""
    prober = open_prober(place.real)
    for code in (passing, broken_code, failing) * 3:
        run(prober, watching(code=code))
    assert prober.sessions == 1
