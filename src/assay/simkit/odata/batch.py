"""$batch: many requests in one multipart body; reads one by one, change sets wholly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from assay.simkit.call import Answer, Call
from assay.simkit.odata.errors import bad_request

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?')
_REQUEST_LINE = re.compile(r"^([A-Z]{3,7}) (\S+)(?: HTTP/1\.\d)?$")
_MAX_REQUESTS = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch: the call, and the name later requests of its change set may call its result by."""

    call: Call
    content_id: str


def read_batch(call: Call, service_path: str) -> Iterator[Part | list[Part]]:
    """Yield each read (a part) and each change set (a list of parts) in order; raises `ODataFault` 400."""
    for count, (headers, body) in enumerate(_parts(call.body, call.headers.get("content-type", "")), 1):
        if count > _MAX_REQUESTS:
            raise bad_request(f"A batch holds at most {_MAX_REQUESTS} requests")
        kind = headers.get("content-type", "")
        if kind.startswith("multipart/mixed"):
            yield [_request(call, service_path, inner, text) for inner, text in _parts(body, kind)]
        else:
            yield _request(call, service_path, headers, body)


def _parts(body: bytes, content_type: str) -> Iterator[tuple[dict[str, str], bytes]]:
    match = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/mixed") or match is None:
        raise bad_request("A batch must be multipart/mixed with a boundary")
    pieces = body.replace(b"\r\n", b"\n").split(b"--" + match[1].encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise bad_request("The batch does not end with its boundary")
    for piece in pieces[1:-1]:
        head, _, rest = piece.lstrip(b"\n").partition(b"\n\n")
        yield _headers(head), rest


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("latin-1").splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _request(outer: Call, service_path: str, part: Mapping[str, str], text: bytes) -> Part:
    head, _, body = text.lstrip(b"\n").partition(b"\n\n")
    first, _, rest = head.partition(b"\n")
    match = _REQUEST_LINE.match(first.decode("latin-1").strip())
    if match is None:
        raise bad_request(f"Invalid request line in batch: '{first[:60].decode('latin-1')}'")
    headers = {"accept": "application/json", **_headers(rest)}
    for name in ("host", "authorization"):
        if name in outer.headers:
            headers[name] = outer.headers[name]
    target = urlsplit(match[2])
    path = unquote(target.path)
    relative = path.partition(service_path + "/")[2] if service_path in path else path.lstrip("/")
    call = Call(match[1], f"{service_path}/{relative}", target.query, headers, body.rstrip(b"\n"), {"path": relative})
    return Part(call, part.get("content-id", headers.get("content-id", "")))


class BatchWriter:
    """Collects answers into one multipart body; `name` makes boundaries that repeat for the same batch."""

    def __init__(self, name: str) -> None:
        self._boundary = f"batch_{name}"
        self._pieces: list[bytes] = []

    def add(self, answer: Answer) -> None:
        """Add the answer of a read, or the one error a failed change set gives."""
        self._pieces.append(_written(answer, ""))

    def add_changes(self, answers: list[tuple[str, Answer]]) -> None:
        """Add the answers of a change set with the content ids they were asked under."""
        inner = f"{self._boundary}_{len(self._pieces)}"
        body = b"".join(f"--{inner}\r\n".encode() + _written(answer, name) for name, answer in answers)
        head = f"Content-Type: multipart/mixed; boundary={inner}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self._pieces.append(head + body + f"--{inner}--\r\n".encode())

    def answer(self) -> Answer:
        """Return the whole answer."""
        opening = f"--{self._boundary}\r\n".encode()
        body = b"".join(opening + piece for piece in self._pieces) + f"--{self._boundary}--\r\n".encode()
        return Answer(body, 202, {"DataServiceVersion": "2.0"}, f"multipart/mixed; boundary={self._boundary}")


def _written(answer: Answer, content_id: str) -> bytes:
    content = answer.encoded()
    lines = ["Content-Type: application/http", "content-transfer-encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    reason = HTTPStatus(answer.status).phrase
    inner = [
        f"HTTP/1.1 {answer.status} {reason}",
        f"Content-Type: {answer.media_type}",
        f"Content-Length: {len(content)}",
    ]
    inner.extend(f"{name}: {value}" for name, value in answer.headers.items())
    return "\r\n".join([*lines, "", *inner, "", ""]).encode() + content + b"\r\n"


def refer(call: Call, created: Mapping[str, str], service_path: str) -> Call:
    """Return a call whose ``$1`` at the start of its path became the entity created under that content id."""
    path = call.params["path"]
    name, slash, rest = path.partition("/")
    if not name.startswith("$") or name[1:] not in created:
        return call
    path = created[name[1:]] + slash + rest
    return Call(call.method, f"{service_path}/{path}", call.query_string, call.headers, call.body, {"path": path})
