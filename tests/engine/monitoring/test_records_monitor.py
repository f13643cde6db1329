"""The check `records`: what differs between two systems is told once it is sure, by cause, worth and age."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay.alerts.evidence import heard
from assay.alerts.reckoning import Reckoner
from assay.alerts.states import Memory
from assay.alerts.text import Setting
from assay.dossier import Gatherer, judging_of
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look, OutOfTime, Project
from assay.drift.pairs.trend import Trend
from assay.drift.watching.limits import limit_of, severity_of
from assay.errors import InfrastructureError, UsageError
from assay.events import Finding, Probe, ProbeResult, Result
from assay.landscape import Landscape
from assay.local.project import plan_for
from assay.money import Money
from assay.monitor import AlertRule, Monitor
from assay.profile import load_profile
from assay.records import Rate
from assay.reporting.metrics import Known, Metrics
from assay.runners.scheduler.declared import monitors_of
from tests.engine.monitoring.stand_ins import of_one_gateway

ROOT = Path(__file__).resolve().parents[3]
AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAIR = """
[pairs.orders]
about = "Every order of the shop stands in the ERP with the same money"
window = "30d"
grace = "15m"
worth = "total"
dimensions = ["store"]

[pairs.orders.left]
system = "merchant"
source = { kind = "jsonl", path = "shop.jsonl" }
key = "number"
placed = "placed_at"
amounts = { currency_column = "currency" }

[pairs.orders.right]
system = "sap_s4hana"
source = { kind = "jsonl", path = "erp.jsonl" }
key = "number"
placed = "placed_at"
amounts = { currency_column = "currency" }

[pairs.orders.fields]
total = { kind = "money" }
city = { kind = "text" }
"""
Row = dict[str, Any]


@dataclass
class Publisher:
    """Who publishes one rate."""

    asked: int = 0

    def history(self, since: date) -> Sequence[Rate]:
        """Return yesterday's rate."""
        self.asked += 1
        return [Rate(system="ecb", base="EUR", quote="JPY", value=Decimal(200), as_of=date(2026, 11, 20))]


@dataclass
class Shop:
    """A shop nobody asks: its records are files."""


