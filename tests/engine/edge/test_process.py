"""The edge's life: start, find again, stop, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from assay.edge import (
    EdgeProcess,
    EdgeState,
    Installation,
    Route,
    RouteTable,
    attach,
    is_running,
    load_routes,
    start_edge,
    stop_edge,
)
from assay.errors import InfrastructureError

from .conftest import HOSTS, Backend, call, call_host

pytestmark = pytest.mark.needs_java


def gone(pid: int, *, within_s: float = 6.0) -> bool:
    """Tell whether the process ends in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_stop_leaves_nothing(installation: Installation, authority_folder: Path) -> None:
    """Stopping ends the process, frees the port and removes the temporary folder; stopping twice is harmless."""
    edge = start_edge(certificates=authority_folder, installation=installation)
    assert edge.is_alive()
    assert Path(edge.state.root).is_dir()
    edge.stop()
    edge.stop()
    assert gone(edge.state.pid)
    assert not Path(edge.state.root).exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", edge.port))


def test_taken_port_names_its_holder(installation: Installation, tmp_path: Path) -> None:
    """A port somebody holds is an error naming the port, the holder and the way out; nothing stays running."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(InfrastructureError) as refused:
            start_edge(tmp_path, port=port, installation=installation)
    assert f"Port {port} is taken" in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
    assert "another port" in str(refused.value)


def test_given_port_is_used(installation: Installation, authority_folder: Path, tmp_path: Path) -> None:
    """A port that is set is the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start_edge(tmp_path, port=port, certificates=authority_folder, installation=installation) as edge:
        assert edge.port == port
        assert call(edge, "/__admin/health").status == 200


def test_two_edges_do_not_disturb_each_other(
    edge: EdgeProcess, backend: Backend, installation: Installation, authority_folder: Path
) -> None:
    """Two edges side by side have their own port, routes and journal; stopping one leaves the other."""
    load_routes(edge.admin, RouteTable((Route("stripe", target=backend.url),)))
    with start_edge(certificates=authority_folder, installation=installation) as other:
        load_routes(other.admin, RouteTable((Route("ups", target=backend.url),)))
        assert call(edge, "/stripe/a").status == 200
        assert call(other, "/stripe/a").status == 502
        assert len(other.admin.get("/requests")["requests"]) == 1
    assert call(edge, "/stripe/a").status == 200
    assert len(edge.admin.get("/requests")["requests"]) == 2


def test_detached_edge_is_found_again_and_stopped(
    installation: Installation, authority_folder: Path, tmp_path: Path
) -> None:
    """A detached edge outlives the process that started it and is found and stopped by its state."""
    code = f"""
        from pathlib import Path
        from assay.edge import start_edge
        folders = Path({str(tmp_path)!r}), Path({str(authority_folder)!r})
        edge = start_edge(folders[0], lifetime="detached", certificates=folders[1], hosts={list(HOSTS)!r})
        print(edge.state.to_json())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    state = EdgeState.from_json(done.stdout)
    try:
        assert is_running(state)
        assert call_host(attach(state), HOSTS[0], "/x").status == 404
    finally:
        stop_edge(state)
    assert not is_running(state)
    with pytest.raises(InfrastructureError, match="not running"):
        attach(state)


def test_another_process_with_the_same_id_is_not_the_edge() -> None:
    """A state whose process id now belongs to somebody else counts as gone, and that process is left alone."""
    state = EdgeState(os.getpid(), started_at=1.0, port=1, root="", certificates="", mode="scenario")
    assert not is_running(state)
    stop_edge(state)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_edge_ends_with_its_owner(installation: Installation, authority_folder: Path, sign: signal.Signals) -> None:
    """However the owner of a foreground edge ends, no process and no temporary folder is left."""
    code = f"""
        import time
        from pathlib import Path
        from assay.edge import start_edge
        edge = start_edge(certificates=Path({str(authority_folder)!r}))
        print(edge.state.to_json().replace("\\n", " "), flush=True)
        time.sleep(60)
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert owner.stdout is not None
    state = EdgeState(**json.loads(owner.stdout.readline()))
    owner.send_signal(sign)
    owner.wait(30)
    owner.stdout.close()
    assert gone(state.pid)
    deadline = time.monotonic() + 5
    while Path(state.root).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(state.root).exists()


def test_process_that_dies_says_why(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A jar that is no WireMock gives an error with the log's end, and nothing is left running or lying about."""
    broken = tmp_path / "broken.jar"
    broken.write_bytes(b"no jar")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # others' edges live in the common one
    with pytest.raises(InfrastructureError, match=r"broken\.jar"):
        start_edge(installation=Installation(installation.java, broken))
    assert not list(tmp_path.glob("assay-edge-*"))


def test_load_mode_keeps_no_journal(installation: Installation, authority_folder: Path, backend: Backend) -> None:
    """In load mode calls pass and no journal is kept."""
    with start_edge(mode="load", certificates=authority_folder, installation=installation) as edge:
        load_routes(edge.admin, RouteTable((Route("stripe", target=backend.url),)))
        assert call(edge, "/stripe/a").status == 200
        with pytest.raises(InfrastructureError, match="journal is disabled"):
            edge.admin.get("/requests")


def test_proxy_environment_suits_an_unchanged_client(edge: EdgeProcess, backend: Backend) -> None:
    """With the variables set, an ordinary client calls the vendor's https address through the edge, verified."""
    load_routes(edge.admin, RouteTable((Route("stripe", HOSTS[0], target=backend.url),)))
    code = f"import httpx; print(httpx.get('https://{HOSTS[0]}/v1/balance').json()['path'])"
    environ = {**os.environ, **edge.proxy_environment()}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "/v1/balance", done.stderr
    bundle = edge.certificates.bundle.read_text(encoding="utf-8")
    assert bundle.count("BEGIN CERTIFICATE") > 50


def test_hosts_added_later_are_signed_by_the_same_authority(installation: Installation, tmp_path: Path) -> None:
    """A further host keeps the authority clients already trust, and is served strictly verifiable at once."""
    with start_edge(tmp_path, hosts=("a.example.org",), installation=installation) as edge:
        first = edge.certificates.authority.read_bytes()
    with start_edge(tmp_path, hosts=("a.example.org", "b.example.net"), installation=installation) as edge:
        assert edge.certificates.authority.read_bytes() == first
        assert call_host(edge, "a.example.org", "/x").status == 404
        assert call_host(edge, "b.example.net", "/x").status == 404
        assert edge.certificates.keystore.stat().st_mode & 0o077 == 0
