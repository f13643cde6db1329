"""Live answers are held against their document and against what was learned of them; two levels, over restarts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli
from assay.contracts.reading import read_document
from assay.contracts.watch import Judge, Watch
from assay.drift import load_checks
from assay.drift.checks import check_named
from assay.drift.look import Look
from assay.errors import UsageError
from assay.events import Finding
from assay.events import Result as Verdict
from assay.http import open_client
from assay.local.project import plan_for
from assay.local.store_place import ledger_place
from assay.roles import Reply
from assay.runners.scheduler.contract_watch import watch_of
from assay.store import Store, open_store

ROOT = Path(__file__).resolve().parents[3]
BEGAN = datetime.now(UTC) - timedelta(days=5)
CHARGE: Mapping[str, Any] = {
    "id": "ch_1", "amount": 700, "status": "paid", "email": "ann@example.com", "details": {"note": None, "risk": 3},
}  # fmt: skip
CONTRACT = {
    "openapi": "3.1.0",
    "info": {"title": "Pay", "version": "1"},
    "paths": {
        "/v1/charges/{id}": {
            "get": {
                "responses": {
                    "200": {
                        "description": "A charge.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["id", "amount"],
                                    "properties": {
                                        "id": {"type": "string"},
                                        "amount": {"type": "integer"},
                                        "status": {"type": "string", "enum": ["paid", "failed"]},
                                        "email": {"type": "string"},
                                        "details": {"type": "object"},
                                        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                                    },
                                }
                            }
                        },
                    }
                }
            }
        }
    },
}


@dataclass
class Vendor:
    """A vendor whose answers a test changes; an answer every ten minutes. It is the transport of a real client."""

    watch: Watch
    body: dict[str, Any] = field(default_factory=lambda: dict(CHARGE))
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    at: datetime = BEGAN
    content: bytes | None = None

    def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        """Answer."""
        told = {"content-type": "application/json", "date": format_datetime(self.at, usegmt=True), **self.headers}
        return Reply(self.status, told, self.content if self.content is not None else json.dumps(self.body).encode())

    def close(self) -> None:
        """Nothing is open."""

    def answers(self, number: int, path: str = "/v1/charges/ch_1") -> None:
        """Be asked so often."""
        client = open_client(
            "https://api.pay.example", system="pay", transport=self, recorder=self.watch.hear, now=self._now
        )
        for _ in range(number):
            client.request("GET", path)

    def _now(self) -> datetime:
        self.at += timedelta(minutes=10)
        return self.at


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own."""
    opened = open_store(tmp_path / "s.sqlite")
    yield opened
    opened.close()


def judged_by(contract: Mapping[str, Any] | None, *, strict: bool = True) -> Callable[[str], list[Judge]]:
    """Return what judges every system by one document, or by none."""
    if contract is None:
        return lambda system: []
    document = read_document(json.dumps(contract).encode(), source="pay.json")
    return lambda system: [Judge(document, strict)]


def vendor(store: Store, contract: Mapping[str, Any] | None = CONTRACT, **more: Any) -> Vendor:
    """Return a vendor that is watched."""
    return Vendor(Watch("production", lambda: store, judged_by(contract, **more)))


def checked(watch: Watch | None, level: str = "breaking", **options: Any) -> Look:
    """Run the check as a monitor does."""
    load_checks()
    check = check_named("contract_drift")
    nothing: Any = None
    look = Look(
        environment="production",
        landscape=nothing,
        gatherer=nothing,
        judging=nothing,
        now=lambda: datetime.now(UTC),
        deadline=time.monotonic() + 60,
        options={**check.options, "level": level, **options},
        watch=watch,
    )
    check.act(look)
    return look


def violations(watch: Watch, level: str = "breaking", **options: Any) -> list[Finding]:
    """Return what the check finds."""
    return [each for each in checked(watch, level, **options).findings if each.result is Verdict.FAIL]


def test_answers_as_they_were_are_green_and_secrets_stay_out(store: Store) -> None:
    """Healthy answers pass on both levels; the store holds counts and codes, and nobody's data."""
    pay = vendor(store)
    pay.answers(60)
    for level in ("breaking", "additive"):
        look = checked(pay.watch, level)
        assert [each.result for each in look.findings] == [Verdict.PASS]
    (row,) = store.learned.load("production")
    assert row.key == ("pay", "GET /v1/charges/{id}", 200)
    assert "ann" not in json.dumps(row.memory)
    assert "ch_1" not in json.dumps(row.memory)
    assert "paid" in json.dumps(row.memory)