@dataclass
class Stage:
    """A project whose two systems are files."""

    folder: Path
    shop: list[Row] = field(default_factory=list)
    erp: list[Row] = field(default_factory=list)
    now: datetime = AT
    paused: list[float] = field(default_factory=list)
    meanwhile: Callable[[Stage], object] = lambda stage: None
    last: Look = field(init=False)

    def write(self) -> None:
        """Write what both systems hold."""
        for name, rows in (("shop", self.shop), ("erp", self.erp)):
            (self.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def pause(self, seconds: float) -> None:
        """Let time pass, in which something happens."""
        self.paused.append(seconds)
        self.meanwhile(self)
        self.write()

    def look(self, *, learns: bool = True, patience: float = 60.0, **options: Any) -> Look:
        """Run the check, and return what it came to."""
        load_checks()
        check, profile = check_named("records"), load_profile(ROOT / "assay.toml")
        self.write()
        landscape = Landscape("local", of_one_gateway(profile), {"merchant": Shop(), "ecb": Publisher()}, {})
        with Gatherer(landscape, read_at=self.now) as gatherer:
            look = Look(
                environment="local",
                landscape=landscape,
                gatherer=gatherer,
                judging=judging_of(profile.policies),
                now=lambda: self.now,
                deadline=time.monotonic() + patience,
                options={**check.options, "pair": "orders", **options},
                pause=self.pause,
                learns=learns,
                project=Project(
                    folder=self.folder, home=self.folder / ".assay" / "local", profile=profile, roots=(self.folder,)
                ),
            )
            self.last = look
            check.act(look)
        return look


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two systems that hold the same 500 orders, a day old and more."""
    (tmp_path / "monitors" / "drift").mkdir(parents=True)
    (tmp_path / "monitors" / "drift" / "orders.toml").write_text(PAIR)
    rows = [
        {
            "number": f"R-{number:05}",
            "placed_at": (AT - timedelta(days=1, minutes=number)).isoformat(),
            "currency": "JPY" if number % 4 == 0 else "EUR",
            "total": 10_000 + number,
            "store": "B2B" if number % 5 == 0 else "DE",
            "city": "Köln",
        }
        for number in range(500)
    ]
    return Stage(tmp_path, [dict(row) for row in rows], [dict(row) for row in rows])


def failed(look: Look) -> list[Finding]:
    """Return what is wrong."""
    return [each for each in look.findings if each.result is Result.FAIL]


def measured(look: Look, name: str, **labels: str) -> float:
    """Return a figure of the last run."""
    (found,) = [
        each.value
        for each in look.measures
        if each.name == f"assay_drift_pair_{name}" and labels.items() <= each.labels.items()
    ]
    return found


def test_two_sides_that_hold_the_same_pass(stage: Stage) -> None:
    """Nothing differs: one verdict says so, the figures are there, and when it was clean is known the next time."""
    look = stage.look()
    assert [each.result for each in look.findings] == [Result.PASS]
    assert measured(look, "records", side="left") == measured(look, "records", side="right") == 500
    assert measured(look, "clean_age_seconds") == measured(look, "severity") == 0
    assert not stage.paused, "nothing is read again where nothing differs"
    stage.now += timedelta(hours=1)
    stage.erp[3]["total"] += 1
    look = stage.look()
    assert measured(look, "clean_age_seconds") == 3600
    assert len(Trend(stage.folder / ".assay" / "drift" / "local").read("orders")) == 2


def test_a_key_that_is_cut_is_shown_to_be(stage: Stage) -> None:
    """A long key is told up to a length and an ellipsis, on one line, so that nobody looks for its beginning alone."""
    for rows in (stage.shop, stage.erp):
        rows[7]["number"] = "R-7\n" + "x" * 100
    stage.erp[7]["total"] += 1
    (only,) = failed(stage.look())
    assert only.order_ref == f"orders R-7 {'x' * 76}…"


def test_many_of_one_cause_are_one_finding(stage: Stage) -> None:
    """100 orders of one store that are missing are one sentence with store, cause, worth and both systems."""
    stage.erp = [row for row in stage.erp if row["store"] != "B2B"]
    look = stage.look()
    (only,) = failed(look)
    assert "all 100 missing from sap_s4hana" in only.seen
    assert only.systems == ("merchant", "sap_s4hana")
    assert only.cause == "one store only, store B2B"
    assert only.expected == "Every order of the shop stands in the ERP with the same money"
    assert only.order_ref == "orders: 100 of missing"
    assert only.at_risk is not None and only.at_risk.currency == "EUR", "yen by the publisher's rate"
    assert look.severity == "page", "100 records are the limit"
    assert measured(look, "differences", **{"class": "missing"}) == 100
    assert measured(look, "at_risk_minor", currency="EUR") == sum(
        10_000 + number for number in range(0, 500, 5) if number % 4
    )


def test_few_are_told_one_by_one_with_both_sides(stage: Stage) -> None:
    """What is missing, differs or is there twice is told each for itself, with both instants and what is at risk."""
    stage.erp[7]["total"] = 9_000
    stage.erp[8]["city"] = "KÃ¶ln"
    stage.erp.pop(9)
    look = stage.look()
    told = {each.order_ref: each for each in failed(look)}
    assert sorted(told) == ["orders R-00007", "orders R-00008", "orders R-00009"]
    differs = told["orders R-00007"]
    assert (differs.expected, differs.seen) == ("merchant: total 100.07 EUR", "sap_s4hana: total 90.00 EUR")
    assert str(differs.at_risk) == "10.07 EUR"
    assert "merchant from 2026-11-22T11:53:00Z; sap_s4hana from 2026-11-22T11:53:00Z" in differs.evidence[0]
    assert told["orders R-00009"].seen == "not in sap_s4hana"
    assert "KÃ¶ln" not in f"{told['orders R-00008']}", "free text goes to no alert"
    assert all(each.cause and each.expected and each.seen for each in told.values())
    assert look.severity == "ticket"


@pytest.mark.full
def test_beyond_a_few_the_rest_is_one_finding(stage: Stage) -> None:
    """Of records that have nothing in common so many are told, and how many more there are."""
    for number in (3, 50, 222, 404):
        stage.erp[number]["total"] += 7 * number
    stage.erp[11]["city"] = "Ulm"
    look = stage.look(told=2)
    refs = [each.order_ref for each in failed(look)]
    assert len(refs) == 3, refs
    assert refs[-1] == "orders: 3 more"


def test_a_young_difference_waits_and_an_old_one_is_read_again(stage: Stage) -> None:
    """A minute old is nothing yet; what is gone when it is read again is nothing at all."""
    young = {**stage.shop[0], "number": "R-NEW", "placed_at": (AT - timedelta(minutes=1)).isoformat()}
    stage.shop.append(young)
    assert not failed(stage.look())
    stage.now += timedelta(hours=1)
    stage.meanwhile = lambda stage: stage.erp.append(young)
    look = stage.look()
    assert stage.paused == [10.0]
    assert not failed(look)
    stage.erp.pop()
    stage.meanwhile = lambda stage: None
    look = stage.look()
    assert [each.order_ref for each in failed(look)] == ["orders R-NEW"]
    stage.now += timedelta(hours=3)
    assert measured(stage.look(), "oldest_age_seconds") == 3 * 3600


def test_of_more_than_are_held_none_is_told_that_nobody_read_again(stage: Stage) -> None:
    """A bulk change is half read: all that are held are gone a moment later, and so nothing is told of the others."""
    whole = stage.erp
    stage.erp = [{**row, "total": 1} for row in whole]
    stage.meanwhile = lambda stage: setattr(stage, "erp", whole)
    look = stage.look(limit=100)
    assert not failed(look) and look.severity is None
    assert measured(look, "differences", **{"class": "differs"}) == 0


@pytest.mark.parametrize(
    ("limits", "severity"),
    [
        ({}, "ticket"),
        ({"ticket": {"records": 10}}, "info"),
        ({"page": {"at_risk": 10}}, "page"),
        ({"page": {"at_risk": "10.08"}}, "ticket"),
        ({"page": {"records": 1}}, "page"),
        ({"ticket": {}, "page": {"age": "1h"}}, "info"),
    ],
)
def test_limits_decide_who_is_woken(limits: Mapping[str, Any], severity: str) -> None:
    """Records, money at risk in the base currency and age: reaching one of them is enough."""
    load_checks()
    options = {**check_named("records").options, **limits}
    ticket, page = (limit_of(options[name], name) for name in ("ticket", "page"))
    found = severity_of(ticket, page, records=1, at_risk=Money(1007, "EUR"), age=timedelta(minutes=5))
    assert found[0] == severity


@pytest.mark.full
def test_age_counts_from_when_it_was_first_found(stage: Stage) -> None:
    """A difference that stands for an hour is a page where the monitor says so, and a run by hand does not count."""
    stage.erp[7]["total"] = 9_000
    limits: dict[str, Any] = {"page": {"age": "1h"}}
    stage.now -= timedelta(hours=2)
    stage.look(learns=False, **limits)
    stage.now += timedelta(hours=2)
    assert stage.look(**limits).severity == "ticket"
    stage.now += timedelta(hours=1)
    assert stage.look(**limits).severity == "page"


@pytest.mark.full
def test_several_pairs_are_told_each_by_itself(stage: Stage) -> None:
    """One that cannot be read keeps no other from its verdict; the graver one says how severe all of it is."""
    again = PAIR.replace("pairs.orders", "pairs.again")
    lost = PAIR.replace("pairs.orders", "pairs.lost").replace("erp.jsonl", "none.jsonl")
    (stage.folder / "monitors" / "drift" / "more.toml").write_text(again + lost)
    stage.erp[7]["total"] = 9_000
    with pytest.raises(UsageError, match="none"):
        stage.look(pair="", pairs=["lost", "orders", "again"])
    refs = [each.order_ref for each in failed(stage.last)]
    assert refs == ["orders R-00007", "again R-00007"]
    assert stage.last.severity == "ticket"


def test_what_cannot_be_read_is_trouble_and_no_drift(stage: Stage) -> None:
    """An empty ERP is said as such, and so is a file that was cut; no order is called missing for either."""
    held, stage.erp = stage.erp, []
    with pytest.raises(InfrastructureError, match="nothing was read from sap_s4hana"):
        stage.look()
    stage.erp = held
    stage.pause = lambda seconds: None  # type: ignore[method-assign]
    stage.write()
    stage.write = lambda: None  # type: ignore[method-assign]
    (stage.folder / "erp.jsonl").write_text('{"number": "R-1", "placed_at"\n')
    with pytest.raises(InfrastructureError, match="could not be compared whole"):
        stage.look()


def test_where_neither_side_holds_anything_all_is_quiet(stage: Stage) -> None:
    """A shop before its first order is no outage, and neither is its first order while that is on its way."""
    first, stage.shop, stage.erp = stage.shop[0], [], []
    assert [each.oracle for each in stage.look().findings] == ["quiet"]
    stage.shop = [{**first, "placed_at": (AT - timedelta(minutes=2)).isoformat()}]
    assert [each.result for each in stage.look().findings] == [Result.PASS]
    stage.now += timedelta(hours=1)
    with pytest.raises(InfrastructureError, match="nothing was read from sap_s4hana"):
        stage.look()


def test_a_verdict_by_what_changed_is_the_same(stage: Stage) -> None:
    """With `incremental` a second run compares what changed, and finds what comparing all would."""
    assert not failed(stage.look(incremental=True))
    assert (stage.folder / ".assay" / "drift" / "local" / "orders.verdict.json").is_file()
    stage.erp[7]["total"] = 9_000
    assert [each.order_ref for each in failed(stage.look(incremental=True))] == ["orders R-00007"]


@pytest.mark.full
def test_a_run_by_hand_leaves_nothing_behind(stage: Stage) -> None:
    """`assay monitor --once` tells what it finds, and keeps nothing of it."""
    stage.erp[7]["total"] = 9_000
    assert failed(stage.look(learns=False, incremental=True))
    assert not (stage.folder / ".assay").exists()


def test_it_ends_when_the_monitors_time_is_over(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor whose time is over reads nothing more, and a query that still runs is ended."""
    with pytest.raises(OutOfTime):
        stage.look(patience=0.0)
    from assay.drift.pairs.connecting import TimeOver, connect, limited

    began = time.monotonic()
    with pytest.raises(TimeOver), limited(until=time.monotonic() + 0.3, memory_mb=100), connect({}) as connection:
        connection.execute(
            "SELECT count(*) FROM range(100000000) AS a, range(100000000) AS b WHERE a.range % 7 = b.range % 11"
        )
    assert time.monotonic() - began < 30, "it was not ended"


def test_connections_hold_no_more_than_the_monitor_may() -> None:
    """Within a monitor's limit a connection gets that memory, or less where it asked for less."""
    from assay.drift.pairs.connecting import connect, limited

    def held(**config: str) -> str:
        with connect(config) as connection:
            return str(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])

    with limited(until=time.monotonic() + 60, memory_mb=200):
        assert held(memory_limit="1150MB") == held() == "190.7 MiB"
        assert held(memory_limit="100MB") == "95.3 MiB"


