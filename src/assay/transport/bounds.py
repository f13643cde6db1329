"""Where a call ends, in time and in bytes, and what is said when it does.

Whoever answers may be broken or hostile: it says nothing, one byte a second, or never stops.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 128 * 1024
"""What status line and headers may take; real ones stay below 16 KiB."""
_BROKEN_OFF = ("ReadError", "WriteError", "ConnectionResetError", "BrokenPipeError")
MOST_BYTES = 32 * 1024 * 1024
"""The longest body that is held: a listing of ten thousand orders is some 20 MiB."""

Trouble = Literal[
    "dns", "refused", "unreachable", "tls", "silence", "slow", "over", "size", "broken", "closed", "proxy", "wrong"
]
"""Why no reply came: the name is not known; nobody listens; no way there; TLS or its certificate; nothing came in time;
the whole did not come in time; the run's own time was over; too many bytes; no HTTP; ended in the middle; the proxy
refused; what was asked is not possible."""


class TransportFailed(Exception):
    """A transport got no reply; its text says what happened in plain words, the rest what to make of it."""

    def __init__(
        self, text: str, kind: Trouble, *, expected: str = "any HTTP reply", seen: str | None = None, do: str = ""
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.expected = expected
        self.seen = seen
        self.do = do


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one call.

    silence_s: for connecting, and for each time the other side says nothing. total_s: for the whole call, connecting
    and repeating included. body: the most bytes of a body, before and after it is unpacked.
    """

    silence_s: float = 10.0
    total_s: float = 30.0
    body: int = MOST_BYTES


_until: ContextVar[float] = ContextVar("assay_until", default=float("inf"))


@contextmanager
def until(monotonic: float) -> Iterator[None]:
    """Let no call inside last beyond this instant of `time.monotonic`; of nested ones the earliest counts.

    Threads begun inside do not inherit it: submit ``contextvars.copy_context().run``.
    """
    with own_until(min(monotonic, _until.get())):
        yield


@contextmanager
def own_until(monotonic: float) -> Iterator[None]:
    """Give the calls inside an end of their own, later than an outer `until` if need be: taking back has a budget."""
    token = _until.set(monotonic)
    try:
        yield
    finally:
        _until.reset(token)


def time_left() -> float:
    """Return the seconds until the end that `until` set; infinite where it set none."""
    return _until.get() - time.monotonic()


def silent(silence_s: float, received: int | None) -> TransportFailed:
    """Nothing came for too long."""
    seen = f"{received} bytes, then nothing for {silence_s:.3g} s" if received else None
    return TransportFailed(f"no answer within {silence_s:.3g} s", "silence", seen=seen)


def slow(total_s: float, received: int | None) -> TransportFailed:
    """The whole took too long, although something came."""
    return TransportFailed(
        f"the answer was not whole within {total_s:.3g} s",
        "slow",
        expected=f"a whole answer within {total_s:.3g} s",
        seen=None if received is None else f"{received} bytes so far",
    )


def over(seen: str) -> TransportFailed:
    """The run that made the call has no time left."""
    do = "give the run a longer timeout, or find out which of its calls are slow"
    return TransportFailed("the run's own time was over", "over", expected="time left", seen=seen, do=do)


def too_much(most: int, said: str = "") -> TransportFailed:
    """More came than anybody wants to hold."""
    return TransportFailed(
        f"it sent more than {size_text(most)}",
        "size",
        expected=f"at most {size_text(most)}",
        seen=said or f"more than {size_text(most)}, not read any further",
        do="check what the address answers with; a page or list without end is the usual cause",
    )


def size_text(count: int) -> str:
    """Return a size as people write it."""
    for unit, size in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def refuse_length(headers: Mapping[str, str], most: int) -> None:
    """Refuse a body that says itself that it is too long, before any of it is read."""
    length = headers.get("content-length", "")
    if len(length) > len(str(most)) - 1 and length.isdecimal() and int(length[:20]) > most:
        raise too_much(most, f"content-length: {length[:20]}")


def failed(name: str, text: str, received: int | None) -> TransportFailed:
    """Put a library's error into words."""
    text, seen = text[:160], None if received is None else f"{received} bytes"
    if name == "ProxyError":
        return TransportFailed(f"the proxy refused: {text}", "proxy", expected="a tunnel", do="check proxy = …")
    if "without sending a response" in text or name == "HTTPConnectionClosed":
        return TransportFailed("it closed the connection without an answer", "closed", seen=seen)
    if name in _BROKEN_OFF or "peer closed" in text or "Incomplete response" in text:
        return TransportFailed(f"its answer ended in the middle: {text}", "closed", expected="a whole reply", seen=seen)
    if name in ("RemoteProtocolError", "HTTPParseError", "HTTPProtocolViolationError"):
        return TransportFailed(f"what it sent is no HTTP: {text}", "broken", seen=seen)
    if name == "ConnectionRefusedError":
        return TransportFailed(f"the connection was refused: nothing listens there ({text})", "refused")
    if name == "gaierror":
        return TransportFailed(f"its name is not known: {text}", "dns")
    if "certificate" in text.lower() or name.startswith("SSL"):
        return TransportFailed(f"no TLS: {text}", "tls")
    return TransportFailed(f"{name}: {text}", "unreachable" if name == "OSError" else "wrong")


class Meter:
    """The time and the bytes of one call after another."""

    __slots__ = ("_most", "_run_until", "_silence_s", "_total_s", "_until", "received")

    def begin(self, limits: Limits) -> None:
        """Set the bounds of the next call; `TransportFailed` where its run has no time left."""
        now = time.monotonic()
        self.received = 0
        self._silence_s, self._total_s = limits.silence_s, limits.total_s
        # Chunks of one byte take six on the wire.
        self._most = 2 * limits.body + HEAD_BYTES
        self._run_until = _until.get()
        self._until = min(now + limits.total_s, self._run_until)
        if self._run_until <= now:
            raise over("nothing was sent")

    def wait_s(self) -> float:
        """Return how long the next operation may take."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise self.late()
        return min(left, self._silence_s)

    def late(self) -> TransportFailed:
        """Say which limit has passed."""
        if time.monotonic() < self._until:
            return silent(self._silence_s, self.received)
        if self._until == self._run_until:
            return over(f"{self.received} bytes had come")
        return slow(self._total_s, self.received) if self.received else silent(self._total_s, 0)

    def count(self, data: bytes) -> None:
        """Count what came; `TransportFailed` beyond all bounds."""
        self.received += len(data)
        if self.received > self._most:
            raise too_much((self._most - HEAD_BYTES) // 2)
