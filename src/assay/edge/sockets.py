"""Ports of this machine (a free one, or a clear word about who holds it) and the tunnel through the edge."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from pathlib import Path

from assay.errors import InfrastructureError

ADMIN_USER = "assay"
_HELD = "held by"


def free_port(bind: str = "127.0.0.1") -> int:
    """Return a port nobody listens on now; whoever binds it next may still lose it and must try again."""
    with socket.socket() as probe:
        probe.bind((bind, 0))
        return int(probe.getsockname()[1])


def claim_port(port: int, bind: str = "127.0.0.1", *, patience_s: float = 0) -> int:
    """Return ``port`` if it is free; raise InfrastructureError naming its holder if it is not.

    patience_s: how long to wait where nobody listens there: what is left of a connection holds it for a moment.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return _bound_once(port, bind)
        except InfrastructureError as error:
            if str(error.seen).startswith(_HELD) or time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _bound_once(port: int, bind: str) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            raise InfrastructureError(
                f"Port {port} is taken.",
                where=f"{bind}:{port}",
                expected="a free port for the edge",
                seen=_holder(port) or str(error),
                hint="stop that process, or choose another port, or none to get a free one",
            ) from error
    return port


def authorization(secret: str) -> str:
    """Return the header by which WireMock's admin API knows us where it asks."""
    return "Basic " + base64.b64encode(f"{ADMIN_USER}:{secret}".encode()).decode("ascii")


def is_healthy(port: int, secret: str = "") -> bool:
    """Tell whether WireMock on ``port`` answers its health check now."""
    credentials = f"Authorization: {authorization(secret)}\r\n" if secret else ""
    asked = f"GET /__admin/health HTTP/1.1\r\nHost: 127.0.0.1\r\n{credentials}Connection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
            link.sendall(asked.encode("ascii"))
            return link.recv(15).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def handshake(port: int, host: str, authority: Path, *, timeout_s: float = 15.0) -> None:
    """Open and close a TLS connection to ``host`` through the edge, sending no request; raise OSError if it fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as plain:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode("ascii"))
        if b" 200" not in plain.recv(4096):
            raise ConnectionError(f"the edge refused a tunnel to {host}")
        with context.wrap_socket(plain, server_hostname=host):
            return


def _holder(port: int) -> str | None:
    import psutil

    try:
        for link in psutil.net_connections("tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr and link.laddr.port == port and link.pid:
                return f"{_HELD} {psutil.Process(link.pid).name()} (process {link.pid})"
    except psutil.Error:
        return None
    return None
