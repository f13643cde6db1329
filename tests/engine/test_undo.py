"""What flows create is noted first, taken back in reverse order, looked up where no answer came, and never lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError, UsageError
from assay.flow import Case, Run, flow, perform
from assay.money import Money
from assay.records import MinorAmount, Order, Payment
from assay.roles import Purchase, UndoRefused
from assay.store import Store, open_store
from assay.undo import Ledger
from tests.engine.test_flow import Still

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EUR = Case("eur", Purchase(currency="EUR", lines=(("0017", 1),), email="zoe@example.com"))


@dataclass
class FakeShop:
    """A shop that notes what is asked of it, in order."""

    asked: list[str] = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    refuses: Exception | None = None
    answers: bool = True

    def place(self, purchase: Purchase) -> str:
        """Take the order; the answer may be lost on its way."""
        ref = f"o-{len(self.orders) + 1}"
        self.orders[ref] = purchase.email
        if not self.answers:
            raise InfrastructureError("no answer")
        return ref

    def order(self, ref: str) -> Order:
        """Return an order with one payment named after it."""
        total = Money(100, "EUR")
        return Order(system="shop", ref=ref, number=ref, status="cancelled", total=total, placed_at=AT,
                     payment_refs=(f"pay-{ref}",))  # fmt: skip

    def cancel_order(self, ref: str, reason: str) -> None:
        """Cancel, unless told to refuse."""
        if self.refuses is not None:
            raise self.refuses
        self.asked.append(f"cancel {ref}: {reason}")

    def find_by_marker(self, marker: str, since: datetime) -> Sequence[str]:
        """Return the orders of that customer."""
        return [ref for ref, email in self.orders.items() if email == marker]


@dataclass
class FakeGateway:
    """A gateway in which every payment is captured; it may have given it back already."""

    asked: list[str] = field(default_factory=list)
    refunded: int = 100

    def payment(self, ref: str) -> Payment:
        """Return a payment of one euro."""
        euro = MinorAmount(100, "EUR")
        return Payment(system="psp", ref=ref, order_ref=None, status="succeeded", amount=euro, captured=euro,
                       refunded=MinorAmount(self.refunded, "EUR"), created_at=AT)  # fmt: skip

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """List nothing."""
        return []

    def refund(self, payment_ref: str, key: str) -> None:
        """Give the money back."""
        self.asked.append(f"refund {payment_ref} {key}")


@dataclass
class Connected:
    """A landscape of a shop and a gateway."""

    connectors: Mapping[str, Any]

    def by_role(self, role: str) -> Any:
        """Return the shop."""
        if role != "shop":
            raise UsageError(f"no system of role '{role}'")
        return self.connectors["merchant"]


@dataclass
class World:
    """A ledger over a store, a shop and a gateway, and an instant that the test moves."""

    store: Store
    shop: FakeShop = field(default_factory=FakeShop)
    gateway: FakeGateway = field(default_factory=FakeGateway)
    at: datetime = AT

    @property
    def landscape(self) -> Connected:
        """Both systems."""
        return Connected({"merchant": self.shop, "psp": self.gateway})

    def ledger(self, **more: Any) -> Ledger:
        """A ledger of run r1."""
        given = {"run_id": "r1", "paid_back_within_s": 0.0, **more}
        return Ledger(store=self.store, environment="local", now=lambda: self.at, **given)

    def orphan(self, **changes: Any) -> int:
        """Note an intent of a process that is gone, as a crash leaves it."""
        fields: dict[str, Any] = {
            "run_id": "r0", "scope": "", "system": "shop", "kind": "order", "marker": "zoe@example.com",
            "verb": "cancel_order", "arguments": {"reason": "x"}, "ref": "o-1", "holder": "elsewhere:1:1.00",
            "created_at": self.at - timedelta(hours=2), "until": self.at - timedelta(hours=1),
        }  # fmt: skip
        return self.store.intents.add(environment="local", **{**fields, **changes})


@pytest.fixture
def world(store: Store) -> World:
    """A world over each kind of store."""
    return World(store)


@flow(id="F", title="Buys twice", cases=[EUR], reversible=True)
def buys_twice(run: Run, shop: Any) -> None:
    """Buy twice and fail after that."""
    with run.step("buy"):
        run.buy(shop)
        run.buy(shop, replace(run.case.purchase, email="other@example.com"))
    with run.step("see"):
        raise LookupError("lost")


def test_what_a_failed_flow_created_is_taken_back_the_latest_first(world: World) -> None:
    """A flow that raises leaves its orders open; undo cancels them in reverse order, once, and nothing is left."""
    outcome = perform(buys_twice, EUR, {"shop": world.shop}, Still(), "local", undo=world.ledger())
    assert (outcome.failed, outcome.undo, outcome.order_refs) == (True, "open", ("o-1", "o-2"))
    reckoning = world.ledger().undo_all("r1", world.landscape)
    assert world.shop.asked == ["cancel o-2: a test order of Assay", "cancel o-1: a test order of Assay"]
    assert (reckoning.state, reckoning.exit_code, len(reckoning.undone)) == ("done", 0, 2)
    assert world.ledger().undo_all("r1", world.landscape).state == "none"
    assert len(world.shop.asked) == 2


def test_only_what_was_asked_for_is_taken_back(world: World) -> None:
    """Undo of one execution leaves other executions and other runs alone."""
    for run_id, scope in (("r1", "a"), ("r1", "b"), ("r2", "a")):
        with world.ledger(run_id=run_id, scope=scope).create(
            "shop", "order", "m", ("cancel_order", {"reason": "x"})
        ) as noted:
            noted.done(f"{run_id}{scope}")
    world.ledger().undo_all("r1", world.landscape, scope="a")
    assert world.shop.asked == ["cancel r1a: x"]
    world.ledger().undo_all("r1", world.landscape)
    assert world.shop.asked == ["cancel r1a: x", "cancel r1b: x"]


def test_the_intent_is_on_disk_before_the_call(address: Path | str) -> None:
    """A process killed with SIGKILL inside the block has its intent in the store, with what it needs to undo it."""
    script = (
        "import os, signal, sys; from datetime import *; from pathlib import Path\n"
        "from assay.store import open_store; from assay.undo import Ledger\n"
        "store = open_store(sys.argv[1] if '://' in sys.argv[1] else Path(sys.argv[1]))\n"
        "at = datetime(2026, 3, 2, 9, tzinfo=UTC)\n"
        "ledger = Ledger(store=store, environment='local', now=lambda: at, run_id='r')\n"
        "with ledger.create('shop', 'order', 'zoe@example.com', undo=('cancel_order', {'reason': 'é'})):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(address)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    store = open_store(address)
    [intent] = store.intents.unsettled("local")
    assert (intent.run_id, intent.marker, intent.verb, intent.arguments, intent.ref, intent.created_at) == (
        "r", "zoe@example.com", "cancel_order", {"reason": "é"}, None, AT,
    )  # fmt: skip
    world = World(store, shop=FakeShop(orders={"o-7": "zoe@example.com", "o-8": "other@example.com"}))
    assert world.ledger().sweep(world.landscape).exit_code == 0
    assert world.shop.asked == ["cancel o-7: é"]
    store.close()


def test_a_lost_answer_is_looked_up(world: World) -> None:
    """An order whose answer never came is found by its customer and cancelled."""
    world.shop.answers = False
    outcome = perform(buys_twice, EUR, {"shop": world.shop}, Still(), "local", undo=world.ledger())
    assert (outcome.order_refs, outcome.undo) == ((), "open")
    assert world.ledger().undo_all("r1", world.landscape).state == "done"
    assert world.shop.asked == ["cancel o-1: a test order of Assay"]


def test_what_was_never_created_is_waited_for_and_then_settled(world: World) -> None:
    """Nothing found: as long as it may still appear it waits (exit 3), after that there is nothing to undo (exit 0)."""
    world.orphan(ref=None, created_at=world.at)
    early = world.ledger().sweep(world.landscape)
    assert (early.state, early.exit_code) == ("open", 3)
    assert "may still appear until 2026-03-02T09:02:00+00:00" in early.waiting[0]
    world.at += timedelta(minutes=2)
    late = world.ledger().sweep(world.landscape)
    assert (late.state, late.exit_code, late.absent) == (
        "done", 0, ("order of zoe@example.com in shop: was never created",),
    )  # fmt: skip
    assert world.ledger().sweep(world.landscape).state == "none"


@pytest.mark.parametrize(
    ("changes", "refuses", "says"),
    [
        ({}, UndoRefused("it has shipped"), "order o-1 in shop: cancel_order was refused: it has shipped"),
        ({}, LookupError("unknown"), "order o-1 in shop: cannot be found: unknown"),
        ({}, ZeroDivisionError("x"), "order o-1 in shop: cancel_order failed: ZeroDivisionError: x"),
        ({"verb": "destroy"}, None, "order o-1 in shop: its connector cannot destroy"),
        ({"system": "psp", "ref": None}, None, "cannot look for 'zoe@example.com'"),
        ({"system": "erp"}, None, "no system of role 'erp'"),
        ({"arguments": {"why": "x"}}, None, "unexpected keyword argument 'why'"),
    ],
)
def test_what_cannot_be_taken_back_is_a_leak_by_name(
    world: World, changes: dict[str, Any], refuses: Exception | None, says: str
) -> None:
    """What can be neither found nor taken back is a leak (exit 1) that names it; it never keeps others from undo."""
    world.orphan(ref="o-2", marker="other@example.com")
    changes = {"verb": "refund", **changes} if changes.get("system") == "psp" else changes
    number = world.orphan(**changes)
    world.shop.refuses = refuses
    reckoning = world.ledger().sweep(world.landscape)
    assert says in reckoning.leaks[0]
    assert (reckoning.state, reckoning.exit_code) == ("leaked", 1)
    if refuses is None:
        assert world.shop.asked == ["cancel o-2: x"]
        assert [each.number for each in world.store.intents.unsettled("local")] == [number]
    world.shop.refuses = None
    world.ledger().sweep(world.landscape)
    assert world.shop.asked.count("cancel o-2: x") == 1


def test_a_system_that_is_away_is_tried_again(world: World) -> None:
    """A system that does not answer leaves its intents open (exit 3); the next sweep finishes them."""
    world.orphan()
    world.shop.refuses = InfrastructureError("the shop is away", where="nowhere")
    reckoning = world.ledger().sweep(world.landscape)
    assert (reckoning.exit_code, reckoning.waiting) == (3, ("order o-1 in shop: the shop is away",))
    world.shop.refuses = None
    assert world.ledger().sweep(world.landscape).state == "done"


def test_a_living_run_is_left_alone(world: World) -> None:
    """A sweep spares what a living process is busy with until its time is up; another machine's likewise."""
    with world.ledger().create("shop", "order", "m", undo=("cancel_order", {"reason": "x"})) as noted:
        noted.done("o-1")
    world.orphan(ref="o-2", created_at=world.at, until=world.at + timedelta(hours=1))
    spared = world.ledger().sweep(world.landscape)
    assert (len(spared.waiting), world.shop.asked) == (2, [])
    assert all("still going on" in each for each in spared.waiting)
    world.at += timedelta(hours=1)
    assert world.ledger().sweep(world.landscape).state == "done"
    assert world.shop.asked == ["cancel o-2: x", "cancel o-1: x"]


def test_the_money_is_seen_to_come_back(world: World) -> None:
    """Where a cancelled order's payment is still held the gateway is asked to refund it, with one key for ever."""
    world.orphan()
    assert "payment pay-o-1 is given back" in world.ledger().sweep(world.landscape).undone[0]
    assert world.gateway.asked == []
    world.orphan()
    world.gateway.refunded = 40
    waits: list[float] = []
    ledger = world.ledger(paid_back_within_s=0.01, wait=waits.append)
    assert "refunded at the gateway" in ledger.sweep(world.landscape).undone[0]
    assert world.gateway.asked == ["refund pay-o-1 assay-undo-pay-o-1"]
    assert waits


def test_a_verb_must_be_a_name(world: World) -> None:
    """A verb that no connector can have is refused when the intent is noted, and nothing is noted."""
    for verb in ("_private", "a b", ""):
        with pytest.raises(UsageError, match="no verb"), world.ledger().create("shop", "order", "m", (verb, {})):
            pytest.fail("the block was entered")
    assert not world.store.intents.unsettled("local")
