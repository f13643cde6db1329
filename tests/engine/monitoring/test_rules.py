"""Prometheus rules made from monitors: what they hold, that promtool accepts them, that each fires and is silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from assay.alerts import windows
from assay.alerts.rule_files import differences, rule_files
from assay.reporting.metric_families import FAMILIES
from tests.commit import seed_of_commit
from tests.conftest import type_assay
from tests.engine.monitoring.rule_rig import (
    MONITORS,
    SETTING,
    metrics_in,
    monitor,
    promtool,
    read,
    rules_in,
    units_in,
    written,
)

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "monitors/rules"
LONG = ("five_minutes", "half_hour")
"""Schedules whose stories take days; the shipped ones of five minutes are told in every run."""
SHARES = 6
SCHEDULES = tuple(each for each in MONITORS if each.flow is not None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rules and tests of monitors of every kind of schedule."""
    return written(tmp_path_factory.mktemp("rules"))


def test_promtool_accepts_the_rules(folder: Path) -> None:
    """`promtool check rules` accepts every file, and every alert has what whoever is woken needs."""
    done = promtool("check", "rules", *sorted(folder.glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr
    for path, rule in rules_in(folder):
        if "alert" in rule:
            assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys(), (path, rule["alert"])
            assert rule["labels"]["severity"] in ("page", "ticket", "info")
            assert all(text.strip() for text in rule["annotations"].values())


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(each.name, marks=[pytest.mark.full] if each.name in LONG else []) for each in SCHEDULES),
        "assay",
    ],
)
def test_each_alert_fires_on_its_condition_and_is_silent_without(folder: Path, name: str) -> None:
    """`promtool test rules`: runs told as a story make the alerts fire that should, and no other."""
    slow_too = ("tests", "days") if name in LONG else ("tests",)
    chosen = [path for path in units_in(folder) if path.stem == name and path.parent.name in slow_too]
    done = promtool("test", "rules", *chosen)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_that_sees_it_fire_and_one_that_sees_it_silent(folder: Path) -> None:
    """No alert is untested, in any file: one test sees it fire and another sees nothing."""
    for path in sorted(folder.glob("*.yaml")):
        alerts = {rule["alert"] for of, rule in rules_in(folder) if of == path and "alert" in rule}
        firing: set[str] = set()
        silent: set[str] = set()
        for tests in (folder / "tests" / path.name, folder / "tests/days" / path.name):
            for case in read(tests)["tests"] if tests.exists() else ():
                for each in case.get("alert_rule_test", ()):
                    (firing if each["exp_alerts"] else silent).add(each["alertname"])
                for each in case.get("promql_expr_test", ()):
                    found = re.search(r'alertname="(\w+)"', each["expr"])
                    assert found is not None
                    (firing if each.get("exp_samples") else silent).add(found[1])
        assert firing == alerts, path
        assert silent >= alerts, path


@pytest.mark.parametrize(
    ("name", "instead"),
    [("five_minutes", "vector(1) == 0"), ("five_minutes", "vector(1)"), ("assay", "vector(1) == 0")],
    ids=["a monitor's never", "a monitor's always", "the environment's never"],
)
def test_a_rule_that_never_or_always_fires_fails_its_test(tmp_path: Path, name: str, instead: str) -> None:
    """With each alert replaced by one that never fires, or always does, the unit tests complain of every one."""
    folder = written(tmp_path)
    path = folder / f"{name}.yaml"
    content = read(path)
    for rule in content["groups"][0]["rules"]:
        if "alert" in rule:
            rule["expr"] = instead
            rule.pop("for", None)
    path.write_text(yaml.safe_dump(content))
    done = promtool("test", "rules", folder / "tests" / path.name)
    complaints = set(re.findall(r'alertname(?:=\\*"|: )(\w+)', done.stdout + done.stderr))
    assert complaints == {rule["alert"] for rule in content["groups"][0]["rules"] if "alert" in rule}


def test_windows_follow_the_interval() -> None:
    """No window holds fewer than five runs, at least two bad ones are asked for; a rare monitor has no burn rule."""
    for every in (30, 60, 300, 600, 900, 1800, 3600):
        for burn in windows.burns(every, 0.995):
            assert burn.short_s >= windows.FEWEST_RUNS * every
            assert burn.long_s > burn.short_s
            assert burn.fewest_bad >= 2
    assert [burn.speed for burn in windows.burns(300, 0.995)] == ["fast", "steady", "slow", "creeping"]
    assert [burn.speed for burn in windows.burns(1800, 0.995)] == ["steady", "slow", "creeping"]
    assert windows.burns(86_400, 0.995) == ()
    assert [burn.fewest_bad for burn in windows.burns(300, 0.995)] == [3, 5, 7, 11]  # by the binomial distribution
    assert [windows.in_a_row(every, 3) for every in (30, 60, 300, 1800)] == [3, 3, 2, 2]


