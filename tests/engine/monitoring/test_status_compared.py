"""The status page's drift: what compared pairs came to last, and the charts of distributions that are off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from assay.drift.distribution.alarm import Alarm, Feature, Point, Shift, Stream
from assay.drift.distribution.words import finding_of, points_told
from assay.events import Finding, Measure, Probe, ProbeResult, Result
from assay.money import Money
from assay.reporting.status.app import status_app
from assay.reporting.status.auth import Guard
from assay.store import open_store
from tests.engine.browser.chromium import running_chromium
from tests.engine.monitoring.status_data import DAY, ENVIRONMENT, HOUR, NOW, Source, a_monitor, serving
from tests.engine.monitoring.test_status_browser import CUT, FAINT, WIDE
from tests.engine.monitoring.test_status_pages import Tree, page, words

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHARES = Alarm(
    shift=Shift.SHARE,
    stream=Stream(Feature.TAX_SHARE, "EUR"),
    since=NOW - 2 * DAY,
    usual=0.172,
    seen=0.163,
    score=1.8,
    sample=912,
    points=tuple(Point(NOW - (13 - day) * DAY, 0.172 - 0.009 * (day > 10), 0.172) for day in range(14)),
)
VALUES = Alarm(
    shift=Shift.POWER,
    stream=Stream(Feature.BASKET_VALUE, "JPY"),
    since=NOW - DAY,
    usual=3.9,
    seen=5.9,
    score=9.0,
    sample=64,
    factor=100.0,
    points=tuple(
        Point(NOW - (5 - day) * DAY, (math.nan if day == 2 else 3.9 + 2 * (day > 3)), 3.9) for day in range(6)
    ),
)
CROWD = Finding(
    oracle="records",
    result=Result.FAIL,
    order_ref="orders: 38 of total differs",
    systems=("merchant", "sap_s4hana"),
    expected="every order of the shop stands in the ERP",
    seen="all 38 that differ in total: merchant's plus 20 % tax",
    cause="tax in or out",
    at_risk=Money(83_250, "EUR"),
)


def probe(monitor: str, hours: float, *findings: Finding, measures: tuple[Measure, ...] = ()) -> Probe:
    """Return a run of a monitor so many hours ago."""
    due = NOW - timedelta(hours=hours)
    return Probe(
        id=f"{monitor}-{due.isoformat()}",
        monitor=monitor,
        subject="records",
        environment=ENVIRONMENT,
        location="paris",
        result=ProbeResult.FAILED if findings else ProbeResult.PASSED,
        due_at=due,
        started_at=due,
        seconds=3.0,
        findings=findings,
        measures=measures,
    )


def figures(pair: str, differs: int, missing: int = 0) -> tuple[Measure, ...]:
    """Return what a compared pair measures."""
    told = [
        ("records", 4_000.0, {"side": "left"}),
        ("records", 3_998.0, {"side": "right"}),
        ("differences", float(differs), {"class": "differs"}),
        ("differences", float(missing), {"class": "missing"}),
        ("pending", 2.0 if differs else 0.0, {}),
        ("at_risk_minor", 83_250.0 if differs else 0.0, {"currency": "EUR"}),
        ("at_risk_base_minor", 83_250.0 if differs else 0.0, {"currency": "EUR"}),
        ("oldest_age_seconds", 7_200.0 if differs else 0.0, {}),
        ("clean_age_seconds", 10_800.0, {}),
        ("severity", 2.0 if differs else 0.0, {}),
    ]
    return tuple(
        Measure(name=f"assay_drift_pair_{name}", value=value, labels={"pair": pair, **labels})
        for name, value, labels in told
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """Two pairs, one of which differs since three hours ago, and two distributions that are off."""
    folder = tmp_path_factory.mktemp("compared")
    store = open_store(folder / "store.sqlite")
    names = {"pair_orders": "records", "pair_stock": "records", "order_shape": "distribution", "fx_feed": "rates"}
    monitors = [a_monitor(name, name, HOUR, check=check) for name, check in names.items()]
    runs = [probe("pair_stock", hours, measures=figures("stock", 0)) for hours in range(20, 0, -1)]
    for hours in range(20, 0, -1):
        found = (CROWD,) if hours < 4 else ()
        runs.append(probe("pair_orders", hours, *found, measures=figures("orders", 38 * bool(found), 2 * bool(found))))
    runs.append(probe("order_shape", 1, *(finding_of(each, ("merchant",)) for each in (SHARES, VALUES))))
    runs.append(probe("fx_feed", 1, measures=(Measure(name="assay_drift_rate_age_seconds", value=60.0),)))
    store.probes.keep(runs)
    yield Source(store=store, project=folder, declared={each.name: each for each in monitors})
    store.close()


def test_the_points_of_an_alarm_are_read_back() -> None:
    """What a finding tells of a chart gives the figures back, with their unit; a day without any is passed over."""
    shares = points_told(finding_of(SHARES, ()).evidence)
    assert len(shares) == 14 and {each.unit for each in shares} == {"%"}
    assert (shares[0].seen, shares[0].usual, shares[-1].seen) == (17.2, 17.2, 16.3)
    values = points_told(finding_of(VALUES, ()).evidence)
    assert [each.seen for each in values] == [7940, 7940, 7940, 794000, 794000]
    assert values[0].at == (NOW - 5 * DAY).replace(second=0)
    assert points_told(("14:00:03.120 merchant to stripe POST", "2026-13-01 10:00 UTC: x, usual y")) == []


def test_pairs_stand_first_with_what_they_came_to(source: Source) -> None:
    """A pair that differs comes before one that does not, with counts, money, age and the sentence of its cause."""
    said = words(page(source, "/drift"))
    assert said.index("orders 38 differs, 2 missing") < said.index("passed stock")
    assert "Records 4,000 / 3,998 Pending 2 At risk 832.50 EUR Together 832.50 EUR Oldest difference 2 h" in said
    assert "all 38 that differ in total: merchant's plus 20 % tax" in said
    assert "assay drift records orders --env production" in said
    assert "Last 40, lowest 0, highest 40." in said, "the chart in words"
    assert "Differences pair orders" not in said, "one line a pair, and not one a figure"
    assert "Rate age" in said


def test_an_alarm_has_its_chart(source: Source) -> None:
    """What was seen is drawn beside what is usual, told apart by a dashed line, in words, and as a table."""
    text = page(source, "/drift?span=7d")
    said = words(text)
    assert "Last 16.3 %, where 17.2 % is usual; 14 points since 2026-02-27 14:23 UTC." in said
    assert "Last 794 k, where 7,940 is usual" in said
    assert text.count('class="line p50"') >= 4 and "usual, dashed" in said
    assert "2026-03-12 14:23 UTC: 16.30%, usual 17.20%" in said
    tree = Tree()
    tree.feed(text)
    assert tree.open == [] and len(tree.ids) == len(set(tree.ids))
    assert tree.headings[0] == "h1" and tree.headings.count("h1") == 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with running_chromium() as running:
        yield running


def test_it_can_be_read_at_every_width(browser: Browser, source: Source) -> None:
    """Nothing overflows or is cut, and text stands out from its ground in light and dark."""
    context = browser.new_context()
    opened = context.new_page()
    with serving(status_app(source, Guard())) as base:
        opened.goto(f"{base}/drift")
        for width in (320, 768, 1280):
            opened.set_viewport_size({"width": width, "height": 800})
            assert opened.evaluate("document.documentElement.scrollWidth") == width
            assert opened.evaluate(WIDE) == []
            assert opened.evaluate(CUT) == []
        for scheme in ("light", "dark"):
            opened.emulate_media(color_scheme=scheme)
            assert opened.evaluate(FAINT) == []
    context.close()
