"""The JSON API: judged by its own OpenAPI document, page by page, and by what the store holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.events import Finding, Probe, ProbeResult, Result
from assay.money import Money
from assay.reporting.status.api import api_routes
from assay.reporting.status.app import status_app
from assay.reporting.status.auth import Guard
from assay.reporting.status.openapi import PREFIX, document
from assay.store import open_store
from tests.engine.monitoring.status_data import ENVIRONMENT, HOUR, MINUTE, MONITORS, NOW, Alert, Reader, Source, serving

SCHEMATHESIS = """\
[phases.coverage]
unexpected-methods = []
[parameters]
"path.name" = "order_foreign"
"""
STORED = ("/silences", "/ledger", "/deliveries", "/monitors/storefront/hours")


def small(folder: Path) -> Source:
    """Return a process with a few runs of three monitors."""
    source = Source(store=open_store(folder / "store.sqlite"), project=folder)
    source.declared = {each.name: each for each in MONITORS}
    finding = Finding(
        oracle="O-M1", result=Result.FAIL, order_ref="100047", systems=("shop",), expected="8000 JPY",
        seen="800000 JPY", at_risk=Money(792000, "JPY"),
    )  # fmt: skip
    runs = [
        Probe(
            id=f"{number}", monitor="order_foreign", subject="F01", environment=ENVIRONMENT, location=place,
            result=ProbeResult.FAILED if number % 3 == 0 else ProbeResult.PASSED, due_at=NOW - number * MINUTE,
            started_at=NOW - number * MINUTE, seconds=1.5, findings=(finding,) if number % 3 == 0 else (),
        )
        for number in range(30)
        for place in ("lyon", "paris")
    ]  # fmt: skip
    source.store.probes.keep(runs)
    source.lines = [Alert(name="order_foreign", monitor="order_foreign", state="failing", since=NOW - HOUR, told=True)]
    return source


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    """A process with a few runs."""
    made = small(tmp_path)
    store = made.store
    yield made
    store.close()


def reader(source: Source) -> Reader:
    """Return a program on the same machine."""
    return Reader(status_app(source, Guard()))


def items(source: Source, path: str) -> list[dict[str, Any]]:
    """Return the items of a list."""
    answer = reader(source).get(PREFIX + path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_every_route_is_documented_and_every_operation_exists(source: Source) -> None:
    """Neither a call without a document nor a document without a call."""
    routes = {
        (route.path, method) for route in api_routes(source) for method in route.methods or () if method != "HEAD"
    }
    described = {(path, method.upper()) for path, methods in document()["paths"].items() for method in methods}
    assert routes == described


def test_the_document_is_openapi_3_1(source: Source) -> None:
    """It is served, valid by the schema of OpenAPI 3.1's own dialect, and every reference leads somewhere."""
    import jsonschema_rs

    served = reader(source).get(f"{PREFIX}/openapi.json").json()
    assert served == document() and served["openapi"] == "3.1.0"
    for name in served["components"]["schemas"]:
        jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", **served})


def test_monitors_say_what_pages_say(source: Source) -> None:
    """Every declared monitor, the failing one first, with its last run's finding and its money."""
    found = items(source, "/monitors")
    assert {each["name"] for each in found} == {each.name for each in MONITORS}
    first = found[0]
    assert (first["name"], first["state"], first["told"]) == ("order_foreign", "failing", True)
    assert first["last_run"]["findings"][0]["at_risk"] == {"amount": "792000", "minor": 792000, "currency": "JPY"}
    assert first["declared"]["interval_s"] == 1800.0
    assert [each["name"] for each in items(source, "/monitors?state=failing")] == ["order_foreign"]
    assert reader(source).get(f"{PREFIX}/monitors/storefront").json()["state"] == "waiting"


@pytest.mark.parametrize("limit", [1, 2, 7, 59, 60])
def test_pages_of_a_history_hold_every_run_once(source: Source, limit: int) -> None:
    """Followed to its end, the cursor gives every run of every location once, the latest first."""
    runs, path = [], f"{PREFIX}/monitors/order_foreign/history?limit={limit}"
    cursor: str | None = ""
    while cursor is not None:
        page = reader(source).get(path + (f"&cursor={cursor}" if cursor else "")).json()
        assert len(page["items"]) <= limit
        runs += [(each["due_at"], each["location"]) for each in page["items"]]
        cursor = page["next"]
    assert len(runs) == len(set(runs)) == 60
    assert [due for due, _ in runs] == sorted((due for due, _ in runs), reverse=True)


def test_a_history_is_narrowed(source: Source) -> None:
    """By instants, of which the second is not included, and to runs that did not pass."""
    since, until = (NOW - 10 * MINUTE).isoformat(), (NOW - 5 * MINUTE).isoformat()
    answer = reader(source).get(
        f"{PREFIX}/monitors/order_foreign/history", params={"since": since, "until": until, "only_bad": "true"}
    )
    assert {each["due_at"] for each in answer.json()["items"]} == {
        (NOW - number * MINUTE).isoformat().replace("+00:00", "Z") for number in (6, 9)
    }