BREAKING: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "a required field gone": ({"amount": None}, "amount", "required"),
    "another type": ({"amount": "700"}, "amount", "type"),
    "a value outside the documented set": ({"status": "held"}, "status", "enum"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_departure_from_the_document_breaks_at_once(store: Store, name: str) -> None:
    """What the document forbids is red at the first answer, names the path, and is over some answers after its end."""
    change, path, kind = BREAKING[name]
    pay = vendor(store)
    pay.answers(3)
    pay.body |= change
    if change.get(path) is None:
        del pay.body[path]
    pay.answers(1)
    look = checked(pay.watch)
    (finding,) = [each for each in look.findings if each.result is Verdict.FAIL]
    assert (finding.oracle, finding.systems) == ("O-D1", ("pay",))
    assert f", {path}" in finding.order_ref
    assert finding.expected and finding.seen and finding.cause and finding.formula
    measured = {each.labels["kind"]: each.value for each in look.measures if "kind" in each.labels}
    assert measured[kind] == 1
    assert sum(measured.values()) == 1
    pay.body = dict(CHARGE)
    pay.answers(20)
    assert violations(pay.watch) == []


LEARNED: Mapping[str, tuple[Mapping[str, Any], int, str, str]] = {
    "an optional field gone": ({"details": {"note": None}}, 20, "details.risk", "in none of the last 20"),
    "a type never seen": ({"details": {"note": None, "risk": "high"}}, 1, "details.risk", "string"),
    "more nulls": ({"details": {"note": None, "risk": None}}, 20, "details.risk", "in 100% of the last 20"),
    "a new value": ({"status": "under_review"}, 1, "status", "under_review"),
}


@pytest.mark.parametrize("name", LEARNED)
def test_a_departure_from_what_was_learned_breaks(store: Store, name: str) -> None:
    """Without a document the same shows by what 250 answers were, also to a process that has just started."""
    change, number, path, seen = LEARNED[name]
    pay = vendor(store, None)
    pay.answers(250)
    assert violations(pay.watch) == []
    restarted = vendor(store, None)
    restarted.at = pay.at
    restarted.body |= change
    restarted.answers(number)
    (finding,) = violations(restarted.watch)
    assert f", {path}" in finding.order_ref
    assert seen in finding.seen
    assert "as it was learned" in finding.expected
    restarted.watch.accept(path)
    restarted.answers(40)
    for level in ("breaking", "additive"):
        assert violations(restarted.watch, level) == [], "what was accepted is learned anew, and no news"


def test_little_is_no_knowledge(store: Store) -> None:
    """Ten answers, or answers of one hour, are not learned yet: nothing that is only unusual is red."""
    pay = vendor(store, None)
    pay.answers(10)
    pay.body = {"id": "ch_1"}
    pay.answers(30)
    assert violations(pay.watch) == []
    young = vendor(store, None)
    young.at = datetime.now(UTC) - timedelta(hours=20)
    young.answers(60, "/v1/refunds/re_1")
    young.body = {"id": "re_1"}
    young.answers(30, "/v1/refunds/re_1")
    assert violations(young.watch) == []


def test_a_new_optional_field_informs_once_and_never_pages(store: Store) -> None:
    """A field the document does not know is information for a day, and then a part of what is normal."""
    pay = vendor(store)
    pay.answers(40)
    pay.at = datetime.now(UTC) - timedelta(hours=23)
    pay.body["sparkle"] = True
    pay.answers(5)
    assert violations(pay.watch) == []
    (news,) = violations(pay.watch, "additive")
    assert ", sparkle" in news.order_ref
    assert violations(pay.watch, "additive", news="1h") == []
    assert violations(pay.watch, news="1h") == []
    assert [key.operation for key in pay.watch.accept("sparkle")] == ["GET /v1/charges/{id}"]
    assert violations(pay.watch, "additive") == []


def test_members_of_a_documented_map_are_no_fields(store: Store) -> None:
    """Keys of metadata come and go, and are neither learned by name nor missed."""
    pay = vendor(store)
    for number in range(60):
        pay.body["metadata"] = {f"order_{number}": "x"}
        pay.answers(1)
    pay.watch.learn()
    members = store.learned.load("production")[0].memory["places"]["metadata"]["members"]
    assert list(members) == ["{}"]
    assert violations(pay.watch, "additive") == []


SUNSET = datetime.now(UTC) + timedelta(days=100)
HEADERS: Mapping[str, tuple[Mapping[str, str], str, str]] = {
    "a sunset in 100 days": (
        {"sunset": format_datetime(SUNSET, usegmt=True), "deprecation": "@1688169599"},
        "additive",
        f"it ends on {SUNSET:%Y-%m-%d}, in 99 days",
    ),
    "a sunset in 5 days": (
        {"Sunset": format_datetime(SUNSET - timedelta(days=95), usegmt=True)},
        "breaking",
        "in 4 days",
    ),
    "a sunset that has passed": (
        {"sunset": "Sat, 31 Oct 2020 23:59:59 GMT"},
        "breaking",
        "it was to end on 2020-10-31, and still answers",
    ),
    "a sunset nobody can read": ({"sunset": "soon"}, "additive", "not trusted: no date that can be read"),
    "a sunset of another millennium": ({"sunset": "Sat, 31 Oct 1020 23:59:59 GMT"}, "additive", "not trusted"),
    "a sunset before its deprecation": (
        {"deprecation": "@1798761600", "sunset": "Fri, 01 Jan 2021 00:00:00 GMT"},
        "additive",
        "not trusted: earlier than its deprecation of 2027-01-01",
    ),
    "a clock that is wrong": (
        {"sunset": format_datetime(SUNSET, usegmt=True), "date": "Thu, 01 Jan 2015 00:00:00 GMT"},
        "additive",
        "h behind ours",
    ),
    "Shopify's own": (
        {"x-shopify-api-deprecated-reason": "https://shopify.dev/docs/x"},
        "additive",
        "x-shopify-api-deprecated-reason: https://shopify.dev/docs/x",
    ),
    "deprecated as a draft had it": ({"deprecation": "true"}, "additive", "deprecation: true"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_what_a_vendor_announces_becomes_a_dated_warning(store: Store, name: str) -> None:
    """Deprecation, Sunset and vendors' own headers are told with their date; one that cannot be trusted says why."""
    headers, level, words = HEADERS[name]
    pay = vendor(store)
    pay.at = datetime.now(UTC) - timedelta(minutes=30)
    pay.headers = dict(headers)
    pay.answers(1)
    found = violations(pay.watch, level)
    assert [each for each in found if words in each.seen], found
    other = "additive" if level == "breaking" else "breaking"
    assert all("sunset" not in each.seen.lower() for each in violations(pay.watch, other))
    days = [each.value for each in checked(pay.watch).measures if each.name == "assay_drift_sunset_days"]
    assert bool(days) == ("not trusted" not in words and "behind" not in words and "unset" in "".join(headers))


def test_what_all_operations_announce_is_one_warning(store: Store) -> None:
    """A header that twenty-six operations answer with is told once, with their number."""
    pay = vendor(store, None)
    pay.at = datetime.now(UTC) - timedelta(hours=6)
    pay.headers = {"sunset": format_datetime(SUNSET, usegmt=True)}
    for letter in "abcdefghijklmnopqrstuvwxyz":
        pay.answers(1, f"/v1/{letter}")
    (finding,) = violations(pay.watch, "additive")
    assert finding.order_ref.startswith("26 operations of pay, among them GET /v1/a")


def test_another_version_that_answers_is_a_dated_warning(store: Store) -> None:
    """A version header that says something new after thirty answers is told with the day, and both versions."""
    pay = vendor(store)
    pay.at = datetime.now(UTC) - timedelta(hours=8)
    pay.headers = {"stripe-version": "2024-06-20"}
    pay.answers(35)
    assert violations(pay.watch, "additive") == []
    pay.headers = {"stripe-version": "2026-10-28"}
    pay.answers(1)
    (finding,) = violations(pay.watch, "additive")
    assert "2024-06-20" in finding.expected
    assert "2026-10-28 since" in finding.seen


def test_bad_bodies_are_named_and_the_rest_is_still_learned(store: Store) -> None:
    """HTML, half a body, binary, an XML bomb, deep nesting: no crash; what a document forbids is a finding."""
    pay = vendor(store)
    pay.answers(1)
    for kind, content in (
        ("text/html", b"<html><h1>Log in</h1></html>"),
        ("application/json", b'{"id": "ch_1", "amou'),
        ("application/json", b"\xff\xfe\x00"),
        ("application/xml", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'),
        ("application/json", b"[" * 100_000),
        ("application/json", b""),
    ):
        pay.headers, pay.content = {"content-type": kind}, content
        pay.answers(1)
    pay.headers, pay.content = {}, None
    pay.answers(1)
    seen = {each.seen.partition(",")[0] for each in violations(pay.watch)}
    assert {"text/html", "application/xml"} <= seen
    assert len(seen) == 3, seen
    (row,) = store.learned.load("production")
    assert row.memory["answers"] == 8
    assert row.memory["places"][""]["n"] == 2


def test_xml_is_learned_by_element_and_attribute(store: Store) -> None:
    """An attribute that vanishes from a feed is missed, named as documents name it; entities are not read."""
    pay = vendor(store, None)
    feed = '<f:feed xmlns:f="x"><day time="2026-11-20"><rate currency="USD" rate="1.1"/></day></f:feed>'
    pay.headers, pay.content = {"content-type": "text/xml"}, feed.encode()
    pay.answers(160)
    assert violations(pay.watch) == []
    pay.content = feed.replace(' rate="1.1"', "").encode()
    pay.answers(5)
    (finding,) = violations(pay.watch)
    assert finding.order_ref.endswith(", feed.day.rate@rate")


def test_errors_and_refusals_are_not_learned(store: Store) -> None:
    """A vendor's bad day teaches nothing: 500, 503 and 429 are neither learned nor judged."""
    pay = vendor(store)
    for status in (500, 503, 429):
        pay.status = status
        pay.answers(1)
    look = checked(pay.watch)
    assert store.learned.load("production") == []
    assert [each.oracle for each in look.findings] == ["quiet"]


def test_too_many_answers_are_let_go_and_counted(store: Store) -> None:
    """Where nobody learns, memory stays bounded: the newest thousand answers wait."""
    pay = vendor(store)
    pay.answers(1_010)
    assert pay.watch.missed == 10
    assert pay.watch.learn() == 1_000


def test_too_many_operations_are_not_learned(store: Store) -> None:
    """Addresses with another word each time do not fill the store: five hundred of a system are kept."""
    pay = vendor(store, None)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(510):
        pay.answers(1, f"/search/{letters[number % 26]}{letters[number // 26]}")
    assert pay.watch.learn() == 500
    pay.answers(1, "/search/aa")
    assert pay.watch.learn() == 1
    assert len(store.learned.keys("production")) == 500


def test_without_a_process_that_hears_nothing_is_judged() -> None:
    """Outside `assay monitor` the oracle is not evaluated, with the reason."""
    (finding,) = checked(None).findings
    assert finding.result is Verdict.NOT_EVALUATED
    assert "assay monitor" in finding.reason


def test_a_level_that_is_none_is_refused_before_any_run() -> None:
    """A misspelt level or span is wrong use, when the monitor is read."""
    load_checks()
    judge = check_named("contract_drift").judge
    assert judge is not None
    with pytest.raises(UsageError, match="no level 'braking'"):
        judge({"level": "braking"})
    with pytest.raises(UsageError, match="no span"):
        judge({"learn": "often"})


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the reference shop's profile, and nothing learned yet."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def watched(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["contracts", "watch", *arguments])


def teach(project: Path, number: int, **change: Any) -> None:
    """Let the environment learn of Frankfurter's rates, as its monitors do."""
    plan = plan_for("local", project / "assay.toml")
    store = open_store(ledger_place(plan))
    pay = Vendor(watch_of(plan, lambda: store))
    pay.body = {"amount": 1.0, "base": "EUR", "date": "2026-11-20", "rates": {"USD": 1.1}} | change
    client = open_client("https://x.example", system="frankfurter", transport=pay, recorder=pay.watch.hear)
    for _ in range(number):
        client.request("GET", "/v1/latest")
    pay.watch.learn()
    store.close()


def test_the_command_shows_what_was_learned_and_takes_the_new_normal(project: Path) -> None:
    """Exit 5 before anything was learned, 0 while all is well, 1 with a change; --accept and --forget end that."""
    empty = watched()
    assert empty.exit_code == 5, empty.output
    assert not list(project.rglob("*.sqlite")), "showing nothing makes no store"
    teach(project, 3)
    well = watched("frankfurter", "--paths")
    assert well.exit_code == 0, well.output
    assert "3 of 3" in well.output
    teach(project, 1, base=5)
    changed = watched("--json")
    assert changed.exit_code == 1, changed.output
    content = json.loads(changed.output)
    assert content["format"] == 1
    assert {(each["path"], each["level"]) for each in content["changes"]} == {("base", "breaking")}
    assert watched("--accept", "base").exit_code == 0
    assert watched().exit_code == 0
    assert watched("--forget", "frankfurter").exit_code == 0
    assert watched().exit_code == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("frankfuter",), "did you mean 'frankfurter'"),
        (("--accept", "bsae"), "did you mean 'base'"),
        (("--accept", "unheard.of"), "--paths"),
        (("--forget", "stripe"), "one of frankfurter"),
        (("--learn", "often"), "--learn"),
        (("--accept", "base", "--forget", "frankfurter"), "one of --accept and --forget"),
    ],
    ids=["system", "path", "no path", "nothing learned", "span", "both"],
)
def test_the_command_refuses_what_it_cannot_do(project: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit 2 with the place and the nearest name."""
    teach(project, 1)
    done = watched(*arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
