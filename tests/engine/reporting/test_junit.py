"""JUnit XML: what CI shows of a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lxml import etree

from assay.reporting import record_of
from assay.reporting.junit import render_junit
from tests.engine.reporting import sample


def _tree(events: list[object]) -> etree._Element:
    return etree.fromstring(render_junit(record_of(events)).encode())


def _properties(element: etree._Element) -> list[tuple[str, str]]:
    return [(each.get("name", ""), each.get("value", "")) for each in element.iterfind("properties/property")]


def test_a_testsuite_a_flow_a_testcase_a_case() -> None:
    """Counts add up from testcase to testsuite to the root."""
    root = _tree(sample.red_run())
    suites = [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root.iterfind("testsuite")]
    assert suites == [("F01", "5", "4"), ("F00", "1", "0")]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "4", "0")


def test_a_finding_is_a_failure_with_its_grounds() -> None:
    """The message is the finding in a sentence, the text its expected, seen, formula, cause and journal lines."""
    (failure,) = _tree([sample.started(), sample.with_exponent(), sample.finished(1)]).iter("failure")
    assert failure.get("type") == "O-M1"
    assert failure.get("message", "").startswith("O-M1: order 100231 in shop and stripe: expected 80 minor units")
    rows = [line.strip() for line in (failure.text or "").splitlines()]
    assert "expected: 80 minor units for 80 JPY" in rows
    assert "seen:     8000 minor units" in rows
    assert "formula:  captured_minor(P,c) == total(o) * 10^exp(P,c)" in rows
    assert "cause:    exponent: JPY was sent with 2 decimals, stripe counts 0" in rows
    assert "at risk:  7920 JPY" in rows
    assert any(row.startswith("journal:  09:30:02.118") for row in rows)


def test_a_failed_step_is_a_failure() -> None:
    """A failed step is named with its error."""
    (failure,) = _tree([sample.started(), sample.with_failed_step(), sample.finished(1)]).iter("failure")
    assert failure.get("type") == "step"
    assert "step 'the parcel is delivered' failed: TimeoutError" in failure.get("message", "")


def test_properties() -> None:
    """Run and case say what repeats them: run, environment, view, seed, exit code, order, trace and retries."""
    suite = _tree(sample.healthy_run(1))[0]
    run, case = _properties(suite), _properties(suite.findall("testcase")[0])
    assert {("run_id", "run-7f3a"), ("environment", "local"), ("view", "forward_proxy"), ("exit_code", "0")} <= set(run)
    assert {("order", "100000"), ("seed", "42"), ("retries", "0"), ("flaky", "false")} <= set(case)
    assert ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736") in case


def test_time_stamps_are_of_the_ci_servers_time() -> None:
    """A suite's time is the run's start by the real clock, though cases tell theirs by the landscape's."""
    ahead = replace(sample.with_exponent(), started_at=sample.START + timedelta(days=20))
    suite = _tree([sample.started(), ahead, sample.finished(1)])[0]
    assert suite.get("timestamp") == sample.START.strftime("%Y-%m-%dT%H:%M:%S")


def test_flaky_and_not_evaluated_stay_visible() -> None:
    """A case that passed only when repeated passes, marked; what was not evaluated stands in its output."""
    case = _tree([sample.started(), sample.healthy("eur", "1", retries=2), sample.finished()])[0].find("testcase")
    assert case is not None
    assert case.find("failure") is None
    assert ("flaky", "true") in _properties(case)
    output = case.findtext("system-out") or ""
    assert "flaky: passed only after 2 repeats" in output
    assert "O-S1 not evaluated: wms: environment 'local' has no system of role 'wms'" in output


def test_infrastructure_and_nothing_ran_are_errors() -> None:
    """Trouble, a run in which nothing ran and one that broke off are never an empty green file."""
    trouble = _tree([sample.started(), sample.finished(3, "the edge did not start\n  where: :4443")])
    nothing, broken = _tree([sample.started(), sample.finished(5)]), _tree([sample.started()])
    assert [each.get("type") for each in trouble.iter("error")] == ["infrastructure"]
    assert [each.get("message") for each in trouble.iter("error")] == ["the edge did not start"]
    assert "Nothing ran" in next(nothing.iter("error")).get("message", "")
    assert "Unfinished" in next(broken.iter("error")).get("message", "")
    safety = _tree([sample.started(), sample.finished(4, "writes to production are refused")])
    assert [each.get("type") for each in safety.iter("error")] == ["safety"]


def test_what_no_oracle_judged_is_skipped() -> None:
    """A case without a verdict is not counted as passed."""
    blind = sample.healthy("eur", "1")
    blind = type(blind)(flow="F01", case="eur", environment="local", steps=blind.steps)
    root = _tree([sample.started(), blind, sample.finished(5)])
    assert root.get("skipped") == "1"
    assert [each.get("message") for each in root.iter("skipped")] == ["no oracle was evaluated"]


def test_every_text_is_valid_xml() -> None:
    """Control characters, markup, ]]> and lone surrogates give XML that a strict parser takes, and stay readable."""
    root = _tree(sample.hostile_run())
    names = [case.get("name") for case in root.iter("testcase")]
    assert sample.HOSTILE[0] in names
    assert r"nul \x00 bell \x07 escape \x1b lone \ud800 end \ufffe" in names
