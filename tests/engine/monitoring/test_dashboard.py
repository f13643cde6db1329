"""The Grafana dashboard: every panel asks for metrics and labels there are, in PromQL that Prometheus answers."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.edge.sockets import free_port
from assay.events import Finding, Outcome, Probe, ProbeResult, Result, StepDone
from assay.monitor import AlertRule, Monitor
from assay.reporting.metric_families import FAMILIES
from assay.reporting.metrics import Known, Metrics
from tests.engine.parts import program
from tests.serving import Quiet, serving

ROOT = Path(__file__).parents[3]
BOARD: dict[str, Any] = json.loads((ROOT / "monitors/dashboards/assay.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [each for each in BOARD["panels"] if each["type"] != "row"]
TARGETS = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
KINDS = {"stat", "timeseries", "state-timeline", "bargauge", "table"}
VARIABLES = {
    "environment": "shop", "monitor": ".*", "window": "20s", "__range": "1m", "__rate_interval": "20s",
    "datasource": "prometheus",
}  # fmt: skip


def filled(expr: str) -> str:
    """Return an expression as Grafana sends it, its variables filled in."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: VARIABLES.get(found[1], found[0]), expr)


def family_of(name: str) -> str:
    """Return the family a sample belongs to."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if base in FAMILIES and FAMILIES[base].kind == "histogram" else name


def test_every_panel_can_be_read() -> None:
    """Each panel has a kind Grafana has, a title, a description, a data source one can choose, and its own place."""
    assert {panel["type"] for panel in PANELS} <= KINDS
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
    rows = [panel["title"] for panel in BOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "A monitor: $monitor", "Money and drift", "The harness itself"]


def test_variables_are_declared_and_used() -> None:
    """Every variable an expression uses is declared, each declared one is used, and their queries name real labels."""
    declared = {each["name"]: each for each in BOARD["templating"]["list"]}
    text = json.dumps(BOARD["panels"]) + "".join(each.get("definition", "") for each in declared.values())
    used = set(re.findall(r"\$\{?(\w+)\}?", text))
    assert used - {"__range", "__rate_interval"} == set(declared) == {"datasource", "environment", "monitor", "window"}
    for name in ("environment", "monitor"):
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", declared[name]["definition"]).groups()  # type: ignore[union-attr]
        assert label in FAMILIES[metric].labels


@pytest.mark.parametrize(("title", "expr"), TARGETS, ids=[f"{number} {each[0]}" for number, each in enumerate(TARGETS)])
def test_metrics_and_labels_exist(title: str, expr: str) -> None:
    """Every metric of an expression is declared, and so is every label it selects or groups by."""
    names = re.findall(r"\bassay_\w+", expr)
    assert names, title
    labels: set[str] = set()
    for name in names:
        assert family_of(name) in FAMILIES, f"{title}: {name}"
        labels |= set(FAMILIES[family_of(name)].labels)
    selected = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expr)
    grouped = [label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expr) for label in group.split(",")]
    assert set(selected) | set(grouped) <= labels | {"le"}, title


def test_nothing_that_monitors_measure_is_left_out() -> None:
    """Every family that shipped monitors and the process fill is on the dashboard."""
    shown = {family_of(name) for _, expr in TARGETS for name in re.findall(r"\bassay_\w+", expr)}
    of_own_checks = {
        f"assay_drift_{name}"
        for name in (
            "price_mismatch", "set_diff", "ledger_residual_minor", "consent_mismatch", "pii_found", "schema_change",
            "sunset_days",
        )
    }  # fmt: skip
    of_other_runs = {"assay_flow_runs_total", "assay_flow_ok", "assay_verdicts_total", "assay_flow_seconds"}
    assert set(FAMILIES) - of_own_checks - of_other_runs == shown


def test_prometheus_parses_every_expression(tmp_path: Path) -> None:
    """Prometheus's own checker accepts every expression with its variables filled in."""
    promtool = program("promtool")
    rules = [{"record": f"panel:{number}", "expr": filled(expr)} for number, (_, expr) in enumerate(TARGETS)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(TARGETS)} rules found" in done.stdout


