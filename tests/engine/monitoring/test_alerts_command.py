"""`assay alerts`: list, examples through every route, silences; each mistake has its sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.store import open_store
from tests.conftest import Project
from tests.engine.monitoring.night import APPRISE_IS_OLD, Ear, Night, listening, profile_of, watch

pytestmark = APPRISE_IS_OLD
MONITORS = """
[monitors.feed]
title = "The feed is whole"
check = "self"
interval = "5m"
owner = "shop team"
runbook = "feed.md"
customers = "Prices in other currencies are old."
alert = { severity = "page" }
"""
ROUTES = """
[scenarios]
shipped = false

[alerts.routes.chat]
url = "env:NIGHT_CHAT"

[alerts.routes.pager]
url = "env:NIGHT_PAGER"
severities = ["page"]

[store]
url = "store.sqlite"

"""


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    """The chat to which alerts go."""
    with listening() as server:
        monkeypatch.setenv("NIGHT_CHAT", server.apprise)
        monkeypatch.setenv("NIGHT_PAGER", server.apprise)
        yield server


@pytest.fixture
def watched(new_project: Callable[[], Project]) -> Project:
    """A project with one monitor, two routes and a store of its own."""
    project = new_project()
    (project.path / "monitors" / "runbooks").mkdir(parents=True)
    (project.path / "monitors" / "runbooks" / "feed.md").write_text("# The feed\n")
    (project.path / "monitors" / "feed.toml").write_text(MONITORS)
    project.change('name = "small shop"\n', 'name = "small shop"\n' + ROUTES)
    return project


def night_of(project: Project) -> Night:
    """Return an engine over the project's store, at the present time."""
    store = open_store(project.path / "store.sqlite")
    profile = profile_of(project.path, routes={"chat": {"url": "env:NIGHT_CHAT"}})
    profile = profile.model_copy(update={"environments": {"local": profile.environments["production"]}})
    night = Night(store, profile, {"feed": watch("feed")}, environment="local")
    night.at = datetime.now(UTC) - timedelta(minutes=10)
    return night


def test_an_example_goes_through_every_route(watched: Project, ear: Ear) -> None:
    """It is marked as a test, names the monitor's own runbook and owner, and each route says what came of it."""
    done = watched.type("alerts", "test", "feed")
    assert done.returncode == 0, done.stderr
    assert [each.split()[0:2] for each in done.stdout.splitlines()[-2:]] == [
        ["chat", "delivered"],
        ["pager", "delivered"],
    ]
    assert ear.titles == ["[TEST] The feed is whole (local)"] * 2
    assert "Nothing is wrong: this is what an alert" in ear.heard[0]["message"]
    assert "monitors/runbooks/feed.md" in ear.heard[0]["message"]


