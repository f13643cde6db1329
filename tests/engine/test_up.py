"""A landscape with a real WireMock, by the real command line: up, repaired, down, and what stands in its way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from assay.local.state import Home
from tests.conftest import ASSAY, PROFILE, Project, bare_machine

pytestmark = [pytest.mark.needs_java, pytest.mark.usefixtures("installation"), pytest.mark.xdist_group("up")]
PARTS = ("edge", "simulators", "keeper")
DEMO = Path(__file__).parent / "simkit" / "suite" / "mocks" / "demo"
AUTHORIZED = {"Authorization": "Bearer sk_test_assay"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A landscape that is up; tests that break it leave it repaired."""
    project = Project(tmp_path_factory.mktemp("shared"))
    project.profile.write_text(PROFILE)
    done = project.assay("up")
    assert done.returncode == 0, done.stderr
    yield project
    project.assay("down")
    assert left(project) == []


@pytest.fixture(scope="module")
def _second(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("second"))


@pytest.fixture
def second(_second: Project) -> Iterator[Project]:
    """Another landscape, down: its certificates are made once for all tests that bring it up."""
    _second.profile.write_text(PROFILE)
    yield _second
    _second.profile.write_text(PROFILE)
    _second.type("down")
    assert left(_second) == []


def told(project: Project) -> dict[str, dict[str, Any]]:
    """The parts of a landscape by name, as `status --json` tells them."""
    return {part["name"]: part for part in json.loads(project.type("status", "--json").stdout)["parts"]}


def ports(project: Project) -> dict[str, str]:
    """Every address of a landscape."""
    return {name: url for part in told(project).values() for name, url in part["urls"].items()}


def left(project: Project) -> list[str]:
    """The command lines of living processes that belong to a project."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(project.path) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found


def refused(project: Project, *, env: dict[str, str | None] | None = None) -> str:
    """What `up` says when it cannot: exit 3, no traceback, nothing running afterwards."""
    done = project.assay("up", env=env)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stderr.startswith("assay: ")
    assert "Traceback (most" not in done.stdout + done.stderr.partition("its log ends")[0]
    assert left(project) == []
    return done.stderr


def test_status_of_a_healthy_landscape(shared: Project) -> None:
    """Every process is up with its address; the settings to paste are shown; exit 0."""
    done = shared.assay("status")
    assert done.returncode == 0
    assert [name for name in PARTS if f"{name:<12}up" in done.stdout] == list(PARTS)
    assert set(ports(shared)) == {"edge", "stripe", "ecb"}
    assert "export HTTPS_PROXY=http://127.0.0.1:" in done.stdout
    assert "stripe: " in done.stdout


def test_up_when_up_keeps_everything(shared: Project) -> None:
    """A second `up` starts nothing and changes nothing, and says so."""
    before = told(shared)
    done = shared.assay("up")
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.endswith("kept")] == [f"{name:<12}kept" for name in PARTS]
    assert {name: part["pid"] for name, part in told(shared).items()} == {n: p["pid"] for n, p in before.items()}


def test_the_settings_to_paste_work(shared: Project) -> None:
    """With proxy and CA as printed, a client that calls Stripe's own address reaches the simulator."""
    settings = json.loads(shared.type("status", "--json").stdout)["proxy"]
    context = ssl.create_default_context(cafile=settings["SSL_CERT_FILE"])
    with httpx.Client(proxy=settings["HTTPS_PROXY"], verify=context, trust_env=False) as client:
        answer = client.get("https://api.stripe.com/v1/payment_intents", headers=AUTHORIZED)
        assert answer.json()["object"] == "list"
        elsewhere = client.get("https://elsewhere.example/")
    assert elsewhere.status_code == 502
    assert "elsewhere.example" in elsewhere.text


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_process_is_named_and_repaired(shared: Project, name: str) -> None:
    """After kill -9 status names the process and exits 3; `up` brings it back on its ports and leaves the others."""
    before = told(shared)
    os.kill(before[name]["pid"], signal.SIGKILL)
    status = shared.assay("status")
    assert status.returncode == 3
    assert [line.split()[:2] for line in status.stdout.splitlines() if " down " in line] == [[name, "down"]]
    up = shared.assay("up")
    assert up.returncode == 0, up.stderr
    after = told(shared)
    assert {part["state"] for part in after.values()} == {"up"}
    assert {each: after[each]["urls"] for each in PARTS} == {each: before[each]["urls"] for each in PARTS}
    assert [each for each in PARTS if after[each]["pid"] != before[each]["pid"]] == [name]


