"""While the kill switch is on, or a process is cut off, nothing is created; budgets hold whatever clocks do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError, SafetyError
from assay.events import Outcome
from assay.flow import Case, Run, flow, perform
from assay.holder import boot_id, elapsed
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.monitor import AlertRule, Monitor
from assay.roles import Purchase
from assay.runners.kill_switch import KillSwitch
from assay.runners.safety import Guard
from assay.runners.scheduler.turns import Turns
from assay.store import Store, open_store
from assay.undo import Ledger
from tests.engine.postgres import Cluster
from tests.engine.test_flow import Still

ROOT = Path(__file__).resolve().parents[3]
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SAFETY = """
[environments.production.safety]
skus = ["0018"]
customers = ["own@example.com"]
orders_per_hour = 1000
money_per_hour = { EUR = "5000" }
kill_switch = "file:stop"
payment = "voucher"

[store]
url = "env:SHARED_STORE"

"""
OWN = Case("one", Purchase(currency="EUR", lines=(("0018", 1),), email="own@example.com"))
RULE = AlertRule()
ORDERS = Monitor(name="orders", title="t", owner="o", runbook="r.md", alert=RULE, flow="safe", interval_s=60.0)


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """A function of a name and a store's address: production as the checkout of that name has it."""

    def make(name: str, address: Path | str, environment: str = "production") -> Plan:
        monkeypatch.setenv("SHARED_STORE", str(address))
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        head, section, tail = (ROOT / "assay.toml").read_text().partition("[environments.production.systems]")
        (folder / "assay.toml").write_text(head + SAFETY + section + tail)
        return plan_for(environment, folder / "assay.toml")

    return make


@pytest.fixture
def plan(planned: Callable[..., Plan], address: Path | str, store: Store) -> Plan:
    """One plan over the opened store."""
    return planned("one", address)


@flow(id="safe", title="Buys twice", cases=[OWN], reversible=True)
def safe(run: Run, shop: Any) -> None:
    """Buy, and once more."""
    with run.step("first"):
        run.buy(shop)
    with run.step("second"):
        run.buy(shop)


class Shop:
    """A shop behind a guard, as a session's clients are: it counts what reached it."""

    def __init__(self, guard: Guard, between: Callable[[], None] = lambda: None) -> None:
        self.guard, self.between, self.sent = guard, between, 0

    def place(self, purchase: Purchase) -> str:
        """Send two writes; something happens between them."""
        for path in ("/carts", "/orders"):
            self.guard.allow("merchant", "POST", path)
            self.sent += 1
            self.between()
        return f"o-{self.sent}"


def ledger(plan: Plan, store: Store, guard: Guard) -> Ledger:
    """Return the ledger of a session with that guard."""
    return Ledger(store=store, environment=plan.name, now=lambda: AT, run_id="r", creating=guard.creating)


def outcome_of(plan: Plan, store: Store, guard: Guard, shop: Shop) -> Outcome:
    """Perform the flow as a session does."""
    with guard.permit(safe, OWN):
        return perform(safe, OWN, {"shop": shop}, Still(), plan.name, undo=ledger(plan, store, guard))


def test_a_switch_thrown_in_one_process_stops_every_other(
    planned: Callable[..., Plan], address: Path | str, store: Store
) -> None:
    """Over HTTP it is thrown by one process; another checkout that shares the store refuses within a second."""
    paris, berlin = planned("paris", address), planned("berlin", address)
    ours, theirs = KillSwitch(paris, store), KillSwitch(berlin, open_store(address))
    assert ours.thrown() is None
    assert theirs.thrown() is None
    ours.throw(True, "anna")
    began = time.monotonic()
    while theirs.thrown() is None and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert "anna threw it at 20" in str(theirs.thrown())
    with pytest.raises(SafetyError, match=r"refused in production: the kill switch is on: anna .*; nothing was sent"):
        Guard(berlin).check(safe, OWN)  # `assay run` looks into the store, too
    theirs.throw(False, "ben")
    assert KillSwitch(paris, store).thrown() is not None  # the file beside paris: this machine's own
    ours.throw(False, "anna")
    assert ours.thrown() is None
    assert KillSwitch(paris, store).thrown() is None
    assert theirs._store is not None
    theirs._store.close()


def test_the_declared_switch_cannot_be_put_back_by_others(plan: Plan, store: Store) -> None:
    """A file of the profile holds it on whatever is said over HTTP, and the answer names it."""
    switch = KillSwitch(plan, store)
    stop = plan.profile.folder / "stop"
    stop.touch()
    assert switch.thrown() == f"the kill switch file:stop is on ({stop} exists)"
    with pytest.raises(SafetyError, match="what was thrown here is put back, but the kill switch file:stop is on"):
        switch.throw(False, "anna")
    stop.unlink()
    assert switch.thrown() is None


