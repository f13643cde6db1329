"""A crash in the middle of a flow leaves nothing behind: `assay sweep` cancels the order and the money goes back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.runners.session import Session
from tests.conftest import Project, run_assay

ROOT = Path(__file__).resolve().parents[2]
# A runner that dies without a word once the flow has bought; CASE says whether the shop's answer was noted.
CRASH = """
import os, signal, sys
from pathlib import Path
from assay.flow import flow, Case, Run, perform
from assay.local.project import plan_for
from assay.roles import Purchase
from assay.runners.session import Session
from assay.store import open_store
from assay.suites import enter, suite_roots
from assay.undo import Ledger

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Deaf:
    def __init__(self, shop):
        self.shop = shop
    def place(self, purchase):
        self.shop.place(purchase)
        die()

bought = Purchase(currency="EUR", lines=(("0017", 1),), email="crash@example.com")

@flow(id="F", title="Dies", cases=[Case("eur", bought)])
def dies(run, shop):
    with run.step("buy"):
        run.buy(Deaf(shop) if sys.argv[1] == "unanswered" else shop)
    with run.step("go on"):
        die()

plan = plan_for("local", Path("assay.toml"))
what, case = dies, dies.cases[0]
if sys.argv[1] == "pressed":
    enter(suite_roots(plan.profile.folder))
    from scenarios.f01_order_to_carrier import order_to_carrier as what
    case = what.case("eur")
with Session(plan, plan.home.read()) as session:
    ledger = Ledger(store=open_store(plan.home.store), environment="local", now=session.now, run_id="crashed")
    if what is not dies:
        shop = session.landscape.by_role("shop")
        press = shop.submit
        shop.submit = lambda *given, **more: (press(*given, **more), die())
    perform(what, case, session.landscape.roles(), session, "local", id=sys.argv[1], undo=ledger)
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A landscape that is up."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml")
    bring_up(plan, lambda _: None)
    yield plan
    take_down(plan.home, lambda _: None)


def crash(plan: Plan, case: str) -> None:
    """Run a flow that is killed with SIGKILL after it bought."""
    done = subprocess.run(
        [sys.executable, "-c", CRASH, case], cwd=plan.profile.folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def swept(plan: Plan) -> tuple[int, dict[str, Any]]:
    """Run `assay sweep` and return its exit code and what it says."""
    done = run_assay("sweep", "--json", cwd=plan.profile.folder)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def order_of(session: Session, email: str) -> Any:
    """Return the one order of a customer as the shop holds it."""
    shop = session.landscape.by_role("shop")
    [ref] = shop.find_by_marker(email, session.now() - timedelta(hours=1))
    return shop.order(ref)


@pytest.mark.needs_java
@pytest.mark.xdist_group("sweep")
@pytest.mark.parametrize("case", ["answered", "unanswered"])
def test_a_crash_leaves_nothing_behind(plan: Plan, case: str) -> None:
    """After kill -9 and a sweep the order is cancelled and its payment refunded once; sweeping again does nothing."""
    crash(plan, case)
    with Session(plan, plan.home.read()) as session:
        gateway = session.landscape.by_role("payments")
        paid = order_of(session, f"crash-{case}@example.com")
        [payment_ref] = paid.payment_refs
        assert paid.status != "cancelled"
        assert (gateway.payment(payment_ref).captured.minor > 0, gateway.payment(payment_ref).refunded.minor) == (
            True,
            0,
        )

        code, told = swept(plan)
        assert (code, told["leak_count"], len(told["undone"])) == (0, 0, 1), told
        assert order_of(session, f"crash-{case}@example.com").status == "cancelled"
        payment = gateway.payment(payment_ref)
        assert payment.refunded == payment.captured
        refunds = gateway.refunds(payment_ref)

        code, told = swept(plan)
        assert (code, told["undone"], told["leaks"], told["waiting"]) == (0, [], [], [])
        assert gateway.refunds(payment_ref) == refunds
        assert len(refunds) == 1


@pytest.mark.needs_java
@pytest.mark.xdist_group("sweep")
def test_the_flow_we_ship_notes_its_order_before_it_presses(plan: Plan) -> None:
    """F01 killed between the shop's doing and its answer is swept like any other."""
    crash(plan, "pressed")
    code, told = swept(plan)
    assert (code, told["leak_count"], len(told["undone"])) == (0, 0, 1), told
    with Session(plan, plan.home.read()) as session:
        assert order_of(session, "f01-eur-pressed@example.com").status == "cancelled"


@pytest.mark.needs_java
@pytest.mark.xdist_group("sweep")
def test_a_shipped_order_is_a_leak_by_name(plan: Plan) -> None:
    """An order that has shipped cannot be taken back: exit 1, named, leak count 1, and so again the next time."""
    crash(plan, "shipped")
    with Session(plan, plan.home.read()) as session:
        order = order_of(session, "crash-shipped@example.com")
        session.pass_time(timedelta(days=1))
    for _ in range(2):
        done = run_assay("sweep", cwd=plan.profile.folder)
        assert done.returncode == 1, done.stderr
        assert f"order {order.ref} in shop: cancel_order was refused" in done.stdout
        assert done.stdout.rstrip().endswith("1 leaked; leak count 1")


def test_there_may_be_nothing_to_sweep(project: Project) -> None:
    """Where nothing was ever created a sweep says so, starts nothing and leaves no folder behind."""
    done = project.assay("sweep")
    assert (done.returncode, done.stdout) == (0, "nothing to take back\n")
    assert not (project.path / ".assay").exists()


def test_a_misspelt_environment_is_refused(project: Project) -> None:
    """An unknown environment is exit 2 with the nearest name."""
    done = project.assay("sweep", "--env", "locl")
    assert done.returncode == 2
    assert "did you mean 'local'?" in done.stderr