def test_what_was_acknowledged_survives_a_kill(shared: Project) -> None:
    """A payment the simulator answered for is there after kill -9 and `up`, read on the same address."""
    stripe = ports(shared)["stripe"]
    made = httpx.post(f"{stripe}/v1/customers", data={"email": "zoe@example.com"}, headers=AUTHORIZED).json()
    os.kill(told(shared)["simulators"]["pid"], signal.SIGKILL)
    assert shared.assay("up").returncode == 0
    again = httpx.get(f"{stripe}/v1/customers/{made['id']}", headers=AUTHORIZED)
    assert again.json()["email"] == "zoe@example.com"


def test_two_landscapes_do_not_disturb_each_other(shared: Project, second: Project) -> None:
    """A second landscape has its own processes and ports; taking it down leaves the first as it was."""
    first = told(shared)
    done = second.assay("up", "--json")
    other = {part["name"]: part for part in json.loads(done.stdout)["parts"]}
    assert not set(ports(second).values()) & set(ports(shared).values())
    assert not {part["pid"] for part in other.values()} & {part["pid"] for part in first.values()}
    assert second.assay("down").stdout.splitlines()[-1] == "3 processes stopped"
    assert left(second) == []
    assert second.type("status").returncode == 3
    assert told(shared) == first


def test_ports_of_last_time_are_kept_where_they_are_free(second: Project) -> None:
    """After `down`, `up` takes its old ports again; one that somebody took meanwhile is replaced."""
    if not ports(second):  # this test alone
        assert second.assay("up").returncode == 0
        second.type("down")
    before = ports(second)
    with socket.create_server(("127.0.0.1", httpx.URL(before["ecb"]).port or 0)):
        assert second.assay("up").returncode == 0
        after = ports(second)
    assert {name for name in before if before[name] != after[name]} == {"ecb"}


def test_an_interrupted_up_leaves_nothing(project: Project) -> None:
    """Ctrl-C while the landscape starts ends with 130 and leaves no process."""
    child = subprocess.Popen([str(ASSAY), "up"], cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while not list(project.path.glob(".assay/local/logs/*.log")) and time.monotonic() < deadline:
        time.sleep(0.01)  # the first process writes its log; looking for processes takes longer than their start
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130, errors.decode()
    assert left(project) == []


def test_a_simulators_port_in_use(project: Project) -> None:
    """A port somebody else holds ends `up` with 3, naming port, system and who holds it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        project.change('stripe = "simulated"', f'stripe = {{ mode = "simulated", port = {port} }}')
        said = refused(project)
    assert str(port) in said
    assert f"process {os.getpid()}" in said


def test_the_edges_port_in_use(project: Project) -> None:
    """The same for the port the profile gives the edge."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with project.profile.open("a") as profile:
            profile.write(f"[environments.local.edge]\nport = {port}\n")
        said = refused(project)
    assert str(port) in said
    assert f"process {os.getpid()}" in said


def test_no_java(project: Project, tmp_path: Path) -> None:
    """Without Java and without the wheel `up` says where it looked and what brings one."""
    said = refused(project, env=bare_machine(tmp_path))
    assert "No Java runtime" in said
    assert "assay[java]" in said


def test_no_jar_and_no_npm(project: Project, tmp_path: Path) -> None:
    """Without the jar and without npm `up` names both ways to get it."""
    (tmp_path / "bin").mkdir()
    java = shutil.which("java")
    if java is None:
        pytest.skip("Java is here as a wheel alone")
    home = str(Path(java).resolve().parent.parent)
    env = bare_machine(tmp_path) | {"JAVA_HOME": home, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = refused(project, env=env)
    assert "npm is missing" in said
    assert "ASSAY_WIREMOCK_JAR" in said


@pytest.mark.needs_npm
def test_no_jar_and_no_registry(project: Project, tmp_path: Path) -> None:
    """Without the jar and with a registry nobody answers at `up` says what npm said; no half install stays."""
    env: dict[str, str | None] = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "ASSAY_WIREMOCK_JAR": None,
        "npm_config_registry": "http://127.0.0.1:9",
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_fetch_retries": "0",
    }
    said = refused(project, env=env)
    assert "npm could not install WireMock" in said
    assert "ASSAY_WIREMOCK_JAR" in said
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.suffix == ".jar"] == []