@pytest.mark.parametrize(
    ("options", "where", "said"),
    [
        ({"ticket": {"recods": 1}}, "ticket", "did you mean 'records'"),
        ({"page": {"records": 0}}, "page.records", "a whole number from 1 on"),
        ({"page": {"at_risk": "much"}}, "page.at_risk", "an amount above zero"),
        ({"page": {"age": "soon"}}, "page.age", "such as 30s"),
        ({"memory": 10}, "memory", "100 megabytes or more"),
        ({"limit": 0}, "limit", "a whole number from 1 on"),
    ],
)
def test_options_that_say_nothing_are_refused(options: Mapping[str, Any], where: str, said: str) -> None:
    """What is misspelt or cannot be is refused before any run, with its place."""
    load_checks()
    check = check_named("records")
    assert check.judge is not None
    with pytest.raises(UsageError) as refused:
        check.judge({**check.options, "pair": "orders", **options})
    assert refused.value.where == where
    assert said in str(refused.value)


# ---- declared


def declared(project: Path, write: Callable[..., Path], **options: Any) -> dict[str, Monitor]:
    """Return the monitors of a project that compares the pair `orders`."""
    (project / "monitors" / "drift").mkdir()
    (project / "monitors" / "drift" / "own.toml").write_text(PAIR)
    told = ", ".join(f"{name} = {value}" for name, value in options.items())
    write(mine=f'check = "records"\ninterval = "10m"\noptions = {{ {told} }}')
    plan = plan_for("local", project / "assay.toml")
    return monitors_of(plan)


