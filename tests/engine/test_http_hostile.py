"""What answers may be broken or hostile: every call ends in time and in bytes, with words that say what came."""

from __future__ import annotations

import contextvars
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from assay.errors import InfrastructureError
from assay.http import Client, RateBudget, Unanswered, open_client, own_until, until

Talk = Callable[[socket.socket], None]
LIMIT = 64 * 1024
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(params=["httpcore", "geventhttpclient"])
def transport(request: pytest.FixtureRequest) -> Any:
    """Each transport by name; the one of Locust only where it is installed."""
    if request.param == "geventhttpclient":
        pytest.importorskip("geventhttpclient")
    return request.param


@contextmanager
def talking(talk: Talk) -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that reads a request and then says what it is told to, until nobody listens any more."""
    heard: list[bytes] = []
    stopped = threading.Event()

    def each(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            heard.append(connection.recv(65536))
            talk(connection)

    def serve() -> None:
        while not stopped.is_set():
            with suppress(OSError):
                connection = listener.accept()[0]
                threads.append(threading.Thread(target=each, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        threads: list[threading.Thread] = []
        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        finally:
            stopped.set()
            serving.join()
            for thread in threads:
                thread.join()


def drip(text: bytes, *, every_s: float = 0.02) -> Talk:
    """Say it one byte at a time."""

    def talk(connection: socket.socket) -> None:
        for position in range(len(text)):
            connection.sendall(text[position : position + 1])
            time.sleep(every_s)

    return talk


def for_ever(first: bytes, more: bytes) -> Talk:
    """Begin with one thing and repeat the other until the caller is gone."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(more)

    return talk


def once(text: bytes) -> Talk:
    """Say it and end."""
    return lambda connection: connection.sendall(text)


def silent(connection: socket.socket) -> None:
    """Wait for the caller to give up."""
    connection.recv(1)


def ask(url: str, transport: Any, **more: Any) -> Unanswered:
    """Call with small limits and return the refusal."""
    options = {"timeout_s": 0.3, "total_s": 0.6, "max_bytes": LIMIT, **more}
    with open_client(url, system="shop", transport=transport, **options) as client, pytest.raises(Unanswered) as raised:
        client.request("GET", "/page")
    return raised.value


@pytest.mark.parametrize(
    ("talk", "kind", "words"),
    [
        pytest.param(silent, "silence", "no answer within 0.3 s", id="never answers"),
        pytest.param(drip(OK + b"x: y\r\n" * 90), "slow", "not whole within 0.6 s", id="headers a byte at a time"),
        pytest.param(
            drip(OK + b"content-length: 900\r\n\r\n" + b"x" * 900), "slow", "not whole", id="body a byte at a time"
        ),
        pytest.param(
            once(OK + b"content-length: 10000000\r\n\r\n" + b"x" * 10_000_000), "size", "more than 64 KiB", id="10 MB"
        ),
        pytest.param(for_ever(OK + b"\r\n", b"x" * 4096), "size", "more than 64 KiB", id="endless body"),
        pytest.param(
            for_ever(OK + b"transfer-encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
            "size",
            "more than 64 KiB",
            id="endless chunks",
        ),
        pytest.param(
            for_ever(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 100),
            "size",
            "64 KiB",
            id="tiny chunks",
        ),
        pytest.param(once(b""), "closed", "without an answer", id="closes at once"),
        pytest.param(once(OK + b"content-length: 99\r\n\r\nhalf"), "closed", "in the middle", id="closes in the body"),
        pytest.param(once(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "broken", "no HTTP", id="another protocol"),
        pytest.param(once(bytes(range(256)) * 20), "broken", "no HTTP", id="garbage"),
        pytest.param(
            once(OK + b"content-length: 12\r\ncontent-length: 13\r\n\r\n" + b"x" * 12),
            "broken",
            "no HTTP",
            id="2 lengths",
        ),
    ],
)
def test_a_hostile_answer_ends_with_words(transport: Any, talk: Talk, kind: str, words: str) -> None:
    """Whatever a server sends or does not send, the call ends within its limits and says what came."""
    with talking(talk) as (url, _):
        # What ends by its size may take a busy machine longer than what ends by the clock.
        error = ask(url, transport, **({"timeout_s": 10, "total_s": 30} if kind == "size" else {}))
    assert (error.system, error.failure.kind) == ("shop", kind)
    assert words in str(error)
    assert f"GET {url}/page" in str(error)
    assert all((error.expected, error.hint))


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(for_ever(OK, b"x: " + b"y" * 1000 + b"\r\n"), id="endless headers"),
        pytest.param(for_ever(OK + b"x: ", b"y" * 1000), id="a header without end"),
        pytest.param(for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="for ever about to answer"),
        pytest.param(for_ever(OK + b"content-length: " + b"9" * 4000, b"9" * 1000), id="a length without end"),
    ],
)
def test_headers_without_end_are_left(transport: Any, talk: Talk) -> None:
    """What never comes to a body is given up, too, by its size or by the time of the whole call."""
    with talking(talk) as (url, _):
        error = ask(url, transport)
    assert error.failure.kind in ("size", "slow", "broken", "closed")


