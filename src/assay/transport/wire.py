"""The sockets of one pool of connections, held to the limits of the call that uses them: httpcore's network backend.

httpcore knows a limit for each operation and none for the whole; one byte a second passes it for ever.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from assay.transport.bounds import Meter, TransportFailed

_LOOKUPS = threading.BoundedSemaphore(32)
"""How many names may be looked up at once: a resolver that hangs would else gather threads without end."""


class Wire:
    """The sockets of one pool, which one call at a time uses, under that call's limits: httpcore's network backend."""

    __slots__ = ("certificate", "meter", "unread", "unsent")

    def __init__(
        self,
        unread: type[Exception],
        unsent: type[Exception],
        certificate: Callable[[Mapping[str, Any]], None] | None,
    ) -> None:
        self.unread = unread
        self.unsent = unsent
        self.certificate = certificate
        self.meter = Meter()

    def connect_tcp(self, host: str, port: int, **_: Any) -> Stream:
        """Connect to the first address of a name that answers."""
        found = _addresses(host, port, self.meter.wait_s())
        for number, (family, kind, protocol, address) in enumerate(found):
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(self.meter.wait_s() / (len(found) - number))
                opened.connect(address)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except BaseException as failure:
                opened.close()
                if not isinstance(failure, OSError) or number == len(found) - 1:
                    if isinstance(failure, OSError):
                        raise self._unreached(failure, host, port) from failure
                    raise
            else:
                return Stream(self, opened)
        raise TransportFailed(f"the name {host} has no address", "dns")

    def _unreached(self, failure: OSError, host: str, port: int) -> TransportFailed:
        place = f"{host} port {port}"
        if isinstance(failure, TimeoutError):
            return self.meter.late()
        if isinstance(failure, ConnectionRefusedError):
            return TransportFailed(f"{place} refused the connection: nothing listens there", "refused")
        return TransportFailed(f"there is no way to {place}: {failure.strerror or failure}", "unreachable")

    def connect_unix_socket(self, *_: Any, **__: Any) -> Stream:
        """Nothing of ours speaks HTTP over one."""
        raise TransportFailed("HTTP over a Unix socket is not spoken here", "wrong")

    def sleep(self, seconds: float) -> None:
        """Wait before another try to connect; httpcore is told to make none."""
        time.sleep(min(seconds, self.meter.wait_s()))


class Stream:
    """One connection under the limits of its wire: httpcore's network stream."""

    __slots__ = ("_socket", "_wire")

    def __init__(self, wire: Wire, opened: socket.socket) -> None:
        self._wire = wire
        self._socket = opened

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next; nothing at its end."""
        wire = self._wire
        try:
            self._socket.settimeout(wire.meter.wait_s())
            data = self._socket.recv(max_bytes)
        except TimeoutError:
            raise wire.meter.late() from None
        except OSError as failure:
            raise wire.unread(failure) from failure
        wire.meter.count(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        if not buffer:
            return
        wire = self._wire
        try:
            self._socket.settimeout(wire.meter.wait_s())
            self._socket.sendall(buffer)
        except TimeoutError:
            raise wire.meter.late() from None
        except OSError as failure:
            raise wire.unsent(failure) from failure

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Stream:
        """Speak TLS from here on."""
        wire = self._wire
        try:
            self._socket.settimeout(wire.meter.wait_s())
            wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except TimeoutError:
            self.close()
            raise wire.meter.late() from None
        except (OSError, ValueError) as failure:
            self.close()
            reason = getattr(failure, "verify_message", None)
            text = f"the certificate of {server_hostname} is not accepted: {reason}" if reason else f"no TLS: {failure}"
            raise TransportFailed(text, "tls") from failure
        if wire.certificate is not None:
            wire.certificate(wrapped.getpeercert() or {})
        return Stream(wire, wrapped)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks of a stream."""
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "ssl_object":
            return self._socket if hasattr(self._socket, "selected_alpn_protocol") else None
        return self._socket if info == "socket" else None


class Counted:
    """A socket of geventhttpclient whose every read is counted: what never lets the reader wait never times out."""

    __slots__ = ("_socket", "meter")

    def __init__(self, opened: Any) -> None:
        self._socket = opened
        self.meter = Meter()

    def recv(self, most: int) -> bytes:
        """Return what comes next; nothing at its end."""
        self.meter.wait_s()
        data: bytes = self._socket.recv(most)
        self.meter.count(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _addresses(host: str, port: int, within_s: float) -> list[tuple[Any, Any, int, Any]]:
    """Look a name up within the time: the system's own resolver knows no limit, so it is asked on a thread."""
    if _is_address(host):
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, (host, port))]
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as failure:
            found.append(failure)
        finally:
            _LOOKUPS.release()

    began = time.monotonic()
    if _LOOKUPS.acquire(timeout=within_s):
        thread = threading.Thread(target=look_up, name="name lookup", daemon=True)
        thread.start()
        thread.join(max(within_s - (time.monotonic() - began), 0))
    if not found:
        raise TransportFailed(
            f"the name {host} was not looked up within {within_s:.3g} s",
            "dns",
            expected="the name server's answer",
            do="check the name servers of this machine (/etc/resolv.conf)",
        )
    if isinstance(found[0], Exception):
        reason = getattr(found[0], "strerror", None) or str(found[0])
        do = f"check the spelling of {host} and the name servers of this machine"
        raise TransportFailed(f"the name {host} is not known: {reason}", "dns", expected="an address of it", do=do)
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]


def _is_address(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True


def _is_readable(opened: Any) -> bool:
    """Say whether something lies there to be read: on a connection nobody uses, its end."""
    if opened.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    return bool(poll.poll(0))
