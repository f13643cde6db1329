"""The budget of production is one for all who share a store, whoever asks first and whatever became of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import SafetyError
from assay.events import Outcome, StepDone
from assay.flow import Case, Flow, Run, flow
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.store_place import ledger_place
from assay.money import Money
from assay.roles import Purchase, Shop
from assay.runners.safety import Guard
from assay.store import Store, open_store

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SAFETY = """
[environments.production.safety]
skus = ["0018"]
customers = ["own@example.com"]
orders_per_hour = 3
money_per_hour = { EUR = "50", JPY = "8000" }
kill_switch = "file:stop"
payment = "voucher"

[store]
url = "env:SHARED_STORE"

"""


def buys(currency: str = "EUR") -> Case:
    """Return a case that is allowed in production."""
    return Case("one", Purchase(currency=currency, lines=(("0018", 1),), email="own@example.com"))


@flow(id="safe", title="Buys", cases=[buys()], reversible=True)
def safe(run: Run, shop: Shop) -> None:
    """Buy."""


def outcome(amount: str = "", currency: str = "EUR", *, orders: int = 1, error: str | None = None) -> Outcome:
    """Return what came of a case: an order of this amount, or a failed step."""
    shown = (("ord_1", "confirmation", Money.of(amount, currency)),) if amount else ()
    steps = (StepDone(name="buy", started_at=AT, seconds=0.1, error=error),)
    return Outcome(
        flow="safe",
        case="one",
        environment="production",
        order_refs=tuple(f"ord_{number}" for number in range(orders)),
        shown=shown,
        steps=steps,
    )


@pytest.fixture
def machine(
    tmp_path: Path, address: Path | str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, datetime], tuple[Guard, Plan]]:
    """A function of a name and an instant: one machine's guard; all machines share a store and nothing else."""
    monkeypatch.setenv("SHARED_STORE", str(address))

    def make(name: str, now: datetime) -> tuple[Guard, Plan]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        text = (ROOT / "assay.toml").read_text()
        head, production, tail = text.partition("[environments.production.systems]")
        (folder / "assay.toml").write_text(head + SAFETY + production + tail)
        plan = plan_for("production", folder / "assay.toml")
        return Guard(plan, now=lambda: now), plan

    return make


def order(guard: Guard, came: Outcome, case: Case | None = None, of: Flow = safe) -> None:
    """Let a machine run a case of which this came."""
    with guard.permit(of, case or buys()) as permit:
        permit.settle(came)


def test_money_is_counted_over_machines(machine: Callable[[str, datetime], tuple[Guard, Plan]]) -> None:
    """What one machine spent, another one may not spend again within the hour; after it, it may."""
    order(machine("paris", AT)[0], outcome("30.00"))
    order(machine("berlin", AT + MINUTE)[0], outcome("25.00"))
    with pytest.raises(SafetyError, match=r"55\.00 EUR in the last hour, 50 EUR are allowed; nothing was sent"):
        order(machine("paris", AT + 2 * MINUTE)[0], outcome())
    order(machine("rome", AT + 60 * MINUTE)[0], outcome("1.00"))


def test_another_currency_has_its_own_budget(machine: Callable[[str, datetime], tuple[Guard, Plan]]) -> None:
    """EUR spent takes nothing of the JPY allowed, and yen have no decimals."""
    order(machine("paris", AT)[0], outcome("99.00"))
    order(machine("berlin", AT)[0], outcome("7999", "JPY"), buys("JPY"))
    with pytest.raises(SafetyError, match="EUR in the last hour"):
        order(machine("berlin", AT)[0], outcome())
    order(machine("berlin", AT)[0], outcome("1", "JPY"), buys("JPY"))


def test_orders_are_counted_over_machines(machine: Callable[[str, datetime], tuple[Guard, Plan]]) -> None:
    """The fourth order of the hour is refused wherever it is asked for; a case that came to no order takes none."""
    for name in ("paris", "berlin", "rome", "oslo"):
        order(machine(name, AT)[0], outcome(orders=0 if name == "rome" else 1))
    with pytest.raises(SafetyError, match="3 orders in the last hour, 3 are allowed"):
        order(machine("bonn", AT)[0], outcome())


def test_what_broke_off_counts(machine: Callable[[str, datetime], tuple[Guard, Plan]]) -> None:
    """A case that failed, or whose process was killed, may have ordered: it counts."""
    order(machine("paris", AT)[0], outcome(orders=0, error="no answer"))
    for name in ("berlin", "rome"):
        with machine(name, AT)[0].permit(safe, buys()):
            pass
    with pytest.raises(SafetyError, match="3 orders in the last hour"):
        order(machine("oslo", AT)[0], outcome())


def test_of_many_at_once_only_so_many_are_let_in(store: Store) -> None:
    """Whoever asks at the same time: exactly the hour's number of orders is granted."""

    def ask(asker: int) -> bool:
        number, _ = store.spending.reserve(
            "production", "EUR", orders=1, now=AT, most_orders=5, most_minor=Money.of("50", "EUR").minor
        )
        return number is not None

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(24))) == 5


def test_the_ledger_of_real_systems_is_shared(
    machine: Callable[[str, datetime], tuple[Guard, Plan]], address: Path | str
) -> None:
    """Real systems have one undo ledger for all machines; a simulated landscape keeps its own beside it."""
    _, plan = machine("paris", AT)
    assert str(ledger_place(plan)) == str(address)
    local = plan_for("local", plan.profile.folder / "assay.toml")
    assert ledger_place(local) == local.home.store


def test_old_spending_is_pruned(address: Path | str) -> None:
    """What was spent long ago goes with everything else of its time."""
    store = open_store(address)
    store.spending.reserve("production", "EUR", orders=1, now=AT, most_orders=1, most_minor=1)
    assert store.prune(keep_days=1, now=AT + timedelta(days=2))["spendings"] == 1
    store.close()