def test_no_more_is_read_than_allowed() -> None:
    """A body that says its length is left unread; one that does not is left at the limit."""
    sent = [0]

    def talk(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.sendall(OK + b"\r\n")
        while True:
            sent[0] += connection.send(b"x" * 65536)

    with talking(talk) as (url, _):
        assert ask(url, "httpcore").failure.kind == "size"
    assert sent[0] < 16 * 1024 * 1024


def test_a_bomb_is_not_unpacked(transport: Any) -> None:
    """A body that unpacks to more than allowed is refused, saying how little was packed; a small one is read."""
    bomb = gzip.compress(b"\0" * 20_000_000)
    assert len(bomb) < LIMIT
    head = OK + b"content-encoding: GZIP\r\nconnection: close\r\ncontent-length: "
    with talking(once(head + b"%d\r\n\r\n" % len(bomb) + bomb)) as (url, _):
        error = ask(url, transport)
    assert (error.failure.kind, "19 KiB of gzip that unpack to more" in str(error)) == ("size", True)
    packed = gzip.compress(b"x" * LIMIT)
    with (
        talking(once(head + b"%d\r\n\r\n" % len(packed) + packed)) as (url, _),
        open_client(url, transport=transport, max_bytes=LIMIT) as client,
    ):
        assert client.request("GET", "/").body == b"x" * LIMIT
    with talking(once(head + b"%d\r\n\r\n" % (len(packed) // 2) + packed[: len(packed) // 2])) as (url, _):
        assert "gzip is broken" in str(ask(url, transport))


def test_the_length_of_a_head_is_no_body(transport: Any) -> None:
    """HEAD says how long the body would be, and is no reason to refuse anything."""
    with (
        talking(once(OK + b"content-length: 10000000\r\n\r\n")) as (url, _),
        open_client(url, transport=transport, max_bytes=LIMIT) as client,
    ):
        assert client.request("HEAD", "/").headers["content-length"] == "10000000"


def test_tls_is_refused_in_words(transport: Any) -> None:
    """A server that speaks no TLS where it should, or never ends its handshake, is an infrastructure error."""
    with talking(once(OK + b"\r\n")) as (url, _):
        assert ask(url.replace("http:", "https:"), transport).failure.kind in ("tls", "closed")
    with talking(silent) as (url, _):
        assert ask(url.replace("http:", "https:"), transport).failure.kind in ("silence", "tls")


def test_a_name_that_is_not_known_says_so(transport: Any) -> None:
    """A host of the reserved domain resolves nowhere: the words say so, and what to check."""
    error = ask("http://shop.invalid", transport)
    assert error.failure.kind == "dns"
    assert "shop.invalid" in str(error) or "name" in str(error)


def test_a_name_server_that_hangs_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver knows no limit of its own; the call does."""
    asked, answer = threading.Event(), threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        asked.set()
        answer.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    error = ask("http://shop.example", "httpcore")
    assert (error.failure.kind, asked.is_set()) == ("dns", True)
    assert "was not looked up within 0.3 s" in str(error)
    answer.set()


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a dead address and a living one is reached."""
    with talking(once(OK + b"content-length: 2\r\n\r\nok")) as (url, _), socket.create_server(("127.0.0.1", 0)) as gone:
        living, dead = int(url.rpartition(":")[2]), gone.getsockname()[1]
        gone.close()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (dead, living)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with open_client("http://shop.example") as client:
            assert client.request("GET", "/").text == "ok"


# The end of a run


def test_a_call_takes_what_is_left_of_its_run(transport: Any) -> None:
    """Inside `until` a call ends with the run, however patient it is itself, and says that the run's time was over."""
    with talking(drip(OK + b"x: y\r\n" * 200)) as (url, _), until(time.monotonic() + 0.3):
        error = ask(url, transport, timeout_s=20, total_s=60)
    assert (error.failure.kind, "the run's own time was over" in str(error)) == ("over", True)


def test_nothing_is_sent_when_the_time_is_over(transport: Any) -> None:
    """A call begun after the end never leaves: an order would be placed that nobody waits for."""
    with (
        talking(once(OK + b"content-length: 2\r\n\r\nok")) as (url, heard),
        open_client(url, transport=transport) as client,
    ):
        with until(time.monotonic() - 1), pytest.raises(InfrastructureError, match="nothing was sent"):
            client.request("POST", "/orders", json={})
        with until(time.monotonic() - 1), own_until(time.monotonic() + 20):
            assert client.request("DELETE", "/orders/1").status == 200
    assert [request.split()[0] for request in heard] == [b"DELETE"]


def test_the_earliest_end_counts_and_threads_take_it_along() -> None:
    """A nested end cannot be later than the outer one; a thread given the context has it, another has not."""
    ended: list[bool] = []

    def look(client: Client) -> None:
        try:
            client.request("GET", "/")
            ended.append(False)
        except Unanswered as error:
            ended.append(error.failure.kind == "over")

    with (
        talking(once(OK + b"content-length: 2\r\n\r\nok")) as (url, _),
        open_client(url) as client,
        until(time.monotonic() - 1),
        until(time.monotonic() + 20),
    ):
        for target in (look, contextvars.copy_context().run):
            arguments = (client,) if target is look else (look, client)
            thread = threading.Thread(target=target, args=arguments)
            thread.start()
            thread.join()
    assert ended == [False, True]


def test_waiting_for_a_turn_ends_with_the_run() -> None:
    """A vendor's rate budget makes nobody wait beyond the end of the run."""
    budget = RateBudget(per_second=0.1, max_wait_s=60)
    with talking(once(OK + b"content-length: 2\r\n\r\nok")) as (url, heard), open_client(url, budget=budget) as client:
        client.request("GET", "/")
        with until(time.monotonic() + 2), pytest.raises(InfrastructureError, match="may not be called for another"):
            client.request("GET", "/")
    assert len(heard) == 1


def test_a_connection_for_each_call_is_one_try() -> None:
    """Where none is kept, a server that closes at once is asked once: it closed nothing that was kept."""
    with talking(once(b"")) as (url, heard):
        assert ask(url, "httpcore", connections=0).failure.kind == "closed"
        assert len(heard) == 1


def test_tls_may_not_take_longer_than_the_rest(tmp_path: Any) -> None:
    """The handshake counts as part of the call: one that drips ends at the limit."""
    context = ssl.create_default_context()
    assert context.check_hostname

    def talk(connection: socket.socket) -> None:
        for _ in range(100):
            connection.sendall(b"\x16")
            time.sleep(0.02)

    with talking(talk) as (url, _):
        error = ask(url.replace("http:", "https:"), "httpcore", timeout_s=0.4)
    assert error.failure.kind in ("silence", "tls", "slow")