def test_a_switch_that_was_on_stays_on_while_the_store_is_away(plan: Plan, store: Store) -> None:
    """What the store said last holds while it is away; a process that never read it creates nothing either."""
    at = [0.0]
    switch = KillSwitch(plan, store, monotonic=lambda: at[0])
    store.switches.change(plan.name, thrown=True, by="anna", now=AT)
    assert switch.thrown() == "the kill switch is on: anna threw it at 2026-03-02 09:00:00 UTC"

    def away(environment: str) -> None:
        raise InfrastructureError("the store cannot be reached", where="h", seen="refused")

    change = store.switches.change
    store.switches.read = store.switches.change = away  # type: ignore[method-assign, assignment]
    store.switches.change = lambda *_, **__: away("")  # type: ignore[method-assign]
    at[0] += 60.0
    assert switch.thrown() is not None
    assert KillSwitch(plan, store).thrown() == (
        "the kill switch counts as on: the store, which may hold it, was not read yet"
    )
    with pytest.raises(InfrastructureError, match="is on for this machine, but other machines could not be told"):
        switch.throw(True, "anna")
    with pytest.raises(InfrastructureError, match="stays on, because the others could not be told"):
        switch.throw(False, "anna")
    assert (plan.home.path / "kill-switch").exists()
    store.switches.change = change  # type: ignore[method-assign]


def test_a_running_flow_begins_nothing_more(plan: Plan, store: Store) -> None:
    """Thrown in the middle of an order, the order is finished and noted; the next one is refused before it is sent."""
    guard = Guard(plan)
    shop = Shop(guard, between=(plan.profile.folder / "stop").touch)
    outcome = outcome_of(plan, store, guard, shop)
    assert shop.sent == 2
    assert outcome.order_refs == ("o-2",)
    [failed] = [step for step in outcome.steps if step.error]
    assert (failed.name, failed.code) == ("second", 4)
    assert "order of own@example.com in shop was refused in production: the kill switch file:stop is on" in str(
        failed.error
    )
    assert [intent.ref for intent in store.intents.unsettled(plan.name)] == ["o-2"]
    with pytest.raises(SafetyError):
        guard.check(safe, OWN)


def test_writes_outside_of_an_order_are_refused_too(plan: Plan) -> None:
    """While a flow runs any write of its thread is refused once the switch is on; reads and undo go on."""
    guard = Guard(plan)
    with guard.permit(safe, OWN):
        guard.allow("merchant", "POST", "/login")
        (plan.profile.folder / "stop").touch()
        guard.allow("merchant", "GET", "/orders/1")
        with pytest.raises(SafetyError, match="POST /login to merchant was refused"):
            guard.allow("merchant", "POST", "/login")
    guard.allow("merchant", "POST", "/orders/1/cancel")


def test_who_only_reads_may_sign_in(plan: Plan) -> None:
    """A flow that only reads may ask for a token, whose place is known by its path, and write nothing else."""
    guard = Guard(plan)
    with guard.permit(replace(safe, read_only=True), OWN):
        guard.allow("paypal", "POST", "/v1/oauth2/token")
        guard.allow("ups", "POST", "/security/v1/oauth/token?x=1")
        for path in ("/v2/checkout/orders", "/oauth/token/orders", "/orders?then=/oauth/token"):
            with pytest.raises(SafetyError, match="the flow is declared to read only"):
                guard.allow("paypal", "POST", path)


def test_a_brake_stops_flows_of_any_environment(planned: Callable[..., Plan], tmp_path: Path) -> None:
    """What a process of monitors says of itself holds where nothing is production, too; readers run."""
    plan = planned("one", tmp_path / "s.sqlite", "local")
    guard = Guard(plan)
    said: list[str | None] = [None]
    guard.brakes.append(lambda: said[0])
    guard.check(safe, OWN)
    said[0] = "this process is cut off"
    with pytest.raises(SafetyError, match="flow safe, case one was refused: this process is cut off; nothing was sent"):
        guard.check(safe, OWN)


def test_many_processes_keep_one_budget(planned: Callable[..., Plan], postgres: Cluster) -> None:
    """Four processes that ask a hundred times at once for the forty orders of an hour are granted forty."""
    address = postgres.new_database()
    open_store(address).close()
    script = (
        "import sys; from datetime import datetime, UTC; from assay.store import open_store\n"
        "store = open_store(sys.argv[1]); granted = 0\n"
        "for _ in range(25):\n"
        "    number, _ = store.spending.reserve('p', 'EUR', orders=1, now=datetime.now(UTC), most_orders=40, "
        "most_minor=10**9)\n"
        "    granted += number is not None\n"
        "print(granted)\n"
    )

    def ask(_: int) -> int:
        done = subprocess.run([sys.executable, "-c", script, address], capture_output=True, text=True, check=True)
        return int(done.stdout)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(ask, range(4))) == 40