def test_a_route_that_takes_nothing_is_exit_3(watched: Project, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each route said is printed, in text and as JSON, without the address."""
    monkeypatch.setenv("NIGHT_PAGER", "nosuch://secret-token@host")
    done = watched.type("alerts", "test", "feed")
    assert (done.returncode, len(ear.heard)) == (3, 1)
    assert "pager  NOT DELIVERED: env:NIGHT_PAGER holds no address that apprise understands" in done.stdout
    monkeypatch.delenv("NIGHT_PAGER")
    done = watched.type("alerts", "test", "feed", "--json")
    answers = json.loads(done.stdout)["routes"]
    assert answers["pager"] == {
        "delivered": False,
        "said": "NIGHT_PAGER is not set; export it with an apprise address",
    }
    assert "secret-token" not in done.stdout


def test_an_example_of_a_rule_and_of_the_process_itself(watched: Project, ear: Ear) -> None:
    """A rule of monitors/rules has its own annotations; alerts of the process need no monitor."""
    rules = watched.path / "monitors" / "rules"
    rules.mkdir()
    rule = {"alert": "AssayStoreAway", "expr": "assay_store_up == 0", "labels": {"severity": "ticket"}}
    rule["annotations"] = {"summary": "the store is away", "runbook_url": "store.md"}
    (rules / "assay.yaml").write_text(json.dumps({"groups": [{"name": "assay", "rules": [rule]}]}))
    assert watched.type("alerts", "test", "AssayStoreAway").returncode == 0
    assert ear.titles == ["[TEST] AssayStoreAway (local)"]
    assert "the store is away" in ear.heard[0]["message"]
    assert watched.type("alerts", "test", "assay_undo").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("test", "fed"), "there is no alert 'fed'"),
        (("test", "fed"), "did you mean 'feed'?"),
        (("silence", "fed", "--for", "2h", "--reason", "x"), "no monitor 'fed' on 'local'"),
        (("silence", "feed", "--for", "soon", "--reason", "x"), "that is no span of time"),
        (("silence", "feed", "--for", "400d", "--reason", "x"), "a silence ends within a year"),
        (("silence", "feed", "--for", "2h", "--reason", " "), "a silence has a reason"),
        (("unsilence", "7"), "no silence 7 holds on 'local'"),
        (("list", "--env", "locl"), "did you mean 'local'?"),
    ],
)
def test_mistakes_have_their_sentence(watched: Project, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2, and what was expected."""
    done = watched.type("alerts", *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_no_route_for_an_example_is_said(watched: Project) -> None:
    """Without routes nobody would be woken: exit 2, with the line to write."""
    for name in ("chat", "pager"):
        text = watched.profile.read_text()
        begin = text.index(f"[alerts.routes.{name}]")
        watched.profile.write_text(text[:begin] + text[text.index("\n\n", begin) + 2 :])
    done = watched.type("alerts", "test", "feed")
    assert done.returncode == 2
    assert "no route takes an alert of 'feed', of severity page" in done.stderr


def test_a_silence_is_made_seen_and_ended(watched: Project, ear: Ear) -> None:
    """What is silenced at the command line wakes nobody in the running process until it is ended there."""
    night = night_of(watched)
    made = watched.type("alerts", "silence", "fe*", "--for", "2h", "--reason", "deploy", "--by", "zoe")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("silence 1: fe* wakes nobody until ")
    night.runs("failed", "failed", "failed", name="feed")
    assert ear.heard == []
    listed = watched.type("alerts", "list")
    assert listed.returncode == 1
    assert "quiet: silence 1 by zoe until" in listed.stdout
    assert "silence 1: fe* until" in listed.stdout
    assert watched.type("alerts", "unsilence", "1").stdout == "silence 1 is over\n"
    night.run("failed", "feed")
    assert len(ear.heard) == 1
    assert "page, told: Title of feed" in watched.type("alerts", "list").stdout
    night.store.close()


def test_the_list_names_what_could_not_be_delivered(watched: Project, ear: Ear) -> None:
    """Exit 3 where a message waits that a route did not take; the same as JSON."""
    night = night_of(watched)
    ear.status = 500
    night.runs("failed", "failed", "failed", name="feed")
    listed = watched.type("alerts", "list")
    assert listed.returncode == 3
    assert "undeliverable: 'feed' (firing) by route 'chat' not delivered after 1 try" in listed.stdout
    content = json.loads(watched.type("alerts", "list", "--json").stdout)
    assert [each["state"] for each in content["alerts"]] == ["failing"]
    assert content["undeliverable"][0]["route"] == "chat"
    night.store.close()


def test_silencing_works_while_the_monitors_files_are_wrong(watched: Project, ear: Ear) -> None:
    """A file that cannot be read tonight keeps nobody from silencing what ran before."""
    night = night_of(watched)
    night.run("failed", "feed")
    night.store.close()
    (watched.path / "monitors" / "feed.toml").write_text("[monitors.feed\n")
    done = watched.type("alerts", "silence", "feed", "--for", "10m", "--reason", "broken file")
    assert done.returncode == 0, done.stderr
    assert "the monitors cannot be read" in done.stderr
    assert watched.type("alerts", "test", "feed").returncode == 2


def test_nothing_heard_yet_is_said(watched: Project) -> None:
    """An environment that nobody watched yet: exit 0 and the command that watches it; no store is made for that."""
    done = watched.type("alerts", "list")
    assert (done.returncode, "no monitor of 'local' was heard of yet" in done.stdout) == (0, True)
    assert not Path(watched.path / "store.sqlite").exists()