def test_hours_add_up(source: Source) -> None:
    """The bars of a day hold every run of it."""
    bars = items(source, "/monitors/order_foreign/hours")
    assert len(bars) == 24 and sum(each["passed"] + each["failed"] for each in bars) == 60
    assert sum(each["failed"] for each in bars) == 20
    assert next(each["p50_s"] for each in bars if each["passed"]) == pytest.approx(1.5, rel=0.15)


def test_findings_come_as_one_with_their_money_once(source: Source) -> None:
    """Twenty runs that found the same order are one finding."""
    [group] = items(source, "/findings")
    assert (group["count"], group["is_open"], group["orders"]) == (20, True, ["100047"])
    assert group["at_risk"] == [{"amount": "792000", "minor": 792000, "currency": "JPY"}]


def test_a_silence_is_made_listed_and_ended(source: Source) -> None:
    """Made with 201, listed until it is ended with 204, and then gone."""
    call = {"monitors": ["order_*"], "reason": "move", "by": "ada", "seconds": 90}
    answer = reader(source).post(f"{PREFIX}/silences", json=call)
    assert answer.status_code == 201
    made = answer.json()
    assert made["until"] == (NOW + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
    assert items(source, "/silences") == [made]
    assert "silenced until" in items(source, "/monitors")[0]["quiet"]
    assert reader(source).request("DELETE", f"{PREFIX}/silences/{made['number']}").status_code == 204
    assert items(source, "/silences") == []
    assert reader(source).request("DELETE", f"{PREFIX}/silences/{made['number']}").status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"monitors": ["order_bse"]}, 404, "did you mean 'order_base'?"),
        ({"monitors": []}, 422, "monitors"),
        ({"monitors": "order_base"}, 422, "monitors"),
        ({"monitors": ["[\n]*"]}, 404, "no monitor"),
        ({"reason": " "}, 422, "reason"),
        ({"seconds": 0.5}, 422, "seconds"),
        ({"seconds": True}, 422, "seconds"),
        ({"seconds": 1e300}, 422, "seconds"),
        ({"until": "tomorrow"}, 422, "until"),
        ({"reason": None}, 422, "reason"),
    ],
)
def test_a_wrong_silence_names_the_field(source: Source, changes: dict[str, Any], status: int, said: str) -> None:
    """Problem details say which field and what was expected, and nothing is silenced."""
    call = {"monitors": ["order_base"], "reason": "move", "by": "ada", "seconds": 90, **changes}
    answer = reader(source).post(f"{PREFIX}/silences", json=call)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status and said in answer.text
    assert source.store.alerts.silences(ENVIRONMENT, NOW) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"on": 1}', b'{"on": true, "off": 1}', b'{"on": NaN}', b"\xff"])
def test_a_body_that_is_none_of_ours_changes_nothing(source: Source, body: bytes) -> None:
    """Broken, other or additional JSON is refused."""
    answer = reader(source).post(
        f"{PREFIX}/kill-switch", content=body, headers={"content-type": "application/json; charset=utf-8"}
    )
    assert answer.status_code in (400, 422) and source.thrown == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=", "limit=-1", "limit=١", "since=yesterday", "since=2026-03-01",
     "since=2026-03-01T00:00:00", "only_bad=1", "cursor=1", "cursor=-1-1", "cursor=99999999999999999-1"],
)  # fmt: skip
def test_a_parameter_that_cannot_be_understood_is_named(source: Source, query: str) -> None:
    """400 with the parameter's name, never what was usual instead."""
    answer = reader(source).get(f"{PREFIX}/monitors/order_foreign/history?{query}")
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == query.partition("=")[0]


class Away:
    """A store whose database is gone."""

    def __getattr__(self, name: str) -> Any:
        raise InfrastructureError("the store cannot be reached", hint="is the database server up?")


def test_while_the_store_is_away_calls_say_so(source: Source) -> None:
    """What is in memory is answered as incomplete; the rest, and every change, is 503 with what to do."""
    source.store = Away()  # type: ignore[assignment]
    call = reader(source)
    for path in ("/monitors", "/findings", "/monitors/storefront/history"):
        assert call.get(PREFIX + path).json()["complete"] is False
    for path in STORED:
        assert call.get(PREFIX + path).status_code == 503, path
    silence = {"monitors": ["storefront"], "reason": "move", "by": "ada", "seconds": 90}
    assert call.post(f"{PREFIX}/silences", json=silence).status_code == 503
    source.breaks = True
    answer = call.post(f"{PREFIX}/kill-switch", json={"on": True})
    assert answer.status_code == 503 and answer.json()["detail"] == "is the database server up?"


def test_a_wrong_method_is_405_and_says_which_are_right(source: Source) -> None:
    """As problem details, with Allow."""
    answer = reader(source).put(f"{PREFIX}/ledger")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "GET" in answer.headers["allow"]


def test_the_api_keeps_what_it_promises(tmp_path: Path) -> None:
    """Calls made up from the document (20 an operation, and chains of them) are answered as it says; none breaks."""
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS, encoding="utf-8")
    source = small(tmp_path)
    with serving(status_app(source, Guard())) as base:
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{base}{PREFIX}/openapi.json", "--max-examples=20",
             "--generation-database=none", "--seed=1", "--no-color"],
            cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    source.store.close()
    assert done.returncode == 0, done.stdout + done.stderr
    operations = sum(len(methods) for methods in document()["paths"].values()) - 1  # all but the document itself
    assert f"Tested: {operations}" in done.stdout