def test_a_monitor_says_how_many_failures_in_a_row_fire(folder: Path) -> None:
    """fire_after of the monitor stands as it is; without one, two runs or what fits into ten minutes fire."""
    thresholds = {
        path.stem: next(float(each) for each in re.findall(r"> (\d+\.5)", rule["expr"]))
        for path, rule in rules_in(folder)
        if rule.get("alert") == "AssayMonitorFailing"
    }
    assert thresholds["quarter"] == 0.5
    assert thresholds["half_hour"] == 4.5
    assert (thresholds["five_minutes"], thresholds["minute"]) == (1.5, 2.5)


def test_rules_ask_only_metrics_that_exist(folder: Path) -> None:
    """Every metric and label in every expression is declared by the process that exports them."""
    known = {label for family in FAMILIES.values() for label in family.labels}
    known |= {"le", "job", "instance", "alertname"}
    for path, rule in rules_in(folder):
        assert metrics_in(rule["expr"]) <= FAMILIES.keys(), (path, rule)
        labels = set(re.findall(r"[{,](\w+)=~?\"", rule["expr"]))
        assert labels <= known, (path, rule)


def test_the_shipped_rules_are_up_to_date() -> None:
    """The files in monitors/rules are what the shipped monitors and profile make."""
    done = type_assay("rules", "--check", cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_promtool_accepts_the_shipped_rules() -> None:
    """`promtool check rules` accepts every file of monitors/rules."""
    done = promtool("check", "rules", *sorted(SHIPPED.glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("share", [0, *(pytest.param(each, marks=pytest.mark.full) for each in range(1, SHARES))])
def test_the_shipped_rules_pass_promtool(share: int) -> None:
    """The unit tests of the shipped rules that take no days: a sixth of them in every run, another for each commit."""
    files = sorted(SHIPPED.glob("tests/*.yaml"))
    chosen = files[(seed_of_commit() + share) % SHARES :: SHARES]
    assert len(chosen) >= 3
    done = promtool("test", "rules", *chosen)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_the_shipped_slow_burns_pass_promtool() -> None:
    """Promtool accepts the shipped unit tests that follow a monitor for days."""
    done = promtool("test", "rules", *sorted(SHIPPED.glob("tests/days/*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_of_monitors_that_are_gone_are_removed(tmp_path: Path) -> None:
    """Writing again removes what a monitor that is gone left, and nothing that somebody else wrote."""
    written(tmp_path, MONITORS[:3])
    (tmp_path / "own.yaml").write_text("groups: []\n")
    fewer = rule_files(MONITORS[:2], SETTING)
    assert [line.partition(" is ")[2] for line in differences(tmp_path, fewer)] == ["left over"] * 3
    written(tmp_path, MONITORS[:2])
    assert differences(tmp_path, fewer) == []
    assert (tmp_path / "own.yaml").exists()
    (tmp_path / "minute.yaml").write_text("changed\n")
    (tmp_path / "assay.yaml").unlink()
    said = differences(tmp_path, fewer)
    assert [line.rpartition("/")[2] for line in said] == ["assay.yaml is missing", "minute.yaml differs"]


def test_severity_and_links_come_from_monitor_and_profile(tmp_path: Path) -> None:
    """A page wakes by what is urgent alone; the runbook is the profile's address, or the monitor's own."""
    address = "https://wiki.example/order"
    written(tmp_path, [monitor("order", 300.0, runbook=address), MONITORS[2]])
    rules = [rule for path, rule in rules_in(tmp_path) if path.stem == "order" and "alert" in rule]
    severities = {(rule["alert"], rule["labels"].get("speed")): rule["labels"]["severity"] for rule in rules}
    assert severities["AssayMonitorFailing", None] == "page"
    assert severities["AssayErrorBudgetBurn", "fast"] == "page"
    assert severities["AssayErrorBudgetBurn", "slow"] == "ticket"
    assert severities["AssayMonitorSlow", None] == "ticket"
    failing = next(rule for rule in rules if rule["alert"] == "AssayMonitorFailing")["annotations"]
    assert failing["runbook_url"] == address
    assert failing["status_page"] == "https://watch.example/monitors/order"
    assert "nobody can buy" in failing["summary"]
    burning = next(rule for rule in rules if rule["alert"] == "AssayErrorBudgetBurn")["annotations"]
    assert burning["runbook_url"] == "monitors/runbooks/AssayErrorBudgetBurn.md"
    assert burning["monitor_runbook_url"] == address
