"""The ``curl`` line that repeats an exchange; what was masked is taken from the shell's environment by name."""

from __future__ import annotations

import re
import shlex
from urllib.parse import unquote

from assay.events import Exchange
from assay.masking import MASK
from assay.reporting.text import printable

LONGEST_BODY = 1_500
"""Characters of a request body the line repeats; a longer one is read from a file the reader has to give."""
# Set by curl itself, or meant for one connection or one exchange only.
_NOT_REPEATED = {"host", "content-length", "connection", "accept-encoding", "traceparent", "user-agent"}
_NAME_BEFORE = re.compile(r"([\w.-]+)(?:%5D|\])?[\"']?\s*[:=>]\s*[\"']?(?:\w+\s)?$", re.IGNORECASE)


def curl_line(exchange: Exchange) -> str:
    """Return a command for a POSIX shell, with each masked secret as ``$SYSTEM_NAME``."""
    parts = ["curl", "-sS"]
    if set("[]{}") & set(exchange.url):
        parts.append("-g")  # else curl takes brackets for a range of addresses
    if exchange.method != "GET":
        parts += ["-X", shlex.quote(printable(exchange.method))]
    parts.append(_argument(exchange.url, exchange.system))
    for name, value in exchange.request_headers.items():
        if name.lower() not in _NOT_REPEATED:
            parts += ["-H", _argument(f"{name}: {value}", exchange.system)]
    if len(exchange.request_body) > LONGEST_BODY:
        parts += ["--data-binary", "@body.txt"]
    elif exchange.request_body:
        # Not --data or --data-binary: they would read a file where the body begins with @.
        parts += ["--data-raw", _argument(exchange.request_body, exchange.system)]
    return " ".join(parts)


def _argument(text: str, system: str) -> str:
    pieces = text.split(MASK)
    if len(pieces) == 1:
        return shlex.quote(printable(text))
    quoted = [shlex.quote(printable(pieces[0])) if pieces[0] else ""]
    before = pieces[0]
    for piece in pieces[1:]:
        quoted.append(f'"${_variable(before, system)}"')
        quoted.append(shlex.quote(printable(piece)) if piece else "")
        before = piece
    return "".join(quoted)


def _variable(before: str, system: str) -> str:
    found = _NAME_BEFORE.search(unquote(before))
    name = f"{system}_{found[1] if found else 'secret'}"
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper() or "SECRET"
