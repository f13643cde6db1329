"""Kept connections that their server ends: what is sent again, and what never is."""

from __future__ import annotations

import importlib.util
import socket
import threading
from contextlib import nullcontext, suppress
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.http import open_client

ABSENT = importlib.util.find_spec("geventhttpclient") is None
TRANSPORTS = [
    "httpcore",
    pytest.param("geventhttpclient", marks=pytest.mark.skipif(ABSENT, reason="pip install 'assay[load]'")),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_connection_that_the_server_closed_is_not_used_again(transport: Any) -> None:
    """A server may end idle connections: the next call opens another, and none of them is sent twice."""
    served: list[bytes] = []
    closed = threading.Semaphore(0)

    def serve_once_each(listener: socket.socket) -> None:
        for _ in range(3):
            with listener.accept()[0] as connection:
                served.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            closed.release()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_once_each, args=(listener,))
        thread.start()
        with open_client(f"http://127.0.0.1:{listener.getsockname()[1]}", transport=transport) as client:
            for method in ("POST", "POST", "GET"):
                assert client.request(method, "/").status == 200
                assert closed.acquire(timeout=5)
        thread.join()
    assert [request.split()[0] for request in served] == [b"POST", b"POST", b"GET"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_call_that_met_a_closing_connection_is_repeated_only_if_that_is_harmless(transport: Any) -> None:
    """A server that ends a kept connection on a request gets a GET again, and a POST never."""
    served: list[bytes] = []

    def answer_every_other(listener: socket.socket) -> None:
        with listener.accept()[0] as first:
            for _ in range(2):
                served.append(first.recv(4096))
                if len(served) == 1:
                    first.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        listener.settimeout(0.3)
        with suppress(TimeoutError), listener.accept()[0] as second:
            served.append(second.recv(4096))
            second.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    for method, sent in (("GET", 3), ("POST", 2)):
        served.clear()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer_every_other, args=(listener,))
            thread.start()
            with open_client(f"http://127.0.0.1:{listener.getsockname()[1]}", transport=transport) as client:
                client.request("GET", "/")
                with nullcontext() if method == "GET" else pytest.raises(InfrastructureError, match="did not answer"):
                    assert client.request(method, "/").status == 200
            thread.join()
        assert len(served) == sent, method
