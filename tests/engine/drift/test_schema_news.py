"""News of a system's answers beside its pairs: a vanished column, another type, a word that nobody knew."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.capture import Capture
from assay.local.project import plan_for
from assay.local.store_place import ledger_place
from assay.roles import Reply
from assay.runners.scheduler.contract_watch import watch_of
from assay.store import open_store
from tests.conftest import Project

BEGAN = datetime.now(UTC) - timedelta(days=5)
PAIR = """
[pairs.orders]
about = "Every order of the shop stands at the right"
[pairs.orders.left]
system = "shop"
source = { kind = "csv", path = "shop.csv" }
key = "number"
amounts = { currency = "EUR" }
[pairs.orders.right]
system = "stripe"
source = { kind = "csv", path = "erp.csv" }
key = "SalesOrder"
amounts = { currency = "EUR" }
[pairs.orders.fields]
total = { kind = "money", right = "TotalNetAmount" }
status = { kind = "status", right = "OverallSDProcessStatus", statuses = { paid = "A", shipped = "C" } }
"""


ANSWER = {"SalesOrder": "1", "TotalNetAmount": "12.50", "OverallSDProcessStatus": "A"}


def answered(number: int, content: dict[str, Any]) -> Capture:
    """One answer of the right, ten minutes after the one before."""
    reply = Reply(200, {"content-type": "application/json"}, json.dumps(content).encode())
    at = BEGAN + timedelta(minutes=number * 10)
    return Capture("stripe", "GET", "http://erp.example/orders/1", {}, b"", reply, at, 0.1, None, None)


def heard(project: Project, *later: dict[str, Any]) -> None:
    """Let the project's monitors have heard two days of usual answers, and then these."""
    plan = plan_for("local", project.profile)
    place = ledger_place(plan)
    assert isinstance(place, Path)
    place.parent.mkdir(parents=True, exist_ok=True)
    store = open_store(place)
    try:
        watch = watch_of(plan, lambda: store)
        for number in range(240):
            watch.hear(answered(number, ANSWER | {"OverallSDProcessStatus": "AC"[number % 2]}))
        for number, content in enumerate(later):
            watch.hear(answered(300 + number, content))
        watch.learn()
    finally:
        store.close()


def sides(project: Project, shop: str, erp: str) -> None:
    """Write what the shop and the ERP hold, and the pair of them."""
    (project.path / "shop.csv").write_text(f"number,total,status\n{shop}")
    (project.path / "erp.csv").write_text(f"SalesOrder,TotalNetAmount,OverallSDProcessStatus\n{erp}")
    file = project.path / "monitors" / "drift" / "orders.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PAIR)


def test_a_word_nobody_mapped_names_the_news(project: Project) -> None:
    """The status that cannot be read is the word that the system answers with since then, and the verdict says both."""
    sides(project, "R-1,1250,paid\nR-2,1250,shipped\n", "R-1,1250,A\nR-2,1250,H\n")
    heard(project, ANSWER | {"OverallSDProcessStatus": "H"})
    done = project.type("drift", "records")
    assert done.returncode == 1, done.stdout + done.stderr
    since = f"since {BEGAN + timedelta(minutes=3000):%Y-%m-%d %H:%M} UTC"
    news = f"stripe answers otherwise {since}: a new word `H` in `OverallSDProcessStatus` of GET /orders/{{}}"
    assert f"  schema: {news}" in done.stdout
    assert "the likely cause of what is wrong in status" in done.stdout
    told = json.loads(project.type("drift", "records", "--json").stdout)["pairs"][0]
    assert told["schema"][0].startswith(news)
    (apart,) = told["differences"][0]["fields"]
    assert (apart["cause"], news in apart["why"]) == ("status map", True)


@pytest.mark.full
def test_a_column_that_is_gone_is_where_to_look_first(project: Project) -> None:
    """Amounts that are empty since the ERP sends none are told with that; another type, too."""
    sides(project, "R-1,1250,paid\n", "R-1,,A\n")
    gone = {name: value for name, value in ANSWER.items() if name != "TotalNetAmount"}
    heard(project, *[gone] * 12)
    done = project.type("drift", "records")
    assert done.returncode == 1
    assert "`TotalNetAmount` of GET /orders/{} is gone, in none of the last 12" in done.stdout
    assert "the likely cause of what is wrong in total" in done.stdout


def test_news_are_told_where_a_pair_cannot_be_compared(project: Project) -> None:
    """A key's column that vanished is exit 2, and beside it stands what the system's answers have lost."""
    sides(project, "R-1,1250,paid\n", "")
    (project.path / "erp.csv").write_text("TotalNetAmount,OverallSDProcessStatus\n1250,A\n")
    gone = {name: value for name, value in ANSWER.items() if name != "SalesOrder"}
    heard(project, *[gone] * 12)
    done = project.type("drift", "records")
    assert done.returncode == 2
    assert "no column 'SalesOrder'" in done.stdout
    assert "`SalesOrder` of GET /orders/{} is gone" in done.stdout and "look there first" in done.stdout


@pytest.mark.full
def test_nothing_is_said_where_nothing_differs_or_nothing_is_news(project: Project) -> None:
    """News without a difference, and a difference without news, are each told alone; an additive field is none."""
    sides(project, "R-1,1250,paid\n", "R-1,1250,A\n")
    heard(project, ANSWER | {"OverallSDProcessStatus": "H"})
    done = project.type("drift", "records")
    assert done.returncode == 0 and "schema:" not in done.stdout
    sides(project, "R-1,1250,paid\n", "R-1,1250,H\n")
    (project.path / "monitors" / "drift" / "orders.toml").write_text(PAIR.replace("stripe", "another"))
    done = project.type("drift", "records")
    assert done.returncode == 1 and "schema:" not in done.stdout
