"""Every event is delivered once more after the orders are judged: a consumer that handles it again is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.events import Result
from assay.local.clock import LandscapeClock
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from assay.runners.session import Session
from scenarios.thread import thread

ROOT = Path(__file__).resolve().parents[2]
DEFECT = '''
"""OWN-02: Each delivery of an event writes to the customer."""

from itertools import count

WRITTEN = count()


def is_repeated(known):
    """Know no event."""
    return False


def on_event(shop, event, *, healthy):
    """Thank for the payment once more."""
    outcome = healthy(shop, event)
    if event["type"] == "payment_intent.succeeded" and outcome != "unknown":
        order = event["data"]["object"]["metadata"]["order_id"]
        row = (order, "thanks", f"thanks {next(WRITTEN)}", "a@example.com", "Thanks", "Paid.", shop.now_iso())
        with shop.database.write() as connection:
            connection.execute(
                "INSERT INTO messages (order_id, kind, key, recipient, subject, text, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
    return outcome


SEAMS = {"is_repeated": is_repeated, "on_event": on_event}
'''
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("replay")]


@pytest.fixture(params=["healthy", "OWN-02"])
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plan]:
    """Return a landscape that is up, its shop healthy or deaf to what it has heard before."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "OWN-02.py").write_text(DEFECT)
    defects = () if request.param == "healthy" else (request.param,)
    plan = plan_for("local", tmp_path / "assay.toml", defects=defects, defect_folders=(tmp_path / "own",))
    try:
        bring_up(plan, lambda _: None)
        yield plan
    finally:
        take_down(plan.home, lambda _: None)


def test_events_that_come_again_change_nothing(plan: Plan) -> None:
    """O-O5 passes over a healthy shop and fails over one that handles an event again; the clock goes on afterwards."""
    with Session(plan, plan.home.read()) as session:
        session.settle()
        performed = session.perform(thread, thread.case("eur"))
        session.rest()
        judged = session.judge(performed)
    [finding] = [each for each in judged.findings if each.oracle == "O-O5"]
    if plan.defects:
        assert finding.result is Result.FAIL
        assert "the same messages as before the events were delivered again" in finding.expected
    else:
        assert finding.result is Result.PASS, finding.sentence()
    assert LandscapeClock(plan.home.clock).read().mode == "real"
