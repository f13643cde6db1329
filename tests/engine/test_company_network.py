"""A network whose only way out is a proxy: witnesses and edge go by it where the profile says so, and never else."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.runners.session import Session
from tests.conftest import Project
from tests.serving import Quiet, serving

PROFILE = """\
[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = { api_key = "env:STRIPE_API_KEY" }

[systems.search]
role = "other"
host = "search.example"

[systems.ecb]
role = "rates"
host = "www.ecb.europa.eu"

[environments.box]
proxy = "PROXY"
edge = { proxy = "PROXY" }
[environments.box.systems]
stripe = { mode = "sandbox", base_url = "http://stripe.sandbox.example" }
search = { mode = "sandbox", base_url = "http://search.sandbox.example" }
ecb = "simulated"
"""


class _Proxy(Quiet):
    """A company's proxy: answers for whatever host is asked by absolute address, and remembers it."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_GET(self) -> None:
        """Answer as every host at once."""
        self.asked.append(self.path)
        answer = json.dumps({"object": "list", "data": [], "has_more": False}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy's address and what it was asked."""
    asked: list[str] = []
    with serving(type("Bound", (_Proxy,), {"asked": asked})) as url:
        yield url, asked


def test_witnesses_go_by_the_proxy_of_the_profile(
    project: Project, proxy: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox is read by the profile's proxy and HTTPS_PROXY is never read; what is near is asked directly."""
    project.profile.write_text(PROFILE.replace("PROXY", proxy[0]))
    for name, value in {"STRIPE_API_KEY": "sk_test_x", "http_proxy": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    plan = plan_for("box", project.profile)
    running = plan.home.read()
    with Session(_without_rates(plan), running) as session:
        session.landscape.by_role("payments").payments(session.now(), session.now())
    assert [address.partition("?")[0] for address in proxy[1]] == ["http://stripe.sandbox.example/v1/payment_intents"]
    assert plan.way_to("http://127.0.0.1:4000").proxy is None
    assert plan.way_to("https://api.stripe.com").proxy == proxy[0]


def _without_rates(plan: Plan) -> Plan:
    systems = {name: system for name, system in plan.environment.systems.items() if name != "ecb"}
    return replace(plan, environment=plan.environment.model_copy(update={"systems": systems}))


def test_a_ca_file_is_found_beside_the_profile(project: Project) -> None:
    """`ca_file` is a path from assay.toml's folder."""
    text = PROFILE.replace('proxy = "PROXY"\n', 'ca_file = "company.pem"\n', 1)
    project.profile.write_text(text.replace("PROXY", "http://p:1"))
    plan = plan_for("box", project.profile)
    assert plan.way_to("https://api.stripe.com").ca_file == str(project.path / "company.pem")


@pytest.mark.needs_java
@pytest.mark.usefixtures("installation")
@pytest.mark.xdist_group("network")
def test_the_edge_leaves_by_the_proxy_and_reaches_simulators_directly(
    project: Project, proxy: tuple[str, list[str]]
) -> None:
    """A call to a sandbox leaves the edge by the proxy; a simulator on this machine is not asked for by it."""
    text = PROFILE.replace("PROXY", proxy[0])
    project.profile.write_text(text.replace("[environments.box]\n", '[environments.box]\nview = "base_url"\n'))
    done = project.assay("up", "--env", "box")
    assert done.returncode == 0, done.stderr
    try:
        bases = json.loads(project.type("status", "--env", "box", "--json").stdout)["base_urls"]
        assert httpx.get(f"{bases['search']}/find?q=1", trust_env=False).status_code == 200
        assert proxy[1] == ["http://search.sandbox.example/find?q=1"]
        rates = httpx.get(f"{bases['ecb']}/stats/eurofxref/eurofxref-daily.xml", trust_env=False)
        assert (rates.status_code, len(proxy[1])) == (http.client.OK, 1)
    finally:
        project.assay("down", "--env", "box")
