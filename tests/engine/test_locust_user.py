"""The Locust adapter: what of a load is kept, what it says of itself, and that no secret is left behind by either."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.events import Outcome
from assay.reporting import read_events
from benchmarks.ten_steps import CALLS, serving, write_project

SECRET = "canary-of-the-run"
USERS = """
from assay.runners.locust_user import FlowUser
from scenarios.ten import ten
class Buyer(FlowUser):
    flow = ten
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose connector sends a secret in header and body, and whose case c3 fails."""
    with serving() as base_url:
        folder = write_project(tmp_path_factory.mktemp("load"), base_url, cases=8)
        connector, scenario = folder / "connectors/ten_shop.py", folder / "scenarios/ten.py"
        sent = f'json={{**(call.body or {{}}), "api_key": "{SECRET}"}}, headers={{"authorization": "Bearer {SECRET}"}}'
        connector.write_text(connector.read_text().replace("json=call.body", sent))
        scenario.write_text(scenario.read_text().replace("== call.value,", '== call.value and run.case.name != "c3",'))
        (folder / "users.py").write_text(USERS)
        yield folder


def outcomes(project: Path) -> list[Outcome]:
    """Return what the last run wrote."""
    events = read_events(project / "reports/out/latest/run.jsonl")
    return [event for event in events if isinstance(event, Outcome)]


def leaks(project: Path, output: str) -> list[str]:
    """Return where the secret stands, beside the code that sends it."""
    files = [path for path in project.rglob("*") if path.is_file() and "connectors" not in path.parts]
    found = [str(path) for path in files if SECRET.encode() in path.read_bytes()]
    return found + (["the output"] if SECRET in output else [])


def test_a_load_keeps_few_exchanges_and_says_how_busy_it_was(project: Path) -> None:
    """Failed flows keep theirs, others one in twenty; all are masked; the generator's own figures are printed."""
    if importlib.util.find_spec("locust") is None:  # looked for, not imported: importing it patches the library
        pytest.skip("pip install 'assay[load]'")
    command = [sys.executable, "-m", "locust", "-f", "users.py", "--headless", "-u", "3", "-r", "3", "-t", "1s"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60)
    output = done.stdout + done.stderr
    performed = outcomes(project)
    assert len(performed) > 40, output[-2000:]
    failed = [outcome for outcome in performed if outcome.failed]
    assert {outcome.case for outcome in failed} == {"c3"}
    assert {len(outcome.exchanges) for outcome in failed} == {len(CALLS)}
    passed = [outcome for outcome in performed if not outcome.failed]
    kept = [outcome for outcome in passed if outcome.exchanges]
    assert 1 <= len(kept) <= len(performed) / 20 + 1
    assert kept[0].exchanges[0].request_headers["authorization"] == "Bearer ***"
    assert "load generator:" in output
    assert "of a core, timers" in output
    assert leaks(project, output) == []


def test_a_run_leaves_no_secret_behind(project: Path) -> None:
    """`assay run` keeps every exchange, masked: neither a report, the store nor the output holds what was sent."""
    command = [str(Path(sys.executable).parent / "assay"), "run", "ten"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60)
    performed = outcomes(project)
    assert [len(outcome.exchanges) for outcome in performed] == [len(CALLS)] * 8, done.stdout + done.stderr
    assert performed[0].exchanges[0].request_headers["authorization"] == "Bearer ***"
    assert leaks(project, done.stdout + done.stderr) == []
