"""The page of compared records: causes first, both records side by side, and no text that breaks it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from assay.drift.pairs.accepted import Open
from assay.drift.pairs.reconciling import Reconciled
from assay.errors import UsageError
from assay.reporting.drift import Told, render_records
from assay.reporting.html import template_folders
from tests.conftest import Project
from tests.engine.drift import told
from tests.engine.drift.test_drift_command import AT, orders, written


def _page(text: str) -> Any:
    return html.document_fromstring(text.encode("utf-8", "replace"))


def _words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


@pytest.mark.parametrize("state", told.STATES)
def test_landmarks_and_headings(state: str) -> None:
    """Every state's page has its landmarks once, headings without gaps, labelled sections, and no doubled id."""
    page = _page(told.STATES[state]())
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.xpath(f"//body/{landmark}")) == 1
    levels = [int(each.tag[1]) for each in page.xpath("//h1|//h2|//h3|//h4")]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    named = {word for each in page.xpath("//@aria-labelledby|//@aria-describedby") for word in each.split()}
    assert named <= set(ids)
    assert {link.removeprefix("#") for link in page.xpath("//a/@href")} <= set(ids)
    assert not [table for table in page.xpath("//table") if not table.xpath(".//th[@scope]")]


@pytest.mark.parametrize(
    ("state", "headline", "said"),
    [
        ("everything", "✗ 65 records differ", "The first cause: all 59 that differ in total"),
        ("several", "✗ 65 records differ", "1 of 4 pairs differs: orders. There is no verdict of ledger, stock."),
        ("nothing differs", "✓ Nothing differs", "every record of one side is on the other"),
        ("not read", "! Not everything could be judged", "nothing was read from sap_s4hana"),
        ("not compared", "! Not everything could be judged", "nobody knows where 'stripe' is"),
        ("no pair", "! Nothing was compared", "No pair is declared in monitors/drift/*.toml"),
    ],
)
def test_each_state_says_what_it_is(state: str, headline: str, said: str) -> None:
    """A verdict, none, nothing to compare and a side that was not read are told apart at first sight."""
    page = _page(told.STATES[state]())
    assert _words(page.xpath("//h1")[0]) == headline
    assert said in _words(page)
    assert ("missing" in _words(page.xpath("//main")[0])) == (state in ("everything", "several", "not read"))
    if state == "not read":
        assert "no record is called missing" in _words(page)


def test_what_was_left_out_and_what_is_news_is_told() -> None:
    """Records of the future and news of a schema stand in the page, as other people's text."""
    whole = told.everything()
    found = replace(whole.found, ahead=("2 records <b>ahead</b>",), news=("merchant answers otherwise",))
    page = _page(told.page_of(replace(whole, found=found)))
    for heading, said in (
        ("Not compared", "2 records <b>ahead</b>"),
        ("What these systems answer otherwise", "merchant answers otherwise"),
    ):
        assert _words(page.xpath(f"//h3[text()='{heading}']/following-sibling::ul[1]")[0]) == said


def test_causes_come_first_and_money_before_records() -> None:
    """Of a pair are told, in this order: causes, money, classes, fields, records, what waits, what is known, trend."""
    page = _page(told.page_of(told.everything()))
    headings = [_words(each) for each in page.xpath("//section[@class='pair']/h3")]
    assert headings == [
        "Causes",
        "What these systems answer otherwise",
        "Money at risk",
        "Classes",
        "Fields",
        "Records, side by side",
        "Pending",
        "Accepted",
        "Accepted once, and over",
        "Trend",
    ]
    assert "202.52 EUR · 20000 JPY together 250.00 EUR" in _words(page.xpath("//p[@class='money-at-risk']")[0])
    words = _words(page)
    assert "1 record differs as yet, and is told" in words and "P-1" in words and "2 records differed at first" in words


def test_both_records_stand_side_by_side() -> None:
    """What differs is marked by a sign and in words; when each side's is from, and where it went wrong, stand by."""
    page = _page(told.page_of(told.everything()))
    first = page.xpath("//details[@class='case']")[0]
    rows = {_words(row.xpath("./th")[0]): [_words(cell) for cell in row.xpath("./td")] for row in first.iter("tr")}
    assert rows["≠ total tax in or out: merchant's without 20 % tax"] == ["1990 19.90 EUR", "16.58 16.58 EUR"]
    assert rows["status"] == ["shipped", "C"]
    assert rows["record is from"] == ["2026-11-23 09:00:00 UTC", "not said"]
    assert rows["last changed"] == ["2026-11-23 11:00:00 UTC", "2026-11-23 10:00:00 UTC"]
    assert rows["SalesOrder"] == ["no such column", "71"]
    assert [_words(each) for each in first.xpath(".//li[@aria-current='step']")] == [
        "✗ wrong sap_s4hana it says 16.58 2026-11-23 10:00:00 UTC"
    ]
    gone = next(each for each in page.xpath("//details[@class='case']") if "M-0" in _words(each.xpath("./summary")[0]))
    assert "sap_s4hana (no record)" in _words(gone)
    ended = next(
        each for each in page.xpath("//details[@class='case']") if "R-61" in _words(each.xpath("./summary")[0])
    )
    assert "x@y.example␣" in _words(ended), "a space at the end is seen"


