"""Monitors are read from files and from code, and what is wrong is refused with file, key and what to write."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from assay.drift import load_checks
from assay.drift.checks import Check
from assay.errors import UsageError
from assay.flow import Case, Flow
from assay.local.project import plan_for
from assay.monitor import AlertRule, Monitor
from assay.profile import load_profile
from assay.roles import Purchase
from assay.runners.scheduler.declared import monitors_of
from assay.suite_monitors import load_monitors

WHOLE = """
[monitors.whole]
title = "Orders, one currency after the other"
flow = "F01"
cases = ["eur", "jpy"]
rotate = true
interval = "30m"
jitter = "1m"
timeout = "10m"
location = "eu-1"
environments = ["local", "production"]
owner = "shop"
runbook = "x.md"
customers = "foreign customers cannot pay"
systems = ["stripe", "merchant"]
objective = { availability = 0.99, latency = "20s", latency_share = 0.9 }
alert = { severity = "page", fire_after = 2, resolve_after = 1, remind_every = "1h", routes = [] }
"""
CHECK = 'check = "order_census"\ninterval = "10m"'
CODED = '''
from assay.monitor import AlertRule, monitor


@monitor(name="coded", title="Ours", owner="me", runbook="x.md", interval="5m", alert=AlertRule())
def coded(look):
    """Hold nothing."""
'''


def bought(id: str = "F01") -> Flow:
    """Return a flow with two cases."""
    cases = tuple(
        Case(name, Purchase(currency=name.upper(), lines=(("1", 1),), email="a@b.c")) for name in ("eur", "jpy")
    )
    return Flow(id, "An order", lambda run: None, (), cases, reversible=True)


def load(roots: Sequence[Path]) -> dict[str, Monitor]:
    """Load the monitors of these suites with one flow and the shipped checks."""
    load_checks()
    return load_monitors(roots, load_profile(roots[0] / "assay.toml"), {"F01": bought()})


def refused(project: Path) -> str:
    """Return what loading the project is refused with."""
    with pytest.raises(UsageError) as caught:
        load([project])
    return str(caught.value)


def test_every_key_of_a_table_is_taken_up(project: Path, write: Callable[..., Path]) -> None:
    """What a table says stands in the monitor, spans in seconds."""
    path = write(text=WHOLE)
    found = load([project])["whole"]
    assert (found.flow, found.cases, found.rotate, found.subject) == ("F01", ("eur", "jpy"), True, "F01")
    assert (found.interval_s, found.jitter_s, found.timeout_s) == (1800, 60, 600)
    assert (found.objective.availability, found.objective.latency_s, found.objective.latency_share) == (0.99, 20, 0.9)
    assert found.alert == AlertRule(severity="page", fire_after=2, resolve_after=1, remind_every_s=3600)
    assert (found.location, found.environments, found.systems) == (
        "eu-1",
        ("local", "production"),
        ("stripe", "merchant"),
    )
    assert found.source == path.resolve()


def test_without_a_timeout_a_run_ends_before_the_next(project: Path, write: Callable[..., Path]) -> None:
    """Five minutes, or nine tenths of the interval where that is shorter."""
    write(
        often='check = "order_census"\ninterval = "1m"',
        seldom=CHECK,
        nightly='check = "order_census"\ncron = "15 2 * * *"',
    )
    found = load([project])
    assert {name: each.timeout_s for name, each in found.items()} == {"often": 54, "seldom": 300, "nightly": 300}


# What a line is replaced by, and what must be said of it.
WRONG = [
    ('flow = "F01"', 'flow = "F02"', "monitors.whole.flow", "no flow 'F02'", "did you mean 'F01'?"),
    ('cases = ["eur", "jpy"]', 'cases = ["eurr"]', "monitors.whole.cases", "no case 'eurr'", "did you mean 'eur'?"),
    ('flow = "F01"', "", "monitors.whole", "neither a flow nor a check"),
    ('flow = "F01"', 'flow = "F01"\ncheck = "order_census"', "monitors.whole", "both a flow and a check"),
    ('interval = "30m"', "interval = 0", "monitors.whole.interval", "no span of time", "above zero"),
    ('interval = "30m"', 'interval = "0s"', "monitors.whole.interval", "no span of time"),
    ('interval = "30m"', 'interval = "soon"', "monitors.whole.interval", "30s, 5m, 1h", "'soon'"),
    ('interval = "30m"', "", "monitors.whole", "has no schedule", 'interval = "5m"'),
    ('interval = "30m"', 'interval = "30m"\ncron = "0 * * * *"', "monitors.whole", "both an interval and a cron"),
    ('interval = "30m"', 'cron = "@daily"', "monitors.whole.cron", "'0 0 * * *'"),
    ('interval = "30m"', 'cron = "0 0 2 * * *"', "monitors.whole.cron", "no field for seconds", "'0 2 * * *'"),
    (
        'interval = "30m"',
        'cron = "TZ=Europe/Paris 30 2 * * *"',
        "monitors.whole.cron",
        "runs in UTC",
        "01:30 UTC in January",
    ),
    (
        'interval = "30m"',
        'interval = "30m"\ntimezone = "Europe/Paris"',
        "monitors.whole.timezone",
        "unknown key",
        "in UTC",
    ),
    ('timeout = "10m"', 'timeout = "30m"', "monitors.whole.timeout", "could still run when it is due again", "30m"),
    ('jitter = "1m"', 'jitter = "25m"', "monitors.whole.jitter", "could move one run into the next"),
    ('runbook = "x.md"', "", "monitors.whole.runbook", "has no runbook", "monitors/runbooks/whole.md"),
    ('runbook = "x.md"', 'runbook = "y.md"', "monitors.whole.runbook", "does not exist", "monitors/runbooks/y.md"),
    (WHOLE.splitlines()[-1], "", "monitors.whole.alert", "has no alert rule", 'severity = "page"'),
    ("routes = []", 'routes = ["chat"]', "monitors.whole.alert.routes", "no route 'chat'", "[alerts.routes.NAME]"),
    ('severity = "page"', 'severity = "loud"', "monitors.whole.alert.severity", "'loud'"),
    ("fire_after = 2", "fire_after = 0", "monitors.whole.alert.fire_after", "greater than or equal to 1"),
    ("fire_after", "fire_afer", "monitors.whole.alert.fire_afer", "did you mean 'fire_after'?"),
    (
        '["local", "production"]',
        '["locl"]',
        "monitors.whole.environments",
        "no environment 'locl'",
        "did you mean 'local'?",
    ),
    ('["stripe", "merchant"]', '["strip"]', "monitors.whole.systems", "no system 'strip'", "did you mean 'stripe'?"),
    ("owner", "ownr", "monitors.whole.ownr", "unknown key 'ownr'", "did you mean 'owner'?"),
    ('owner = "shop"', "", "monitors.whole.owner", "has no owner"),
    ("availability = 0.99", "availability = 99", "monitors.whole.objective.availability", "less than 1"),
    ("rotate = true", 'options = { lag = "5m" }', "monitors.whole.options", "for a check"),
    ("[monitors.whole]", "[monitors.Whole]", "monitors.Whole", "cannot be called 'Whole'", "order_census"),
    ("[monitors.whole]", "[monitors.assay_undo]", "cannot be called 'assay_undo'"),
    ("[monitors.whole]", "[monitor.whole]", "unknown key 'monitor'", "[monitors.NAME]"),
    ('title = "', "title = ", "is no TOML", "own.toml"),
    ('interval = "30m"', "interval = 1e300", "monitors.whole.interval", "no span of time"),
    ('interval = "30m"', 'interval = "10000000d"', "monitors.whole.interval", "no span of time"),
    ('interval = "30m"', 'interval = "1ms"', "monitors.whole.interval", "comes too often", "a second or more"),
    ('runbook = "x.md"', 'runbook = "../../assay.toml"', "monitors.whole.runbook", "does not exist"),
    ('runbook = "x.md"', 'runbook = "javascript://x"', "monitors.whole.runbook", "no address people can open"),
    ('title = "Orders', f'title = "{"x" * 5_000}', "monitors.whole.title", "at most 200 characters"),
    ("[monitors.whole]", f"[monitors.{'a' * 10_000}]", "cannot be called 'aaa", "10,000 letters"),
    ('cases = ["eur", "jpy"]', f"cases = {'[' * 5_000}{']' * 5_000}", "too deep"),
]


@pytest.mark.parametrize(("line", "instead", "said"), [(line, instead, said) for line, instead, *said in WRONG])
def test_what_is_wrong_is_refused_with_its_place(
    project: Path, write: Callable[..., Path], line: str, instead: str, said: list[str]
) -> None:
    """The file, the key, what is wrong and what to write stand in one short text."""
    assert line in WHOLE
    path = write(text=WHOLE.replace(line, instead, 1))
    text = refused(project)
    assert [each for each in [str(path), *said] if each not in text] == [], text
    assert len(text) < 1_000
    assert len(text.splitlines()) <= 5


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ('check = "order_cencus"', "did you mean 'order_census'?"),
        ('check = "order_census"\noptions = { windo = "1h" }', "did you mean 'window'?"),
        ('check = "order_census"\noptions = { window = ["1h"] }', "of another kind"),
        ('check = "order_census"\ncases = ["eur"]', "'cases' is for a flow"),
    ],
)
def test_a_checks_words_are_held_against_the_register(
    project: Path, write: Callable[..., Path], what: str, said: str
) -> None:
    """An unknown check or option is refused with the nearest known one."""
    write(census=f'{what}\ninterval = "10m"')
    assert said in refused(project)


def test_options_are_judged_by_the_check_itself(project: Path, write: Callable[..., Path]) -> None:
    """What a check finds wrong with its options is said with file and key."""

    def judge(_: object) -> None:
        raise UsageError("that is no address", where="url", seen="'nowhere'")

    checks = {"web": Check(name="web", act=lambda look: None, options={"url": None}, judge=judge)}
    path = write(page='check = "web"\ninterval = "1m"\noptions = { url = "nowhere" }')
    with pytest.raises(UsageError, match="no address") as caught:
        load_monitors([project], load_profile(project / "assay.toml"), {}, checks=checks)
    assert caught.value.where == f"{path}: monitors.page.options.url"


def test_two_monitors_of_one_name_are_refused_with_both_files(project: Path, write: Callable[..., Path]) -> None:
    """In two files both are named; twice in one file the line is."""
    first, second = write("a.toml", census=CHECK), write("b.toml", census=CHECK)
    text = refused(project)
    assert "two monitors are called 'census'" in text
    assert f"{first} and {second}" in text
    second.unlink()
    first.write_text(first.read_text() * 2)
    text = refused(project)
    assert "two monitors are called 'census'" in text
    assert "at line" in text


def test_the_users_suite_comes_before_the_shipped_one(
    project: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    """A file of the user's takes the place of a shipped one of its name; other files stand side by side."""
    shipped = tmp_path / "shipped"
    (shipped / "monitors" / "runbooks").mkdir(parents=True)
    write("census.toml", census=CHECK)
    shutil.copy(project / "monitors" / "census.toml", shipped / "monitors" / "rates.toml")
    text = (project / "monitors" / "census.toml").read_text()
    (shipped / "monitors" / "census.toml").write_text(text.replace("10m", "1h"))
    (shipped / "monitors" / "rates.toml").write_text(text.replace("monitors.census", "monitors.rates"))
    found = load([project, shipped])
    assert found["census"].interval_s == 600
    assert found["rates"].source.is_relative_to(shipped)