def test_a_monitor_names_a_pair_that_there_is(project: Path, write: Callable[..., Path]) -> None:
    """A pair that is misspelt is refused with file, place and the nearest name: it would watch nothing."""
    with pytest.raises(UsageError) as refused:
        declared(project, write, pair='"ordres"')
    assert str(refused.value.where).endswith("own.toml: monitors.mine.options.pair")
    assert "did you mean 'orders'" in str(refused.value)


def test_limits_of_a_file_are_read_with_their_place(project: Path, write: Callable[..., Path]) -> None:
    """A limit that is none is refused with file and key, and a good one is what the monitor has."""
    with pytest.raises(UsageError) as refused:
        declared(project, write, pair='"orders"', page="{ recods = 5 }")
    assert str(refused.value.where).endswith("own.toml: monitors.mine.options.page")


def test_the_pair_of_a_monitor_is_a_label_and_no_other_is(project: Path, write: Callable[..., Path]) -> None:
    """Figures bear the pair's name where a monitor compares it; whatever else is said there is `other`."""
    monitors = declared(project, write, pair='"orders"')
    known = Known.of(load_profile(project / "assay.toml"), monitors=lambda: monitors)
    metrics = Metrics(known, "local")
    for pair in ("orders", "R-10023"):
        metrics.set("assay_drift_pair_pending", 1.0, pair=pair)
    assert re.findall(r'assay_drift_pair_pending\{environment="local",pair="([^"]*)"\}', metrics.text) == [
        "orders",
        "other",
    ]


