"""One shop that is not ours to start, under test in each of the three views: the same verdict, less by less seen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.edge import Installation
from assay.edge.sockets import free_port
from tests.conftest import Project

pytestmark = [pytest.mark.full, pytest.mark.needs_java, pytest.mark.xdist_group("own_shop")]
ROOT = Path(__file__).parents[2]
SECRETS = {
    "STRIPE_API_KEY": "sk_test_assay",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_assay",
    "STRIPE_WEBHOOK_SECRET": "whsec_assay",
    "SAP_USER": "ASSAY",
    "SAP_PASSWORD": "secret-assay",
    "UPS_CLIENT_ID": "assay-client",
    "UPS_CLIENT_SECRET": "assay-secret",
    "SHOP_OPERATOR_TOKEN": "operator-own",
}
QUICK = ("approval_interval_s", "delivery_interval_s", "outbox_interval_s", "announce_interval_s")
VIEWS = ("forward_proxy", "base_url", "witness")
NEED_A_JOURNAL = {"O-K2", "O-O5"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Project:
    """The shipped profile around a shop at an address; an environment for each view, and quick freshness limits."""
    made = Project(tmp_path_factory.mktemp("own"))
    shipped = (ROOT / "assay.toml").read_text()
    text = shipped[: shipped.index("[environments.local.systems]")]
    for name, seconds in (("shop", 2), ("payments", 5), ("erp", 5), ("carrier", 10)):
        text = re.sub(rf"^{name} = \d+$", f"{name} = {seconds}", text, flags=re.MULTILINE)
    shop = f'{{ mode = "live", base_url = "http://127.0.0.1:{free_port()}" }}'
    for view in VIEWS:
        vendors = "".join(f'{name} = "simulated"\n' for name in ("stripe", "sap_s4hana", "ups", "ecb"))
        text += f'[environments.{view}]\nview = "{view}"\n[environments.{view}.systems]\nmerchant = {shop}\n{vendors}'
    made.profile.write_text(text)
    return made


@contextmanager
def running_shop(project: Project, view: str) -> Iterator[None]:
    """The reference shop as a process of somebody else, told of its vendors as this view tells it."""
    told = json.loads(project.type("status", "--env", view, "--json").stdout)
    urls = {name: url for part in told["parts"] for name, url in part["urls"].items()}
    direct = {name: url for name, url in urls.items() if name != "edge"}
    bases = direct if view == "witness" else told["base_urls"]
    address = re.search(r'base_url = "(http://127\.0\.0\.1:(\d+))"', project.profile.read_text())
    assert address is not None
    folder = project.path / f"shop-{view}"
    folder.mkdir()
    config: dict[str, Any] = {
        "suite_roots": [str(ROOT)],
        "dir": str(folder),
        "port": int(address[2]),
        "public_url": f"{urls['edge']}/platform" if "edge" in urls else address[1],
        "settings": {"operator_token_env": "SHOP_OPERATOR_TOKEN", **dict.fromkeys(QUICK, 1)},
        "vendors": {name: {"base_url": url} for name, url in bases.items()},
        "ready": str(folder / "ready"),
    }
    (folder / "config.json").write_text(json.dumps(config))
    settings = project.type("proxy", "env", "--env", view).stdout if view == "forward_proxy" else ""
    line = f"{settings}\nexec {sys.executable} -m mocks.merchant {folder / 'config.json'}"
    variables = {**os.environ, **SECRETS, "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        shop = subprocess.Popen(["sh", "-c", line], env=variables, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not (folder / "ready").exists():
            assert shop.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield
    finally:
        shop.terminate()
        shop.wait(10)


@pytest.fixture(scope="module")
def verdicts(project: Project) -> dict[str, dict[str, Any]]:
    """What one flow's orders come to in each view."""
    found = {}
    for view in VIEWS:
        assert project.assay("up", "--env", view).returncode == 0
        try:
            with running_shop(project, view):
                path = project.path / f"{view}.json"
                done = project.assay("run", "thread", "--env", view, "--json", str(path), env=dict(SECRETS))
                assert done.returncode == 0, done.stdout + done.stderr
                assert "of real time for late changes" in done.stdout  # nobody wonders why nothing moves
                found[view] = json.loads(path.read_text())
        finally:
            project.assay("down", "--env", view)
    return found


def judged(verdict: dict[str, Any]) -> set[str]:
    """The oracles that reached a verdict."""
    return {name for name, counts in verdict["oracles"].items() if counts["passed"] or counts["failed"]}


def test_the_verdict_says_which_view_it_is_from(verdicts: dict[str, dict[str, Any]]) -> None:
    """Each verdict is green, names its view, and judged the money in both currencies."""
    assert {view: verdict["view"] for view, verdict in verdicts.items()} == {view: view for view in VIEWS}
    assert [verdict["exit_code"] for verdict in verdicts.values()] == [0, 0, 0]
    assert all("O-M1" in judged(verdict) for verdict in verdicts.values())


def test_both_ways_through_the_edge_judge_the_same(verdicts: dict[str, dict[str, Any]]) -> None:
    """By forward proxy and by base URL the same oracles reach a verdict."""
    assert judged(verdicts["forward_proxy"]) == judged(verdicts["base_url"])


def test_witness_only_says_what_it_cannot_judge(verdicts: dict[str, dict[str, Any]]) -> None:
    """Without an edge what needs the journal is not evaluated, with that reason; nothing else is lost."""
    lost = judged(verdicts["forward_proxy"]) - judged(verdicts["witness"])
    reasons = {each["oracle"]: each["reason"] for each in verdicts["witness"]["not_evaluated"]}
    assert all("no edge stands between" in reasons[oracle] for oracle in lost | NEED_A_JOURNAL)
