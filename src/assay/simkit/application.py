"""The ASGI application of one simulator: routes to handlers, commits before it answers, executes faults, keeps a log.

Starlette's routing and middleware cost as much as a whole small handler, so this speaks ASGI directly and takes from
Starlette only its path templates.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.routing import compile_path

from assay.simkit.accesslog import AccessLog
from assay.simkit.call import Answer, Call, Failure, Handler, Refused, Route
from assay.simkit.faults import HEADER, Fault, FaultReader
from assay.simkit.world import World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Job = Callable[[Any, Any], None]


class State(Protocol):
    """A simulator's state object: whatever its handlers need, built from a world."""

    @property
    def world(self) -> World:
        """The world it was built from."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """The head of a simulator, in every ``mocks/<vendor>/simulator.py`` as ``SIMULATOR``.

    hosts: the vendor's production hosts it stands for. state: built once from a world; it seeds its own tables when
    they are empty. error: turns a `Failure` into the vendor's own error shape. jobs: by name, run when simulated time
    comes. settings: names of the settings it reads; others are refused at its start. sources: addresses of the
    documents followed. not_faked: what a caller must not expect.
    """

    vendor: str
    title: str
    hosts: Sequence[str]
    state: Callable[[World], Any]
    routes: Sequence[Route]
    error: Callable[[Failure], Answer]
    jobs: Mapping[str, Job] = field(default_factory=dict)
    settings: Sequence[str] = ()
    sources: Sequence[str] = ()
    not_faked: Sequence[str] = ()


class Router:
    """Finds the handler of a method and path; templates without parameters are looked up, the others matched."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._fixed: dict[str, dict[str, Handler]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Handler]]] = []
        by_path: dict[str, dict[str, Handler]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route.handler
        for path, methods in by_path.items():
            if "{" in path:
                self._patterns.append((compile_path(path)[0], methods))
            else:
                self._fixed[path] = methods

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | Failure:
        """Return handler and path parameters, or why there is none."""
        methods = self._fixed.get(path)
        params: dict[str, str] = {}
        if methods is None:
            for pattern, candidates in self._patterns:
                match = pattern.match(path)
                if match:
                    methods, params = candidates, match.groupdict()
                    if method in candidates:
                        break
        if methods is None:
            return Failure("not_found", 404, f"Unrecognized request URL ({method}: {path}).")
        handler = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
        if handler is None:
            return Failure("method_not_allowed", 405, f"{method} is not allowed on {path}.")
        return handler, params


class Application:
    """One simulator as an ASGI application; `state` is its state object, rebuilt by `reset`."""

    def __init__(self, head: Simulator, world: World, log: AccessLog | None = None) -> None:
        self.head = head
        self.world = world
        self.log = log or AccessLog()
        self._router = Router(head.routes)
        self._faults = FaultReader()
        self.state = head.state(world)
        world.documents.commit()

    def reset(self, seed: int | None = None) -> None:
        """Forget everything recorded and start again from the seed."""
        self.world.documents.clear()
        if seed is not None:
            self.world.ids.seed = seed
        self.state = self.head.state(self.world)
        self.world.documents.commit()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        began = time.perf_counter_ns()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _read(receive)
        if body is None:  # half an order is no order
            return
        call = Call(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body, {})
        fault: Fault | None = None
        try:
            if HEADER in headers:
                fault = self._faults.read(headers[HEADER], self.world.now())
            answer = self.answer(call, fault)
        except ValueError as error:
            answer = self.head.error(Failure("unreadable", 400, f"{HEADER}: {error}"))
        content = answer.encoded()
        took_us = (time.perf_counter_ns() - began) // 1000
        self.log.write(self.world.clock.now_us(), call, answer, content, took_us, fault)
        if fault is not None and await self._broken(fault, answer, content, send):
            return
        await _send(send, answer, b"" if call.method == "HEAD" else content, len(content))

    def answer(self, call: Call, fault: Fault | None = None) -> Answer:
        """Run the handler in one transaction and return what it answers; a fault changes that as it says."""
        if fault is not None and fault.kind == "rate_limit":
            seconds = int(fault.options.get("retry_after", "1"))
            answer = self.head.error(Failure("rate_limited", 429, "Too many requests.", seconds))
            return Answer(answer.body, 429, {**answer.headers, "Retry-After": str(seconds)}, answer.media_type)
        found = self._router.find(call.method, call.path)
        if isinstance(found, Failure):
            return self.head.error(found)
        handler, call.params = found
        answer = self._run(handler, call)
        if fault is not None and fault.kind == "duplicate":
            answer = self._run(handler, call)
        if fault is not None and fault.kind == "status":
            code = int(fault.options.get("code", "503"))
            return self.head.error(Failure("unavailable", code, "Service unavailable."))
        return answer

    def _run(self, handler: Handler, call: Call) -> Answer:
        documents = self.world.documents
        try:
            answer = handler(self.state, call)
        except Refused as refused:
            if not refused.keep:
                documents.rollback()
            answer = refused.answer
        except UnicodeDecodeError as error:
            documents.rollback()
            return self.head.error(Failure("unreadable", 400, f"The request is not valid UTF-8: {error.reason}."))
        except Exception:
            documents.rollback()
            traceback.print_exc()
            return self.head.error(Failure("internal", 500, "The simulator failed; its log holds the traceback."))
        documents.commit()
        return answer

    def run_due(self) -> int:
        """Run every job due at the simulated instant, those they add for now included; return how many."""
        done = 0
        while (key := self.world.due("_jobs")) is not None:
            name, payload = self.world.table("_jobs").pop(key)
            try:
                self.head.jobs[name](self.state, payload)
            except Exception:
                # A job that fails must not stop those after it, nor leave half of what it did, nor fail for ever.
                self.world.documents.rollback()
                self.world.table("_jobs").pop(key, None)
                traceback.print_exc()
            self.world.documents.commit()
            done += 1
        return done

    async def _broken(self, fault: Fault, answer: Answer, content: bytes, send: Send) -> bool:
        """Execute a fault of the transport; return whether the connection was broken."""
        if fault.kind in ("delay", "delay_lognormal"):
            await asyncio.sleep(self._faults.delay_s(fault))
            return False
        if fault.kind not in ("drop", "reset", "truncate"):
            return False
        if fault.kind == "truncate":
            # Both lengths at once: the edge relays what came and keeps the promise of the whole; hanging up instead
            # would make it answer 500 of its own.
            start = _start(answer, len(content))
            start["headers"].append((b"transfer-encoding", b"chunked"))
            await send(start)
            await send({"type": "http.response.body", "body": content[: len(content) // 2]})
            return True
        # ASGI has no word for hanging up; uvicorn's `send` is bound to the cycle that owns the transport.
        transport = send.__self__.transport  # type: ignore[attr-defined]
        if fault.kind == "reset":
            _linger_no_more(transport)
            transport.abort()
        else:
            transport.close()
        await asyncio.sleep(0.01)
        return True


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body, or None when the client went away before it was whole."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _linger_no_more(transport: Any) -> None:
    """Make the close that follows a reset (RST) instead of an orderly end."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _start(answer: Answer, length: int) -> MutableMapping[str, Any]:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.body is not None:
        headers.append((b"content-type", answer.media_type.encode("latin-1")))
    if answer.status != 204:
        headers.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _send(send: Send, answer: Answer, content: bytes, length: int) -> None:
    await send(_start(answer, length))
    await send({"type": "http.response.body", "body": content})
