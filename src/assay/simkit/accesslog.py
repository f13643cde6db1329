"""What a simulator was asked and answered: a ring in memory, a line a call on disk, and whole answers on request."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

import orjson

from assay.simkit.call import Answer, Call
from assay.simkit.faults import Fault

_SAMPLE_EVERY = 100


class AccessLog:
    """One JSON line a call (bodies of every hundredth); with `capture`, every answer whole, for conformance checks."""

    def __init__(self, path: Path | None = None, *, capture: Path | None = None, keep: int = 1_000) -> None:
        self._file = _open(path)
        self._capture = _open(capture)
        self._recent: deque[dict[str, Any]] = deque(maxlen=keep)
        self.count = 0

    def write(self, at_us: int, call: Call, answer: Answer, content: bytes, took_us: int, fault: Fault | None) -> None:
        """Record one call; `at_us` is simulated time."""
        self.count += 1
        line: dict[str, Any] = {
            "at_us": at_us,
            "method": call.method,
            "path": call.path,
            "query": call.query_string,
            "status": answer.status,
            "us": took_us,
            "bytes": len(content),
        }
        if fault is not None:
            line["fault"] = fault.kind
        self._recent.append(line)
        if self._file is not None:
            if self.count % _SAMPLE_EVERY == 1:
                line = {**line, "request": _text(call.body), "response": _text(content)}
            os.write(self._file, orjson.dumps(line) + b"\n")
        if self._capture is not None:
            whole = {
                **line,
                "media_type": answer.media_type,
                "response": _text(content),
                "headers": dict(answer.headers),
            }
            os.write(self._capture, orjson.dumps(whole) + b"\n")

    def recent(self) -> list[dict[str, Any]]:
        """Return the last calls, oldest first."""
        return list(self._recent)


def _open(path: Path | None) -> int | None:
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