def test_a_jar_that_is_not_there(project: Project, tmp_path: Path) -> None:
    """A variable that points at no jar is not silently passed over."""
    said = refused(project, env={"ASSAY_WIREMOCK_JAR": str(tmp_path / "none.jar")})
    assert "ASSAY_WIREMOCK_JAR does not point at a file" in said


def test_a_simulator_that_does_not_start(second: Project) -> None:
    """A user's simulator that fails at import ends `up` with 3 and its traceback's end; the edge is stopped again."""
    (second.path / "mocks" / "broken").mkdir(parents=True)
    (second.path / "mocks" / "broken" / "simulator.py").write_text("raise RuntimeError('half a thought')\n")
    with second.profile.open("a") as profile:
        profile.write('broken = "simulated"\n[systems.broken]\nrole = "erp"\n')
    said = refused(second)
    assert "simulators did not start" in said
    assert "half a thought" in said
    assert str(second.path / ".assay" / "local" / "logs" / "simulators.log") in said
    assert second.type("status").returncode == 3


def test_a_setting_that_no_simulator_reads(second: Project) -> None:
    """A misspelt setting is the user's: `up` ends with 2, names the system and the setting that was meant."""
    second.profile.write_text(
        PROFILE.replace('role = "rates"', 'role = "rates"\nsettings = { fozen_at = "2026-01-02" }')
    )
    done = second.assay("up")
    assert done.returncode == 2
    assert "systems.ecb.settings: the simulator has no setting 'fozen_at'; did you mean 'frozen_at'?" in done.stderr


def test_the_clock_moves_a_whole_landscape(second: Project) -> None:
    """`clock advance` returns when every job of every simulator, and each webhook between them, ran at its instant."""
    for vendor in ("demo", "echo"):
        shutil.copytree(DEMO, second.path / "mocks" / vendor, ignore=shutil.ignore_patterns("__pycache__"))
        head = second.path / "mocks" / vendor / "simulator.py"
        head.write_text(head.read_text().replace('vendor="demo"', f'vendor="{vendor}"'))
    with second.profile.open("a") as profile:
        profile.write(
            'demo = "simulated"\necho = "simulated"\n[systems.demo]\nrole = "erp"\n[systems.echo]\nrole = "wms"\n'
        )
    assert second.assay("up").returncode == 0
    where = ports(second)
    second.type("clock", "set", "2037-03-02T09:00Z")
    second.type("clock", "freeze")
    start = json.loads(second.type("clock", "show", "--json").stdout)["now"]
    again = {"left": 3, "every_s": 600, "url": f"{where['echo']}/hook"}
    httpx.post(f"{where['demo']}/plans", json={"in_s": 0, "job": "again", "payload": again})
    assert json.loads(second.type("clock", "advance", "1h", "--json").stdout)["mode"] == "frozen"
    sent, taken = (httpx.get(f"{where[name]}/notes").json() for name in ("demo", "echo"))
    assert [text for text, _ in sent] == ["again 3", "again 2", "again 1", "again 0"]
    assert [text for text, _ in taken] == ["hook 3", "hook 2", "hook 1", "hook 0"]
    assert [at for _, at in sent] == [at for _, at in taken]
    assert sent[0][1] == start
    back = second.type("clock", "set", "2037-03-02T09:30Z")
    assert (back.returncode, "never goes backwards" in back.stderr) == (2, True)


def test_one_command_at_a_time(shared: Project) -> None:
    """While another command changes a landscape `up` and `down` say so, end with 3 and change nothing."""
    before = told(shared)
    with Home(shared.path, "local").locked():
        for command in ("up", "down"):
            done = shared.type(command)
            assert (done.returncode, "another assay command" in done.stderr) == (3, True)
    assert told(shared) == before


def test_forget_removes_the_data(second: Project) -> None:
    """`down --forget` leaves no folder of the landscape, and is no trouble where nothing runs."""
    second.type("clock", "freeze")
    assert (second.path / ".assay" / "local" / "clock.json").exists()
    assert second.type("down", "--forget").returncode == 0
    assert not (second.path / ".assay" / "local").exists()


@pytest.mark.full
def test_a_demonstration_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM in the middle ends it with 130; its landscape's processes and folder go with it."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(
        [str(ASSAY), "demo"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    while "keeper" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.terminate()
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    left = [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(each.info["cmdline"] or [])]
    assert left == []
    assert not list(tmp_path.glob("assay-*"))
