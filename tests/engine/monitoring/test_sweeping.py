"""What crashed runs left is taken back at the start and on a timer, beside the monitors; what cannot be is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.events import Probe, ProbeResult
from assay.holder import ourselves
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.sole import sole_watcher
from assay.money import Money
from assay.records import Order
from assay.roles import UndoRefused
from assay.runners.scheduler import sweeping
from assay.runners.scheduler.sweeping import Sweeper
from assay.runners.scheduler.turns import Turns
from assay.store import Store, open_store

ROOT = Path(__file__).resolve().parents[3]
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEAD = "elsewhere:7:1.00"


@dataclass
class Shop:
    """A shop that cancels orders, or refuses to."""

    cancelled: list[str] = field(default_factory=list)
    refuses: Exception | None = None

    def order(self, ref: str) -> Order:
        """Return an order that was paid by nobody."""
        return Order(
            system="merchant", ref=ref, number=ref, status="cancelled", total=Money(1, "EUR"), placed_at=AT,
            payment_refs=(),
        )  # fmt: skip

    def cancel_order(self, ref: str, reason: str) -> None:
        """Cancel."""
        if self.refuses is not None:
            raise self.refuses
        self.cancelled.append(ref)


@dataclass
class Landscape:
    """A landscape of one shop."""

    shop: Shop

    @property
    def connectors(self) -> Mapping[str, Any]:
        """The shop."""
        return {"merchant": self.shop}

    def by_role(self, role: str) -> Any:
        """Return the shop whatever is asked for."""
        return self.shop


class FakeSession:
    """As much of a session as a sweep needs."""

    def __init__(self, plan: Plan, store: Store, shop: Shop) -> None:
        self.plan, self.shared_store, self.landscape = plan, store, Landscape(shop)
        self.siblings = 0

    def sibling(self) -> FakeSession:
        """Return itself, counted."""
        self.siblings += 1
        return self

    def now(self) -> datetime:
        """Return the tests' instant."""
        return AT

    def wait(self, seconds: float) -> None:
        """Wait for nothing."""

    def close(self) -> None:
        """Close nothing."""
        self.siblings -= 1


class World:
    """A sweeper over a store, what it told and said, and the shop it calls."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store, self.shop = plan, store, Shop()
        self.session = FakeSession(plan, store, self.shop)
        self.told: list[Probe] = []
        self.said: list[str] = []

    def sweeper(self, **more: Any) -> Sweeper:
        """Return what sweeps."""
        session: Any = self.session
        tell: Any = self.told.append
        return Sweeper(session, self.store, location="paris", every_s=300.0, tell=tell, log=self.said.append, **more)

    def intent(self, ref: str, holder: str = DEAD, until: datetime = AT - HOUR) -> int:
        """Note an order of a run."""
        return self.store.intents.add(
            environment=self.plan.name, run_id="r0", scope="", system="merchant", kind="order", ref=ref,
            marker="own@example.com", verb="cancel_order", arguments={"reason": "x"}, holder=holder,
            created_at=AT - 2 * HOUR, until=until,
        )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, store: Store) -> Callable[[str], World]:
    """A function of an environment's name."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    return lambda environment: World(plan_for(environment, tmp_path / "assay.toml"), store)


def test_what_a_crash_left_is_taken_back(world: Callable[[str], World]) -> None:
    """The latest first; the sweep is told as a passed run of assay_undo, and nothing is open or leaked."""
    here = world("staging")
    here.intent("o-1")
    here.intent("o-2")
    sweeper = here.sweeper()
    reckoning = sweeper.sweep()
    assert reckoning is not None
    assert here.shop.cancelled == ["o-2", "o-1"]
    [probe] = here.told
    assert (probe.monitor, probe.result, probe.environment, probe.location) == (
        "assay_undo", ProbeResult.PASSED, "staging", "paris",
    )  # fmt: skip
    assert (sweeper.leaks, sweeper.open) == (0, 0)
    assert here.said[0] == "swept: order o-2 in merchant: cancel_order of o-2 done"
    sweeper.close()
    assert here.session.siblings == 0


def test_nothing_to_sweep_opens_no_connection(world: Callable[[str], World]) -> None:
    """Without intents no session is opened; it is told that all is well."""
    here = world("staging")
    here.sweeper().sweep()
    assert (here.session.siblings, [probe.result for probe in here.told]) == (0, [ProbeResult.PASSED])


def test_a_leak_is_told_by_name(world: Callable[[str], World]) -> None:
    """What a system refuses to take back is a violation that names system, order and what to do, until it is gone."""
    here = world("staging")
    here.intent("100045")
    here.shop.refuses = UndoRefused("it has shipped")
    sweeper = here.sweeper()
    sweeper.sweep()
    [probe] = here.told
    assert probe.result is ProbeResult.FAILED
    [finding] = probe.findings
    assert (finding.order_ref, finding.systems, finding.seen) == ("100045", ("merchant",), "it is still there")
    assert finding.cause == (
        "cancel_order was refused: it has shipped; take it back in merchant by hand, "
        "then run: assay sweep --env staging"
    )
    assert (sweeper.leaks, sweeper.open) == (1, 0)
    assert here.said == [
        "LEAKED: order 100045 in merchant: cancel_order was refused: it has shipped; "
        "somebody must take it back: assay sweep --env staging"
    ]
    here.shop.refuses = None
    sweeper.sweep()
    assert (here.told[-1].result, sweeper.leaks) == (ProbeResult.PASSED, 0)


