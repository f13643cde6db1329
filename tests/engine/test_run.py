"""`assay run` from the front door: what it runs, what it refuses, what it leaves behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.local.state import Home
from assay.store import open_store
from tests.conftest import ASSAY, Project

ROOT = Path(__file__).resolve().parents[2]
FLOWS = '''
"""Flows of a user's own."""
from assay.flow import Case, Run, flow
from assay.roles import Purchase, Shop
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener
import json
import time

PURCHASE = Purchase(currency="EUR", lines=(("0018", 1),), email="own@example.com")

@flow(id="own", title="Buys", cases=[Case("eur", PURCHASE)], tags=["order"])
def own(run: Run, shop: Shop) -> None:
    """Buy."""
    with run.step("buy"):
        run.buy(shop)

@flow(id="several", title="Buys two carts", cases=[Case("eur", PURCHASE)])
def several(run: Run, shop: Shop) -> None:
    """Buy the case's goods, then others."""
    with run.step("buy"):
        run.buy(shop)
        run.buy(shop, replace(run.case.purchase, lines=(("A-100", 2),)))

@flow(id="broken", title="Raises", cases=[Case("eur", PURCHASE)], tags=["order"])
def broken(run: Run, shop: Shop) -> None:
    """Fail in the scenario's own code."""
    with run.step("count"):
        print(1 / 0)

@flow(id="patient", title="Waits", cases=[Case("a", PURCHASE), Case("b", PURCHASE)])
def patient(run: Run, shop: Shop) -> None:
    """Take long."""
    with run.step("wait"):
        time.sleep(60)

@flow(id="leaves", title="Leaves", cases=[Case("eur", PURCHASE)])
def leaves(run: Run, shop: Shop) -> None:
    """Call something that ends the process, and with 0."""
    with run.step("leave"):
        raise SystemExit(0)

@flow(id="mourns", title="Loses the edge", cases=[Case("eur", PURCHASE)])
def mourns(run: Run, shop: Shop) -> None:
    """Buy, and see the edge killed."""
    import os
    with run.step("buy"):
        run.buy(shop)
    running = json.loads(Path(".assay/local/landscape.json").read_text())
    os.kill(running["processes"]["edge"]["pid"], 9)
    time.sleep(0.5)

@flow(id="phones", title="Calls somebody nobody declared", cases=[Case("home", PURCHASE)])
def phones(run: Run, shop: Shop) -> None:
    """Act as a platform that calls home through its proxy."""
    running = json.loads(Path(".assay/local/landscape.json").read_text())
    proxy = ProxyHandler({"http": f"http://127.0.0.1:{running['processes']['edge']['ports']['edge']}"})
    with run.step("call home"), suppress(HTTPError):
        build_opener(proxy).open("http://telemetry.example/v1/ping")

@flow(id="safe", title="Buys what can be taken back", cases=[Case("eur", PURCHASE)], reversible=True)
def safe(run: Run, shop: Shop) -> None:
    """Buy."""
    with run.step("buy"):
        run.buy(shop)