# ---- against a real Prometheus


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    """Metrics of a process that has figures of every family."""
    monitor = Monitor(
        name="orders", title="", owner="", runbook="", alert=AlertRule(severity="page"), flow="F01", interval_s=60
    )
    known = Known(
        environments=frozenset({"shop"}),
        systems=frozenset({"stripe"}),
        locations=frozenset({"default"}),
        routes=frozenset({"chat"}),
        base_currency="EUR",
        monitors=lambda: {"orders": monitor},
    )
    metrics = Metrics(known, "shop")
    labels = {"system": "stripe", "currency": "EUR", "pair": "EUR/JPY", "sku_class": "physical", "monitor": "orders",
              "state": "failing", "result": "failed", "route": "chat", "family": "assay_probe_success",
              "class": "missing", "side": "left", "feature": "latency", "store": "main",
              "label": "system"}  # fmt: skip
    for family in FAMILIES.values():
        if set(family.labels) <= {*labels, "environment"} and family.kind != "histogram":
            tell = metrics.set if family.kind == "gauge" else metrics.count
            tell(family.name, 1, **{label: labels[label] for label in family.labels if label != "environment"})
    return metrics


def run_of(number: int) -> Probe:
    """Return one run, every fifth a failure."""
    now = datetime.now(UTC)
    wrong = Finding(oracle="O-M1", result=Result.FAIL, order_ref="1", systems=("stripe",))
    outcome = Outcome(
        flow="F01", case="eur", environment="shop", trace_id=f"{number + 1:032x}",
        steps=(StepDone(name="pay and order", started_at=now, seconds=1.5),),
    )  # fmt: skip
    probe = Probe(
        id=str(number), monitor="orders", subject="F01", environment="shop", location="default",
        result=ProbeResult.PASSED, due_at=now, started_at=now, seconds=2.5, outcomes=(outcome,),
    )  # fmt: skip
    failed = replace(probe, result=ProbeResult.FAILED, outcomes=(replace(outcome, findings=(wrong,)),))
    return probe if number % 5 else failed


@pytest.fixture(scope="module")
def prometheus(metrics: Metrics, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that scrapes these metrics once a second."""
    binary, folder, port = program("prometheus"), tmp_path_factory.mktemp("prometheus"), free_port()

    class Scraped(Quiet):
        def do_GET(self) -> None:
            page = metrics.page(self.headers.get("accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.text.encode())))
            self.end_headers()
            self.wfile.write(page.text.encode())

    with serving(Scraped) as address:
        scrape = {"job_name": "assay", "static_configs": [{"targets": [address.removeprefix("http://")]}]}
        settings = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        options = (
            f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage",
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([binary, *options], stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def asked(prometheus: str, path: str, **query: str) -> Any:
    """Return what Prometheus answers; an expression it refuses fails the test."""
    with urllib.request.urlopen(f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        return json.load(answer)["data"]


def test_every_panel_shows_something(metrics: Metrics, prometheus: str) -> None:
    """Each expression finds series in a real Prometheus once runs were scraped, and exemplars lead to their traces."""
    empty, deadline, number = {expr for _, expr in TARGETS}, time.monotonic() + 60, 0
    while empty and time.monotonic() < deadline:
        metrics(run_of(number))
        metrics.count("assay_monitor_stuck_total", monitor="orders")
        metrics.observe("assay_edge_call_seconds", 0.3, system="stripe")
        number += 1
        time.sleep(0.25)
        try:
            empty = {expr for expr in empty if not found(prometheus, filled(expr))}
        except OSError:  # it has yet to start
            continue
    assert not empty
    span = {"start": str(time.time() - 120), "end": str(time.time())}
    bucket = 'assay_probe_duration_seconds_bucket{monitor="orders",step=""}'
    exemplars = asked(prometheus, "query_exemplars", query=bucket, **span)
    ids = {each["labels"]["trace_id"] for series in exemplars for each in series["exemplars"]}
    assert ids
    assert ids <= {f"{each + 1:032x}" for each in range(number)}


def found(prometheus: str, expr: str) -> bool:
    """Whether an expression has a value that is a number."""
    return any(each["value"][1] != "NaN" for each in asked(prometheus, "query", query=expr)["result"])
