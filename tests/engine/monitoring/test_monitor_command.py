"""`assay monitor` as somebody runs it: what it prints, how it ends, what it does when files change and runs hang."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ASSAY, run_assay, type_assay

# One system, which nothing asks: what the monitors say is what they are told to.
PROFILE = """
[scenarios]
shipped = false
[monitoring]
port = 0
undo_budget = "1s"
[environments.shop]
view = "witness"
[environments.shop.systems.ecb]
role = "rates"
mode = "live"
base_url = "http://127.0.0.1:9"
"""
CHECK = '''
@monitor(name="{name}", title="{name}", owner="me", runbook="x.md", interval="{interval}", alert=AlertRule())
def {name}(look: Look) -> None:
    """Say what it is told to."""
    {body}

'''
HEAD = "import time\n\nfrom assay.drift.look import Look\nfrom assay.monitor import AlertRule, monitor\n\n"
HOLDS = 'look.holds(True, about="the feed")'
FAILS = 'look.holds(False, about="order 1001", systems=("ecb",), expected="one", seen="two", cause="it was sent twice")'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project whose monitors a test writes in code."""
    folder = tmp_path / "shop"
    (folder / "monitors" / "runbooks").mkdir(parents=True)
    (folder / "monitors" / "runbooks" / "x.md").write_text("# What to do\n")
    (folder / "assay.toml").write_text(PROFILE)
    return folder


def code(shop: Path, interval: str = "1s", **bodies: str) -> Path:
    """Write monitors/own.py with a check for each body."""
    path = shop / "monitors" / "own.py"
    checks = "".join(CHECK.format(name=name, body=body, interval=interval) for name, body in bodies.items())
    path.write_text(HEAD + checks)
    return path


