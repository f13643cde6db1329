"""A shop of somebody's own behind the edge: settings that work, hosts seen, unknown systems, modes by one line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Project
from tests.serving import Quiet, serving

pytestmark = [pytest.mark.needs_java, pytest.mark.usefixtures("installation"), pytest.mark.xdist_group("views")]
PROFILE = """\
[systems.shop]
role = "shop"

[systems.stripe]
role = "payments"
host = "api.stripe.com"
webhook = "/hooks/payment"
credentials = {{ api_key = "env:STRIPE_API_KEY", webhook_secret = "env:STRIPE_WEBHOOK_SECRET" }}
test_credentials = {{ api_key = "sk_test_assay", webhook_secret = "whsec_assay" }}

[systems.search]
role = "other"
host = "search.example"
contract = "search.yaml"

[systems.mailer]
role = "other"
host = "mail.example"

[environments.own.systems]
shop = {{ mode = "live", base_url = "{shop}" }}
stripe = "simulated"
search = "stub"
mailer = {{ mode = "sandbox", base_url = "{shop}/mail" }}
"""
JSON = {"Content-Type": "application/json"}
SEARCH = {
    "request": {"method": "GET", "urlPath": "/find"},
    "response": {"status": 200, "headers": JSON, "jsonBody": {"found": 3}},
}
CONTRACT = """\
openapi: 3.0.3
info: {title: search, version: "1"}
paths:
  /find:
    get:
      responses:
        200:
          description: found
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Found"}
components:
  schemas:
    Found: {type: object, required: [found], properties: {found: {type: integer, nullable: true}}}
"""
BUY = """
import os, ssl, urllib.request
def call(url, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read()
assert b'"list"' in call("https://api.stripe.com/v1/events", Authorization="Bearer sk_test_assay")
assert b"found" in call("https://search.example/find")
"""


class _Shop(Quiet):
    """Somebody's shop: remembers what it is told."""

    protocol_version = "HTTP/1.1"
    told: list[tuple[str, dict[str, str], bytes]]

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.told.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answer = b'{"sent": true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _take  # noqa: N815


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[str, list[Any]]]:
    """A shop's address and what it was told."""
    told: list[Any] = []
    with serving(type("Bound", (_Shop,), {"told": told})) as url:
        yield url, told


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, shop: tuple[str, list[Any]]) -> Iterator[Project]:
    """A landscape around that shop, up."""
    project = Project(tmp_path_factory.mktemp("own"))
    project.profile.write_text(PROFILE.format(shop=shop[0]))
    stubs = project.path / "mocks" / "search" / "stubs"
    stubs.mkdir(parents=True)
    (stubs / "find.json").write_text(json.dumps(SEARCH))
    (project.path / "search.yaml").write_text(CONTRACT)
    done = project.assay("up", "--env", "own")
    assert done.returncode == 0, done.stderr
    yield project
    assert project.assay("down", "--env", "own").returncode == 0


def part(project: Project, name: str) -> dict[str, Any]:
    """One process of the landscape."""
    parts = json.loads(project.type("status", "--env", "own", "--json").stdout)["parts"]
    found: dict[str, Any] = next(each for each in parts if each["name"] == name)
    return found


def through(project: Project, url: str) -> httpx.Response:
    """Call a vendor's own address as the platform would."""
    way = json.loads(project.type("status", "--env", "own", "--json").stdout)["proxy"]
    import ssl

    context = ssl.create_default_context(cafile=way["SSL_CERT_FILE"])
    with httpx.Client(proxy=way["HTTPS_PROXY"], verify=context, trust_env=False) as client:
        return client.get(url)


def test_no_merchant_of_ours_and_the_view_is_said(own: Project) -> None:
    """Around a shop of one's own edge, simulators and keeper run, and status names the view."""
    done = own.type("status", "--env", "own")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if " up " in line] == ["edge", "simulators", "keeper"]
    assert "forward proxy: the platform keeps its vendors' addresses" in done.stdout
    assert json.loads(own.type("status", "--env", "own", "--json").stdout)["view"] == "forward_proxy"


def test_a_command_whose_calls_come_through(own: Project) -> None:
    """`proxy check` runs a command with proxy and CA set; hosts asked for with --only were seen: exit 0."""
    command = ("--", sys.executable, "-c", BUY)
    done = own.assay("proxy", "check", "--env", "own", "--only", "api.stripe.com", "--only", "search.example", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines() if "came through" in line] == [
        ["came", "through", "api.stripe.com"],
        ["came", "through", "search.example"],
    ]


def test_a_declared_host_that_was_not_called_is_named(own: Project) -> None:
    """Without --only every declared host must be seen: exit 1 and a sentence with those that were not."""
    done = own.assay("proxy", "check", "--env", "own", "--", sys.executable, "-c", BUY)
    assert done.returncode == 1
    assert "mail.example did not come through the edge" in done.stderr
    assert "api.stripe.com" not in done.stderr


