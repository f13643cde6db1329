"""An edge that lets a container in: at one address, for named networks, and never to its administration."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.conftest import PROFILE, Project

pytestmark = [pytest.mark.needs_java, pytest.mark.usefixtures("installation"), pytest.mark.xdist_group("door")]
SPACE, INSIDE, OUTSIDE = "assay-test", "10.231.87.2", "10.231.87.1"
AUTHORIZED = {"Authorization": "Bearer sk_test_assay"}


def own_address() -> str:
    """An address of this machine that is not loopback."""
    found = (
        link.address
        for links in psutil.net_if_addrs().values()
        for link in links
        if link.family == socket.AF_INET and not link.address.startswith("127.")
    )
    address = next(found, None)
    if address is None:
        pytest.skip("this machine has loopback alone")
    return address


def opened(project: Project, address: str, network: str) -> str:
    """Bring the landscape up with this address open for this network; return the proxy's address."""
    text = f'{PROFILE}[environments.local.edge]\nbind = "{address}"\nallow = ["{network}"]\n'
    project.profile.write_text(text)
    up = project.assay("up", "--json")
    assert up.returncode == 0, up.stderr
    assert f"{address} is open for {network}" in up.stderr
    proxy: str = json.loads(up.stdout)["proxy"]["HTTPS_PROXY"]
    assert proxy.startswith(f"http://{address}:")
    return proxy


def client(project: Project, proxy: str) -> httpx.Client:
    """A platform that calls by that proxy."""
    bundle = project.path / ".assay" / "local" / "edge" / "certificates" / "ca-bundle.pem"
    return httpx.Client(proxy=proxy, verify=ssl.create_default_context(cafile=str(bundle)), trust_env=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A landscape whose way of being reached each test says."""
    project = Project(tmp_path_factory.mktemp("door"))
    project.profile.write_text(PROFILE)
    yield project
    assert project.assay("down").returncode == 0


def test_calls_come_in_and_administration_does_not(shared: Project) -> None:
    """A platform at an allowed address reaches its vendors; the edge's administration asks it for a secret."""
    address = own_address()
    with client(shared, opened(shared, address, f"{address}/32")) as platform:
        listed = platform.get("https://api.stripe.com/v1/payment_intents", headers=AUTHORIZED)
        assert listed.json()["object"] == "list"
        assert platform.get("https://api.stripe.com/__admin/mappings").status_code == 401
        assert platform.post("https://api.stripe.com/__admin/reset").status_code == 401
    assert shared.type("faults", "list").returncode == 0
    edges = {each["host"]: each["calls"] for each in json.loads(shared.type("edges", "--json").stdout)}
    assert edges["api.stripe.com"] >= 1
    assert (shared.path / ".assay" / "local" / "edge" / "admin.secret").stat().st_mode & 0o077 == 0


def test_another_network_is_hung_up_on(shared: Project) -> None:
    """A platform of a network nobody named gets no byte, and the log says which; opening it needs one line and `up`."""
    address = own_address()
    with client(shared, opened(shared, address, "198.51.100.0/24")) as platform, pytest.raises(httpx.TransportError):
        platform.get("https://api.stripe.com/v1/payment_intents")
    assert f"{address} is in none of 198.51.100.0/24" in shared.type("logs", "door").stdout


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="only root makes a network namespace")
def test_a_platform_in_a_network_of_its_own(shared: Project) -> None:
    """From a network namespace whose only neighbour is this machine, curl with the printed settings comes through."""
    made = (
        ("netns", "add", SPACE),
        ("link", "add", "assay-out", "type", "veth", "peer", "name", "assay-in", "netns", SPACE),
        ("addr", "add", f"{OUTSIDE}/30", "dev", "assay-out"),
        ("link", "set", "assay-out", "up"),
        ("-n", SPACE, "addr", "add", f"{INSIDE}/30", "dev", "assay-in"),
        ("-n", SPACE, "link", "set", "assay-in", "up"),
    )
    try:
        for arguments in made:
            if subprocess.run(["ip", *arguments], capture_output=True).returncode != 0:
                pytest.skip("this kernel makes no network namespace")
        opened(shared, OUTSIDE, f"{INSIDE}/32")
        settings = shared.type("proxy", "env").stdout
        line = f"{settings}\ncurl -sS -H 'Authorization: Bearer sk_test_assay' https://api.stripe.com/v1/events"
        command = ["ip", "netns", "exec", SPACE, "sh", "-c", line]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert json.loads(done.stdout)["object"] == "list", done.stderr
    finally:
        subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)
        subprocess.run(["ip", "link", "del", "assay-out"], capture_output=True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('bind = "0.0.0.0"\nallow = ["10.0.0.0/8"]', "name the one address"),
        ('bind = "172.17.0.1"', "needs allow"),
        ('bind = "docker0"\nallow = ["10.0.0.0/8"]', "an address of this machine"),
        ('bind = "172.17.0.1"\nallow = ["everybody"]', "172.17.0.0/16"),
    ],
)
def test_an_open_edge_is_named_exactly(project: Project, line: str, said: str) -> None:
    """Every address, no network, a name instead of an address: exit 2 with what to write."""
    with project.profile.open("a") as profile:
        profile.write(f"[environments.local.edge]\n{line}\n")
    done = project.type("profile", "check")
    assert (done.returncode, said in done.stderr) == (2, True)