class Running:
    """A process of `assay monitor` and what it printed so far."""

    def __init__(self, shop: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [str(ASSAY), "monitor", "--env", "shop", *arguments],
            cwd=shop,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.text += line

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def prints(self, pattern: str, times: int = 1, within_s: float = 30) -> bool:
        """Return whether it prints that, so many times, within some seconds."""
        until = time.monotonic() + within_s
        while len(re.findall(pattern, self.text)) < times:
            if time.monotonic() > until or self._process.poll() is not None:
                return len(re.findall(pattern, self.text)) >= times
            time.sleep(0.02)
        return True

    def ended_by(self, *signals: int, within_s: float = 30) -> int:
        """Send signals, half a second apart, and return the exit code."""
        for number in signals:
            self._process.send_signal(number)
            time.sleep(0.5 if len(signals) > 1 else 0)
        code = self._process.wait(within_s)
        self._reader.join(5)
        return code

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.fixture
def start(shop: Path) -> Iterator[Callable[..., Running]]:
    """Return what starts the command; whatever still runs in the end is killed."""
    started: list[Running] = []

    def run(*arguments: str) -> Running:
        started.append(Running(shop, *arguments))
        return started[-1]

    yield run
    for each in started:
        each.kill()


def test_it_says_what_it_is_and_what_each_run_came_to(shop: Path, start: Callable[..., Running]) -> None:
    """Banner first, then a line a run; below a red one the finding and what to do. SIGTERM ends it with 0."""
    code(shop, good=HOLDS, bad=FAILS)
    running = start()
    assert running.prints(r"good +passed", 2) and running.prints(r"bad +failed"), running.text
    for label in ("environment", "location", "monitors", "store", "alerts", "status page", "kill switch"):
        assert re.search(rf"^{label} +\S", running.text, re.MULTILINE), running.text
    assert "expected one, seen two. Likely cause: it was sent twice." in running.text
    assert "do: assay monitor --env shop --only bad --once" in running.text
    assert running.ended_by(signal.SIGTERM) == 0, running.text
    assert "Traceback" not in running.text


def test_ctrl_c_is_130(shop: Path, start: Callable[..., Running]) -> None:
    """Ctrl-C ends it in the same order, with the code every interrupted command has."""
    code(shop, good=HOLDS)
    running = start("--no-server")
    assert running.prints("passed"), running.text
    assert running.ended_by(signal.SIGINT) == 130
    assert "status page   not served" in running.text


def test_a_run_that_goes_on_is_waited_for(shop: Path, start: Callable[..., Running]) -> None:
    """SIGTERM in the middle of a run: no new one begins, this one finishes and is told; exit 0."""
    code(shop, interval="3s", slow="print('begun', flush=True); time.sleep(1.5); " + HOLDS)
    running = start()
    assert running.prints("begun"), running.text
    assert running.ended_by(signal.SIGTERM) == 0
    assert re.search(r"slow +passed", running.text), running.text
    assert "for what runs to finish: slow" in running.text


def test_a_second_signal_ends_it_at_once(shop: Path, start: Callable[..., Running]) -> None:
    """Whoever insists need not wait for a run that hangs."""
    code(shop, interval="60s", hangs="print('begun', flush=True); time.sleep(50); " + HOLDS)
    path = shop / "monitors" / "own.py"
    path.write_text(path.read_text().replace('interval="60s"', 'interval="2s", timeout="1900ms"'))
    running = start()
    assert running.prints("begun"), running.text
    assert running.ended_by(signal.SIGTERM, signal.SIGTERM, within_s=10) == 130, running.text


@pytest.mark.full  # tests/engine/monitoring/test_service.py has it in every run, in one process
def test_after_three_stuck_runs_it_begins_anew_as_the_same_process(shop: Path, start: Callable[..., Running]) -> None:
    """Each is told with its stack, then the process starts again under its own id and runs on."""
    code(shop, good=HOLDS, **dict.fromkeys(["first", "second", "third"], "time.sleep(500)"))
    running = start("--port", "0")
    assert running.prints(r"(first|second|third) +stuck", 3, within_s=60), running.text
    assert running.prints("process +", 2, within_s=60), running.text
    assert "time.sleep(500)" in running.text
    assert "begins anew, under its own process id" in running.text
    assert set(re.findall(r"process +(\d+);", running.text)) == {str(running.pid)}
    seen = running.text.count("passed")
    assert running.prints("passed", seen + 2), running.text


def test_changed_files_are_taken_up_while_it_runs(shop: Path, start: Callable[..., Running]) -> None:
    """A bad file is said, with its place, and the old monitors run on; a mended one brings the new ones."""
    path = code(shop, good=HOLDS)
    running = start()
    assert running.prints(r"good +passed", 2), running.text
    path.write_text(path.read_text().replace("x.md", "none.md"))
    assert running.prints("a changed file is wrong, and the monitors of before go on"), running.text
    assert running.prints(r"assay_configuration +failed"), running.text
    assert "monitors.good.runbook" in running.text
    seen = len(re.findall(r"good +passed", running.text))
    assert running.prints(r"good +passed", seen + 2), running.text
    code(shop, good=HOLDS, second=HOLDS)
    assert running.prints(r"second +passed"), running.text
    assert "new: second" in running.text
    assert running.ended_by(signal.SIGTERM) == 0


def test_it_serves_its_page_and_metrics(shop: Path, start: Callable[..., Running]) -> None:
    """The banner's address answers with the pages, the last verdicts as metrics, and whether it is ready."""
    code(shop, good=HOLDS, bad=FAILS)
    running = start()
    assert running.prints(r"bad +failed") and running.prints(r"good +passed"), running.text
    found = re.search(r"http://127\.0\.0\.1:\d+", running.text)
    assert found is not None
    with urllib.request.urlopen(f"{found[0]}/metrics") as answer:
        text = answer.read().decode()
    assert re.search(r'assay_probe_success\{[^}]*monitor="good"[^}]*\} 1\.0', text)
    assert re.search(r'assay_probe_success\{[^}]*monitor="bad"[^}]*\} 0\.0', text)
    for path in ("/", "/monitors/bad", "/healthz", "/readyz"):
        with urllib.request.urlopen(found[0] + path) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("bodies", "exit_code"),
    [
        ({"good": HOLDS}, 0),
        ({"good": HOLDS, "bad": FAILS}, 1),
        ({"bad": FAILS, "blind": "raise OSError('no answer')"}, 3),
        ({"empty": "pass"}, 3),
        ({"hangs": "time.sleep(500)"}, 3),
    ],
    ids=["passed", "failed", "no verdict", "nothing judged", "stuck"],
)
def test_once_runs_each_monitor_and_says_so_by_its_exit_code(
    shop: Path, bodies: dict[str, str], exit_code: int
) -> None:
    """As `assay run`: 0, 1 for a red verdict, 3 where none could be reached; nothing is kept and nobody told."""
    code(shop, **bodies)
    done = run_assay("monitor", "--env", "shop", "--once", cwd=shop)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert all(f"  {name} " in done.stdout for name in bodies)
    assert not list(shop.glob(".assay/**/*.sqlite"))


def test_only_some_are_run_when_they_are_named(shop: Path) -> None:
    """--only runs those; an unknown name is misuse, with the nearest known one."""
    code(shop, good=HOLDS, bad=FAILS)
    done = run_assay("monitor", "--env", "shop", "--once", "--only", "good", cwd=shop)
    assert done.returncode == 0
    assert "bad" not in done.stdout
    done = type_assay("monitor", "--env", "shop", "--only", "goood", cwd=shop)
    assert done.returncode == 2
    assert "no monitor 'goood'" in done.stderr and "did you mean 'good'?" in done.stderr


