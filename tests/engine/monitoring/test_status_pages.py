"""The status page as people read it: what is red first, why, what to do, and what is shown when something is away."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InfrastructureError, UsageError
from assay.events import Finding, Probe, ProbeResult, Result, StepDone
from assay.reporting.status.app import status_app
from assay.reporting.status.auth import Guard
from assay.reporting.status.source import KillSwitch
from assay.store import Store, open_store
from tests.engine.monitoring.status_data import ENVIRONMENT, HOUR, MINUTE, NOW, Reader, Source, week

PAGES = (
    "/", "/monitors/order_foreign", "/monitors/order_base?span=7d", "/monitors/storefront?span=90d&only=bad",
    "/monitors/consent_sample", "/findings", "/drift", "/drift?span=7d", "/ledger", "/alerts", "/silences",
    "/runbooks/order_foreign",
)  # fmt: skip
_VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "path", "rect", "circle", "!doctype"})


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """A week that tests only read."""
    folder = tmp_path_factory.mktemp("status")
    store = open_store(folder / "store.sqlite")
    yield week(store, folder)
    store.close()


@pytest.fixture
def source(seen: Source) -> Source:
    """The same week behind a process of the test's own."""
    return replace(seen, declared=dict(seen.declared), due=dict(seen.due), lines=list(seen.lines))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Source]:
    """A process that has just begun, over an empty store."""
    store = open_store(tmp_path / "store.sqlite")
    yield Source(store=store, project=tmp_path)
    store.close()


def client(source: Source) -> Reader:
    """Return a reader on the same machine."""
    return Reader(status_app(source, Guard()))


def page(source: Source, path: str, status: int = 200) -> str:
    """Return a page."""
    answer = client(source).get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def words(text: str) -> str:
    """Return what a page says, without its marks."""
    bare = re.sub(r"<[^>]+>", " ", re.sub(r"<title>.*?</title>", "", text, flags=re.DOTALL))
    return " ".join(html.unescape(bare).split())