def test_a_command_that_goes_round_the_edge(own: Project) -> None:
    """A connection that ignores the proxy is seen and named beside the host that was missed."""
    direct = "import socket,time; s=socket.create_server(('127.0.0.2',0)); c=socket.create_connection(s.getsockname())"
    command = (sys.executable, "-c", f"{direct}; time.sleep(0.6)")
    done = own.assay("proxy", "check", "--env", "own", "--only", "search.example", "--", *command)
    assert done.returncode == 1
    assert "went round    127.0.0.2:" in done.stdout
    assert "search.example did not come through" in done.stderr


def test_what_proxy_check_refuses(own: Project) -> None:
    """Neither command nor --watch, an undeclared host, and a command that is not there: exit 2 with the mend."""
    env = ("--env", "own")
    assert "--watch SECONDS" in own.type("proxy", "check", *env).stderr
    misspelt = own.type("proxy", "check", *env, "--only", "api.strip.com", "--watch", "0")
    assert (misspelt.returncode, "did you mean 'api.stripe.com'?" in misspelt.stderr) == (2, True)
    gone = own.type("proxy", "check", *env, "--", "/nowhere/shop")
    assert (gone.returncode, "cannot be started" in gone.stderr) == (2, True)


def test_curl_with_the_printed_settings(own: Project) -> None:
    """What `proxy env --for shell` prints, pasted, makes curl reach a stub by the vendor's own address."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    settings = own.type("proxy", "env", "--env", "own").stdout
    done = subprocess.run(
        ["sh", "-c", f"{settings}\ncurl -sS https://search.example/find"], capture_output=True, text=True, timeout=30
    )
    assert json.loads(done.stdout) == {"found": 3}, done.stderr


def test_java_with_the_printed_settings(own: Project, tmp_path: Path) -> None:
    """What `proxy env --for java` prints, truststore included, makes java.net.http reach the same stub."""
    (tmp_path / "Find.java").write_text(
        "import java.net.URI; import java.net.http.*;\n"
        "class Find { public static void main(String[] a) throws Exception {\n"
        '  var ask = HttpRequest.newBuilder(URI.create("https://search.example/find")).build();\n'
        "  System.out.println(HttpClient.newHttpClient().send(ask, HttpResponse.BodyHandlers.ofString()).body()); } }\n"
    )
    modules = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, timeout=60).stdout
    if "jdk.compiler" not in modules:
        pytest.skip("this Java compiles nothing")
    settings = own.type("proxy", "env", "--env", "own", "--for", "java").stdout
    done = subprocess.run(
        ["sh", "-c", f"{settings}\njava {tmp_path / 'Find.java'}"], capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout) == {"found": 3}, done.stderr


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("docker", ["--network host", "host.docker.internal", ":ro"]),
        ("compose", ["network_mode: host", "volumes:"]),
        ("node", ["NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY", "24"]),
        ("php", ["curl.cainfo", "openssl.cafile", "php-fpm"]),
        ("dotnet", ["SSL_CERT_FILE", "HTTPS_PROXY"]),
        ("go", ["ProxyFromEnvironment", "SSL_CERT_FILE"]),
        ("ruby", ["http_proxy", "Stripe.ca_bundle_path"]),
        ("python", ["REQUESTS_CA_BUNDLE", "trust_env=True"]),
    ],
)
def test_settings_of_each_runtime(own: Project, runtime: str, words: list[str]) -> None:
    """Each runtime's settings name the edge's address and its own variables, and every file in them is there."""
    said = own.type("proxy", "env", "--env", "own", "--for", runtime).stdout
    assert part(own, "edge")["urls"]["edge"].removeprefix("http://") in said
    assert [word for word in words if word not in said] == []
    files = re.findall(r"/[^'\" :]*\.assay/own[^'\" :;]*", said)
    assert files
    assert [file for file in files if not Path(file).is_file()] == []


def test_every_host_is_listed_declared_or_not(own: Project) -> None:
    """`assay edges` lists stubbed, sandboxed and undeclared hosts with system, counts and times."""
    through(own, "https://search.example/find")
    through(own, "https://mail.example/send?to=1")
    assert through(own, "https://tracker.search.example/pixel").status_code == 502
    listed = {each["host"]: each for each in json.loads(own.type("edges", "--env", "own", "--json").stdout)}
    assert {host: each["system"] for host, each in listed.items()} == {
        "api.stripe.com": "stripe",
        "search.example": "search",
        "mail.example": "mailer",
        "tracker.search.example": "undeclared",
    }
    assert listed["tracker.search.example"]["refused"] == 1
    assert listed["mail.example"]["first"] <= listed["mail.example"]["last"]
    said = own.type("edges", "--env", "own").stdout
    assert 'role = "other" host = "tracker.search.example"' in said


def test_a_system_nobody_wrote_code_for_has_journal_and_faults(own: Project, shop: tuple[str, list[Any]]) -> None:
    """A call to a passed-through sandbox arrives there; a fault in front of it is met and taken away again."""
    assert through(own, "https://mail.example/send").json() == {"sent": True}
    assert shop[1][-1][0] == "/mail/send"
    assert own.type("faults", "add", "status", "search", "--code", "503", "--env", "own").returncode == 0
    assert through(own, "https://search.example/find").status_code == 503
    own.type("faults", "clear", "--env", "own")
    assert through(own, "https://search.example/find").status_code == 200


def test_a_contract_of_the_users_own(own: Project) -> None:
    """What a system nobody wrote code for answers is held against the user's document: exit 1 with call and place."""
    since = ("edges", "--env", "own", "--since")
    time.sleep(1.1)
    through(own, "https://search.example/find")
    assert "contract of search kept: 1 calls, 0 problems" in own.type(*since, "1s").stdout
    stub = own.path / "mocks" / "search" / "stubs" / "more.json"
    odd = {"request": {"urlPath": "/find", "queryParameters": {"odd": {"equalTo": "1"}}}, "priority": 1}
    stub.write_text(json.dumps({**odd, "response": {"status": 200, "headers": JSON, "jsonBody": {"found": "three"}}}))
    try:
        assert own.assay("up", "--env", "own").returncode == 0
        through(own, "https://search.example/find?odd=1")
        through(own, "https://search.example/elsewhere")
        told = own.type("edges", "--env", "own")
        assert told.returncode == 1
        assert "GET /find, answer found: wrong type: " in told.stdout
        listed = json.loads(own.type("edges", "--env", "own", "--json").stdout)
        assert [each["place"] for each in next(e for e in listed if e["system"] == "search")["broken"]] == [
            "answer found"
        ]
    finally:
        stub.unlink()
        assert own.assay("up", "--env", "own").returncode == 0