def test_a_shipped_monitor_needs_only_the_systems_there_are(
    project: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    """It was written for the reference shop; a shop without one of its systems has it all the same."""
    write("census.toml", census=CHECK + '\nsystems = ["stripe", "klarna"]')
    shipped = tmp_path / "shipped"
    shutil.move(project / "monitors", shipped / "monitors")
    (project / "monitors" / "runbooks").mkdir(parents=True)
    assert load([project, shipped])["census"].systems == ("stripe",)


def test_monitors_of_code_are_judged_alike(project: Path, write: Callable[..., Path]) -> None:
    """What @monitor declares is found, and refused by the same rules with its file."""
    code = '''
from assay.monitor import AlertRule, monitor


@monitor(name="coded", title="Ours", owner="me", runbook="x.md", interval="5m", alert=AlertRule())
def coded(look):
    """Hold nothing."""
'''
    path = write("coded.py", code)
    found = load([project])["coded"]
    assert (found.interval_s, found.timeout_s, found.subject) == (300, 270, "coded")
    path.write_text(code.replace('"x.md"', '"y.md"'))
    assert f"{path}: monitors.coded.runbook" in refused(project)
    path.write_text(code.replace(", alert=AlertRule()", ""))
    text = refused(project)
    assert "has no alert rule" in text
    assert str(path) in text
    path.write_text("import nothing_of_the_kind\n")
    assert f"{path}:1" in refused(project)


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ('name="coded"', "name=5", "cannot be called 5"),
        ('runbook="x.md"', "runbook=None", "monitors.coded.runbook"),
        ('interval="5m"', "interval=[]", "no span of time"),
        ("AlertRule()", 'AlertRule(severity="loud")', "monitors.coded.alert.severity"),
        ("AlertRule()", '"page"', "alert=AlertRule("),
        ("from assay.monitor", "raise GeneratorExit\nfrom assay.monitor", "GeneratorExit"),
    ],
)
def test_code_is_held_to_what_a_table_may_hold(
    project: Path, write: Callable[..., Path], line: str, instead: str, said: str
) -> None:
    """Nobody checked the types of what code says: wrong ones, and whatever an import raises, are refused in words."""
    path = write("coded.py", CODED.replace(line, instead))
    assert said in (text := refused(project))
    assert str(path) in text