class Tree(HTMLParser):
    """Checks that tags close, names what has an id, what is labelled and what is linked."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Remember a tag."""
        found = dict(attributes)
        if tag not in _VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag == "label":
            self.labelled.add(found.get("for") or "")
        if tag in ("input", "select") and found.get("type") != "hidden":
            self.inputs.append(found.get("id") or "?")
        if tag == "a":
            self.links.append(found.get("href") or "")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.inline += [name for name in found if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        """See that it closes the last one."""
        if tag not in _VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_well_formed_and_can_be_used_without_a_mouse(source: Source, path: str) -> None:
    """Tags close, ids are unique, fields have labels, one h1 leads, nothing stands inline, links lead somewhere."""
    text = page(source, path)
    tree = Tree()
    tree.feed(text)
    assert tree.open == []
    assert len(tree.ids) == len(set(tree.ids))
    assert set(tree.inputs) <= tree.labelled
    assert tree.headings[0] == "h1" and tree.headings.count("h1") == 1
    assert tree.inline == []
    assert 'href="#main"' in text and 'lang="en"' in text
    reader = client(source)
    for link in {link for link in tree.links if link.startswith("/")}:
        assert reader.get(link).status_code == 200, link
    assert {link[1:] for link in tree.links if link.startswith("#")} <= set(tree.ids)


def test_what_is_red_comes_first_and_what_is_kept_quiet_after_it(source: Source) -> None:
    """Failing with an alert, then what is suppressed or in maintenance, then what never ran, then what passes."""
    text = page(source, "/")
    names = re.findall(r'<a href="/monitors/(\w+)">', text)
    assert names[0] == "order_foreign"
    assert set(names[1:3]) == {"tracking", "stock_drift"}
    assert names[3] == "consent_sample"
    said = words(text)
    assert "1 of 9 monitors needs a look" in said
    assert "Failing 2 Unknown 1 Degraded 0 No run yet 1 Passing 5 Money at risk 792000 JPY" in said
    assert "suppressed by system ups" in said and "maintenance 'warehouse move' until 16:00" in said
    assert "none yet" in said
    assert "1 alert could not be delivered" in said


def test_a_failing_monitor_says_what_is_wrong_and_what_to_do(source: Source) -> None:
    """Expected, seen, cause, money, the customers, the journal, the commands, the runbook and since when."""
    said = words(page(source, "/monitors/order_foreign"))
    for each in (
        "Failing since 2026-03-12 11:30:20 UTC (2 h 53 min)",
        "For customers: Customers in Japan are charged a hundred times the price.",
        "expected 8000 JPY captured, as the customer was shown, seen 800000 JPY captured",
        "amount multiplied by 100 for a currency without minor units",
        "Money at risk 792000 JPY",
        "merchant → stripe POST /v1/payment_intents 200 amount=800000",
        "assay explain 100047 --env production",
        "assay monitor --env production --only order_foreign --once",
        "order_foreign.md",
    ):
        assert each in said, each


def test_history_counts_what_the_store_holds(source: Source) -> None:
    """The sentence over the chart, the bars and the table tell the same runs."""
    text = page(source, "/monitors/order_base?span=7d")
    hours = source.store.probes.hours(ENVIRONMENT, "order_base", since=NOW - 8 * 24 * HOUR, until=NOW + HOUR)
    shown = re.search(r"([\d,]+) runs in 7 days: (\d+) failed", text)
    assert shown is not None and int(shown[2]) == sum(hour.counts.get(ProbeResult.FAILED, 0) for hour in hours) > 0
    rows = re.findall(r'<th scope="row">2026-\d\d-\d\d \d\d:\d\d</th><td class="number">(\d+)</td>', text)
    assert sum(map(int, rows)) == int(shown[1].replace(",", ""))


def test_older_runs_are_a_page_further(source: Source) -> None:
    """The link at the end of the runs leads to those before them, none twice."""
    first = page(source, "/monitors/order_base")
    link = re.search(r'href="(\?[^"]*before=[^"]*)"', first)
    assert link is not None
    second = page(source, "/monitors/order_base" + link[1].replace("&amp;", "&"))
    due = re.compile(r'data-label="Due">([\d: -]+)')
    one, other = due.findall(first), due.findall(second)
    assert len(one) == len(other) == 50 and not set(one) & set(other) and max(other) < min(one)


@pytest.mark.parametrize("query", ["?span=9y", "?before=NaN", "?before=1e300", "?span=%00&only=x", "?before=-1e18"])
def test_nonsense_in_an_address_shows_the_usual_page(source: Source, query: str) -> None:
    """What an address asks for wrongly is taken for what is usual."""
    assert "The last 24 hours" in words(page(source, "/monitors/order_base" + query))


def test_findings_of_an_order_count_its_money_once(source: Source) -> None:
    """Ten runs that found the same order are one card whose money is the order's."""
    said = words(page(source, "/findings"))
    assert "at risk 792000 JPY over 1 order" in said
    assert "O-M1 still there" in said
    assert "step pay: AssertionError: the page says 'card declined'" in said


def test_drift_shows_each_measure_with_its_unit(source: Source) -> None:
    """Seconds read as time, shares as per cent, counts as they are."""
    said = words(page(source, "/drift"))
    assert "Census missing system sap_s4hana 0" in said
    assert "Rate deviation pair EUR/JPY" in said and re.search(r"0\.\d+ %", said)
    assert re.search(r"Rate age \d+ h( \d+ min)?", said)


def test_the_ledger_names_what_leaked_and_what_to_do(source: Source) -> None:
    """Leaks first, with the order, why, and the command."""
    said = words(page(source, "/ledger"))
    assert "Leaked (1)" in said and "order 100047 shop" in said
    assert "cancel_order was refused: the order is already shipped" in said
    assert "assay sweep --env production" in said
    assert "Open (1)" in said and "whose number never came" in said


def test_alerts_list_children_and_what_was_not_delivered(source: Source) -> None:
    """One alert stands for the monitors of a system; what could not be told is said with why."""
    said = words(page(source, "/alerts"))
    assert "Firing (2)" in said and "Not well, not firing (1)" in said and "Suppressed (1)" in said
    assert "Stands for 1 monitor, which goes on and wakes nobody by itself: tracking" in said
    assert "connection refused by 127.0.0.1:9" in said


def test_without_a_single_run_every_page_says_so(empty: Source) -> None:
    """Empty pages say why they are empty, none breaks."""
    assert "No monitor is declared for production yet" in words(page(empty, "/"))
    assert "No oracle found anything wrong." in words(page(empty, "/findings"))
    assert "Nothing was measured yet" in words(page(empty, "/drift"))
    assert "Nothing was left behind." in words(page(empty, "/ledger"))
    assert "Nobody is silenced." in words(page(empty, "/silences"))
    assert "Firing (0)" in words(page(empty, "/alerts"))


def test_one_that_never_ran_says_when_it_will(source: Source) -> None:
    """Before its first run a monitor's page says when that is due."""
    said = words(page(source, "/monitors/consent_sample"))
    assert "No run yet: the first is due in 40 s." in said
    assert "No run in this span; the next is due in 40 s." in said


class Away:
    """A store whose database is gone: everything that is asked of it fails."""

    def __getattr__(self, name: str) -> Any:
        raise InfrastructureError("the store cannot be reached", hint="is the database server up?")


def a_failure(name: str = "order_base") -> Probe:
    """Return a run as the process hears it."""
    finding = Finding(
        oracle="O-O1", result=Result.FAIL, order_ref="100099", systems=("shop",), expected="one order", seen="two"
    )
    return Probe(
        id="p", monitor=name, subject="F01", environment=ENVIRONMENT, location="paris", result=ProbeResult.FAILED,
        due_at=NOW - MINUTE, started_at=NOW - MINUTE, seconds=3.0, findings=(finding,),
    )  # fmt: skip


@pytest.mark.parametrize("told", [True, False])
def test_while_the_store_is_away_pages_show_what_is_remembered(source: Source, told: bool) -> None:
    """Since when it is away is said, and runs heard meanwhile are shown, whether or not the process knows it yet."""
    source.recent = type(source.recent)()
    source.recent(a_failure())
    source.store = Away()  # type: ignore[assignment]
    source.away_since = NOW - timedelta(minutes=4) if told else None
    for path in ("/", "/monitors/order_base", "/findings"):
        said = words(page(source, path))
        assert "The store is away" in said and "expected one order, seen two" in said, path
        assert ("(4 min ago)" in said) == told
    said = words(page(source, "/"))
    assert "✓ passing order_census" in said and "not remembered" in said and "No run yet 1 " in said
    assert "Not known while the store is away" in words(page(source, "/ledger"))
    assert client(source).get("/healthz").status_code == 200


def test_strange_text_is_shown_and_never_run(source: Source) -> None:
    """Markup in a finding, a name or an error is text on every page."""
    evil = "<script>alert(1)</script>\u202e"
    found = Finding(
        oracle=evil, result=Result.FAIL, order_ref=evil, systems=(evil,), expected=evil, seen=evil, cause=evil
    )
    source.recent = type(source.recent)()
    source.recent(replace(a_failure(), findings=(found,), trouble=(evil,), due_at=NOW))
    source.lines = [replace(each, summary=evil, quiet=evil) for each in source.lines]
    source.ill, source.unsaid = [evil], [evil]
    source.away_since = NOW
    for path in PAGES[:-1]:
        text = page(source, path)
        assert "<script>alert" not in text and "\u202e" not in text, path


def test_secrets_and_customers_are_not_shown(source: Source) -> None:
    """Tokens, cards, mail addresses and telephone numbers are masked; postal addresses are left to `assay explain`."""
    said = "Authorization: Bearer sk_live_abcdef123456 4242424242424242 jane.doe@mail.example +49 30 1234567"
    found = Finding(
        oracle="O-K2", result=Result.FAIL, order_ref="100047", systems=("ups",), expected="1 Main Street",
        seen="2 Side Road", evidence=("to 2 Side Road",),
    )  # fmt: skip
    step = StepDone(name="pay", started_at=NOW, seconds=1.0, error=said)
    probe = replace(a_failure(), due_at=NOW, steps=(step,), findings=(found,), trouble=(said,), stack=said)
    source.recent = type(source.recent)()
    source.recent(probe)
    source.away_since = NOW
    for path in ("/", "/monitors/order_base", "/findings", "/api/v1/monitors/order_base/history"):
        text = client(source).get(path).text
        for each in ("sk_live_abcdef123456", "4242424242424242", "jane.doe", "1234567", "Main Street", "Side Road"):
            assert each not in text, (path, each)
    assert "`assay explain` shows it" in words(page(source, "/monitors/order_base"))


def test_silencing_by_a_form_keeps_a_monitor_quiet_and_ending_it_does_not(source: Source, store: Store) -> None:
    """The form of a monitor silences it, the overview says until when, and the list ends it."""
    source.store, source.recent = store, type(source.recent)()
    reader = client(source)
    token = re.search(r'name="form_token" value="(\w+)"', reader.get("/monitors/order_foreign").text)
    assert token is not None
    fields = {"form_token": token[1], "reason": "known: payment team mends it", "by": "Ada", "seconds": "7200"}
    answer = reader.post("/monitors/order_foreign/silence", data=fields, follow=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/monitors/order_foreign#silence")
    assert "by Ada : known: payment team mends it" in words(reader.get("/monitors/order_foreign").text)
    assert "silenced until 2026-03-12 16:23 UTC" in words(reader.get("/").text)
    [silence] = store.alerts.silences(ENVIRONMENT, NOW)
    assert (silence.monitors, silence.until) == (("order_foreign",), NOW + 2 * HOUR)
    after = reader.post(f"/silences/{silence.number}/end", data={"form_token": token[1]})
    assert "The silence has ended." in words(after.text) and "Nobody is silenced." in words(after.text)
    assert reader.post(f"/silences/{silence.number}/end", data={"form_token": token[1]}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": "  "}, "reason: expected 1 to 500 letters"),
        ({"by": ""}, "by: expected 1 to 128 letters"),
        ({"seconds": "0"}, "seconds: expected more than 0 seconds"),
        ({"seconds": "soon"}, "seconds: expected more than 0 seconds"),
        ({"monitors": ""}, "monitors: expected 1 to 100 names"),
        ({"monitors": "order_bse"}, "There is no monitor &#39;order_bse&#39;: did you mean &#39;order_base&#39;?"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_keeps_what_was_written(
    source: Source, changes: dict[str, str], said: str
) -> None:
    """The page comes back with the sentence and the fields, and nothing is silenced."""
    reader = client(source)
    token = re.search(r'name="form_token" value="(\w+)"', reader.get("/silences").text)
    assert token is not None
    fields = {"monitors": "order_*", "reason": "the move", "by": "Ada", "seconds": "1800", "form_token": token[1]}
    answer = reader.post("/silences", data={**fields, **changes})
    assert answer.status_code == 422 and said in answer.text
    kept = {**fields, **changes}
    assert f'value="{kept["reason"]}"' in answer.text and f'value="{kept["monitors"]}"' in answer.text
    assert source.store.alerts.silences(ENVIRONMENT, NOW) == []


def test_the_kill_switch_is_thrown_by_a_form_and_told(source: Source) -> None:
    """Thrown and put back by the same button; one that is held elsewhere has none."""
    reader = client(source)
    token = re.search(r'name="form_token" value="(\w+)"', reader.get("/").text)
    assert token is not None
    said = words(reader.post("/kill-switch", data={"form_token": token[1], "on": "yes"}).text)
    assert "The kill switch is on" in said and source.thrown == [(True, "the status page")]
    reader.post("/kill-switch", data={"form_token": token[1], "on": "no"})
    assert source.thrown[-1] == (False, "the status page")
    source.switch = KillSwitch(on=True, where="the variable SHOP_STOP", can_change=False)
    assert "/kill-switch" not in re.findall(r'action="([^"]+)"', reader.get("/").text)
    answer = reader.post("/kill-switch", data={"form_token": token[1], "on": "no"})
    assert answer.status_code == 409 and "held by the variable SHOP_STOP" in answer.text


def test_health_and_metrics(source: Source) -> None:
    """The process lives; it is ready only while nothing is wrong; a scraper gets the format it asks for."""
    reader = client(source)
    assert reader.get("/healthz").text == "ok\n"
    assert reader.get("/readyz").status_code == 200
    source.ill = ["the clock jumped by 3 h", "the edge does not answer"]
    answer = reader.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "the clock jumped by 3 h\nthe edge does not answer\n")
    assert "the clock jumped by 3 h" in words(reader.get("/").text)
    assert reader.get("/metrics").headers["content-type"].startswith("text/plain")
    asked = reader.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert asked.headers["content-type"].startswith("application/openmetrics-text")


def test_what_is_not_there_is_said_in_words(source: Source) -> None:
    """Unknown pages, monitors and runbooks are 404 with a sentence; a wrong method is 405."""
    assert "There is no monitor 'nobody'" in page(source, "/monitors/nobody", 404).replace("&#39;", "'")
    assert "There is no such page" in page(source, "/nix", 404)
    assert "There is no runbook of" in page(source, "/runbooks/storefront", 404)
    assert client(source).put("/findings").status_code == 405


def test_a_runbook_is_laid_out_and_its_markup_is_text(source: Source, tmp_path: Path) -> None:
    """Headings, lists, tables, code and bold read as such; HTML in it is shown, not run."""
    runbook = tmp_path / "monitors" / "runbooks" / "storefront.md"
    runbook.parent.mkdir(parents=True)
    runbook.write_text(
        "# It is `red`\n\n**Customers** see <b>nothing</b>\nat all.\n\n## First\n\n    assay status\n\n    assay up\n\n"
        "- one\n  goes on\n- two\n\n1. first\n\n```\n- code\n```\n\n| it says | mend |\n|---|---|\n| x | `y` |\n",
        encoding="utf-8",
    )
    source.project = tmp_path
    text = page(source, "/runbooks/storefront")
    for each in (
        "It is <code>red</code></h1>", "<p><strong>Customers</strong> see &lt;b&gt;nothing&lt;/b&gt; at all.</p>",
        "<h2>First</h2>", ">assay status</pre>", ">assay up</pre>", "<li>one goes on</li><li>two</li>",
        "<ol><li>first</li></ol>", ">- code</pre>", '<th scope="col">mend</th>', "<code>y</code></td>",
    ):  # fmt: skip
        assert each in text, each


def test_a_runbook_outside_its_folder_is_not_shown(source: Source, tmp_path: Path) -> None:
    """A runbook's name never leads to another file of the machine."""
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    (tmp_path / "monitors" / "runbooks").mkdir(parents=True)
    source.project = tmp_path
    source.declared["storefront"] = replace(source.declared["storefront"], runbook="../../secret.md")
    assert client(source).get("/runbooks/storefront").status_code == 404


def test_finding_a_monitor_by_name_and_state(source: Source) -> None:
    """The overview's search narrows the table and says so when nothing is left."""
    assert re.findall(r'<a href="/monitors/(\w+)">', page(source, "/?q=logistics")) == ["stock_drift", "tracking"]
    assert re.findall(r'<a href="/monitors/(\w+)">', page(source, "/?state=waiting")) == ["consent_sample"]
    assert "None is like that." in page(source, "/?q=%3Cb%3E")


def test_a_template_of_the_project_takes_the_place_of_the_shipped_one(source: Source, tmp_path: Path) -> None:
    """A page can be laid out anew; a wrong template is named with its line."""
    own = tmp_path / "reports" / "status"
    own.mkdir(parents=True)
    (own / "ledger.html.j2").write_text("ours: {{ leaked|length }}", encoding="utf-8")
    source.project = tmp_path
    assert page(source, "/ledger") == "ours: 1"
    (own / "ledger.html.j2").write_text("{% if %}", encoding="utf-8")
    answer = client(source).get("/ledger")
    assert answer.status_code == 500 and "A page&#39;s template is wrong" in answer.text


def test_a_missing_style_is_refused_at_the_start(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its files the status page does not begin, and says what is missing and where it was looked for."""
    monkeypatch.setattr("assay.reporting.status.pages.template_folders", lambda _: [tmp_path])
    with pytest.raises(UsageError, match=r"there is no report\.css for the status page"):
        status_app(source, Guard())
