"""Doctor changes nothing, names what is missing by name, and says for each what to do."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Project, bare_machine


def _checks(done: Any) -> dict[str, dict[str, str]]:
    content = json.loads(done.stdout)
    assert content["exit_code"] == done.returncode
    return {check["name"]: check for check in content["checks"]}


def _sandbox(project: Project, base_url: str) -> None:
    project.change('stripe = "simulated"', f'stripe = {{ mode = "sandbox", base_url = "{base_url}" }}')


def test_doctor_changes_nothing(project: Project) -> None:
    """Looking leaves no file behind."""
    before = sorted(project.path.rglob("*"))
    project.type("doctor")
    assert sorted(project.path.rglob("*")) == before


def test_doctor_names_every_thing_it_looked_at(project: Project) -> None:
    """Python, Java, jar, ports, disk, clock and each credential by name are told; problems carry what to do."""
    checks = _checks(project.type("doctor", "--json"))
    wanted = {"python", "java", "wiremock jar", "loopback", "disk", "clock", "stripe api_key", "stripe webhook_secret"}
    assert wanted <= set(checks)
    assert checks["python"]["seen"] == ".".join(str(part) for part in sys.version_info[:3])
    assert checks["stripe api_key"]["state"] == "ok"
    assert all(check["do"] for check in checks.values() if check["state"] in ("wrong", "broken"))


def test_no_java_is_exit_3(project: Project, tmp_path: Path) -> None:
    """Without a Java runtime and without the wheel doctor says where it looked and how to get one."""
    done = project.assay("doctor", "--json", env=bare_machine(tmp_path))
    assert done.returncode == 3
    java = _checks(done)["java"]
    assert java["state"] == "broken"
    assert "assay[java]" in java["do"]


def test_no_jar_and_no_npm_is_exit_3(project: Project, tmp_path: Path) -> None:
    """Without the jar and without npm to fetch it doctor says both ways out."""
    done = project.assay("doctor", "--json", env=bare_machine(tmp_path) | {"XDG_CACHE_HOME": str(tmp_path / "empty")})
    jar = _checks(done)["wiremock jar"]
    assert jar["state"] == "broken"
    assert "assay[node]" in jar["do"]
    assert "ASSAY_WIREMOCK_JAR" in jar["do"]


def test_a_port_in_use_names_who_has_it(project: Project) -> None:
    """A port the profile asks for that somebody holds is told with that process; a free one is ok."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
        other.close()
        port = taken.getsockname()[1]
        project.change('[environments.local.systems]\nstripe = "simulated"', _with_ports(port, free))
        done = project.type("doctor", "--json")
        checks = _checks(done)
        assert done.returncode == 3
        assert checks[f"port {port}"]["state"] == "broken"
        assert "used by" in checks[f"port {port}"]["seen"]
        assert checks[f"port {free}"] == {"name": f"port {free}", "state": "ok", "seen": "free", "do": ""}


def _with_ports(port: int, free: int) -> str:
    return (
        f"[environments.local.edge]\nport = {free}\n"
        f'[environments.local.systems]\nstripe = {{ mode = "simulated", port = {port} }}'
    )


def test_a_missing_credential_is_exit_2_by_name_alone(project: Project) -> None:
    """A sandbox's secret that is not set is named with its variable; one that is set never shows."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    _sandbox(project, f"http://127.0.0.1:{port}")
    done = project.type("doctor", "--json", env={"STRIPE_API_KEY": "sk_test_geheim"})
    checks = _checks(done)
    assert done.returncode == 2
    assert checks["stripe api_key"]["state"] == "ok"
    assert checks["stripe webhook_secret"]["state"] == "wrong"
    assert checks["stripe webhook_secret"]["do"] == "export STRIPE_WEBHOOK_SECRET=…"
    assert checks["stripe reachable"]["state"] == "broken"
    assert "geheim" not in done.stdout + done.stderr


def test_a_vendor_that_cannot_be_reached_is_exit_3(project: Project) -> None:
    """A vendor nobody answers for is broken, with the host to look at; nothing else is blamed."""
    _sandbox(project, "http://127.0.0.1:9")
    done = project.type("doctor", "--json", env={"STRIPE_API_KEY": "a", "STRIPE_WEBHOOK_SECRET": "b"})
    assert done.returncode == 3
    bad = [check["name"] for check in _checks(done).values() if check["state"] != "ok"]
    assert "stripe reachable" in bad
    assert "stripe api_key" not in bad


def test_doctor_reads_text_too(project: Project) -> None:
    """As text each check is a line and each problem is followed by what to do."""
    done = project.type("doctor")
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok") and "python" in line for line in lines)
    assert lines[-1] == "all well" or "need something" in lines[-1]