def test_charts_are_read_without_being_seen() -> None:
    """Each bar's number stands in the picture, in its description, and in the table beside it."""
    page = _page(told.page_of(told.everything()))
    wide, narrow = page.xpath("//figure[@aria-label='Records by class']/svg")
    for chart in (wide, narrow):
        assert _words(chart.xpath("./title")[0]) == "Records by class"
        assert _words(chart.xpath("./desc")[0]) == "differs 61, missing 4."
        assert chart.xpath("./text[@class='number']/text()") == ["61", "4"]
    table = page.xpath("//table[@aria-labelledby='pair-1-classes']")[0]
    assert [_words(cell) for cell in table.xpath(".//td[@data-label='Records']")] == ["61", "4"]
    trend = page.xpath("//table[@aria-labelledby='pair-1-trend']/tbody/tr")
    assert len(trend) == 5 and "not all read" in _words(trend[3])
    assert "0 differed first, 66 last" in _words(page)


def test_text_of_others_stays_text() -> None:
    """No value of a record becomes markup, loads anything, or turns the text after it."""
    text = told.page_of(told.everything())
    page = _page(text)
    assert not page.xpath("//script|//img|//iframe|//object|//link[not(@rel='icon')]")
    assert not [each for each in page.xpath("//@*") if "evil.example" in each]
    assert "<script>alert(1)</script>" in _words(page)
    assert not {"\u202e", "\x00"} & set(text) and "\\u202e" in text


def test_the_same_comparison_is_the_same_file() -> None:
    """Nothing of when or where it was written stands in the page."""
    assert told.page_of(told.everything()) == told.page_of(told.everything())


def test_it_stays_small() -> None:
    """Fifteen pairs with long values stay under 2 MB, and what is left out is said."""
    wide = {f"column {number}": "x" * 5_000 for number in range(200)}
    held = [told.differs(f"R-{number}", left={**told.LEFT, **wide}) for number in range(30)]
    large = Told(Reconciled(told.came(told.PAIR, held), Open(30, (), (), held)))
    text = told.page_of(*[large] * 15)
    assert len(text.encode("utf-8", "replace")) < 2_000_000
    assert "of 30 records that differ, one of each kind first" in text
    assert "163 more are left out" in text


def test_the_command_writes_it(project: Project) -> None:
    """`--html FILE` writes the page beside all other output, with the trend of earlier comparisons."""
    shop, erp = orders(40)
    written(project, shop, erp)
    assert project.type("drift", "records", "orders", "--at", "2026-11-23T11:00Z").returncode == 0
    erp[3]["Total"] = "1.00"
    del erp[7]
    written(project, shop, erp)
    done = project.type("drift", "records", "orders", *AT, "--html", "out/page.html", "--show", "0")
    assert (done.returncode, "written to out/page.html" in done.stderr) == (1, True)
    page = _page((project.path / "out" / "page.html").read_text(encoding="utf-8"))
    assert _words(page.xpath("//h1")[0]) == "✗ 2 records differ"
    assert "2 comparisons since 2026-11-23 11:00:00 UTC: 0 differed first, 2 last" in _words(page)
    refused = project.type("drift", "records", "orders", *AT, "--html", "shop.parquet/page.html", "--show", "0")
    assert refused.returncode == 3 and "could not be written" in refused.stderr


def test_own_templates_come_first(tmp_path: Path) -> None:
    """A project's own template takes the shipped one's place; one that is wrong is named with its line."""
    own = tmp_path / "reports" / "drift" / "records.html.j2"
    own.parent.mkdir(parents=True)
    own.write_text("<p>{{ page.headline }}")
    folders = template_folders(tmp_path)
    given: dict[str, Any] = {"at": told.NOW, "environment": "staging", "folders": folders}
    assert render_records([told.healthy()], [], **given) == "<p>Nothing differs"
    own.write_text("<p>\n{% if %}")
    with pytest.raises(UsageError, match=r"records\.html\.j2:2"):
        render_records([], [], **given)