def test_webhooks_reach_the_shops_own_path(own: Project, shop: tuple[str, list[Any]]) -> None:
    """A simulated vendor's event is posted, signed, to the path the profile names, through the edge."""
    stripe = part(own, "simulators")["urls"]["stripe"]
    form = {"amount": "1000", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}
    form |= {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}
    made = httpx.post(f"{stripe}/v1/payment_intents", data=form, headers={"Authorization": "Bearer sk_test_assay"})
    assert made.json()["status"] == "succeeded"
    httpx.post(f"{stripe}/__admin/settle", json={})
    path, headers, _ = next(each for each in shop[1] if each[0] == "/hooks/payment")
    assert path == "/hooks/payment"
    assert headers["stripe-signature"].startswith("t=")


def test_one_line_switches_a_mode(own: Project) -> None:
    """Where the profile changes, status says so with exit 3, and `up` starts anew only what it concerns."""
    before = part(own, "simulators")["pid"]
    own.change('search = "stub"', 'search = { mode = "sandbox", base_url = "http://127.0.0.1:9" }')
    try:
        status = own.type("status", "--env", "own")
        assert (status.returncode, "assay up applies it" in status.stdout) == (3, True)
        run = own.type("run", "--env", "own")
        assert run.returncode == 3
        assert own.assay("up", "--env", "own").returncode == 0
        assert through(own, "https://search.example/find").status_code == 500  # nobody listens at port 9
        assert part(own, "simulators")["pid"] == before
    finally:
        own.change('search = { mode = "sandbox", base_url = "http://127.0.0.1:9" }', 'search = "stub"')
        assert own.assay("up", "--env", "own").returncode == 0
    assert through(own, "https://search.example/find").json() == {"found": 3}


def test_a_flow_against_a_shop_needs_its_landscape_up(project: Project, new_project: Callable[[], Project]) -> None:
    """`assay run` with a shop of one's own starts no landscape it does not call: exit 3 and the command to give."""
    project.profile.write_text(PROFILE.format(shop="http://127.0.0.1:9"))
    (project.path / "mocks" / "search" / "stubs").mkdir(parents=True)
    done = project.type("run", "--env", "own")
    assert done.returncode == 3
    assert "assay up --env own" in done.stdout + done.stderr
    assert not (project.path / ".assay" / "own" / "landscape.json").exists()


def test_nobody_moves_the_time_of_a_shop_of_ones_own(own: Project) -> None:
    """The simulators' clock cannot leave the shop's behind: exit 2 with what to do instead."""
    moved = own.type("clock", "advance", "1h", "--env", "own")
    assert (moved.returncode, "policies.freshness" in moved.stderr) == (2, True)


@pytest.mark.parametrize(("view", "said"), [("base_url", "assay status"), ("witness", "keeps no journal")])
def test_a_view_without_proxy_says_so(project: Project, view: str, said: str) -> None:
    """By base URL and witness only there are no proxy settings: exit 2 with what there is instead."""
    with project.profile.open("a") as profile:
        profile.write(f'[environments.local]\nview = "{view}"\n')
    asked = ("proxy", "env") if view == "base_url" else ("proxy", "check", "--watch", "0")
    done = project.type(*asked)
    assert (done.returncode, said in done.stderr) == (2, True)