def test_a_living_run_is_left_alone(world: Callable[[str], World]) -> None:
    """What a living process is busy with stays; it counts as open."""
    here = world("staging")
    here.intent("o-1", ourselves(), AT + HOUR)
    sweeper = here.sweeper()
    sweeper.sweep()
    assert (here.shop.cancelled, sweeper.leaks, sweeper.open) == ([], 0, 1)


def test_what_a_run_of_this_process_could_not_take_back_is_swept(world: Callable[[str], World]) -> None:
    """A run that ended here without being taken back, the store being away, waits for no time to pass."""
    here = world("staging")
    here.intent("o-1", ourselves(), AT + HOUR)
    sweeper = here.sweeper(runs=lambda run_id: run_id != "r0")
    sweeper.sweep()
    assert (here.shop.cancelled, sweeper.leaks, sweeper.open) == (["o-1"], 0, 0)


def test_a_system_that_is_away_is_swept_later(world: Callable[[str], World]) -> None:
    """A shop that does not answer leaves its orders open, nothing is called leaked, and the next sweep has them."""
    here = world("staging")
    here.intent("o-1")
    here.shop.refuses = InfrastructureError("the shop is away")
    sweeper = here.sweeper()
    sweeper.sweep()
    assert (sweeper.leaks, sweeper.open, here.told[-1].result) == (0, 1, ProbeResult.PASSED)
    here.shop.refuses = TimeoutError("the time for taking back was over")
    sweeper.sweep()
    assert (sweeper.leaks, sweeper.open) == (0, 1)
    here.shop.refuses = None
    sweeper.sweep()
    assert (sweeper.leaks, sweeper.open) == (0, 0)


def test_two_processes_do_not_sweep_at_once(world: Callable[[str], World], address: Path | str) -> None:
    """While another process sweeps this one only counts."""
    here = world("staging")
    here.intent("o-1")
    turns = Turns(here.store, "staging", beat_s=3600)
    turns.start()
    now = datetime.now(UTC)
    busy = here.store.turns.take(
        "staging", "assay_undo", "", due_at=now - HOUR, holder="x@h:1:1", now=now, until=now + HOUR
    )
    assert busy
    sweeper = here.sweeper(turns=turns)
    assert sweeper.sweep() is None
    assert (here.told, here.shop.cancelled, sweeper.open) == ([], [], 1)
    here.store.turns.finish("staging", "assay_undo", "", due_at=now - HOUR, holder="x@h:1:1")
    assert sweeper.sweep() is not None
    assert here.shop.cancelled == ["o-1"]
    turns.close()


def test_a_store_that_is_away_is_said(world: Callable[[str], World]) -> None:
    """A sweep without the store changes nothing, raises nothing and says so."""
    here = world("staging")

    def away(*_: Any, **__: Any) -> Any:
        raise InfrastructureError("the store cannot be reached", where="postgresql://h/a")

    here.store.intents.unsettled = away  # type: ignore[method-assign]
    assert here.sweeper().sweep() is None
    assert here.told == []
    assert here.said == ["nothing can be swept now: the store cannot be reached (postgresql://h/a)"]


def test_systems_of_ours_are_not_swept(world: Callable[[str], World]) -> None:
    """In a simulated landscape what was created stays in it; its clock may be days on."""
    here = world("local")
    here.intent("o-1")
    here.sweeper().sweep()
    assert here.shop.cancelled == []


def test_a_process_of_another_machine_is_gone_when_the_server_says_so_for_a_while(
    world: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An absent process may come back; after a lease's time it does not, and its orders are taken back."""
    here = world("staging")
    here.intent("o-1", DEAD, AT + HOUR)
    here.store.turns.is_absent = lambda environment, process: process == DEAD  # type: ignore[method-assign]
    at = [0.0]
    monkeypatch.setattr(sweeping, "elapsed", lambda: at[0])
    sweeper = here.sweeper()
    sweeper.sweep()
    assert here.shop.cancelled == []
    at[0] += 61.0
    sweeper.sweep()
    assert here.shop.cancelled == ["o-1"]


@pytest.fixture
def opened() -> Iterator[list[Store]]:
    """Stores to be closed at the end."""
    stores: list[Store] = []
    yield stores
    for store in stores:
        store.close()


def test_one_process_watches_a_file(tmp_path: Path, opened: list[Store]) -> None:
    """A second one is refused with the first one's pid; other environments and servers' stores are nobody's alone."""
    path = tmp_path / "store.sqlite"
    opened.append(open_store(path))
    with sole_watcher(path, "local"):
        with sole_watcher(path, "staging"), sole_watcher("postgresql://h/a", "local"):
            pass
        with (
            pytest.raises(InfrastructureError, match=rf"watches 'local' already: process {os.getpid()}\n") as refused,
            sole_watcher(f"sqlite:///{path}", "local"),
        ):
            pytest.fail("two watch one file")
    assert f"end it (kill {os.getpid()}), or share a PostgreSQL" in str(refused.value)
    with sole_watcher(path, "local"):
        pass