# ---- told


def test_a_ticket_that_grows_becomes_a_page(tmp_path: Path) -> None:
    """One alert: a ticket for a few records, told again as a page once a limit of the page is reached."""
    monitor = Monitor(
        name="pair", title="Pair", owner="me", runbook="x.md", check="records", interval_s=600.0,
        alert=AlertRule(severity="ticket", fire_after=1, resolve_after=1),
    )  # fmt: skip
    profile = load_profile(ROOT / "assay.toml")
    routes = {
        "chat": {"url": "env:CHAT", "severities": ["ticket"]},
        "pager": {"url": "env:PAGER", "severities": ["page"]},
    }
    alerts = type(profile.alerts).model_validate({"routes": routes})
    reckoner = Reckoner(alerts, Setting(environment="local"), {"pair": monitor})
    known: dict[str, Memory] = {}
    told = []
    for minute, severity in enumerate(("ticket", "ticket", "page", "ticket", "")):
        finding = Finding(oracle="records", result=Result.FAIL, order_ref="orders R-1", systems=("merchant",))
        now = AT + timedelta(minutes=10 * minute)
        probe = Probe(
            id=str(minute), monitor="pair", subject="records", environment="local", location="here", due_at=now,
            started_at=now, seconds=1.0, severity=severity, findings=(finding,) if severity else (),
            result=ProbeResult.FAILED if severity else ProbeResult.PASSED,
        )  # fmt: skip
        done = reckoner.round(known, [heard(probe, rotates=False, at=now)], now=now, silent={}, silences=())
        known = done.memories
        told += [(message.kind, message.severity, routes) for message, routes in done.messages]
    assert told == [
        ("firing", "ticket", ("chat",)),
        ("firing", "page", ("chat", "pager")),
        ("resolved", "page", ("chat", "pager")),
    ]