def test_setting_the_clock_frees_no_budget(store: Store) -> None:
    """Hours on or back, this machine's last sixty minutes count; when they are over the budget is free again."""
    told = [elapsed()]

    def ask(now: datetime, steady: bool = True) -> bool:
        number, _ = store.spending.reserve(
            "p", "EUR", orders=1, now=now, most_orders=2, most_minor=10**9,
            steady=(boot_id(), told[0]) if steady else None,
        )  # fmt: skip
        return number is not None

    assert [ask(AT), ask(AT), ask(AT)] == [True, True, False]
    assert not ask(AT + 5 * HOUR)
    assert not ask(AT - 5 * HOUR)
    told[0] += 3601
    assert ask(AT - 5 * HOUR)
    assert ask(AT - 5 * HOUR)
    assert not ask(AT - 5 * HOUR, steady=False)  # another machine's clock is behind: what it cannot date counts


@pytest.fixture
def turns(address: Path | str) -> Iterator[Turns]:
    """The turns of a process over each kind of store."""
    store = open_store(address)
    turns = Turns(store, "e", beat_s=0.1)
    turns.start()
    yield turns
    turns.close()
    store.close()


def test_a_run_whose_turn_was_taken_over_creates_nothing(turns: Turns, address: Path | str) -> None:
    """A process that stood still and lost its turn learns it before it creates anything."""
    due = datetime.now(UTC)
    assert turns.take(ORDERS, due)
    assert turns.brake() is None
    other = open_store(address)
    far = datetime.now(UTC) + HOUR
    assert other.turns.take("e", "orders", "", due_at=due + HOUR / 100, holder="x@h:1:1", now=far, until=far + HOUR)
    time.sleep(0.3)
    assert turns.brake() == "another process has meanwhile taken over orders"
    turns.finish(ORDERS, due)
    assert turns.brake() is None
    other.close()


def test_a_process_that_stood_still_is_cut_off_until_it_has_looked(address: Path | str) -> None:
    """After a pause longer than it may be silent, a process creates nothing before it has reached the store again."""
    store = open_store(address)
    at = [0.0]
    turns = Turns(store, "e", beat_s=3600.0, elapsed=lambda: at[0])
    turns.start()
    said = [turns.cut_off]
    at[0] += 300.0
    said.append(turns.cut_off)
    turns.beat()
    said.append(turns.cut_off)
    assert said == [None, "this process has not reached the store for 5m: it stood still", None]
    turns.close()
    store.close()


def test_a_store_that_was_full_is_back_when_it_takes_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading alone is no sign; a run that ended meanwhile is told, so that its monitor's next turn is free at once."""
    store = open_store(tmp_path / "s.sqlite")
    said: list[str] = []
    turns = Turns(store, "e", log=said.append, beat_s=3600.0)
    turns.start()
    due = datetime.now(UTC)
    assert turns.take(ORDERS, due)
    full = InfrastructureError("the store is full", where="s.sqlite")

    def refuse(*_: Any, **__: Any) -> Any:
        raise full

    with monkeypatch.context() as disk:
        for verb in ("finish", "touch"):
            disk.setattr(store.turns, verb, refuse)
        turns.finish(ORDERS, due)
        turns.beat()
        assert "cut off from the store" in str(turns.cut_off)
    turns.beat()
    assert said == [
        "the store is full (s.sqlite): checks that only read go on, flows create nothing until it is back",
        "the store is back after 1s: turns are shared again and flows create again",
    ]
    assert turns.take(ORDERS, due + timedelta(seconds=1))
    turns.close()
    store.close()


def test_a_wrong_clock_creates_nothing(postgres: Cluster) -> None:
    """Over a server, a machine whose clock is off by more than a lease can bear says so; checks go on."""
    store = open_store(postgres.new_database())
    said: list[str] = []
    turns = Turns(store, "e", now=lambda: datetime.now(UTC) + 2 * HOUR, log=said.append, beat_s=3600.0)
    turns.start()
    assert turns.cut_off == "this machine's clock is 2h ahead of the store's"
    assert said == [f"{turns.cut_off}: flows create nothing until they agree; set the clock (NTP)"]
    assert turns.take(ORDERS, datetime.now(UTC))
    turns.close()
    store.close()