def test_functions_of_one_name_are_two_monitors(project: Path, write: Callable[..., Path]) -> None:
    """The later hides the earlier from Python, not from us; two monitors of one name are refused in code, too."""
    other = CODED.partition("\n\n\n")[2].replace('"coded"', '"other"')
    write("coded.py", CODED + "\n\n" + other)
    assert load([project]).keys() == {"coded", "other"}
    write("coded.py", CODED + "\n\n" + other.replace('"other"', '"coded"'))
    assert "two monitors are called 'coded'" in refused(project)


def test_a_mark_at_the_beginning_of_a_file_is_passed_over(project: Path, write: Callable[..., Path]) -> None:
    """Some editors write one; it is no part of the text."""
    write(text="\ufeff" + WHOLE)
    assert load([project]).keys() == {"whole"}


def test_a_flow_without_time_for_its_verdict_is_refused_on_a_real_environment(
    project: Path, write: Callable[..., Path]
) -> None:
    """Twice policies.freshness.erp must pass before an order is judged: 10 minutes here, in real time only."""
    write(orders='flow = "thread"\ncases = ["eur"]\ninterval = "5m"')
    assert "orders" in monitors_of(plan_for("local", project / "assay.toml"))
    with pytest.raises(UsageError, match="no time for its verdict on 'staging'") as caught:
        monitors_of(plan_for("staging", project / "assay.toml"))
    assert "more than 10m" in str(caught.value)
    write(orders='flow = "thread"\ncases = ["eur"]\ninterval = "20m"\ntimeout = "15m"')
    assert "orders" in monitors_of(plan_for("staging", project / "assay.toml"))


def test_shipped_monitors_stay_out_where_the_profile_says_so(project: Path, write: Callable[..., Path]) -> None:
    """[scenarios] shipped = false leaves out the shipped monitors, too; true brings them, and they are whole."""
    write(census=CHECK)
    profile = project / "assay.toml"
    assert monitors_of(plan_for("local", profile)).keys() == {"census"}
    (project / "scenarios" / "thread.py").unlink()
    profile.write_text(profile.read_text().replace("shipped = false", "shipped = true"))
    found = monitors_of(plan_for("local", profile))
    assert found.keys() > {"census", "self_check"}
