"""Contracts in the reports: what was looked at in which way, what broke a document, what was left out; never green."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from assay.contracts.results import Contracts
from assay.reporting import RunRecord, open_reports, read_events, record_of, write_reports
from assay.reporting.contracts import NOTHING, Way, departures_of, held_of, systems_of
from assay.reporting.html import LIMIT_BYTES, render_html, template_folders
from assay.reporting.junit import render_junit
from assay.reporting.markdown import render_markdown
from assay.reporting.verdict import verdict_of
from tests.engine.reporting import sample


def run(contracts: Contracts | None, exit_code: int = 1) -> RunRecord:
    """Return a run with these contracts, otherwise green."""
    start, *outcomes, _ = sample.healthy_run()
    told = [contracts] if contracts else []
    return record_of([start, *outcomes, *told, sample.finished(exit_code)])


def html(record: RunRecord) -> str:
    """Return the page."""
    return render_html(record, template_folders(), sample.NEEDS)


def test_each_way_of_looking_at_an_operation_is_a_verdict() -> None:
    """Generated requests, the platform's traffic, load and stubs stand beside each other; known failures are no red."""
    held = held_of(sample.contracts())
    assert [(each.system, each.way, each.state) for each in held] == [
        ("stripe", Way.LOAD, "pass"),
        ("stripe", Way.SIMULATOR, "fail"),
        ("stripe", Way.PLATFORM, "fail"),
        ("stripe", Way.STUBS, "fail"),
        ("ups", Way.PLATFORM, "fail"),
    ]
    assert sum(each.is_violation for each in departures_of(held)) == sample.contracts().violations == 4
    calm = held_of(sample.contracts(broken=False))
    assert [each.state for each in calm] == ["pass", "known", "pass", "pass"]


def test_an_operation_nobody_looked_at_is_listed() -> None:
    """A documented operation has a row whether or not it was looked at; those that fail come first."""
    stripe, ups = systems_of(sample.contracts(), held_of(sample.contracts()))
    assert [(row.name, row.state) for row in stripe.rows] == [
        ("POST /v1/charges", "fail"),
        ("GET /v1/charges", "pass"),
        ("POST /v1/refunds", "empty"),
    ]
    assert "1 asked, 24 requests, 2 of 3 documented statuses came" in stripe.facts
    assert [(row.cells[0].state, row.state) for row in ups.rows] == [("fail", "fail"), ("pass", "empty")]


def test_a_broken_contract_is_never_green() -> None:
    """Whatever the exit code says and however green the cases are."""
    verdict = verdict_of(run(sample.contracts(), exit_code=0))
    assert not verdict.good
    assert "4 contract violations" in verdict.sentence
    assert verdict_of(run(sample.contracts(broken=False), exit_code=0)).good


def test_the_page_says_what_breaks_where_and_how_often() -> None:
    """Path, problem, expected, seen, count, example; who owns a known failure, until when; what was not looked at."""
    page = html(run(sample.contracts()))
    section = page.partition('<section id="contracts"')[2].partition('<section id="flows"')[0]
    for text in (
        "data[].amount",
        "wrong type",
        "integer",
        "&#34;80.00&#34;",
        "12",
        "{&#34;amount&#34;:&#34;80.00&#34;}",
        "payments: sandbox only, until 2027-01-31",
        "unchanged since run 20261120",
        "no vendor document: contract.yaml alone",
        "/api/v9/ship",
        "4 violations, 1 known failure, 1 for information",
    ):
        assert text in section, text
    assert "As documented".lower() in html(run(sample.contracts(broken=False), 0)).lower()


def test_a_run_without_contracts_says_so() -> None:
    """The page has the section all the same; Markdown and JUnit have nothing to add."""
    assert NOTHING.partition("`")[0] in html(run(None, 0))
    assert "Contracts" not in render_markdown(run(None, 0))
    assert "contracts" not in render_junit(run(None, 0))


def test_junit_has_a_case_for_each_operation_and_way() -> None:
    """Violations are failures, what was left out or undecided is skipped, and the sums add up."""
    root = ET.fromstring(render_junit(run(sample.contracts())))
    suites = {suite.get("name"): suite for suite in root if (suite.get("name") or "").startswith("contracts ")}
    assert set(suites) == {f"contracts {name}" for name in ("adyen", "ecb", "stripe", "ups")}
    stripe = suites["contracts stripe"]
    cases = {case.get("name"): case for case in stripe.iter("testcase")}
    assert set(cases) == {
        "GET /v1/charges (load)",
        "POST /v1/charges (simulator)",
        "POST /v1/charges (platform)",
        "POST /v1/charges (stubs)",
    }
    assert (stripe.get("tests"), stripe.get("failures")) == ("4", "3")
    failure = cases["POST /v1/charges (platform)"].find("failure")
    assert failure is not None
    assert failure.get("message") == ('wrong type at answer data[].amount: expected integer, seen "80.00" (12 times)')
    assert [skipped.get("message") for skipped in suites["contracts adyen"].iter("skipped")] == [
        "unchanged since run 20261120"
    ]
    for count in ("tests", "failures", "skipped"):
        assert root.get(count) == str(sum(int(suite.get(count) or 0) for suite in root.iter("testsuite"))), count


def test_markdown_has_systems_and_violations() -> None:
    """A table of the systems with how much was looked at, then a line for each violation."""
    text = render_markdown(run(sample.contracts()))
    assert "| ❌ stripe | 3 operations · 1 asked, 24 requests, 2 of 3 documented statuses came" in text
    assert "**stripe** POST /v1/charges (platform): wrong type at answer" in text
    assert "adyen, not looked at: unchanged since run 20261120" in text
    assert "### Broken contracts" not in render_markdown(run(sample.contracts(broken=False), 0))


def test_reports_are_written_again_from_the_lines(tmp_path: Path) -> None:
    """What `assay report` reads from run.jsonl holds the contracts whole, secrets masked."""
    start, outcome, _, _, end = sample.healthy_run()
    contracts = sample.contracts(text="Authorization: Bearer sk_live_4242424242424242abc")
    listen = open_reports(tmp_path, formats=["jsonl", "html"])
    for event in (start, outcome, contracts, end):
        listen(event)
    assert "sk_live" not in (tmp_path / "run.jsonl").read_text(encoding="utf-8")
    found = record_of(read_events(tmp_path / "run.jsonl"))
    assert found.contracts is not None
    assert found.contracts.violations == contracts.violations
    first = (tmp_path / "report.html").read_text(encoding="utf-8")
    write_reports(found, tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == first


@pytest.mark.parametrize("text", [*sample.HOSTILE, "W" * 20_000])
def test_what_others_wrote_breaks_no_report(text: str) -> None:
    """Markup, controls and endless texts in names, bodies and messages are shown as they are, and bounded."""
    record = run(sample.contracts(text=text, name=text))
    page = html(record)
    assert "<script" not in page
    assert len(page.encode("utf-8", "replace")) < LIMIT_BYTES
    ET.fromstring(render_junit(record))
    assert "http://evil" not in render_markdown(record)


def test_a_document_of_thousands_of_operations_fits_on_the_page() -> None:
    """What does not fit is left out from the calm end, and counted."""
    many = sample.contracts()
    operations = tuple(f"GET /v1/{'x' * 60}/{number}" for number in range(6_000))
    page = html(
        run(
            Contracts(
                environment="local", at=many.at, undecided={}, observed=many.observed, documented={"stripe": operations}
            )
        )
    )
    assert len(page.encode()) < LIMIT_BYTES
    assert "more operations are left out" in page
    assert "data[].amount" in page