'''
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("run")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with flows of its own whose landscape is up."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "own.py").write_text(FLOWS)
    project = Project(folder)
    up = project.assay("up")
    assert up.returncode == 0, up.stderr
    yield project
    project.assay("down", "--forget")


@pytest.fixture
def offline(tmp_path: Path) -> Project:
    """A project with the shipped profile and nothing up."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "own.py").write_text(FLOWS)
    return Project(tmp_path)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine that writes down whatever reaches it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    caller, _ = server.accept()
                except TimeoutError:
                    continue
                with caller:
                    heard.append(caller.recv(100))

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], heard
        over.set()
        thread.join()


def verdict(project: Project) -> dict[str, object]:
    """Return the verdict file of the last run."""
    content: dict[str, object] = json.loads((project.path / "v.json").read_text())
    return content


def test_a_green_run_leaves_every_report(shop: Project) -> None:
    """Exit 0, four reports of one run, `latest` points at them, and the verdict file says the same."""
    done = shop.assay("run", "thread", "own", "-n", "3", "--json", "v.json")
    assert done.returncode == 0, done.stdout + done.stderr
    latest = shop.path / "reports" / "out" / "latest"
    assert {path.name for path in latest.iterdir()} == {"run.jsonl", "junit.xml", "summary.md", "report.html"}
    content = verdict(shop)
    assert latest.resolve().name == content["run_id"]
    assert (content["exit_code"], content["verdict"]) == (0, "passed")
    suites = ET.fromstring((latest / "junit.xml").read_text())
    assert {suite.get("name") for suite in suites} == {"thread", "own", "all orders"}
    assert suites.get("failures") == suites.get("errors") == "0"
    again = shop.assay("report")
    assert again.returncode == 0
    assert "report.html" in again.stdout


def test_a_defect_turns_it_red_and_explain_says_why(shop: Project) -> None:
    """With MON-01 on the run ends with 1 and names systems and cause; `explain` finds the same in that order."""
    shop.assay("defects", "on", "MON-01")
    try:
        done = shop.assay("run", "thread[jpy]", "--json", "v.json")
    finally:
        shop.assay("defects", "off", "MON-01")
    assert done.returncode == 1
    assert "O-M1: order" in done.stdout
    assert "exponent: JPY was sent with 2 decimals" in done.stdout
    found = next(each for each in verdict(shop)["findings"] if each["oracle"] == "O-M1")  # type: ignore[attr-defined]
    assert found["systems"] == ["shop", "stripe"]
    told = shop.assay("explain", found["order"], "--json")
    assert told.returncode == 1
    assert "O-M1" in {each["oracle"] for each in json.loads(told.stdout)["findings"] if each["result"] == "fail"}


def test_a_host_nobody_declared_is_a_finding(shop: Project) -> None:
    """A call to an undeclared host turns a run red though no order is wrong: the host and the call are named, once."""
    done = shop.assay("run", "phones", "--json", "v.json")
    assert done.returncode == 1, done.stdout + done.stderr
    findings: Any = verdict(shop)["findings"]
    [found] = findings
    assert (found["oracle"], found["systems"]) == ("EDGE", ["platform", "telemetry.example"])
    assert "GET /v1/ping 502" in found["evidence"][0]
    after = shop.assay("run", "thread[eur]")
    assert after.returncode == 0, after.stdout + after.stderr


def test_a_flow_that_raises_is_a_failed_step_with_its_place(shop: Project) -> None:
    """The step, the exception and the line of the scenario are told; exit 1."""
    done = shop.assay("run", "broken")
    assert done.returncode == 1
    assert "step 'count' failed: ZeroDivisionError" in done.stdout
    line = FLOWS.splitlines().index("        print(1 / 0)") + 1
    assert f"own.py:{line}" in done.stdout


def test_what_was_evaluated_can_be_required(shop: Project) -> None:
    """`profile require --from-last-run` writes the line; what it names and is not evaluated ends a run with 1."""
    assert shop.assay("run", "thread[eur]").returncode == 0
    before = shop.profile.read_text()
    try:
        told = shop.assay("profile", "require", "--from-last-run")
        assert told.returncode == 0, told.stderr
        assert "O-M1" in told.stdout
        assert shop.assay("profile", "check").returncode == 0
        shop.change('require = ["', 'require = ["O-K1", "')
        done = shop.assay("run", "own")
    finally:
        shop.profile.write_text(before)
    assert done.returncode == 1
    assert "O-K1 is required here and was not evaluated" in done.stdout


def test_what_is_no_longer_evaluated_is_named(shop: Project) -> None:
    """A run that judges less than the last one says which oracles are gone."""
    assert shop.assay("run", "thread[jpy]").returncode == 0
    done = shop.assay("run", "broken")
    assert "O-M1 was evaluated last time and is not now" in done.stdout


def test_an_unreachable_system_is_named(shop: Project) -> None:
    """A vendor that does not answer while the case acts ends the run with 3 and its name."""
    parts = json.loads(shop.assay("status", "--json").stdout)["parts"]
    url = next(part["urls"]["merchant"] for part in parts if part["name"] == "merchant")
    before = shop.profile.read_text()
    (shop.path / "token").write_text("operator-test-token")
    try:
        quick = before.replace("erp = 300", "erp = 1")  # where nothing is simulated, waiting is real
        shop.profile.write_text(quick + _half(url, "http://127.0.0.1:9"))
        done = shop.assay("run", "thread[eur]", "--env", "half")
    finally:
        shop.profile.write_text(before)
    assert done.returncode == 3, done.stdout
    assert "stripe did not answer" in done.stdout


def _half(shop_url: str, stripe_url: str) -> str:
    system = '{{ mode = "live", base_url = "{}", credentials = {{ {} }} }}'
    return (
        '\n[environments.half]\nview = "witness"\n[environments.half.systems]\nmerchant = '
        + system.format(shop_url, 'operator_token = "file:token"')
        + "\nstripe = "
        + system.format(
            stripe_url, 'api_key = "file:token", publishable_key = "file:token", webhook_secret = "file:token"'
        )
        + "\nsap_s4hana = "
        + system.format(stripe_url, 'user = "file:token", password = "file:token"')
        + "\n"
    )


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["threed"], "did you mean 'thread'?"),
        (["thread[eru]"], "did you mean 'eur'?"),
        (["-t", "mony"], "did you mean 'money'?"),
        (["--env", "prodution"], "did you mean 'production'?"),
    ],
)
def test_a_misspelt_name_is_wrong_use(offline: Project, arguments: list[str], hint: str) -> None:
    """Exit 2 with the nearest name; nothing is started, no report is written."""
    done = offline.type("run", *arguments)
    assert done.returncode == 2
    assert hint in done.stderr
    assert not (offline.path / "reports").exists()


def test_nothing_chosen_is_not_green(offline: Project) -> None:
    """Where no case fits, exit 5, and nothing is started for it."""
    done = offline.type("run", "thread", "-k", "nothing of that name", "--json", "v.json")
    assert done.returncode == 5
    assert verdict(offline)["verdict"] == "nothing ran"


def _production(project: Project, port: int, safety: str = "") -> None:
    text = project.profile.read_text()
    head, _, tail = text.partition("[environments.production.systems]")
    urls = "\n".join(
        line.partition("base_url")[0] + f'base_url = "http://127.0.0.1:{port}" }}' if "base_url" in line else line
        for line in tail.splitlines()
    )
    project.profile.write_text(f"{head}{safety}\n[environments.production.systems]{urls}\n")


SAFETY = """
[environments.production.safety]
skus = ["0018"]
customers = ["own@example.com"]
orders_per_hour = 2
money_per_hour = { EUR = "50" }
kill_switch = "file:stop"
payment = "voucher"
"""


@pytest.mark.parametrize(
    ("flow", "change", "why"),
    [
        ("safe", ("", ""), "no safety is declared"),
        ("own", ("", ""), "no safety is declared"),
        ("own", (SAFETY, SAFETY), "not marked reversible"),
        ("safe", (SAFETY, SAFETY.replace('"0018"', '"0017"')), "article 0018 is not on the allow list"),
        ("safe", (SAFETY, SAFETY.replace("own@", "other@")), "customer own@example.com is not on the allow list"),
        ("safe", (SAFETY, SAFETY.replace('"voucher"', '"none"')), "safety.payment is none"),
        ("safe", (SAFETY, SAFETY.replace("EUR", "USD")), "no budget in EUR"),
        ("safe", (SAFETY, SAFETY.replace("file:stop", "file:assay.toml")), "the kill switch file:assay.toml is on"),
    ],
)
def test_production_refuses_a_write_and_sends_nothing(
    offline: Project, listener: tuple[int, list[bytes]], flow: str, change: tuple[str, str], why: str
) -> None:
    """Whatever safety is missing: exit 4, the reason, and not one byte at any of the systems."""
    port, heard = listener
    _production(offline, port, change[1])
    done = offline.type("run", flow, "--env", "production", "--json", "v.json")
    assert done.returncode == 4, done.stdout + done.stderr
    assert why in done.stdout
    assert "nothing was sent" in done.stdout
    assert verdict(offline)["verdict"] == "refused"
    time.sleep(0.2)
    assert heard == []


def test_a_store_of_a_newer_assay_loses_nothing(shop: Project) -> None:
    """Exit 3 and the reason, and the run's JSON lines hold its outcomes all the same."""
    other = shop.path / "newer.sqlite"
    made = shop.assay("run", "own", env={"ASSAY_STORE": str(other)})
    assert made.returncode == 0, made.stdout + made.stderr
    import sqlite3

    with sqlite3.connect(other) as store:
        [(table,)] = store.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%version INTEGER%' LIMIT 1")
        store.execute(f"UPDATE {table} SET version = 99")
    done = shop.assay("run", "own", env={"ASSAY_STORE": str(other)})
    assert done.returncode == 3, done.stdout
    assert "newer Assay" in done.stdout
    lines = (shop.path / "reports" / "out" / "latest" / "run.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines][:2] == ["run_started", "outcome"]


def test_a_flow_that_leaves_is_a_failed_step(shop: Project) -> None:
    """A flow that calls sys.exit(0) ends neither the run nor its verdict: exit 1, and the place is named."""
    done = shop.assay("run", "leaves")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "step 'leave' failed: SystemExit: 0 (scenarios/own.py:" in done.stdout


def test_an_edge_that_dies_on_the_way_is_named(shop: Project) -> None:
    """Exit 3 with its name, and no finding that would rest on half a journal; the JSON lines tell of the case."""
    try:
        done = shop.assay("run", "mourns")
    finally:
        assert shop.assay("up").returncode == 0
    assert done.returncode == 3, done.stdout + done.stderr
    assert "edge died while cases ran" in done.stdout
    lines = [json.loads(each) for each in (shop.path / "reports/out/latest/run.jsonl").read_text().splitlines()]
    assert [each["event"] for each in lines] == ["run_started", "outcome", "run_finished"]
    assert lines[1]["data"]["findings"] == []


def test_ctrl_c_keeps_what_was_recorded(shop: Project) -> None:
    """SIGINT ends a run with 130; its reports are written and say that it was interrupted."""
    before = {_newest(shop)}
    child = subprocess.Popen(
        [str(ASSAY), "run", "patient", "--json", "v.json"],
        cwd=shop.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    _until(lambda: _newest(shop) not in before, child)
    time.sleep(2)  # the run has begun; its one case sleeps for a minute
    child.send_signal(signal.SIGINT)
    text, _ = child.communicate(timeout=150)
    assert child.returncode == 130, text
    assert verdict(shop)["verdict"] == "interrupted"
    assert "Interrupted" in (shop.path / "reports" / "out" / "latest" / "summary.md").read_text()


def test_a_flow_may_buy_other_carts_than_its_cases(shop: Project) -> None:
    """Each order is held against what was bought with it, not against the case's own purchase."""
    done = shop.assay("run", "several", "--json", "v.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "O-O11" not in done.stdout


def test_goods_of_a_run_that_was_killed_are_not_waited_for(shop: Project) -> None:
    """What a dead process leased is given back at once: the next run gets it and ends well."""
    dead = subprocess.run(
        [sys.executable, "-c", "from assay.holder import ourselves; print(ourselves())"], capture_output=True, text=True
    )
    now = datetime.now(UTC)
    with closing(open_store(Home(shop.path, "local").store)) as store:
        held = store.lease(
            "local", ["sku:0018"], holder=f"run-1@{dead.stdout.strip()}", now=now, until=now + timedelta(days=30)
        )
    assert held == ("sku:0018",)
    done = shop.assay("run", "own")
    assert done.returncode == 0, done.stdout + done.stderr


def _newest(project: Project) -> str:
    """Return the last run that has begun to write."""
    begun = [path.parent.name for path in (project.path / "reports" / "out").glob("2*/run.jsonl")]
    return max(begun, default="")


def _until(true: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