def test_what_cannot_be_started_is_said(shop: Path, start: Callable[..., Running]) -> None:
    """No monitor, none at this location, a bad location, a port somebody has, a second process: one sentence each."""
    done = type_assay("monitor", "--env", "shop", cwd=shop)
    assert (done.returncode, "no monitor is declared for 'shop'" in done.stderr) == (2, True)
    path = code(shop, good=HOLDS)
    done = type_assay("monitor", "--env", "shop", "--location", "Über See", cwd=shop)
    assert (done.returncode, "no name for a location" in done.stderr) == (2, True)
    path.write_text(path.read_text().replace('interval="1s"', 'interval="1s", location="eu-1"'))
    done = type_assay("monitor", "--env", "shop", cwd=shop)
    assert (done.returncode, "pinned to eu-1" in done.stderr) == (2, True)
    code(shop, good=HOLDS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run_assay("monitor", "--env", "shop", "--port", str(taken.getsockname()[1]), cwd=shop)
    assert done.returncode == 3
    assert "cannot listen on 127.0.0.1" in done.stderr and "--port 0" in done.stderr
    first = start()
    assert first.prints("passed"), first.text
    done = run_assay("monitor", "--env", "shop", cwd=shop)
    assert done.returncode == 3
    assert f"process {first.pid}" in done.stderr


BUDGET = """
[environments.live]
production = true
view = "witness"
[environments.live.systems.merchant]
role = "shop"
mode = "live"
base_url = "http://127.0.0.1:9"
[environments.live.safety]
skus = ["0017"]
customers = ["a@example.com"]
orders_per_hour = {orders}
money_per_hour = {{ EUR = "1000" }}
kill_switch = "file:stop"
payment = "account"
[policies.freshness]
erp = 10
"""
FLOW = """
from assay.flow import Case, Run, flow
from assay.roles import Purchase, Shop


@flow(
    id="order",
    title="An order",
    cases=[Case("eur", Purchase(currency="EUR", lines=(("0017", 1),), email="a@example.com"), orders=2)],
    reversible=True,
)
def order(run: Run, shop: Shop) -> None:
    with run.step("place the order"):
        run.buy(shop)
"""
TABLE = """
[monitors.order]
title = "An order"
flow = "order"
interval = "10m"
owner = "me"
runbook = "x.md"
alert = { severity = "page", fire_after = 2 }
"""


def test_a_plan_says_all_before_anything_runs(shop: Path) -> None:
    """Schedule, next due times, orders of an hour against the budget, rule, routes and runbook; too much is exit 4."""
    (shop / "assay.toml").write_text(PROFILE + BUDGET.format(orders=20))
    (shop / "scenarios").mkdir()
    (shop / "scenarios" / "order.py").write_text(FLOW)
    (shop / "monitors" / "order.toml").write_text(TABLE)
    done = run_assay("monitor", "plan", "--env", "live", cwd=shop)
    assert done.returncode == 0, done.stderr
    for said in (
        "every 10m; next ",
        "12 an hour in EUR",
        "page after 2 bad runs, over after 2 good",
        "x.md",
        "nobody: no route",
    ):
        assert said in done.stdout, done.stdout
    assert "budget, orders: 12 of 20 an hour" in done.stdout
    (shop / "assay.toml").write_text(PROFILE + BUDGET.format(orders=5))
    done = run_assay("monitor", "plan", "--env", "live", "--json", cwd=shop)
    assert done.returncode == 4
    content = json.loads(done.stdout)
    assert content["budget"][0] == {"of": "orders", "allowed": "5", "used": "12.000", "fits": False}
    (planned,) = content["monitors"]
    assert (planned["runs_per_hour"], len(planned["next_due"])) == ("6.000", 3)
    assert not (shop / "monitors" / "__pycache__").exists()


@pytest.mark.needs_java
@pytest.mark.xdist_group("monitor")
def test_a_simulated_shop_is_started_for_it_and_taken_down(project: Path, write: Callable[..., Path]) -> None:
    """Where the landscape is not up it has one of its own; afterwards nothing is left running."""
    write(orders='flow = "thread"\ncases = ["eur"]\ninterval = "5m"', census='check = "order_census"\ninterval = "10m"')
    before = {each.pid for each in psutil.process_iter()}
    done = run_assay("monitor", "--env", "local", "--once", cwd=project, timeout_s=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"orders +passed", done.stdout) and re.search(r"census +passed", done.stdout)
    left = [each for each in psutil.process_iter(["cmdline"]) if each.pid not in before]
    assert [each for each in left if str(project) in " ".join(each.info["cmdline"] or ())] == []
