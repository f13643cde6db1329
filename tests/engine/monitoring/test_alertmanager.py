"""The configurations to start from, judged by the programs they are for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engine.monitoring.rule_rig import promtool
from tests.engine.parts import program

DEPLOY = Path(__file__).parents[3] / "monitors/deploy"


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run amtool; skip where it is not installed."""
    command = [str(program("amtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_amtool_accepts_the_alertmanager() -> None:
    """`amtool check-config` accepts the example, with its ways out and its suppressions."""
    done = amtool("check-config", DEPLOY / "alertmanager.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 inhibit rules" in done.stdout
    assert "3 receivers" in done.stdout


@pytest.mark.parametrize(("severity", "receiver"), [("page", "pager"), ("ticket", "tickets"), ("info", "nobody")])
def test_a_severity_goes_where_it_should(severity: str, receiver: str) -> None:
    """A page goes to the pager, a ticket to the tickets, what is only told to nobody."""
    file = f"--config.file={DEPLOY / 'alertmanager.yml'}"
    done = amtool("config", "routes", "test", file, f"severity={severity}", "alertname=AssayMonitorFailing")
    assert done.stdout.strip() == receiver, done.stdout + done.stderr


def test_promtool_accepts_the_prometheus() -> None:
    """`promtool check config` accepts the example, and the shipped rules it names."""
    done = promtool("check", "config", DEPLOY / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(list((DEPLOY.parent / "rules").glob("*.yaml")))
